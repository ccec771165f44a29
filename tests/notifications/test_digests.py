"""Digests of any size: written in a fixed number of queries, the weightiest first, short enough to be read to the end."""

from __future__ import annotations

import re
import time
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commitments import operations
from commitments.actors import loader
from commitments.models import Accord, Commitment, Event
from notifications import delivering, fanning, planning, reminder_letters, summing
from notifications.channels.email import Reader, assemble
from notifications.letters import ENTRIES, Letter
from notifications.models import Reminder
from tests import world
from tests.notifications.readers import a_reader, make_due
from tests.notifications.test_letters import LANGUAGES, NOBODY, Links, parsed
from tests.sinks import SmtpSink

LONG = {
    "en": "Deliver something of a usual length to somebody who is named, within the time that is agreed",
    "uk": "Передати щось звичайної довжини тому, кого названо, у строк, про який домовилися сторони",
    "ja": "合意された期間内に、指定された相手に対して、通常の長さで表されるものを引き渡すこととする",
}
TOP = 102_000


def many(accord: Accord, count: int, **changes: Any) -> list[Event]:
    """The news of that many new commitments, all live."""
    terms: dict[str, Any] = {
        "title": LONG, "summary": {"en": "x"}, "section": "A", "kind": "deliverable", "strength": "firm",
        "provenance": "official_text", "provisions": ["II.1"], "roles": {"bound": ["JPN", "UKR"]},
        "topics": ["demining"], "citations": [{"source": "press", "lines": ["L2"]}], **changes,
    }  # fmt: skip
    orders = [operations.NewCommitment(code=f"{accord.code}-{n:04}", **terms) for n in range(1, count + 1)]
    operations.register_commitments(accord, orders, actor=loader())
    return list(Event.objects.filter(accord=accord, kind="commitment_registered").order_by("seq"))


def digest(events: list[Event], language: str = "en", **more: Any) -> Letter:
    """A weekly digest to somebody who follows everything."""
    return summing.digest(events, language, "weekly", ["all"], **more)


def size(letter: Letter, reader: Reader = NOBODY) -> int:
    """The bytes of the HTML that a mail program shows."""
    return len(parsed(letter, reader).get_body(("html",)).get_content().encode())


def test_a_week_of_hundreds_of_commitments_is_sent_and_its_end_is_shown(
    db: None, smtp_sink: SmtpSink
) -> None:
    accord = world.an_accord()
    for language in LANGUAGES:
        a_reader(f"{language}@example.org", accord, rhythm="weekly", language=language)
    many(accord, 400)
    while fanning.fan_out():
        pass
    make_due()
    began = time.monotonic()
    assert delivering.deliver().sent == 3
    assert time.monotonic() - began < 15
    for mail in smtp_sink.mails:
        assert len(mail.html.encode()) < TOP
        assert "/leave/" in mail.html and "/leave/" in mail.text
        assert "350" in mail.text and "350" in mail.html


@pytest.mark.parametrize("language", LANGUAGES)
def test_long_titles_leave_fewer_entries_and_never_a_mail_that_is_cut(db: None, language: str) -> None:
    title = {code: (text + " ") * 12 for code, text in LONG.items()}
    events = many(world.an_accord(), 60, title=title)
    busy = Commitment.objects.get(code="TST-2024-0030")
    for _often in range(20):
        world.some_evidence(busy)
    events = [*events, *Event.objects.filter(kind="evidence_added").order_by("seq")]
    letter = digest(events, language)
    reader = Reader(NOBODY.uuid, "reader@example.org", tuple(range(10_000, 10_050)))
    assert size(letter, reader) < TOP
    shown = len(set(re.findall(r"TST-2024-\d{4}/", letter.html)))
    assert 10 < shown <= ENTRIES
    assert f"{60 - shown}" in letter.text


def test_a_digest_asks_as_much_of_one_as_of_fifty(db: None) -> None:
    accord = world.an_accord()
    events = many(accord, 50)
    for commitment in Commitment.objects.all():
        world.a_deadline(commitment, "2099-05")
    asked = []
    for count in (1, 50):
        with CaptureQueriesContext(connection) as queries:
            letter = digest(events[:count])
        asked.append(len(queries))
        assert letter.text.count("Do it: by 31 May 2099") == count
    assert asked[0] == asked[1] < 10


def test_what_is_left_out_is_the_least_and_the_links_show_all_of_it(db: None, client: Client) -> None:
    accord, other = world.an_accord(), world.an_accord("OTH-1")
    events = many(accord, 55) + many(other, 2)
    last = Commitment.objects.get(code="OTH-1-0002")
    world.published(last, "in_progress", [world.some_evidence(last)])
    late = Commitment.objects.get(code="OTH-1-0001")
    world.a_deadline(late, "2025-01")
    operations.scan(timezone.now())
    events += Event.objects.filter(kind__in=["status_published", "became_overdue"]).order_by("seq")
    letter = digest(events)
    shown = list(dict.fromkeys(re.findall(r"\b(?:TST-2024|OTH-1)-\d{4}\b", letter.text)))
    assert shown[:3] == ["OTH-1-0002", "OTH-1-0001", "TST-2024-0001"]
    assert len(shown) == ENTRIES
    assert "And 7 more commitments." in letter.text
    table = next(href for href in Links(letter.html).hrefs if "/events/" in href)
    assert table in letter.text
    asked = urlsplit(table)
    answer = client.get(f"{asked.path}?{asked.query.replace('xlsx', 'csv')}")
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
    assert answer.status_code == 200
    for event in events:
        assert f"{event.seq},".encode() in body
    assert client.get(f"{asked.path}?{asked.query}").status_code == 200
    few = digest(events[:3])
    assert "more commitment" not in few.text
    assert client.get(urlsplit(next(iter(Links(few.html).hrefs))).path).status_code == 200


def test_a_busy_commitment_tells_the_latest_and_how_much_was_before(db: None) -> None:
    commitment = world.a_commitment(world.an_accord())
    for _often in range(summing.LINES + 3):
        world.some_evidence(commitment)
    letter = digest(list(Event.objects.filter(kind="evidence_added").order_by("seq")))
    assert letter.text.count("New evidence that supports fulfilment") == summing.LINES
    assert "and 3 earlier pieces of news" in letter.text
    assert "and 3 earlier pieces of news" in letter.html


@pytest.mark.parametrize(
    ("language", "more"),
    [
        ("en", "And 3 more reminders."),
        ("uk", "І ще 3 нагадування."),
        ("ja", "ほか3件のリマインダーがあります。"),
    ],
)
def test_of_many_reminders_the_soonest_are_told_and_how_many_there_are_besides(
    db: None, language: str, more: str
) -> None:
    accord = world.an_accord()
    commitment, other = world.a_commitment(accord), world.a_commitment(accord, "TST-2")
    day = (timezone.now() + timedelta(days=20)).date()
    count = summing.LINES + 3
    for ahead in range(count):
        label = dict.fromkeys(LANGUAGES, f"Date <{ahead}>")
        world.a_deadline(commitment, (day + timedelta(days=ahead)).isoformat(), label=label)
    world.a_deadline(other, day.isoformat())
    planning.plan()
    rows = Reminder.objects.filter(rung="d7", audience="watchers").select_related("commitment", "deadline")
    letter = digest([], language, reminders=list(rows.order_by("-about_at")))
    told = [place for place in range(count) if f"Date <{place}>" in letter.text]
    assert told == list(range(summing.LINES))
    assert letter.text.count(more) == letter.html.count(more) == 1


def test_among_real_accords_an_invented_one_is_marked_at_each_entry(db: None) -> None:
    real, invented = world.an_accord(), world.an_accord("INV-1", is_example=True)
    for accord, code in ((real, "TST-1"), (invented, "INV-1-1")):
        world.some_evidence(world.a_commitment(accord, code))
    events = list(Event.objects.filter(kind="evidence_added"))
    mixed = digest(events)
    for part in (mixed.text, mixed.html):
        assert part.count("Example: an invented accord.") == 1
        assert part.index("Example: an invented accord.") > part.index("Do INV-1-1")
    assert not mixed.subject.startswith("Example")
    alone = digest([event for event in events if event.accord_id == invented.pk])
    assert "Example: an invented accord." not in alone.text
    assert "the accord and its parties are invented" in alone.text


def test_reminders_to_staff_are_cut_too_and_mark_what_is_invented(db: None) -> None:
    real, invented = world.an_accord(), world.an_accord("INV-1", is_example=True)
    many(real, ENTRIES), many(invented, 5)
    day = (timezone.now() + timedelta(days=20)).date()
    for place, commitment in enumerate(Commitment.objects.order_by("code")):
        world.a_deadline(commitment, (day + timedelta(days=place)).isoformat())
    planning.plan()
    rows = list(Reminder.objects.planned().filter(rung="d7", audience="officer"))
    assert len(rows) == ENTRIES + 5
    letter = reminder_letters.reminders(rows, "uk", [])
    assert size(letter) < TOP
    assert letter.text.count("/heard/") + letter.text.count("x-heard") == ENTRIES
    # What ends first comes first: of the invented accord, whose codes come first.
    english = reminder_letters.reminders(rows, "en", [])
    assert english.text.count("Example: an invented accord.") == 5
    assert "And 5 more reminders." in english.text
    assert "/admin/notifications/reminder/" in english.html
    assert assemble(english, NOBODY, NOBODY.uuid).isascii()


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", "Date met on 1 August 2024\n  Deliver the radar: 2025 (set by the text)\n"),
        ("uk", "Строку дотримано 1 серпня 2024 року\n  Deliver the radar: 2025 рік (визначає текст)\n"),
        ("ja", "期日の達成（2024年8月1日）\n  Deliver the radar：2025年（根拠：本文）\n"),
    ],
)
def test_a_digest_says_which_date_was_met(db: None, language: str, line: str) -> None:
    commitment = world.a_commitment(world.an_accord())
    row = world.a_deadline(commitment, "2025", label={"en": "Deliver the radar"})
    operations.meet_deadlines({row.code: date(2024, 8, 1)}, actor=loader())
    letter = digest([Event.objects.get(kind="deadline_met")], language)
    assert line in letter.text
    assert ('<span lang="en">Deliver the radar</span>' in letter.html) is (language != "en")
