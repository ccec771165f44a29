"""Asking the record: every filter, search in three languages, orders, places; the page and saved filters ask the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from django.test import Client

from commitments import operations
from commitments.log import head
from commitments.models import Commitment
from commitments.searching import ukrainian_stem
from tests import world

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def the_world() -> None:
    """Six commitments with words, dates and a judgement."""
    accord = world.an_accord()
    world.a_commitment(
        accord,
        "TST-1",
        title={"en": "Training of deminers", "uk": "Допомога з розмінуванням", "ja": "地雷除去の訓練"},
        summary={"en": "Machines are supplied."},
        strength="best_efforts",
    )
    world.a_commitment(
        accord,
        "TST-2",
        section="B",
        title={"en": "Report each year", "uk": "Звіт за рік", "ja": "年次報告"},
        kind="continuing",
    )
    world.a_deadline(world.a_commitment(accord, "TST-3", strength="declaratory"), "2024-09")
    world.a_deadline(world.a_commitment(accord, "TST-4"), "2999-01")
    world.a_commitment(accord, "TST-6", kind="baseline")
    kept = world.a_commitment(accord, "TST-5")
    world.published(kept, "fulfilled", [world.some_evidence(kept)])


def get(path: str, status: int = 200) -> Any:
    """The decoded answer of an address of the API (a full one loses its host)."""
    parts = urlsplit(path)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    response = Client().get(path if path.startswith("/") else f"/api/v1/{path}")
    assert response.status_code == status, (path, response.content[:400])
    return response.json()


def numbers(query: str) -> list[int]:
    """The numbers of the commitments that an address finds."""
    rows = get(f"commitments/?{query}")["results"]
    return [int(row["code"].removeprefix("TST-")) for row in rows]


FOUND = [
    ("part=B", [2]),
    ("strength=declaratory,best_efforts", [1, 3]),
    ("plain=context,kept", [5, 6]),
    ("counts=no", [3, 6]),
    ("counts=yes", [1, 2, 4, 5]),
    ("counts=yes,no", [1, 2, 3, 4, 5, 6]),
    ("due_before=2025-01-01", [3]),
    ("due_after=2024-09-30T21:00:00Z&due_before=2024-09-30T21:00:01%2B00:00", [3]),
    ("due_after=2024-09-30T21:00:00.000001Z", [4]),
    ("evidence_since=2024-01-01", [5]),
    ("evidence_since=2999-01-01", []),
    ("party=UKR&role=beneficiary&part=B", [2]),
]


def test_every_filter_narrows() -> None:
    for query, found in FOUND:
        assert numbers(query) == found, query


WORDS = [
    # Forms of English words, beginnings of words, codes.
    ("deminer", [1]),
    ("TRAIN machines", [1]),
    ("demin", [1]),
    ("tst-3", [3]),
    ("train report", []),
    # Forms of Ukrainian words.
    ("допомоги", [1]),
    ("допомозі", [1]),
    ("розмінування", [1]),
    ("розмін", [1]),
    ("звітів", [2]),
    ("звіти року", [2]),
    ("років", [2]),
    ("угода", []),
    # Japanese, which has no spaces: words, one letter, half-width and full-width forms.
    ("地雷", [1]),
    ("除去の訓練", [1]),
    ("報告", [2]),
    ("訓", [1]),
    ("地報", []),
    ("ＴＳＴ－２", [2]),
    # Of all at once; nothing of the query language gets through.
    ("地雷 допомога deminers", [1]),
    ("report' & !x | (year)", []),
    ("report : * <-> 'year'", [2]),
]


def test_a_search_finds_words_in_three_languages() -> None:
    for text, found in WORDS:
        assert numbers(f"q={quote(text)}") == found, text


def test_forms_of_a_ukrainian_word_share_a_stem() -> None:
    for forms in (
        "допомога допомоги допомозі допомогу допомогою",
        "рік року роки років роком",
        "зобов’язання зобов’язань зобов’язанням".replace("’", ""),
        "країна країн країні країнами",
        "безпека безпеки безпеці безпекою",
        "санкція санкції санкцій санкціями",
    ):
        assert len({ukrainian_stem(form) for form in forms.split()}) == 1, forms


def test_a_search_follows_a_correction() -> None:
    operations.correct_commitments(
        {"TST-3": {"title": {"en": "Sweep the harbour"}}},
        actor=world.actor("reviewer"),
        why="A typing error.",
    )
    assert numbers("q=harbours") == [3]
    assert numbers("q=TST-3") == [3]


def test_what_changed_since_a_place_or_an_instant() -> None:
    place = head().cursor
    before = datetime.now(UTC).isoformat().replace("+", "%2B")
    assert numbers(f"changed_since={place}") == []
    world.a_deadline(Commitment.objects.get(code="TST-2"), "2030")
    assert numbers(f"changed_since={place}") == numbers(f"changed_since={before}") == [2]
    assert numbers(f"changed_since={place.split('-')[0]}") == [2]
    assert numbers("changed_since=2024-01-01") == numbers("changed_since=0") == [1, 2, 3, 4, 5, 6]
    assert "after=0" in get("commitments/?changed_since=1-00000000", 400)["errors"][0]["reason"]


REFUSED = [
    ("part=Z", "part"),
    ("strength=strong", "strength"),
    ("plain=good", "plain"),
    ("counts=maybe", "counts"),
    ("due_after=tomorrow", "due_after"),
    ("due_after=2025-13-01", "due_after"),
    ("due_after=2025-01-01T00:00:00", "due_after"),
    ("due_before=0001-01-01T00:00:00%2B14:00", "due_before"),
    ("due_before=2025-01-01&due_before=2025-01-01", "due_before"),
    ("changed_since=yesterday", "changed_since"),
    ("evidence_since=5", "evidence_since"),
    ("q=" + "x" * 101, "q"),
    ("q=%00", "q"),
    ("q=%20-%20", "q"),
    ("q=", "q"),
    ("order=summary", "order"),
    ("count=1", "count"),
    ("fields=colour", "fields"),
    ("include=colour", "include"),
    ("as_of=2024-11-17&order=due_at", "order"),
    ("as_of=2024-11-17&changed_since=1", "changed_since"),
    ("as_of=2024-11-17&count=true", "count"),
]


def test_what_is_not_known_is_refused_by_name() -> None:
    for query, name in REFUSED:
        problem = get(f"commitments/?{query}", 400)["errors"][0]
        assert problem["name"] == name, query
        assert problem["reason"]
    allowed = get("commitments/?strength=strong", 400)["errors"][0]["allowed"]
    assert "firm" in allowed


def walk(address: str, side: str = "next") -> Iterator[Any]:
    """Every row, page after page, in one direction."""
    following: str | None = address
    while following:
        answer = get(following)
        yield from answer["results"] if side == "next" else reversed(answer["results"])
        following = answer[side]


LISTS = {
    "commitments": ("code", "due_at", "changed_at"),
    "deadlines": ("code", "due_at"),
    "evidence": ("code", "public_at"),
    "assessments": ("code", "published_at"),
    "parties": ("code",),
    "topics": ("code",),
    "provisions": ("code",),
    "sources": ("code",),
    "accords": ("code",),
    "contributions": ("code",),
    "statistics": ("code",),
    "checkpoints": ("seq",),
}


def test_every_list_goes_forth_and_back_in_every_order_and_shows_everything_once() -> None:
    for name, orders in LISTS.items():
        for order in orders:
            whole = get(f"{name}/?order={order}&count=true")
            rows = whole["results"]
            key = next((one for one in ("id", "code", "accord", "seq") if rows and one in rows[0]), "")
            there = [row[key] for row in rows]
            assert whole["count"] == len(there)
            for limit in (1, 2):
                assert [row[key] for row in walk(f"{name}/?order={order}&limit={limit}")] == there, (
                    name,
                    order,
                )
                back = [row[key] for row in walk(f"{name}/?order=-{order}&limit={limit}")]
                assert back == there[::-1], (name, order)
                # From the last page to the first by `prev`.
                address = f"{name}/?order={order}&limit={limit}"
                last: Any = None
                while address:
                    last = address
                    address = get(address)["next"]
                assert [row[key] for row in walk(last, "prev")] == there[::-1], (name, order, limit)


def test_a_row_without_a_date_comes_last_and_a_row_that_appears_moves_no_other() -> None:
    first = get("commitments/?order=due_at&limit=2")
    assert [row["code"] for row in first["results"]] == ["TST-3", "TST-4"]
    world.a_deadline(Commitment.objects.get(code="TST-2"), "2024-08")
    rest = [row["code"] for row in walk(first["next"])]
    assert rest == ["TST-1", "TST-5", "TST-6"]
    assert get("commitments/?order=due_at&limit=2")["results"][0]["code"] == "TST-2"


def test_neighbouring_pages_stand_in_the_header_too() -> None:
    first = Client().get("/api/v1/commitments/?limit=2")
    assert first.headers["Link"] == f'<{first.json()["next"]}>; rel="next"'
    second = get(first.json()["next"])
    before = get(second["prev"])["results"]
    assert [row["code"] for row in before] == [row["code"] for row in first.json()["results"]]


def test_a_cursor_of_another_order_or_list_is_refused() -> None:
    cursor = get("commitments/?order=due_at&limit=1")["next"].rsplit("=", 1)[1]
    assert get(f"commitments/?order=due_at&cursor={cursor}")["results"]
    for elsewhere in (
        "commitments/?",
        "commitments/?order=-due_at&",
        "commitments/?order=changed_at&",
        "events/?",
    ):
        assert get(f"{elsewhere}cursor={cursor}", 400)["errors"][0]["name"] == "cursor"


def test_members_can_be_chosen_and_parts_are_shown_on_request() -> None:
    lean = get("commitments/?limit=1")["results"][0]
    assert "deadlines" in lean
    assert {"sources", "evidence"} <= set(lean)
    assert "assessment" not in lean
    assert get("commitments/?fields=code,status&limit=1")["results"] == [
        {"code": "TST-1", "status": "not_assessed"}
    ]
    rows = get("commitments/?fields=code&include=evidence&plain=kept")["results"]
    assert [(row["code"], len(row["evidence"]), len(row)) for row in rows] == [("TST-5", 1, 2)]
    whole = get("commitments/?include=all&plain=kept")["results"][0]
    alone = get("commitments/TST-5/")
    for name, value in whole.items():
        if name != "as_of":
            assert alone[name] == value, name
    assert set(alone) - set(whole) == {"assessments", "explanation"}
    assert whole["evidence_count"] == 1
    then = get("commitments/?as_of=2025-01-01&plain=kept&fields=code,evidence_count")
    assert then["results"] == [{"code": "TST-5", "evidence_count": 1}]


def test_the_page_asks_the_same() -> None:
    for query, words in (
        ("q=допомозі", ["TST-1"]),
        ("q=地雷", ["TST-1"]),
        ("part=B", ["TST-2"]),
        ("counts=no", ["TST-3", "TST-6"]),
    ):
        page = Client().get(f"/accords/tst-2024/?{query}").content.decode()
        shown = [code for code in (f"TST-{n}" for n in range(1, 7)) if f"/commitments/{code}/" in page]
        assert shown == words, query
