"""The account of a standing: which date, which rule, which evidence, what next; of now and of the past."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone, translation

from commitments import operations
from commitments.account import explain
from commitments.actors import loader
from commitments.cases import case_of
from commitments.models import Deadline
from commitments.operations import NewPause, NewTrigger
from commitments.past import Moment
from commitments.words import Timeliness
from tests import world

pytestmark = pytest.mark.django_db
REQUEST = {"trigger": {"facts": [{"code": "request", "text": "Ukraine asks for talks"}]}}


def said(code: str = "TST-1", now: datetime | None = None, as_of: date | None = None) -> dict[str, str]:
    """The account as texts by code, in English."""
    case = case_of(code, Moment(now or timezone.now(), as_of))
    assert case is not None
    with translation.override("en"):
        return {sentence.code: sentence.text for sentence in explain(case)}


def test_nothing_is_claimed_of_what_nobody_judged() -> None:
    world.a_commitment(world.an_accord())
    account = said()
    assert "says nothing about whether it is kept" in account["status.not_assessed"]
    assert account["evidence.none"].endswith("No evidence is not failure.")
    assert "cannot be late" in account["timeliness.no_deadline"]
    assert "No verdict or review of ours is due." in account["upkeep.current"]
    assert "next.ended" in account, "the accord itself ends"


def test_a_judgement_names_office_day_and_evidence() -> None:
    one = world.a_commitment(world.an_accord())
    first, second = world.some_evidence(one), world.some_evidence(one, happened="2024-09-09")
    judged = world.published(one, "fulfilled", [first, second], effective_on=date(2024, 9, 10))
    account = said()
    assert account["status.fulfilled"] == (
        f"“fulfilled” was judged by editors-desk and holds from 10 September 2024 ({judged.code})."
    )
    assert account["evidence.rests_on"] == "The judgement rests on 2 pieces of evidence: E1, E2."
    assert account["evidence.latest"] == "The latest fact on record: 9 September 2024 (E2)."
    assert account["next"] == "Nothing more is expected: it is fulfilled."


def test_a_window_says_its_last_day_its_rule_and_what_follows() -> None:
    one = world.a_commitment(world.an_accord())
    due = world.a_deadline(one, "2025-23")
    inside = datetime(2025, 10, 1, tzinfo=UTC)
    account = said(now=inside)
    assert "autumn 2025" in account["timeliness.in_window"]
    assert "30 November 2025, 22:00 UTC" in account["date.day_ends"], "the last midnight is Kyiv's"
    late = account["next.overdue"]
    assert "becomes “overdue” at 30 November 2025, 22:00 UTC" in late
    assert "Asia/Tokyo: 1 December 2025, 07:00 UTC+9" in late
    assert "Europe/Kyiv: 1 December 2025, 00:00 UTC+2" in late
    operations.move_deadlines({due.code: "2026-06"}, actor=world.actor("reviewer"), why="Agreed.")
    assert "it was first set for autumn 2025" in said(now=inside)["date.moved"]
    operations.waive_deadlines([due.code], actor=world.actor("reviewer"), why="Given up.")
    assert "gave it up" in said(now=inside)["date.waived"]


def test_a_running_clock_is_shown_in_both_capitals_and_dormancy_names_what_it_waits_for() -> None:
    accord = world.an_accord()
    ready = world.a_commitment(accord, kind="conditional", details=REQUEST)
    world.a_deadline(ready, "", type="clock", duration="PT24H")
    assert said()["trigger.awaited"] == "It waits for this fact: Ukraine asks for talks."
    assert "standby" in said()["counting.dormant"]
    (fact,) = operations.record_triggers(
        [NewTrigger(ready.code, "request", datetime(2025, 3, 29, 18, tzinfo=UTC))],
        actor=world.actor("reviewer"),
    )
    account = said(now=datetime(2025, 3, 29, 20, tzinfo=UTC))
    assert "timeliness.running" in account
    assert "24 hours started at 29 March 2025, 18:00 UTC" in account["clock.started"]
    # The clocks in Kyiv go forward that night: 24 hours later it is 21:00 there.
    assert "Europe/Kyiv: 29 March 2025, 20:00 UTC+2" in account["clock.started"]
    assert "Europe/Kyiv: 30 March 2025, 21:00 UTC+3" in account["clock.ends"]
    assert "Asia/Tokyo: 31 March 2025, 03:00 UTC+9" in account["clock.ends"]
    assert "It ran out at" in said(now=datetime(2025, 4, 1, tzinfo=UTC))["clock.ends"]
    clock = Deadline.objects.get(trigger=fact)
    operations.meet_deadlines(
        {clock.code: datetime(2025, 3, 30, 1, 30, tzinfo=UTC)}, actor=world.actor("reviewer")
    )
    assert "It was met at 30 March 2025, 01:30 UTC" in said()["clock.met"]


def test_a_pause_says_since_when_and_until_when() -> None:
    one = world.a_commitment(world.an_accord())
    world.a_deadline(one, "2025-06")
    (pause,) = operations.pause_commitments(
        [NewPause(one.code, date(2025, 5, 1), "Agreed.")], actor=world.actor("reviewer")
    )
    account = said(now=datetime(2025, 9, 1, tzinfo=UTC))
    assert "stand still since 1 May 2025; when they run again is not known" in account["timeliness.paused"]
    operations.resume_commitments(
        {pause.code: date(2025, 8, 1)}, actor=world.actor("reviewer"), why="Agreed."
    )
    account = said(now=datetime(2025, 9, 1, tzinfo=UTC))
    assert account["pause.over"] == "Its clocks stood still from 1 May 2025 until 1 August 2025."
    during = said(now=datetime(2025, 7, 1, tzinfo=UTC))
    assert "run again on 1 August 2025" in during["timeliness.paused"]
    # The page and its list say so, too, and not that there is no date.
    operations.pause_commitments(
        [NewPause(one.code, date(2025, 9, 1), "Again.")], actor=world.actor("reviewer")
    )
    page = Client().get("/commitments/TST-1/").content.decode()
    assert "Its clocks stand still" in page
    assert "paused" in Client().get("/accords/tst-2024/").content.decode()


def test_our_own_delay_is_ours() -> None:
    lasting = world.a_commitment(world.an_accord(), kind="continuing")
    world.a_deadline(
        lasting,
        "2024-12-01",
        type="review",
        authority="editorial",
        clock="tracker",
        anchor_on=date(2024, 6, 13),
    )
    before = said(now=datetime(2024, 10, 1, tzinfo=UTC))
    assert before["next.ours"] == "Our own next date: 1 December 2024."
    assert "our own work becomes “awaiting our review”" in before["next.review_due"]
    assert "It is not done yet." in said(now=datetime(2025, 1, 1, tzinfo=UTC))["upkeep.review_due"]
    stale = said(now=datetime(2025, 9, 1, tzinfo=UTC))
    assert "read the evidence as old" in stale["upkeep.evidence_stale"]
    due = world.a_commitment(lasting.accord, "TST-2")
    world.a_deadline(due, "2024-12")
    account = said("TST-2", datetime(2025, 1, 15, tzinfo=UTC))
    assert "we have not judged since" in account["upkeep.verdict_due"]
    assert "does not show it met" in account["timeliness.overdue"]


def test_shares_disputes_and_what_does_not_count_are_told() -> None:
    accord = world.an_accord()
    one = world.a_commitment(accord)
    world.published(one, "fulfilled", [world.some_evidence(one)], party="JPN")
    (position,) = operations.state_positions([world.a_position(one)], actor=loader())
    account = said()
    assert account["share.JPN"].startswith("The share of Japan: “fulfilled” was judged by")
    assert "status.not_assessed" in account, "a share says nothing of the whole"
    assert account["contested.contested"].startswith("Disputed by Ukraine")
    operations.resolve_positions(
        {position.code: operations.Resolution("kept", "Confirmed.")}, actor=world.actor("reviewer")
    )
    assert "resolved" in said()["contested.resolved"]
    for code, reason, changes in (
        ("TST-2", "declaratory", {"strength": "declaratory"}),
        ("TST-3", "exploratory", {"strength": "exploratory"}),
        ("TST-4", "unverifiable", {"is_verifiable": False}),
        ("TST-5", "unbound", {"roles": {}}),
        ("TST-6", "baseline", {"kind": "baseline"}),
    ):
        world.a_commitment(accord, code, **changes)
        assert said(code)[f"counting.{reason}"].startswith("It counts in no percentage: ")


def test_the_account_of_the_past_knows_nothing_later() -> None:
    with time_machine.travel(datetime(2024, 8, 2, 12, tzinfo=UTC)):
        one = world.a_commitment(world.an_accord())
        due = world.a_deadline(one, "2024-10")
    with time_machine.travel(datetime(2025, 2, 1, 12, tzinfo=UTC)):
        operations.move_deadlines({due.code: "2025-06"}, actor=world.actor("reviewer"), why="Agreed.")
        done = world.some_evidence(one, happened="2025-01-10")
        world.published(one, "fulfilled", [done], effective_on=date(2025, 1, 15))
        operations.state_positions([world.a_position(one, stated_on=date(2025, 1, 20))], actor=loader())
    then = said(as_of=date(2024, 11, 17))
    assert {"status.not_assessed", "evidence.none", "timeliness.overdue"} <= then.keys()
    assert not {"date.moved", "evidence.latest", "contested.contested"} & then.keys()
    assert "October 2024" in then["timeliness.overdue"]
    now = said()
    assert {"status.fulfilled", "evidence.rests_on", "date.moved", "contested.contested"} <= now.keys()
    assert case_of("TST-1", Moment(timezone.now(), date(2024, 1, 1))) is None
    assert case_of("NONE", Moment(timezone.now())) is None


def test_the_account_agrees_with_what_the_database_says() -> None:
    accord = world.an_accord()
    lasting = world.a_commitment(accord, "TST-1", kind="continuing")
    world.a_deadline(lasting, "2024-12", type="review", authority="editorial", clock="tracker")
    world.a_deadline(world.a_commitment(accord, "TST-2"), "2025-23")
    world.a_deadline(world.a_commitment(accord, "TST-3"), "2024-09", authority="press")
    for code in ("TST-1", "TST-2", "TST-3"):
        for step in range(0, 900, 37):
            now = datetime(2024, 7, 1, tzinfo=UTC) + timedelta(days=step)
            row: Any = type(lasting).objects.standing_at(now).get(code=code)
            account = said(code, now)
            assert f"timeliness.{row.timeliness}" in account
            assert f"upkeep.{row.upkeep}" in account


def test_the_api_and_the_page_give_the_account_in_the_language_that_is_asked_for() -> None:
    world.a_deadline(world.a_commitment(world.an_accord()), "2024-10")
    told = {}
    for language in ("en", "uk", "ja"):
        answer = Client().get(f"/api/v1/commitments/TST-1/?lang={language}")
        assert answer.headers["Content-Language"] == language
        told[language] = {one["code"]: one["text"] for one in answer.json()["explanation"]}
        page = Client().get(f"/commitments/TST-1/?lang={language}").content.decode()
        assert 'data-code="timeliness.overdue"' in page
    assert told["en"].keys() == told["uk"].keys() == told["ja"].keys()
    for code in ("status.not_assessed", "timeliness.overdue", "upkeep.verdict_due"):
        assert len({told[language][code] for language in told}) == 3, code
    header = Client().get("/api/v1/commitments/TST-1/", headers={"accept-language": "uk-UA,uk;q=0.9"})
    assert header.json()["explanation"][0]["text"] == told["uk"]["status.not_assessed"]
    past = Client().get("/api/v1/commitments/TST-1/?as_of=2024-09-01").json()
    assert "timeliness.scheduled" in {one["code"] for one in past["explanation"]}


def test_the_page_of_a_commitment_looks_back() -> None:
    one = world.a_commitment(world.an_accord())
    world.a_deadline(one, "2024-10")
    done = world.some_evidence(one, happened="2024-11-15")
    world.published(one, "fulfilled", [done], effective_on=date(2024, 11, 15))
    then = Client().get("/commitments/TST-1/?as_of=2024-11-14")
    page = then.content.decode()
    assert then.status_code == 200
    assert "As of 14 November 2024." in page and 'data-code="status.not_assessed"' in page
    assert 'data-code="timeliness.overdue"' in page and 'id="E1"' not in page
    page = Client().get("/commitments/TST-1/?as_of=2024-11-15").content.decode()
    assert 'data-code="status.fulfilled"' in page and 'id="E1"' in page
    assert Client().get("/commitments/TST-1/?as_of=2024-01-01").status_code == 404
    bad = Client().get("/commitments/TST-1/?as_of=2024-02-30")
    assert bad.status_code == 400
    assert "Give a day as year, month and day" in bad.content.decode()


@pytest.mark.parametrize(
    ("language", "late"),
    [("en", r"\blate\b|overdue"), ("uk", "відста|запізн|простроч"), ("ja", "遅|期限切れ")],
)
def test_who_is_behind_a_target_is_called_late_in_no_language(language: str, late: str) -> None:
    with translation.override(language):
        label = str(Timeliness.BEHIND_TARGET.label)
    assert label and not re.search(late, label), label
