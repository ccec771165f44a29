"""Dates in words: right in three languages, alone and inside the sentences of the log."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import translation

from commitments import operations
from commitments.actors import loader
from commitments.sentences import sentence
from commitments.spoken_dates import instant_in_words, window_in_words
from tests import world

SAID = {
    "2999": ("2999", "2999 рік", "2999年"),
    "2024-12": ("December 2024", "грудень 2024 року", "2024年12月"),
    "2024-12-03": ("3 December 2024", "3 грудня 2024 року", "2024年12月3日"),
    "2025-23": ("autumn 2025", "осінь 2025 року", "2025年秋"),
    "2025-24": ("winter 2025/2026", "зима 2025–2026 років", "2025年から2026年にかけての冬"),
    "2025-33": ("the first quarter of 2025", "перший квартал 2025 року", "2025年第1四半期"),
    "2025-41": ("the second half of 2025", "друге півріччя 2025 року", "2025年後半"),
    "2024-12~": ("about December 2024", "приблизно грудень 2024 року", "2024年12月頃"),
    "2024?": ("perhaps 2024", "можливо, 2024 рік", "2024年（不確か）"),
    "2024-12/..": ("from December 2024", "грудень 2024 року або пізніше", "2024年12月以降"),
    "../2024": ("until 2024", "2024 рік або раніше", "2024年まで"),
    "2024-05/2025": ("May 2024 to 2025", "травень 2024 року – 2025 рік", "2024年5月から2025年まで"),
}
CLOCK = datetime(2024, 11, 16, 9, 5, tzinfo=UTC)
INSTANTS = ("16 November 2024, 09:05 UTC", "16 листопада 2024 року, 09:05 UTC", "2024年11月16日 09:05 UTC")
MOVED = (
    "Date moved: now 2999 (before: December 2024)",
    "Дату змінено: було «грудень 2024 року», стало «2999 рік»",
    "期日の変更：2999年（変更前：2024年12月）",
)


@pytest.mark.parametrize(("place", "language"), [(0, "en"), (1, "uk"), (2, "ja")])
def test_windows_and_instants_read_as_the_language_has_them(place: int, language: str) -> None:
    with translation.override(language):
        for edtf, said in SAID.items():
            assert window_in_words(edtf) == said[place]
        assert instant_in_words(CLOCK) == INSTANTS[place]
        assert sentence("deadline_moved", {"before": {"edtf": "2024-12"}, "edtf": "2999"}) == MOVED[place]


@pytest.mark.parametrize(("place", "language"), [(0, "en"), (1, "uk"), (2, "ja")])
def test_the_page_and_the_feed_say_the_same_of_a_date_that_was_moved(
    db: None, client: Client, place: int, language: str
) -> None:
    commitment = world.a_commitment(world.an_accord())
    row = world.a_deadline(commitment, "2024-12")
    operations.move_deadlines({row.code: "2999"}, actor=loader(), why="Agreed.", authority="agreed")
    page = client.get(f"/commitments/{commitment.code}/?lang={language}").content.decode()
    feed = client.get(f"/api/v1/events/?format=atom&lang={language}").content.decode()
    for surface in (page, feed):
        assert MOVED[place] in surface


def test_that_a_date_was_met_claims_no_verdict_in_any_language() -> None:
    for language, kept in (("en", "Kept"), ("uk", "Виконано"), ("ja", "履行")):
        with translation.override(language):
            for late in (False, True):
                said = sentence("deadline_met", {"met_on": "2024-08-01", "late": late})
                assert not re.search(kept, said, re.I), said
