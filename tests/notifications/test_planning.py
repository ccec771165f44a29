"""Planning reminders: dates that come back, dates at the ends of the calendar, a clock that looked late, what fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone, translation

from commitments import operations
from commitments.actors import loader
from commitments.models import Assessment, Deadline
from notifications import delivering, ladder, planning, reminding, tasks, troubles
from notifications.models import Audience, Notice, Reminder, ReminderState, Unplanned, WhyNot
from notifications.reminder_words import sentence
from tests import world
from tests.notifications.readers import a_reader, link
from tests.notifications.test_reminding import TODAY, a_desk, fire, in_days, planned, states
from tests.sinks import SmtpSink

# Dates that come back.


def a_date_with_reminders(days: int = 20) -> Deadline:
    """A date of the text with its rungs planned: three, for readers and for the officer."""
    deadline = world.a_deadline(world.a_commitment(world.an_accord()), in_days(days))
    planning.plan()
    assert len(planned()) == 6
    return deadline


def test_a_date_that_moved_away_and_back_gets_its_reminders_back(db: None) -> None:
    deadline = a_date_with_reminders()
    for day in (100, 20):
        operations.move_deadlines({deadline.code: in_days(day)}, actor=loader(), why="Corrected.")
        planning.plan()
    assert len(planned()) == 6
    assert planning.plan() == 0


def test_what_was_told_before_a_date_moved_away_is_not_told_again_when_it_is_back(db: None) -> None:
    a_desk()
    deadline = a_date_with_reminders(8)
    a_reader("reader@example.org", deadline.commitment)
    assert fire("d7") == 2
    for day in (100, 8):
        operations.move_deadlines({deadline.code: in_days(day)}, actor=loader(), why="Corrected.")
        planning.plan()
    assert {rung for rung, _audience in planned()} == {"d1", "d0"}


def test_a_pause_of_unknown_length_that_ends_gives_the_reminders_back(db: None) -> None:
    deadline = a_date_with_reminders()
    order = operations.NewPause(deadline.commitment.code, TODAY - timedelta(days=2), "A stop.")
    (pause,) = operations.pause_commitments([order], actor=loader())
    deadline.refresh_from_db()
    planning.plan()
    operations.resume_commitments({pause.code: TODAY}, actor=loader(), why="It goes on.")
    planning.plan()
    assert len(planned()) == 6


@pytest.mark.parametrize("status", ["fulfilled", "superseded"])
def test_a_judgement_that_is_retracted_gives_the_reminders_back(db: None, status: str) -> None:
    commitment = a_date_with_reminders().commitment
    evidence = [world.some_evidence(commitment)] if status == "fulfilled" else []
    judged = world.published(commitment, status, evidence)
    planning.plan()
    assert planned() == []
    operations.retract_assessments([judged.code], actor=world.actor("reviewer"), why="Wrong.")
    planning.plan()
    assert len(planned()) == 6


def test_a_draft_whose_publication_is_planned_no_more_is_reminded_of_again(db: None) -> None:
    commitment = world.a_commitment(world.an_accord())
    draft = world.submitted(
        commitment, "in_progress", world.actor("editor"), evidence=[world.some_evidence(commitment).number]
    )
    now = timezone.now()
    assert planning.plan(now) == 7
    Assessment.objects.filter(pk=draft.pk).update(publish_at=now + timedelta(days=5))
    planning.plan(now + timedelta(days=3, hours=23))
    assert planned() == []
    Assessment.objects.filter(pk=draft.pk).update(publish_at=None)
    planning.plan(now + timedelta(days=4))
    assert planned() == [("s7", "manager"), ("s7", "lead"), ("s14", "lead"), ("s28", "lead"), ("s56", "lead")]


def test_who_asked_to_be_reminded_again_is_when_the_date_comes_back(
    db: None, client: Client, smtp_sink: SmtpSink
) -> None:
    a_desk()
    deadline = a_date_with_reminders()
    fire("d7")
    delivering.deliver(seconds=20)
    path = link(smtp_sink.to("editor@desk.example")[-1], "heard")
    assert client.post(path, {"later": "72"}).status_code == 200
    for day in (100, 20):
        operations.move_deadlines({deadline.code: in_days(day)}, actor=loader(), why="Corrected.")
        planning.plan()
    assert Reminder.objects.planned().filter(audience=Audience.ONE).count() == 1


# Reminders for whom they are no longer meant.


def a_passed_date(days: int, authority: str = "text") -> Deadline:
    """A date that passed so many days ago, with the rungs after it planned."""
    deadline = world.a_deadline(world.a_commitment(world.an_accord()), in_days(-days), authority=authority)
    operations.scan(timezone.now())
    planning.plan()
    return deadline


def test_readers_do_not_hear_of_a_date_that_turned_out_to_be_the_press_s(
    db: None, smtp_sink: SmtpSink
) -> None:
    deadline = a_passed_date(3)
    a_reader("reader@example.org", deadline.commitment)
    world.a_person("editor", email="editor@desk.example")
    operations.move_deadlines(
        {deadline.code: deadline.edtf}, actor=loader(), why="A newspaper's.", authority="press"
    )
    planning.plan()
    assert states()["p7", "watchers"] == (ReminderState.DROPPED, WhyNot.NEEDLESS)
    assert states()["p7", "officer"][0] == ReminderState.PLANNED
    fire("p7")
    delivering.deliver(seconds=20)
    assert not smtp_sink.to("reader@example.org")
    operations.move_deadlines(
        {deadline.code: deadline.edtf}, actor=loader(), why="It was agreed.", authority="agreed"
    )
    planning.plan()
    assert states()["p30", "watchers"][0] == ReminderState.PLANNED


def test_what_waits_for_readers_of_such_a_date_is_not_sent(db: None, smtp_sink: SmtpSink) -> None:
    deadline = a_passed_date(3)
    a_reader("reader@example.org", deadline.commitment)
    fire("p7")
    operations.move_deadlines(
        {deadline.code: deadline.edtf}, actor=loader(), why="A newspaper's.", authority="press"
    )
    assert delivering.deliver(seconds=20).dropped == 1
    assert not smtp_sink.mails


def test_that_our_verdict_is_due_is_said_until_there_is_one_and_after_it_was_retracted(
    db: None, smtp_sink: SmtpSink
) -> None:
    a_desk()
    deadline = a_passed_date(3, "press")
    commitment = deadline.commitment
    fire("p7")
    judged = world.published(commitment, "in_progress", [world.some_evidence(commitment)], effective_on=TODAY)
    delivering.deliver(seconds=20)
    assert not smtp_sink.mails, "what waits is not sent"
    planning.plan()
    assert planned() == []
    assert states()["p30", "lead"] == (ReminderState.DROPPED, WhyNot.NEEDLESS)
    operations.retract_assessments([judged.code], actor=world.actor("reviewer"), why="Wrong.")
    planning.plan()
    fire("p30")
    delivering.deliver(seconds=20)
    assert any("our verdict is due" in mail.subject for mail in smtp_sink.mails)


# Late, and at the ends of the calendar.


def test_a_clock_that_looked_days_too_late_loses_no_reminder(db: None) -> None:
    a_desk()
    deadline = a_date_with_reminders()
    later = timezone.now() + timedelta(days=29)
    operations.scan(later)
    planning.plan(later)
    assert reminding.remind(later) == 2, "the officer and the manager"
    assert states()["p1", "officer"][0] == ReminderState.MERGED
    assert states()["p7", "manager"] == (ReminderState.TOLD, "")
    assert Notice.objects.filter(source=Notice.REMINDER).count() == 2
    assert deadline.reminders.filter(rung="p30").count() == 4


def test_a_date_that_is_entered_after_it_has_passed_is_not_told_of_from_its_beginning(db: None) -> None:
    a_desk()
    a_passed_date(40)
    assert reminding.remind() == 0
    assert {rung for rung, _audience in planned()} == {"p60", "p90", "p120", "p240", "p480", "p960"}


@pytest.mark.parametrize("edtf", ["0001-01-01", "0001-01-20", "0001-02", "9999-12-30", "9998"])
def test_a_date_at_either_end_of_the_calendar_gets_the_rungs_that_there_is_room_for(
    db: None, edtf: str
) -> None:
    world.a_deadline(world.a_commitment(world.an_accord()), edtf)
    planning.plan()
    operations.scan(timezone.now())
    planning.plan()
    assert not Unplanned.objects.exists()
    for row in Reminder.objects.all():
        for language in ("en", "uk", "ja"):
            with translation.override(language):
                assert sentence(row, row.due_at)


def test_a_reminder_comes_at_eight_by_the_clock_of_its_own_day(db: None) -> None:
    commitment = world.a_commitment(world.an_accord(), roles={"bound": ["UKR"], "beneficiaries": ["UKR"]})
    world.a_deadline(commitment, "2027-04-10")
    planning.plan()
    kyiv = ZoneInfo("Europe/Kyiv")
    hours = {row.rung: f"{row.due_at.astimezone(kyiv):%m-%d %H:%M}" for row in Reminder.objects.all()}
    assert hours == {"d30": "03-11 08:00", "d7": "04-03 08:00", "d1": "04-09 08:00", "d0": "04-10 08:00"}


@pytest.mark.parametrize(("hour", "comes"), [(21, "05-31 05"), (4, "05-31 12"), (0, "05-31 08")])
def test_where_no_zone_is_known_the_morning_is_that_of_the_clock_that_shows_midnight(
    hour: int, comes: str
) -> None:
    ends = datetime(2026, 5, 31, 21, tzinfo=UTC) if hour == 21 else datetime(2026, 6, 1, hour, tzinfo=UTC)
    subject = ladder.Subject("target", "text", "party", ends, ladder.zone_of(ends, []))
    assert f"{ladder.ahead(subject)[-1].at:%m-%d %H}" == comes


# What fails.


def test_a_date_that_cannot_be_planned_stops_no_other_and_staff_see_it(db: None, monkeypatch: Any) -> None:
    accord = world.an_accord()
    good, bad = world.a_commitment(accord, "TST-1"), world.a_commitment(accord, "TST-2")
    a_reader("reader@example.org", accord)
    world.a_deadline(bad, in_days(20))
    world.a_deadline(good, in_days(20))
    subject_of, now = planning.subject_of, timezone.now()

    def break_down(deadline: Deadline, *given: Any) -> ladder.Subject:
        if deadline.commitment_id == bad.pk:
            raise ZeroDivisionError
        return subject_of(deadline, *given)

    monkeypatch.setattr(planning, "subject_of", break_down)
    planning.plan(now)
    assert set(Reminder.objects.values_list("commitment", flat=True)) == {good.pk}
    assert Unplanned.objects.get().said == "ZeroDivisionError()"
    troubles._look.forget()
    assert any("could not be planned" in said for said in troubles.what_is_wrong())
    planning.plan(now + timedelta(minutes=2))
    row = Unplanned.objects.get()
    assert (row.tries, row.try_again_at - now) == (2, timedelta(minutes=4))
    monkeypatch.undo()
    planning.plan(now + timedelta(minutes=3))
    assert Unplanned.objects.exists(), "not yet"
    planning.plan(now + timedelta(minutes=5))
    assert Reminder.objects.filter(commitment=bad).count() == 6
    assert not Unplanned.objects.exists()


def test_what_is_due_is_told_though_planning_fails(db: None, monkeypatch: Any) -> None:
    deadline = a_date_with_reminders(8)
    a_reader("reader@example.org", deadline.commitment)
    Reminder.objects.filter(rung="d7").update(due_at=timezone.now())
    monkeypatch.setattr(planning, "plan_drafts", lambda now: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        tasks.remind()
    assert Notice.objects.filter(source=Notice.REMINDER).count() == 1


# Put off.


def test_remind_me_later_pressed_twice_or_taken_back_and_said_again_reminds_once(
    db: None, client: Client, smtp_sink: SmtpSink
) -> None:
    a_desk()
    world.a_deadline(world.a_commitment(world.an_accord()), in_days(8))
    planning.plan()
    fire("d7")
    delivering.deliver(seconds=20)
    path = link(smtp_sink.to("editor@desk.example")[-1], "heard")
    for later in ("72", "72", "", "72"):
        assert client.post(path, {"later": later}).status_code == 200
    (row,) = Reminder.objects.planned().filter(audience=Audience.ONE)
    fire(row.rung)
    assert delivering.deliver(seconds=20).sent == 1
