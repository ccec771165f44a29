"""Clocks: what triggers start to the second, what pauses hold, what is waived, what a rhythm and a review draw."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from commitments import operations
from commitments.actors import loader
from commitments.models import Accord, Commitment, Deadline, Event, Trigger
from commitments.operations import NewPause, NewTrigger
from commitments.refusals import Refused
from commitments.sentences import facts_of
from tests import world

pytestmark = pytest.mark.django_db

KYIV = ZoneInfo("Europe/Kyiv")
# The evening before Kyiv puts its clocks forward: 24 hours later the wall clock shows an hour more.
ASKED = datetime(2025, 3, 29, 20, tzinfo=KYIV)
TERMS = {
    "facts": [
        {"code": "attack", "text": "an armed attack"},
        {"code": "request", "text": "a request of either party"},
    ],
    "all_needed": True,
    "clock_from": "request",
}


@pytest.fixture
def accord() -> Accord:
    return world.an_accord()


@pytest.fixture
def consultation(accord: Accord) -> Commitment:
    """To consult within 24 hours of a request after an attack."""
    row = world.a_commitment(accord, kind="conditional", details={"trigger": TERMS})
    world.a_deadline(row, "", type="clock", duration="PT24H", label={"en": "Consult"})
    return row


def code(commitment: Commitment, now: datetime) -> str:
    found: Any = Commitment.objects.standing_at(now).get(pk=commitment.pk)
    return str(found.timeliness)


def record(commitment: Commitment, fact: str, at: datetime, **changes: Any) -> Trigger:
    order = NewTrigger(commitment.code, fact, at, **changes)
    return operations.record_triggers([order], actor=loader())[0]


def refusal(call: Any, *args: Any, **options: Any) -> list[tuple[str, str]]:
    """Field and code of a refusal; asserts that it says something and leaves no trace."""
    before = Event.objects.count()
    with pytest.raises(Refused) as caught:
        call(*args, **options)
    assert Event.objects.count() == before
    assert all(problem.message for problem in caught.value.problems)
    return [(problem.field, problem.code) for problem in caught.value.problems]


def test_a_request_starts_a_clock_of_24_hours_to_the_second(consultation: Commitment) -> None:
    attacked = ASKED - timedelta(hours=5)
    assert code(consultation, ASKED) == "dormant"
    record(consultation, "attack", attacked)
    assert code(consultation, ASKED) == "dormant", "the request is still missing"
    record(consultation, "request", ASKED)
    clock = Deadline.objects.get(trigger__fact="request")
    assert clock.due_at == datetime(2025, 3, 30, 21, tzinfo=KYIV)
    assert clock.due_at is not None
    second = timedelta(seconds=1)
    assert code(consultation, ASKED - second) == "dormant", "before it was asked nothing bound"
    assert code(consultation, ASKED) == "running"
    assert code(consultation, clock.due_at - second) == "running"
    assert code(consultation, clock.due_at) == "overdue"
    assert [event.kind for event in Event.objects.order_by("seq")][-3:] == [
        "trigger_recorded", "trigger_recorded", "deadline_set",
    ]  # fmt: skip
    operations.scan(clock.due_at)
    (crossed,) = Event.objects.filter(kind="became_overdue")
    assert crossed.crossed_at == clock.due_at


def test_a_clock_is_met_at_an_instant_and_a_second_too_late_is_late(consultation: Commitment) -> None:
    record(consultation, "attack", ASKED)
    record(consultation, "request", ASKED)
    clock = Deadline.objects.get(trigger__isnull=False)
    assert clock.due_at is not None
    meet = operations.meet_deadlines
    assert refusal(meet, {clock.code: date(2025, 3, 30)}, actor=loader()) == [("met_on", "instant")]
    early = ASKED - timedelta(seconds=1)
    assert refusal(meet, {clock.code: early}, actor=loader()) == [("met_on", "before_start")]
    meet({clock.code: clock.due_at + timedelta(seconds=1)}, actor=loader())
    assert code(consultation, datetime(2025, 6, 1, tzinfo=UTC)) == "met_late"
    facts = facts_of(Event.objects.get(kind="deadline_met").body)
    assert facts["late"] is True
    assert facts["met_at"] == "2025-03-30T18:00:01.000000Z"


def test_every_request_starts_a_clock_of_its_own(consultation: Commitment) -> None:
    record(consultation, "attack", ASKED)
    record(consultation, "request", ASKED)
    record(consultation, "request", ASKED + timedelta(days=10))
    clocks = Deadline.objects.filter(trigger__isnull=False).order_by("number")
    assert [row.opens_at for row in clocks] == [ASKED, ASKED + timedelta(days=10)]
    pattern = Deadline.objects.get(trigger__isnull=True)
    assert pattern.is_pattern
    assert refusal(operations.meet_deadlines, {pattern.code: ASKED}, actor=loader()) == [
        ("deadline", "pattern")
    ]


def test_the_clock_runs_from_what_was_received_unless_the_terms_say_sent(accord: Accord) -> None:
    received = ASKED + timedelta(hours=2)
    starts_at = {None: received, "sent": ASKED, "happened": ASKED - timedelta(hours=1)}
    for number, (runs_from, starts) in enumerate(starts_at.items()):
        terms = {"facts": [{"code": "request", "text": "a request"}], "runs_from": runs_from}
        row = world.a_commitment(accord, f"TST-{number}", kind="conditional", details={"trigger": terms})
        world.a_deadline(row, "", type="clock", duration="PT24H")
        record(row, "request", ASKED - timedelta(hours=1), sent_at=ASKED, received_at=received)
        assert Deadline.objects.get(trigger__commitment=row).opens_at == starts


def test_a_confidential_fact_changes_nothing_in_public_until_it_is_published(
    consultation: Commitment,
) -> None:
    record(consultation, "attack", ASKED)
    seen = Event.objects.count()
    fact = record(consultation, "request", ASKED, is_confidential=True)
    assert Event.objects.count() == seen
    assert code(consultation, ASKED + timedelta(hours=1)) == "dormant"
    operations.publish_triggers([fact.code], actor=world.actor("reviewer"))
    assert code(consultation, ASKED + timedelta(hours=1)) == "running"
    operations.scan(datetime.now(UTC))
    assert Event.objects.get(kind="became_overdue").crossed_at == datetime(2025, 3, 30, 21, tzinfo=KYIV)


def test_an_instant_may_stay_hidden_but_not_the_one_that_a_clock_tells(consultation: Commitment) -> None:
    record(consultation, "attack", ASKED)
    order = NewTrigger(consultation.code, "request", ASKED, sent_at=ASKED, hidden=["sent_at", "happened_at"])
    assert refusal(operations.record_triggers, [order], actor=loader()) == [("hidden", "clock")]
    record(
        consultation,
        "request",
        ASKED,
        sent_at=ASKED,
        received_at=ASKED + timedelta(hours=1),
        hidden=["sent_at"],
    )
    facts = facts_of(Event.objects.filter(kind="trigger_recorded").latest("seq").body)
    assert facts["sent_at"] is None
    assert facts["received_at"] == "2025-03-29T19:00:00.000000Z"


def test_a_fact_withdrawn_ends_its_clock_and_the_duty_is_dormant_again(consultation: Commitment) -> None:
    record(consultation, "attack", ASKED)
    fact = record(consultation, "request", ASKED)
    operations.scan(ASKED + timedelta(days=2))
    operations.withdraw_triggers([fact.code], actor=world.actor("reviewer"), why="It was a note of thanks.")
    assert code(consultation, ASKED + timedelta(days=3)) == "dormant"
    clock = Deadline.objects.get(trigger=fact)
    assert (clock.closed_as, clock.overdue_since) == ("ended", None)
    again = refusal(operations.withdraw_triggers, [fact.code], actor=world.actor("reviewer"), why="Again.")
    assert again == [("trigger", "unknown")]


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"fact": "storm"}, "fact", "unknown"),
        ({"happened_at": datetime(2999, 1, 1, tzinfo=UTC)}, "happened_at", "future"),
        ({"happened_at": datetime(2024, 6, 1, tzinfo=UTC)}, "happened_at", "before_start"),
        ({"happened_at": datetime(2025, 3, 29, 20)}, "happened_at", "zone"),  # noqa: DTZ001
        ({"sent_at": ASKED, "received_at": ASKED - timedelta(seconds=1)}, "received_at", "order"),
        ({"hidden": ["mood"]}, "hidden", "unknown"),
        ({"effect": "ends"}, "effect", "no_anchor"),
        ({"effect": "doubles"}, "effect", "unknown"),
        ({"source": "nowhere"}, "source", "unknown"),
    ],
)
def test_a_fact_that_cannot_be_is_refused(
    consultation: Commitment, changes: dict[str, Any], field: str, problem: str
) -> None:
    facts = {"fact": "request", "happened_at": ASKED, **changes}
    order = NewTrigger(commitment=consultation.code, **facts)
    assert refusal(operations.record_triggers, [order], actor=loader()) == [(field, problem)]
    assert not Trigger.objects.exists()


def test_a_duty_that_ends_on_an_event_ends_when_it_has_come(accord: Accord) -> None:
    row = world.a_commitment(accord, kind="continuing", ends={"condition": "until the damage is paid for"})
    later = datetime(2026, 1, 1, tzinfo=UTC)
    assert code(row, later) == "awaiting_anchor"
    fact = record(row, "paid", ASKED, effect="ends")
    assert code(row, ASKED) == "no_deadline"
    assert code(row, later) == "ended"
    operations.withdraw_triggers([fact.code], actor=world.actor("reviewer"), why="Only a part was paid.")
    assert code(row, later) == "awaiting_anchor"


def test_no_judgement_holds_from_before_the_duty_came_to_life(consultation: Commitment) -> None:
    record(consultation, "attack", ASKED)
    record(consultation, "request", ASKED)
    proof = world.some_evidence(consultation, happened="2025-03-20")
    order = world.a_judgement(
        consultation, "fulfilled", evidence=[proof.number], effective_on=date(2025, 3, 25)
    )
    said = refusal(operations.draft_assessments, [order], actor=world.actor("editor"))
    assert said == [("effective_on", "dormant")]


# Pauses


def pause(commitment: Commitment, from_on: date, until_on: date | None = None, **changes: Any) -> Any:
    order = NewPause(commitment.code, from_on, "Both parties agreed.", until_on, **changes)
    return operations.pause_commitments([order], actor=world.actor("reviewer"))[0]


def test_no_date_passes_in_a_pause_and_it_passes_when_the_pause_ends(accord: Accord) -> None:
    row = world.a_commitment(accord)
    due = world.a_deadline(row, "2025-03-10")
    held = pause(row, date(2025, 3, 1))
    later = datetime(2025, 4, 1, tzinfo=UTC)
    assert code(row, datetime(2025, 2, 1, tzinfo=UTC)) == "scheduled"
    assert code(row, later) == "paused"
    operations.scan(later)
    assert not Event.objects.filter(kind="became_overdue").exists()
    operations.resume_commitments({held.code: date(2025, 5, 1)}, actor=world.actor("reviewer"), why="Agreed.")
    ends_at = datetime(2025, 4, 30, 21, tzinfo=UTC)  # midnight in Kyiv, the later of the two capitals
    assert code(row, ends_at - timedelta(seconds=1)) == "paused"
    assert code(row, ends_at) == "overdue"
    operations.scan(datetime(2025, 6, 1, tzinfo=UTC))
    (crossed,) = Event.objects.filter(kind="became_overdue")
    assert crossed.crossed_at == ends_at
    due.refresh_from_db()
    assert due.original_edtf == due.edtf == "2025-03-10"


def test_a_pause_recorded_late_clears_a_mark_that_is_no_longer_true(accord: Accord) -> None:
    row = world.a_commitment(accord)
    due = world.a_deadline(row, "2025-03-10")
    operations.scan(datetime(2025, 4, 1, tzinfo=UTC))
    pause(row, date(2025, 3, 1))
    due.refresh_from_db()
    assert due.overdue_since is None
    assert facts_of(Event.objects.get(kind="clock_paused").body)["cleared"] == [due.code]


def test_dates_move_by_the_length_of_the_pause_where_that_was_agreed(accord: Accord) -> None:
    row = world.a_commitment(accord)
    day, window = world.a_deadline(row, "2025-03-10"), world.a_deadline(row, "2025-23")
    held = pause(row, date(2025, 3, 1))
    operations.resume_commitments(
        {held.code: date(2025, 3, 31)}, actor=world.actor("reviewer"), why="Agreed.", shifts_dates=True
    )
    day.refresh_from_db()
    window.refresh_from_db()
    assert (day.edtf, day.original_edtf) == ("2025-04-09", "2025-03-10")
    assert (window.edtf, window.original_edtf) == ("2025-10-01/2025-12-30", "2025-23")
    assert code(row, datetime(2025, 4, 5, tzinfo=UTC)) == "due_soon"


def test_pauses_that_cannot_be_are_refused(accord: Accord) -> None:
    row = world.a_commitment(accord)
    reviewer = world.actor("reviewer")

    def order(from_on: date, until_on: date | None = None, reason: str = "Agreed.") -> list[tuple[str, str]]:
        orders = [NewPause(row.code, from_on, reason, until_on)]
        return refusal(operations.pause_commitments, orders, actor=reviewer)

    assert order(date(2024, 1, 1)) == [("from_on", "before_start")]
    assert order(date(2025, 1, 2), date(2025, 1, 2)) == [("until_on", "order")]
    assert order(date(2025, 1, 2), reason=" ") == [("reason", "required")]
    held = pause(row, date(2025, 1, 1), date(2025, 2, 1))
    assert order(date(2025, 1, 31)) == [("from_on", "overlap")]
    pause(row, date(2025, 2, 1))
    resume = operations.resume_commitments
    assert refusal(resume, {f"{row.code}-P9": date(2025, 3, 1)}, actor=reviewer, why="x") == [
        ("pause", "unknown")
    ]
    assert refusal(resume, {held.code: date(2024, 12, 31)}, actor=reviewer, why="x") == [
        ("until_on", "order")
    ]
    with pytest.raises(Refused, match="role"):
        operations.pause_commitments([NewPause(row.code, date(2026, 1, 1), "x")], actor=world.actor("editor"))


# Waivers


def test_a_waived_date_is_owed_no_more_and_its_mark_goes(accord: Accord) -> None:
    row = world.a_commitment(accord)
    kept, waived = world.a_deadline(row, "2024-12"), world.a_deadline(row, "2024-10")
    later = datetime(2024, 12, 10, tzinfo=UTC)
    operations.scan(later)
    assert code(row, later) == "overdue"
    operations.waive_deadlines(
        [waived.code], actor=world.actor("reviewer"), why="Given up.", source="ministry"
    )
    waived.refresh_from_db()
    assert (waived.closed_as, waived.overdue_since, waived.edtf) == ("waived", None, "2024-10")
    assert code(row, later) == "in_window"
    operations.meet_deadlines({kept.code: date(2024, 12, 1)}, actor=world.actor("reviewer"))
    assert code(row, later) == "met_on_time", "what was waived is not counted as missed"


# Rhythms and reviews


def test_a_rhythm_draws_its_dates_once_however_often_it_is_drawn(accord: Accord) -> None:
    rule = {
        "rule": "FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=1",
        "authority": "text",
        "clock": "party",
        "from": "2024-06-13",
    }
    row = world.a_commitment(accord, kind="recurring", details={"rhythm": rule})
    today = date(2025, 6, 1)
    drawn = operations.draw_occurrences(today=today)
    assert [item.edtf for item in drawn] == ["2024-11-01", "2025-11-01"]
    assert operations.draw_occurrences(today=today) == []
    assert [item.edtf for item in operations.draw_occurrences(today=date(2026, 6, 1))] == ["2026-11-01"]
    assert {item.type for item in row.deadlines.all()} == {"occurrence"}
    order = world.a_judgement(row, "fulfilled", evidence=[world.some_evidence(row).number])
    said = refusal(operations.draft_assessments, [order], actor=world.actor("editor"))
    assert said == [("status", "occurrences")], "a recurring duty is not done while an occurrence is open"


def test_a_rhythm_leaves_alone_what_was_entered_by_hand_and_what_nobody_watched(accord: Accord) -> None:
    rule = {"rule": "FREQ=MONTHLY;BYMONTHDAY=15", "authority": "editorial", "clock": "tracker"}
    row = world.a_commitment(accord, kind="recurring", details={"rhythm": rule})
    today = row.created_at.date()
    assert all(
        item.occurs_on and item.occurs_on >= today for item in operations.draw_occurrences(today=today)
    )
    by_hand = {
        "rule": "FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=1",
        "authority": "text",
        "clock": "party",
        "from": "2024-06-13",
    }
    other = world.a_commitment(accord, "TST-2", kind="recurring", details={"rhythm": by_hand})
    world.a_deadline(other, "2024-11", type="occurrence")
    operations.draw_occurrences(today=date(2025, 6, 1))
    assert [item.edtf for item in other.deadlines.order_by("number")] == ["2024-11", "2025-11-01"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"details": {"rhythm": {"rule": "EVERY=DAY"}}}, "rhythm.rule"),
        ({"details": {"rhythm": {"rule": "FREQ=HOURLY"}}}, "rhythm.rule"),
        ({"details": {"rhythm": {"rule": "FREQ=YEARLY;BYMONTH=13"}}}, "rhythm.rule"),
        ({"details": {"rhythm": {"rule": "FREQ=DAILY;INTERVAL=0"}}}, "rhythm.rule"),
        ({"review_every": "PT24H"}, "review_every"),
        ({"details": {"trigger": {"facts": []}}}, "trigger.facts"),
        ({"details": {"trigger": {"facts": [{"code": "a"}], "clock_from": "b"}}}, "trigger.clock_from"),
        ({"details": {"trigger": {"facts": [{"code": "a"}], "runs_from": "x"}}}, "trigger.runs_from"),
    ],
)
def test_terms_that_cannot_be_followed_are_refused(
    accord: Accord, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refused) as caught:
        world.a_commitment(accord, **changes)
    assert caught.value.problems[0].field == field
    assert not Commitment.objects.exists()


def upkeep(commitment: Commitment, now: datetime) -> str:
    found: Any = Commitment.objects.standing_at(now).get(pk=commitment.pk)
    return str(found.upkeep)


def test_a_continuing_duty_is_upheld_then_due_for_review_then_stale(accord: Accord) -> None:
    row = world.a_commitment(accord, kind="continuing", review_every="P6M")
    proof = world.some_evidence(row)
    judged = world.published(row, "upheld", [proof], effective_on=date(2024, 8, 31))
    (review,) = row.deadlines.all()
    assert (review.edtf, review.clock, review.type) == ("2025-02-28", "tracker", "review"), (
        "clamped to the month"
    )
    assert [upkeep(row, datetime(2025, month, 5, tzinfo=UTC)) for month in (2, 3, 8, 9)] == [
        "current", "review_due", "review_due", "evidence_stale",
    ]  # fmt: skip
    world.published(row, "upheld", [proof], effective_on=date(2025, 1, 15), reason="Looked again.")
    first, second = row.deadlines.order_by("number")
    assert (first.closed_as, second.edtf) == ("met", "2025-07-15")
    last = row.assessments.order_by("-number")[0]
    operations.retract_assessments([last.code], actor=world.actor("reviewer"), why="Too early.")
    first, second = row.deadlines.order_by("number")
    assert (first.closed_as, second.closed_as) == ("", "ended"), "the earlier review counts again"
    assert judged.review == "published"
