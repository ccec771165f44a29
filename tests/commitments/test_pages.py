"""The public pages as a reader meets them: what is known, from where, as of when, and never a word too many."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from html import unescape
from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from commitments import choosing, meanings, operations, standing
from commitments.log import head
from commitments.models import Commitment
from commitments.words import Kind, Status, Timeliness
from tests import world

pytestmark = pytest.mark.django_db
LIST = "/accords/tst-2024/"


def get(address: str, status: int = 200, headers: dict[str, str] | None = None) -> str:
    """The page at an address, as text."""
    response = Client().get(address, headers=headers or {})
    assert response.status_code == status, (address, response.status_code, response.content[:500])
    return response.content.decode()


def said(page: str) -> str:
    """The words of a page, without its marks."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", page)))


@pytest.fixture
def accord() -> Any:
    return world.an_accord()


def test_a_page_says_what_was_promised_where_it_stands_and_why(accord: Any) -> None:
    commitment = world.a_commitment(
        accord, "TST-1", kind="continuing", verb={"words": "will go on", "source": "press L2"}
    )
    assessment = world.published(commitment, "upheld", [world.some_evidence(commitment, locator="L9")])
    words = said(get("/commitments/TST-1/"))
    for expected in (
        "Do TST-1",
        "“will go on”",
        "Kept",
        "upheld since 1 August 2024",
        "Because the ministry said what was done.",
        f"Judged by {assessment.assessor}",
        "An announcement , L9",
        "happened: 1 August 2024",
        "Japan, Ukraine",
        "This entry as JSON",
    ):
        assert expected in words, expected


def test_a_draft_and_its_evidence_are_not_public(accord: Any) -> None:
    commitment = world.a_commitment(accord, "TST-1")
    editor = world.actor("editor")
    fresh = operations.NewEvidence(
        commitment="TST-1",
        act="outcome",
        bearing="supports",
        nature="press",
        source="press",
        quote="secret so far",
        happened="2024-07-01",
    )
    world.a_draft(commitment, "fulfilled", editor, reason="Not yet public.", new_evidence=[fresh])
    page = get("/commitments/TST-1/")
    assert "Not yet public." not in page
    assert "secret so far" not in page
    assert "Nobody has judged it yet" in page


def test_a_retracted_judgement_stays_and_is_struck(accord: Any) -> None:
    commitment = world.a_commitment(accord, "TST-1")
    assessment = world.published(commitment, "fulfilled", [world.some_evidence(commitment)])
    operations.retract_assessments(
        [assessment.code], actor=world.actor("reviewer"), why="The report was wrong."
    )
    page = get("/commitments/TST-1/")
    assert re.search(r"<s>Status changed from “not assessed” to “fulfilled”[^<]*</s>", page)
    assert "The report was wrong." in page
    assert "Not yet judged" in page


def test_history_stands_under_the_days_of_the_world(accord: Any) -> None:
    commitment = world.a_commitment(accord, "TST-1")
    world.some_evidence(commitment, origin="backfill")
    world.some_evidence(commitment)
    timeline = get("/commitments/TST-1/").split('id="timeline"')[1]
    live, history = timeline.split("Entered from history")
    assert live.count("New evidence that supports fulfilment") == 1
    assert "1 August 2024" in history


def test_our_lateness_is_never_shown_as_a_partys(accord: Any) -> None:
    commitment = world.a_commitment(accord, "TST-1", kind="continuing")
    world.a_deadline(
        commitment, "2025", type="review", authority="editorial", clock="tracker", anchor_on=date(2024, 6, 13)
    )
    for page in (get("/commitments/TST-1/"), get(LIST)):
        words = said(page)
        assert "awaiting our assessment" in words
        assert 'class="standing standing-late"' not in page
        assert "verdue" not in words.replace("Timeliness any ended paused dormant overdue", "")
    assert "Our review was due on this date: 2025." in said(get("/commitments/TST-1/"))


def test_a_moved_date_shows_the_first_one(accord: Any) -> None:
    commitment = world.a_commitment(accord, "TST-1")
    deadline = world.a_deadline(commitment, "2099-23")
    operations.move_deadlines(
        {deadline.code: "2100-34"},
        actor=world.actor("reviewer"),
        why="The parties said so.",
        authority="agreed",
    )
    words = said(get("/commitments/TST-1/"))
    assert "the second quarter of 2100" in words
    assert "It was first set for autumn 2099." in words
    assert "Date moved: now the second quarter of 2100 (before: autumn 2099)" in words
    assert "2100-34" not in words


def test_a_date_of_the_press_makes_nobody_late(accord: Any) -> None:
    for code, authority in (("TST-1", "text"), ("TST-2", "press")):
        world.a_deadline(world.a_commitment(accord, code), "2025-01-31", authority=authority)
    assert "Late" in said(get("/commitments/TST-1/")).split("What was promised")[0]
    press = said(get("/commitments/TST-2/"))
    assert "Late" not in press.split("What was promised")[0]
    assert "nobody is late" in press


def test_a_source_without_an_address_has_no_link_and_one_with_an_address_gives_nothing_away(
    accord: Any,
) -> None:
    commitment = world.a_commitment(accord, "TST-1")
    world.some_evidence(commitment)
    page = get("/commitments/TST-1/")
    assert (
        '<a href="https://ministry.example/notice" rel="noopener noreferrer nofollow">An announcement</a>'
        in page
    )
    assert re.search(r'<cite class="source">A report</cite>.*?address not known', page, re.DOTALL)
    outbound = re.findall(r'<a href="https?://[^>]*>', page)
    assert outbound
    assert all('rel="noopener noreferrer nofollow"' in link for link in outbound)


def test_numbers_stand_beside_what_they_are_a_part_of(accord: Any) -> None:
    kept = world.a_commitment(accord, "TST-1")
    world.published(kept, "fulfilled", [world.some_evidence(kept)])
    world.a_commitment(accord, "TST-2")
    world.a_commitment(accord, "TST-3", kind="conditional")
    world.a_commitment(accord, "TST-4", strength="exploratory")
    for address in ("/", LIST):
        words = said(get(address))
        assert "4 commitments, 2 of them count." in words
        assert "Kept 1 of 2" in words
        assert "Not yet judged 1 of 2" in words
        (outside,) = re.findall(r"2 of 4 stay outside the count: (.*?)\.", words)
        assert "on standby" in outside.lower()
        assert outside.count("1") == 2, outside
    assert "1 of 4 shown." in said(get(f"{LIST}?standing=kept&counts=yes"))


def test_an_example_is_marked_wherever_it_is_shown() -> None:
    accord = world.an_accord(is_example=True)
    world.a_commitment(accord, "TST-1")
    for address in ("/", LIST, "/commitments/TST-1/"):
        assert "Fictional example." in get(address), address


def test_plain_words_are_the_same_in_the_list_and_in_the_rules(accord: Any) -> None:
    instants = [datetime(2025, 1, day, tzinfo=UTC) for day in range(1, len(Timeliness) + 1)]
    section = accord.sections.get(code="A")
    Commitment.objects.bulk_create(
        Commitment(
            accord=accord,
            section=section,
            code=f"{status}-{kind}",
            title={"en": "Anything"},
            kind=kind,
            status=status,
            strength="firm",
            provenance="official_text",
            starts_on=accord.signed_on,
            turns_at=instants[1:],
            turns_timeliness=Timeliness.values,
        )
        for status, kind in product(Status.values, Kind.values)
        if kind != Kind.BASELINE or status == Status.NOT_ASSESSED
    )
    for instant, timeliness in zip(instants, Timeliness.values, strict=True):
        rows = choosing.in_plain_words(instant).values_list("status", "kind", "timeliness", "plain")
        for status, kind, code, plain in rows:
            assert code == timeliness
            assert plain == standing.plain(status, timeliness, kind), (status, timeliness, kind)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("standing=good", "standing"),
        ("status=done", "status"),
        ("party=XXX", "party"),
        ("kind=promise", "kind"),
        ("topic=weather", "topic"),
        ("part=Z", "part"),
        ("timeliness=soon", "timeliness"),
        ("upkeep=lazy", "upkeep"),
        ("counts=perhaps", "counts"),
        ("q=a%00b", "q"),
        ("q=" + "x" * 101, "q"),
        ("page=0", "page"),
        ("page=two", "page"),
        ("page=" + "9" * 400, "page"),
    ],
)
def test_a_filter_that_is_not_known_is_named_and_the_page_still_comes(
    accord: Any, asked: str, name: str
) -> None:
    world.a_commitment(accord, "TST-1")
    page = get(f"{LIST}?{asked}", status=400)
    assert f'id="problem-{name}"' in page
    assert "Do TST-1" in page


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("q=ЗРОБИТИ tst-2", ["TST-2"]),
        ("q=%25", []),
        ("party=UKR", ["TST-2"]),
        ("kind=continuing", ["TST-3"]),
        ("part=B", ["TST-3"]),
        ("topic=demining", ["TST-1", "TST-2"]),
        ("timeliness=overdue", ["TST-1"]),
        ("standing=late&party=JPN", ["TST-1"]),
        ("upkeep=awaiting", ["TST-1"]),
        ("page=7", ["TST-1", "TST-2", "TST-3"]),
        ("utm_source=elsewhere", ["TST-1", "TST-2", "TST-3"]),
    ],
)
def test_filters_narrow_the_list(accord: Any, asked: str, expected: list[str]) -> None:
    late = world.a_commitment(accord, "TST-1", roles={"bound": ["JPN"]})
    world.a_deadline(late, "2024-23")
    world.a_commitment(accord, "TST-2", roles={"bound": ["UKR"]})
    world.a_commitment(accord, "TST-3", roles={"bound": ["JPN"]}, kind="continuing", section="B", topics=[])
    page = get(f"{LIST}?{asked}")
    listed = re.findall(r'class="row-title"><a href="/commitments/([^/]+)/"', page.split('id="changes"')[0])
    assert listed == expected


def test_the_list_costs_the_same_whatever_its_length(accord: Any) -> None:
    def cost(address: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            get(address)
        return len(queries)

    def add(numbers: range) -> None:
        for number in numbers:
            commitment = world.a_commitment(accord, f"TST-{number}")
            world.a_deadline(commitment)
            world.published(commitment, "fulfilled", [world.some_evidence(commitment)])

    add(range(1, 3))
    few = [cost(address) for address in ("/", LIST, "/commitments/TST-1/")]
    add(range(3, 9))
    assert [cost(address) for address in ("/", LIST, "/commitments/TST-1/")] == few
    assert few[1] <= 18


def test_every_word_has_a_meaning_and_a_place_that_pages_link_to(accord: Any) -> None:
    for words, known in meanings.MEANINGS.items():
        assert set(known) == set(words.values), words
    assert {words for _anchor, words, _heading, _lead in meanings.SECTIONS} == set(meanings.MEANINGS)
    vocabulary = get("/vocabulary/")
    anchors = set(re.findall(r'id="([^"]+)"', vocabulary))
    commitment = world.a_commitment(accord, "TST-1")
    world.a_deadline(commitment)
    world.published(commitment, "fulfilled", [world.some_evidence(commitment)])
    for address in ("/", LIST, "/commitments/TST-1/", "/about/", "/vocabulary/"):
        wanted = set(re.findall(r'href="(?:/vocabulary/)?#([^"]+)"', get(address)))
        own = set(re.findall(r'id="([^"]+)"', get(address)))
        assert wanted <= anchors | own, (address, wanted - anchors - own)


def test_pages_speak_the_readers_language_and_mark_what_they_cannot(accord: Any) -> None:
    world.a_commitment(accord, "TST-1")
    page = get("/commitments/TST-1/?lang=uk")
    assert '<html lang="uk">' in page
    assert "Зробити TST-1" in page
    assert '<span lang="en">The parties do TST-1.</span>' in page
    assert '<html lang="ja">' in get("/commitments/TST-1/", headers={"Accept-Language": "ja,en;q=0.5"})
    asked = get(f"{LIST}?standing=kept")
    assert 'href="?standing=kept&amp;lang=ja"' in asked


def without_data(page: str) -> str:
    """The page without what it tells programs: one block of JSON in its head, which no browser runs."""
    head, rest = page.split("</head>")
    found = re.sub(r'<script type="application/ld\+json">[^<>]*</script>', "", head, count=1)
    return f"{found}</head>{rest}"


def test_what_people_wrote_is_shown_as_text(accord: Any) -> None:
    world.a_commitment(
        accord,
        "TST-1",
        title={"en": "<script>alert(1)</script>"},
        details={"cautions": ["<img src=x onerror=alert(1)>"]},
        verb={"words": '"><b>', "source": ""},
    )
    for address in (LIST, "/commitments/TST-1/", "/"):
        page = without_data(get(address))
        assert "<script" not in page
        assert "<img" not in page
        assert "<b>“" not in page


@pytest.mark.parametrize(
    "address",
    ["/commitments/NOPE/", "/commitments/a%00b/", "/commitments/x/y/z/", "/accords/nope/", "/nowhere/"],
)
def test_what_does_not_exist_is_a_page_that_says_so(address: str) -> None:
    assert "There is no such page" in get(address, status=404)


def test_pages_need_no_script_and_no_style_of_their_own(accord: Any) -> None:
    commitment = world.a_commitment(accord, "TST-1")
    world.published(commitment, "fulfilled", [world.some_evidence(commitment)])
    for address in ("/", LIST, "/commitments/TST-1/", "/vocabulary/", "/about/"):
        page = without_data(get(address))
        assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=", page), address


def test_anyone_can_compare_the_end_of_the_log(accord: Any) -> None:
    world.a_commitment(accord, "TST-1")
    assert head().hash in get("/about/")
    assert head().cursor in get("/commitments/TST-1/")
