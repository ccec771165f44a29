"""The guards: each rule of the vocabulary refuses by name, and changes nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from commitments import operations
from commitments.actors import Actor
from commitments.models import Accord, Assessment, Commitment, Deadline, Event, Evidence
from commitments.refusals import NotAllowed, Refused, Stale
from commitments.words import MOVES, Status, legal_moves
from tests import world

pytestmark = pytest.mark.django_db


@pytest.fixture
def accord() -> Accord:
    return world.an_accord()


@pytest.fixture
def commitment(accord: Accord) -> Commitment:
    return world.a_commitment(accord)


def refused(commitment: Commitment, status: str, evidence: list[Evidence], **changes: Any) -> list[str]:
    """The codes with which a draft is refused; asserts that a refusal leaves no trace."""
    before = (Assessment.objects.count(), Evidence.objects.count(), Event.objects.count())
    try:
        world.a_draft(
            commitment, status, world.actor("editor"), evidence=[item.number for item in evidence], **changes
        )
    except Refused as error:
        assert (Assessment.objects.count(), Evidence.objects.count(), Event.objects.count()) == before
        assert all(problem.message for problem in error.problems)
        return [problem.code for problem in error.problems]
    return []


def test_fulfilled_needs_a_supporting_action_or_outcome(commitment: Commitment) -> None:
    assert refused(commitment, "fulfilled", []) == ["no_proof"]
    announced = world.some_evidence(commitment, act="announcement")
    assert refused(commitment, "fulfilled", [announced]) == ["announcement"]
    assert refused(commitment, "in_progress", [announced]) == []
    done = world.some_evidence(commitment)
    assert refused(commitment, "fulfilled", [announced, done]) == []


def test_a_forecast_supports_nothing(commitment: Commitment) -> None:
    forecast = world.some_evidence(commitment, nature="forecast")
    assert refused(commitment, "fulfilled", [forecast]) == ["forecast"]
    assert refused(commitment, "in_progress", [forecast]) == ["no_support"]


def test_a_fact_from_before_the_accord_is_context_unless_a_period_holds_it(
    accord: Accord, commitment: Commitment
) -> None:
    old = world.some_evidence(commitment, happened="2023-05-01")
    assert refused(commitment, "partly_fulfilled", [old]) == ["too_old"]
    counted = world.a_commitment(accord, "TST-2", details={"period": {"edtf": "2022-03/.."}})
    old = world.some_evidence(counted, happened="2023-05-01")
    assert refused(counted, "partly_fulfilled", [old]) == []


def test_evidence_must_have_happened_by_the_effective_day(commitment: Commitment) -> None:
    done = world.some_evidence(commitment, happened="2024-08-01")
    assert refused(commitment, "fulfilled", [done], effective_on=date(2024, 7, 31)) == ["too_late"]


def test_not_fulfilled_needs_failure_shown_or_a_binding_date_passed(
    accord: Accord, commitment: Commitment
) -> None:
    assert refused(commitment, "not_fulfilled", []) == ["no_failure"]
    world.a_deadline(commitment, "2024-07", authority="press")
    assert refused(commitment, "not_fulfilled", []) == ["no_failure"], "a press date is never failure"
    world.a_deadline(commitment, "2024-07", authority="text")
    assert refused(commitment, "not_fulfilled", []) == []
    assert refused(commitment, "not_fulfilled", [], effective_on=date(2024, 7, 31)) == ["no_failure"]
    other = world.a_commitment(accord, "TST-2")
    against = world.some_evidence(other, bearing="contradicts")
    assert refused(other, "not_fulfilled", [against]) == []
    world.a_deadline(other, "2024-07", met_on=date(2024, 7, 2))
    assert refused(other, "not_fulfilled", [against]) == ["met"]


def test_a_judgement_holds_neither_from_the_future_nor_from_before_the_start(commitment: Commitment) -> None:
    assert refused(commitment, "stalled", [], effective_on=date(2999, 1, 1)) == ["future"]
    assert refused(commitment, "stalled", [], effective_on=date(2024, 6, 12)) == ["before_start"]
    assert refused(commitment, "stalled", [], reason="  ") == ["reason"]


def test_a_reversal_needs_contradicting_evidence_and_a_second_person(commitment: Commitment) -> None:
    done = world.some_evidence(commitment)
    world.published(commitment, "fulfilled", [done])
    later = {"effective_on": date(2024, 9, 1)}
    assert refused(commitment, "in_progress", [done], **later) == ["reversal"]
    against = world.some_evidence(commitment, bearing="contradicts", happened="2024-09-01")
    draft = world.submitted(
        commitment, "in_progress", world.actor("reviewer"), evidence=[done.number, against.number], **later
    )
    Accord.objects.update(four_eyes=False)
    with pytest.raises(Refused) as refusal:
        operations.publish_assessments([draft.code], actor=world.actor("reviewer"))
    assert refusal.value.problems[0].code == "second_person"
    operations.publish_assessments([draft.code], actor=world.actor("reviewer", "another"))
    commitment.refresh_from_db()
    assert commitment.status == "in_progress"


def test_four_eyes_where_the_accord_asks_for_them(commitment: Commitment) -> None:
    draft = world.submitted(commitment, "stalled", world.actor("reviewer"))
    with pytest.raises(Refused) as refusal:
        operations.publish_assessments([draft.code], actor=world.actor("reviewer"))
    assert refusal.value.problems[0].code == "four_eyes"
    Accord.objects.update(four_eyes=False)
    operations.publish_assessments([draft.code], actor=world.actor("reviewer"))


def test_every_illegal_move_is_refused_with_the_legal_ones(accord: Accord) -> None:
    for number, (start, moves) in enumerate(MOVES.items()):
        commitment = world.a_commitment(accord, f"TST-M{number}")
        done = world.some_evidence(commitment)
        against = world.some_evidence(commitment, bearing="contradicts")
        everything = [done, against]
        if start not in legal_moves(Status.NOT_ASSESSED, "deliverable"):
            continue
        if start != Status.NOT_ASSESSED:
            world.published(commitment, start, everything)
        for to in Status.values:
            codes = refused(commitment, to, everything, effective_on=date(2024, 8, 2))
            if to not in legal_moves(Status.NOT_ASSESSED, "deliverable"):
                assert codes == ["kind"]
            elif to == start or to in moves:
                assert codes == [], (start, to)
            else:
                assert "move" in codes, (start, to)


def test_a_backdated_judgement_must_fit_the_one_that_follows(commitment: Commitment) -> None:
    done = world.some_evidence(commitment)
    world.published(commitment, "fulfilled", [done])
    assert refused(commitment, "superseded", [], effective_on=date(2024, 7, 1)) == ["later_move"]


def test_the_current_status_is_the_latest_effective_one(commitment: Commitment) -> None:
    done = world.some_evidence(commitment)
    world.published(commitment, "fulfilled", [done])
    world.published(commitment, "stalled", effective_on=date(2024, 7, 1))
    commitment.refresh_from_db()
    assert commitment.status == "fulfilled"


def test_a_baseline_is_never_judged_and_a_dormant_duty_is_neither_kept_nor_broken(accord: Accord) -> None:
    base = world.a_commitment(accord, "TST-B", kind="baseline")
    assert refused(base, "in_progress", [world.some_evidence(base)]) == ["kind"]
    asleep = world.a_commitment(accord, "TST-C", kind="conditional")
    assert refused(asleep, "fulfilled", [world.some_evidence(asleep)]) == ["dormant"]
    lasting = world.a_commitment(accord, "TST-L", kind="continuing")
    assert refused(lasting, "fulfilled", [world.some_evidence(lasting)]) == ["kind"]
    assert refused(lasting, "upheld", [world.some_evidence(lasting)]) == []


def test_live_proof_needs_a_date(commitment: Commitment) -> None:
    operations.record_sources(
        commitment.accord,
        [{"code": "undated", "title": "A page", "nature": "press"}],
        actor=world.actor("editor"),
    )
    undated = world.some_evidence(commitment, source="undated", happened="")
    assert refused(commitment, "fulfilled", [undated]) == ["undated"]


def test_roles_are_checked_in_the_verbs(commitment: Commitment) -> None:
    with pytest.raises(NotAllowed):
        world.a_draft(commitment, "stalled", world.actor("viewer"))
    draft = world.submitted(commitment, "stalled", world.actor("editor"))
    with pytest.raises(NotAllowed):
        operations.publish_assessments([draft.code], actor=world.actor("editor", "second"))
    with pytest.raises(NotAllowed):
        operations.publish_assessments([draft.code], actor=Actor(office="nobody", person_id=None))


def test_two_editors_at_once_lose_nothing(commitment: Commitment) -> None:
    version = commitment.version
    world.some_evidence(commitment)
    with pytest.raises(Stale) as refusal:
        operations.attach_evidence([], actor=world.actor("editor")) or operations.draft_assessments(
            [world.a_judgement(commitment, "stalled")], actor=world.actor("editor"), version=version
        )
    assert str(version) in str(refusal.value)


def test_fulfilling_closes_the_dates_and_retracting_opens_them_again(commitment: Commitment) -> None:
    deadline = world.a_deadline(commitment, "2024-12")
    done = world.some_evidence(commitment)
    judged = world.published(commitment, "fulfilled", [done])
    deadline.refresh_from_db()
    assert (deadline.closed_as, deadline.met_on) == ("met", date(2024, 8, 1))
    operations.retract_assessments(
        [judged.code], actor=world.actor("reviewer"), why="It was another ministry."
    )
    deadline.refresh_from_db()
    commitment.refresh_from_db()
    assert (deadline.closed_as, deadline.closed_at, commitment.status) == ("", None, "not_assessed")
    judged.refresh_from_db()
    assert judged.review == "retracted" and judged.retracted_why


def test_moving_a_date_keeps_the_original_and_clears_a_mark_that_is_no_longer_true(
    commitment: Commitment,
) -> None:
    deadline = world.a_deadline(commitment, "2024-12")
    operations.scan(datetime(2025, 2, 1, tzinfo=UTC))
    operations.move_deadlines(
        {deadline.code: "2999-12"}, actor=world.actor("reviewer"), why="Both agreed.", authority="agreed"
    )
    deadline.refresh_from_db()
    assert (deadline.original_edtf, deadline.edtf, deadline.revision) == ("2024-12", "2999-12", 1)
    assert deadline.overdue_since is None and deadline.authority == "agreed"
    assert operations.scan(datetime(2025, 2, 2, tzinfo=UTC)) == 0


def test_meeting_a_date_late_is_met_late(commitment: Commitment) -> None:
    deadline = world.a_deadline(commitment, "2024-12")
    with pytest.raises(Refused):
        operations.meet_deadlines({deadline.code: date(2999, 1, 1)}, actor=world.actor("reviewer"))
    operations.meet_deadlines({deadline.code: date(2025, 1, 2)}, actor=world.actor("reviewer"))
    now = datetime(2025, 6, 1, tzinfo=UTC)
    assert Commitment.objects.standing_at(now).get().timeliness == "met_late"  # type: ignore[attr-defined]


def test_the_only_proof_of_a_published_judgement_cannot_be_withdrawn(commitment: Commitment) -> None:
    done = world.some_evidence(commitment)
    world.published(commitment, "fulfilled", [done])
    with pytest.raises(Refused) as refusal:
        operations.withdraw_evidence([done.code], actor=world.actor("reviewer"), why="A mistake.")
    assert refusal.value.problems[0].code == "needed"


@pytest.mark.parametrize("order", ["not a date", "2025-02-30", "[2024,2025]", "9999-12-31"])
def test_a_date_that_cannot_be_read_names_its_field(commitment: Commitment, order: str) -> None:
    with pytest.raises(Refused) as refusal:
        world.a_deadline(commitment, order)
    assert refusal.value.problems[0].field == "edtf"
    assert not Deadline.objects.exists()


@pytest.mark.parametrize(
    "address",
    [
        "ftp://a.example/x",
        "javascript:alert(1)",
        "https://user:pw@host.example/",
        "https://a b.example",
        "/x",
    ],
)
def test_an_address_is_a_web_address(commitment: Commitment, address: str) -> None:
    with pytest.raises(Refused) as refusal:
        world.some_evidence(commitment, source=None, new_source={"title": "X", "address": address})
    assert refusal.value.problems[0].field == "address"


def test_dependencies_do_not_run_in_a_circle(accord: Accord) -> None:
    from commitments.actors import loader
    from commitments.operations import NewCommitment

    def order(code: str, on: str) -> NewCommitment:
        return NewCommitment(
            code=code,
            title={"en": code},
            summary={"en": code},
            section="A",
            kind="deliverable",
            strength="firm",
            provenance="official_text",
            dependencies=[{"on": on, "type": "hard"}],
        )

    with pytest.raises(Refused) as refusal:
        operations.register_commitments(
            accord, [order("X-1", "X-2"), order("X-2", "X-3"), order("X-3", "X-1")], actor=loader()
        )
    assert refusal.value.problems[0].code == "cycle"
    assert not Commitment.objects.exists()
