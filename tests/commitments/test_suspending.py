"""An accord that is suspended as a whole, and goes on: its commitments' clocks, and the reminders of its dates."""

from __future__ import annotations

import threading
import time
import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from commitments import operations
from commitments.actors import loader
from commitments.agreement import differences
from commitments.log import operation
from commitments.models import Accord, Commitment, Deadline, Event, Pause, Suspension
from commitments.operations import NewPause, NewSuspension
from commitments.refusals import NotAllowed, Refused
from commitments.words import EventKind
from notifications import planning
from notifications.models import Reminder
from tests import world
from tests.commitments.writers import Writer, check, shapes, writer
from tests.notifications.test_reminding import TODAY, in_days

DAY = timedelta(days=1)
BEGINS = TODAY - 2 * DAY


@pytest.fixture
def accord(db: None) -> Accord:
    """One with two open commitments, one that is fulfilled and one that is context."""
    accord = world.an_accord()
    for code in ("TST-1", "TST-2"):
        world.a_deadline(world.a_commitment(accord, code), in_days(20))
    done = world.a_commitment(accord, "TST-3")
    world.published(done, "fulfilled", [world.some_evidence(done)])
    world.a_commitment(accord, "TST-4", kind="baseline")
    return accord


def suspend(accord: Accord, from_on: date = BEGINS, until_on: date | None = None) -> Suspension:
    """Suspends it, as a reviewer."""
    order = NewSuspension(accord.code, from_on, "A state of emergency.", until_on, "ministry")
    (row,) = operations.suspend_accords([order], actor=world.actor("reviewer"))
    return row


def resume(accord: Accord, on: date = TODAY, shifts_dates: bool = False) -> Suspension:
    """Lets it go on, as a reviewer."""
    (row,) = operations.resume_accords(
        {accord.code: on}, actor=world.actor("reviewer"), why="It is over.", shifts_dates=shifts_dates
    )
    return row


def spans() -> list[tuple[str, date, date | None, bool]]:
    """The pauses: of which commitment, from when, until when, and whether the suspension made them."""
    rows = Pause.objects.order_by("commitment__code", "from_on")
    return [(row.commitment.code, row.from_on, row.until_on, row.suspension_id is not None) for row in rows]


def test_a_suspended_accord_pauses_what_is_open_and_its_end_takes_back_exactly_that(accord: Accord) -> None:
    row = suspend(accord)
    assert spans() == [("TST-1", BEGINS, None, True), ("TST-2", BEGINS, None, True)]
    paused = Event.objects.filter(kind=EventKind.CLOCK_PAUSED)
    assert [event.by for event in paused] == ["reviewers-desk"] * 2
    assert row.source is not None and row.source.code == "ministry"
    assert not Deadline.objects.open().filter(crosses_at__isnull=False).exists()
    own = NewPause("TST-3", BEGINS, "Of its own.")
    operations.pause_commitments([own], actor=loader())
    assert resume(accord).resumed_at
    assert spans() == [
        ("TST-1", BEGINS, TODAY, True), ("TST-2", BEGINS, TODAY, True), ("TST-3", BEGINS, None, False),
    ]  # fmt: skip
    assert Deadline.objects.open().filter(crosses_at__isnull=False).count() == 2


def test_a_commitment_keeps_the_pause_that_it_has_and_the_suspension_fills_the_rest(accord: Accord) -> None:
    first, last = BEGINS + timedelta(days=10), BEGINS + timedelta(days=20)
    operations.pause_commitments(
        [NewPause("TST-1", first, "Agreed.", last), NewPause("TST-2", BEGINS, "Agreed.")], actor=loader()
    )
    suspend(accord)
    assert spans() == [
        ("TST-1", BEGINS, first, True),
        ("TST-1", first, last, False),
        ("TST-1", last, None, True),
        ("TST-2", BEGINS, None, False),
    ]
    resume(accord, last + timedelta(days=5))
    assert spans()[2] == ("TST-1", last, last + timedelta(days=5), True)
    assert spans()[3][2] is None, "its own pause goes on"


def test_a_commitment_whose_own_pause_ends_while_its_accord_is_suspended_stands_still_until_that_goes_on(
    accord: Accord,
) -> None:
    operations.pause_commitments(
        [NewPause("TST-1", BEGINS - DAY, "Its own."), NewPause("TST-3", BEGINS, "Its own.")], actor=loader()
    )
    row = suspend(accord)
    assert [span[3] for span in spans()] == [False, True, False]
    own = {"TST-1-P1": TODAY - DAY, "TST-3-P1": TODAY - DAY}
    operations.resume_commitments(own, actor=world.actor("reviewer"), why="Its own is over.")
    assert spans() == [
        ("TST-1", BEGINS - DAY, TODAY - DAY, False),
        ("TST-1", TODAY - DAY, None, True),
        ("TST-2", BEGINS, None, True),
        ("TST-3", BEGINS, TODAY - DAY, False),
    ], "what is fulfilled needs no pause"
    assert Commitment.objects.standing_at(timezone.now()).get(code="TST-1").timeliness == "paused"  # type: ignore[attr-defined]
    assert set(row.pauses.values_list("reason", flat=True)) == {"A state of emergency."}
    last = Event.objects.filter(kind__in=[EventKind.CLOCK_PAUSED, EventKind.CLOCK_RESUMED]).latest("seq")
    assert last.kind == EventKind.CLOCK_PAUSED, "the log tells of both"
    resume(accord)
    assert spans()[1] == ("TST-1", TODAY - DAY, TODAY, True)
    assert list(differences(timezone.now())) == []


def test_a_pause_of_its_own_that_ends_earlier_than_planned_leaves_the_gap_to_the_suspension(
    accord: Accord,
) -> None:
    later = TODAY + 10 * DAY
    operations.pause_commitments([NewPause("TST-1", BEGINS, "Its own.", later)], actor=loader())
    suspend(accord, until_on=later + DAY)
    assert spans()[1] == ("TST-1", later, later + DAY, True)
    operations.resume_commitments({"TST-1-P1": TODAY}, actor=world.actor("reviewer"), why="Over.")
    assert spans()[:3] == [
        ("TST-1", BEGINS, TODAY, False), ("TST-1", TODAY, later, True), ("TST-1", later, later + DAY, True),
    ]  # fmt: skip


def test_a_pause_of_its_own_that_outlasts_the_suspension_just_ends(accord: Accord) -> None:
    operations.pause_commitments([NewPause("TST-1", BEGINS, "Its own.")], actor=loader())
    suspend(accord, until_on=TODAY - DAY)
    operations.resume_commitments({"TST-1-P1": TODAY}, actor=world.actor("reviewer"), why="Over.")
    assert spans() == [("TST-1", BEGINS, TODAY, False), ("TST-2", BEGINS, TODAY - DAY, True)]


def test_whichever_comes_second_of_a_suspension_and_the_end_of_an_own_pause_knows_of_the_other(
    fresh_db: Any,
) -> None:
    accord = world.an_accord()
    world.a_deadline(world.a_commitment(accord), in_days(20))
    operations.pause_commitments([NewPause("TST-1", BEGINS, "Its own.")], actor=loader())
    reviewer = world.actor("reviewer")
    world.a_commitment(accord, "TST-2")

    def suspended() -> None:
        order = NewSuspension(accord.code, BEGINS, "A stop.")
        operations.suspend_accords([order], actor=reviewer)
        connection.close()

    beside = threading.Thread(target=suspended)

    @operation
    def ends_its_own_slowly() -> None:
        operations.resume_commitments({"TST-1-P1": TODAY}, actor=reviewer, why="Over.")
        beside.start()
        time.sleep(0.5)

    ends_its_own_slowly()
    beside.join()
    assert ("TST-1", TODAY, None, True) in spans()


def test_staff_see_what_runs_on_in_a_suspended_accord(accord: Accord, client: Client) -> None:
    client.force_login(world.a_person("reviewer"))
    path = f"/admin/commitments/accord/{accord.pk}/change/"
    assert "run on" not in client.get(path).content.decode()
    suspend(accord)
    assert "run on" not in client.get(path).content.decode()
    world.a_commitment(accord, "TST-9")
    for language, said in (
        ("en", "these run on, pause them by hand: TST-9"),
        ("uk", "відлік триває, призупиніть вручну: TST-9"),
        ("ja", "時計が動き続けているため、手動で休止してください:TST-9"),
    ):
        page = client.get(path, headers={"accept-language": language}).content.decode()
        assert said in page


def test_the_dates_move_by_the_length_of_the_suspension_when_that_is_asked(accord: Accord) -> None:
    before = set(Deadline.objects.open().values_list("last_on", flat=True))
    suspend(accord)
    resume(accord, shifts_dates=True)
    after = set(Deadline.objects.open().values_list("last_on", flat=True))
    assert after == {day + timedelta(days=2) for day in before if day}


@pytest.mark.parametrize(
    ("from_on", "until_on", "code"),
    [(BEGINS, BEGINS, "order"), (BEGINS + timedelta(days=1), None, "overlap")],
)
def test_what_makes_no_sense_is_refused_and_leaves_no_trace(
    accord: Accord, from_on: date, until_on: date | None, code: str
) -> None:
    if code == "overlap":
        suspend(accord)
    before = (Event.objects.count(), Suspension.objects.count())
    with pytest.raises(Refused) as refused:
        suspend(accord, from_on, until_on)
    assert refused.value.problems[0].code == code
    assert (Event.objects.count(), Suspension.objects.count()) == before


def test_only_what_is_suspended_is_resumed_and_only_who_may_pause_does_either(accord: Accord) -> None:
    with pytest.raises(Refused, match="not suspended"):
        resume(accord)
    order = NewSuspension(accord.code, BEGINS, "A stop.")
    with pytest.raises(NotAllowed):
        operations.suspend_accords([order], actor=world.actor("editor"))
    with pytest.raises(Refused, match="no accord"):
        operations.suspend_accords([NewSuspension("NONE", BEGINS, "A stop.")], actor=world.actor("reviewer"))
    Commitment.objects.update(ends_on=date(2025, 2, 1))
    with pytest.raises(Refused, match="no open commitment"):
        suspend(accord)


def test_the_reminders_of_a_suspended_accord_drop_and_come_back_when_it_goes_on(
    accord: Accord, client: Client
) -> None:
    planning.plan()
    before = Reminder.objects.planned().count()
    assert before == 12
    client.force_login(world.a_person("reviewer"))
    address = f"/admin/commitments/accord/{accord.pk}/"
    assert f"{address}suspend/" in client.get("/admin/commitments/accord/").content.decode()
    form = {"from_on": BEGINS.isoformat(), "until_on": "", "source": "", "reason": "A state of emergency."}
    assert client.get(f"{address}suspend/").status_code == 200
    assert client.post(f"{address}suspend/", form).status_code == 302
    planning.plan()
    assert not Reminder.objects.planned().exists()
    assert set(Reminder.objects.values_list("why", flat=True)) == {"paused"}
    answer = client.post(
        f"{address}resume/", {"until_on": BEGINS.isoformat(), "why": "It is over.", "source": ""}
    )
    assert "A suspension ends after it begins." in answer.content.decode()
    assert (
        client.post(
            f"{address}resume/", {"until_on": TODAY.isoformat(), "why": "It is over.", "source": ""}
        ).status_code
        == 302
    )
    planning.plan()
    assert Reminder.objects.planned().count() == before


def test_a_suspension_that_begins_today_is_ended_on_the_day_that_is_offered(
    accord: Accord, client: Client
) -> None:
    suspend(accord, timezone.localdate())
    client.force_login(world.a_person("reviewer"))
    address = f"/admin/commitments/accord/{accord.pk}/resume/"
    offered = client.get(address).context["form"]["until_on"].value()
    assert offered == timezone.localdate() + timedelta(days=1)
    answer = client.post(address, {"until_on": offered.isoformat(), "why": "A mistake.", "source": ""})
    assert answer.status_code == 302


def test_an_editor_finds_no_way_to_suspend(accord: Accord, client: Client) -> None:
    client.force_login(world.a_person("editor"))
    assert client.get(f"/admin/commitments/accord/{accord.pk}/suspend/").status_code == 403


def give(program: Writer, accord: Accord, path: str, body: object, key: str = "", query: str = "") -> Any:
    """POSTs an order about the accord by program."""
    return Client().post(
        f"/api/v1/accords/{accord.code}/{path}/{query}",
        body,
        "application/json",
        headers={"Authorization": f"Bearer {program.token}", "Idempotency-Key": key or f'"{uuid.uuid4()}"'},
    )


def test_a_program_suspends_an_accord_once_and_lets_it_go_on(accord: Accord) -> None:
    program = writer("reviewer")
    body = {"from_on": BEGINS.isoformat(), "reason": "A state of emergency.", "source": "ministry"}
    tried = give(program, accord, "suspend", body, query="?dry_run=true")
    assert (
        tried.status_code == 200
        and tried.json()["dry_run"]
        and tried.json()["pauses"] == ["TST-1-P1", "TST-2-P1"]
    )
    assert not Suspension.objects.exists()
    first, again = (give(program, accord, "suspend", body, '"one"') for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.json() == again.json() == {**tried.json(), "dry_run": False}
    check(shapes(), "Suspended", first.json())
    assert Suspension.objects.count() == 1
    twice = give(program, accord, "suspend", body)
    assert (twice.status_code, twice.json()["code"]) == (409, "overlap")
    other = give(program, accord, "suspend", {**body, "reason": "Another."}, '"one"')
    assert (other.status_code, other.json()["code"]) == (422, "other_request")
    over = give(program, accord, "resume", {"until_on": TODAY.isoformat(), "why": "It is over."})
    assert (over.status_code, over.json()["state"], over.json()["until_on"]) == (
        200,
        "ended",
        TODAY.isoformat(),
    )
    assert [span[2] for span in spans()] == [TODAY, TODAY]


def test_a_program_without_the_scope_or_the_role_suspends_nothing(accord: Accord) -> None:
    body = {"from_on": BEGINS.isoformat(), "reason": "A stop."}
    assert give(writer("editor"), accord, "suspend", body).status_code == 403
    assert give(writer("reviewer", "read", ["read"]), accord, "suspend", body).status_code == 403
    elsewhere = writer("reviewer", "else", accord=world.an_accord("OTHER"))
    assert give(elsewhere, accord, "suspend", body).status_code == 403
    assert give(writer("reviewer"), accord, "suspend", {"from": "x"}).status_code == 400
    assert not Suspension.objects.exists()
