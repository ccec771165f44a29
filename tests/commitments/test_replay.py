"""Replay: the log alone gives the record, and whoever changes a row behind its back is found."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from commitments import operations
from commitments.agreement import differences
from commitments.importing import load_accord
from commitments.models import Commitment, Deadline, Event, Evidence
from commitments.operations import NewPause, NewTrigger
from commitments.replay import Untold, fold
from commitments.told import last_day_of, number_of
from tests import world

ROOT = Path(__file__).resolve().parent.parent.parent
REQUEST = {"trigger": {"facts": [{"code": "request", "text": "A request"}]}}


def found() -> list[str]:
    return [str(difference) for difference in differences(timezone.now())]


def replayed() -> Any:
    return fold(orjson.loads(body) for body in Event.objects.order_by("seq").values_list("body", flat=True))


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "fixtures").glob("*.yaml")))
def test_the_fixtures_give_the_same_rows_and_log(name: str) -> None:
    load_accord(ROOT / "fixtures" / name, today=date(2026, 1, 15))
    assert Commitment.objects.exists()
    assert found() == []


@pytest.mark.django_db
def test_a_row_changed_behind_the_logs_back_is_named() -> None:
    one = world.a_commitment(world.an_accord())
    world.a_deadline(one, "2024-12")
    world.some_evidence(one)
    assert found() == []
    Commitment.objects.filter(pk=one.pk).update(status="fulfilled")
    Deadline.objects.update(met_on=date(2024, 12, 1), closed_as="met", closed_at=timezone.now())
    Evidence.objects.update(withdrawn_at=timezone.now(), withdrawn_why="Nobody said so.")
    said = found()
    assert any(
        "TST-1: status is 'fulfilled' in the rows and 'not_assessed' by the log" in one for one in said
    )
    assert any(one.startswith("TST-1-D1: deadlines") for one in said)
    assert any(one.startswith("TST-1-E1: evidence") for one in said)


@pytest.mark.django_db
def test_a_deadline_gone_and_a_commitment_nobody_registered_are_named() -> None:
    accord = world.an_accord()
    one = world.a_commitment(accord)
    world.a_deadline(one, "2024-12")
    Deadline.objects.all().delete()
    assert any(said.startswith("TST-1-D1: deadlines is None in the rows") for said in found())
    other = Commitment.objects.get(pk=one.pk)
    other.pk, other.code = None, "TST-9"
    other.save()
    assert any(said.startswith("TST-9: commitment") for said in found())


@pytest.mark.django_db
def test_verify_log_compares_the_rows_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    one = world.a_commitment(world.an_accord())
    call_command("verify_log", "--rows")
    assert "The rows say what the log says." in capsys.readouterr().out
    Commitment.objects.filter(pk=one.pk).update(kind="continuing")
    call_command("verify_log")
    with pytest.raises(CommandError, match="TST-1: kind is 'continuing' in the rows and 'deliverable'"):
        call_command("verify_log", "--rows")


@pytest.mark.django_db
def test_a_date_that_an_earlier_judgement_settles_is_told_with_the_judgement() -> None:
    one = world.a_commitment(world.an_accord())
    done = world.published(one, "fulfilled", [world.some_evidence(one)])
    late = world.a_deadline(one, "2024-12")
    closing = replayed().commitments["TST-1"].dates[late.code].closing
    assert (closing.closed_as, closing.met_on, closing.by) == ("met", date(2024, 8, 1), done.code)
    operations.retract_assessments([done.code], actor=world.actor("reviewer"), why="Too early.")
    assert replayed().commitments["TST-1"].dates[late.code].closing is None
    # What a retraction opened again is not settled in passing when another date is set.
    again = world.published(one, "superseded", effective_on=date(2024, 9, 1))
    operations.retract_assessments([again.code], actor=world.actor("reviewer"), why="Not so.")
    world.a_deadline(one, "2025-12")
    assert found() == []


@pytest.mark.django_db
def test_a_correction_of_the_strength_changes_what_counts_in_rows_and_log() -> None:
    one = world.a_commitment(world.an_accord(), strength="exploratory")
    assert not one.is_counted
    operations.correct_commitments(
        {one.code: {"strength": "firm"}}, actor=world.actor("reviewer"), why="Misread."
    )
    assert Commitment.objects.get(pk=one.pk).is_counted
    assert replayed().commitments["TST-1"].is_counted
    assert found() == []


@pytest.mark.django_db
def test_clocks_pauses_waivers_and_ends_fold_into_the_rows() -> None:
    accord, reviewer = world.an_accord(), world.actor("reviewer")
    ready = world.a_commitment(accord, "TST-1", kind="conditional", details=REQUEST)
    world.a_deadline(ready, "", type="clock", duration="PT24H")
    (fact,) = operations.record_triggers(
        [NewTrigger(ready.code, "request", datetime(2025, 3, 29, 18, tzinfo=UTC))], actor=reviewer
    )
    assert replayed().commitments["TST-1"].triggered_at == datetime(2025, 3, 29, 18, tzinfo=UTC)
    assert found() == []
    clock = Deadline.objects.get(trigger=fact)
    operations.meet_deadlines({clock.code: datetime(2025, 3, 30, 1, tzinfo=UTC)}, actor=reviewer)
    assert found() == []
    operations.withdraw_triggers([fact.code], actor=reviewer, why="It was none.")
    assert replayed().commitments["TST-1"].triggered_at is None
    lasting = world.a_commitment(accord, "TST-2", kind="continuing", ends={"condition": "until it is paid"})
    world.a_deadline(lasting, "2025-06")
    (pause,) = operations.pause_commitments(
        [NewPause(lasting.code, date(2025, 1, 1), "Both agreed.", until_on=date(2025, 3, 1))], actor=reviewer
    )
    assert found() == []
    operations.resume_commitments(
        {pause.code: date(2025, 2, 1)}, actor=reviewer, why="Agreed.", shifts_dates=True
    )
    operations.waive_deadlines([world.a_deadline(lasting, "2030").code], actor=reviewer, why="Given up.")
    operations.record_triggers(
        [NewTrigger(lasting.code, "paid", datetime(2025, 9, 1, tzinfo=UTC), effect="ends")], actor=reviewer
    )
    assert found() == []


def test_an_event_that_nothing_was_told_before_is_refused() -> None:
    body = {
        "seq": 1, "at": "2025-01-01T00:00:00.000000Z", "kind": "evidence_withdrawn", "accord": "A",
        "commitment": "A-1", "origin": "live", "happened_on": None, "facts": {"evidence": "A-1-E1"},
    }  # fmt: skip
    with pytest.raises(Untold, match="speaks of A-1, which was not registered"):
        fold([body])
    with pytest.raises(Untold, match="unknown kind, became_green"):
        fold([{**body, "kind": "became_green"}])


def test_numbers_and_days_of_codes_and_dates() -> None:
    assert number_of("JUA-B07-A12") == 12
    assert number_of("JUA") == 0
    assert last_day_of("2024") == date(2024, 12, 31)
    assert last_day_of("2024/..") is None
    assert last_day_of("soon") is None
