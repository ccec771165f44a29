"""Reminders: planned from the log, merged when late, dropped when untrue, told to those whose business they are."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone, translation

from commitments import operations
from commitments.actors import loader
from commitments.models import Deadline
from notifications import delivering, ladder, planning, reminding, scopes
from notifications.models import (
    Audience,
    Delivery,
    Kind,
    Notice,
    Reminder,
    ReminderState,
    Subscriber,
    WhyNot,
)
from notifications.reminder_words import of_date
from tests import world
from tests.notifications.readers import a_reader
from tests.sinks import SmtpSink

TODAY = timezone.now().date()


def in_days(days: int) -> str:
    """A day of the calendar, so many days from now."""
    return (timezone.now() + timedelta(days=days)).date().isoformat()


def planned() -> list[tuple[str, str]]:
    """What is planned: the rung and its audience, in order."""
    return list(Reminder.objects.planned().order_by("due_at", "id").values_list("rung", "audience"))


def fire(*rungs: str) -> int:
    """Lets the time of these rungs come, and tells whom they are for."""
    Reminder.objects.planned().filter(rung__in=rungs).update(due_at=timezone.now() - timedelta(seconds=1))
    return reminding.remind()


def states() -> dict[tuple[str, str], tuple[str, str]]:
    """Where each rung stands, and why."""
    rows = Reminder.objects.values_list("rung", "audience", "state", "why")
    return {(rung, audience): (state, why) for rung, audience, state, why in rows}


def a_desk() -> dict[str, Any]:
    """An editor, a reviewer and an administrator, each with an address."""
    return {
        role: world.a_person(role, email=f"{role}@desk.example")
        for role in ("editor", "reviewer", "administrator")
    }


# The ladders.


def test_the_ladder_of_a_date_of_the_text_and_of_one_of_the_press() -> None:
    ends = datetime(2026, 6, 1, tzinfo=UTC)
    text = ladder.Subject("target", "text", "party", ends)
    assert [(rung.code, f"{rung.at:%m-%d %H}") for rung in ladder.ahead(text)] == [
        ("d30", "05-01 08"),
        ("d7", "05-24 08"),
        ("d1", "05-30 08"),
        ("d0", "05-31 08"),
    ]
    assert {rung.audiences for rung in ladder.ahead(text)} == {("watchers", "officer")}
    after = ladder.since(text)
    assert [rung.code for rung in after] == ["p1", "p7", "p30", "p60", "p90", "p120", "p240", "p480", "p960"]
    assert after[0].at == ends + timedelta(hours=8)
    assert [rung.audiences for rung in after[:4]] == [
        ("officer",),
        ("watchers", "officer", "manager"),
        ("watchers", "officer", "manager", "lead"),
        ("watchers", "manager", "lead"),
    ]
    press = ladder.Subject("target", "press", "party", ends)
    assert all("watchers" not in rung.audiences for rung in ladder.since(press))
    ours = ladder.Subject("review", "editorial", "tracker", ends)
    assert all("watchers" not in rung.audiences for rung in ladder.ahead(ours) + ladder.since(ours))


def test_the_ladder_of_a_running_clock() -> None:
    ends = datetime(2026, 6, 1, 12, 30, 15, tzinfo=UTC)
    rungs = ladder.ahead(ladder.Subject("clock", "text", "party", ends))
    assert [(rung.code, ends - rung.at) for rung in rungs] == [
        ("h12", timedelta(hours=12)),
        ("h2", timedelta(hours=2)),
        ("end", timedelta(0)),
    ]


# Planning.


def test_rungs_are_planned_when_a_date_is_set_and_again_when_it_moves_and_go_when_it_is_met(db: None) -> None:
    commitment = world.a_commitment(world.an_accord())
    deadline = world.a_deadline(commitment, in_days(20))
    assert planning.plan() == 6
    assert planned() == [
        ("d7", "watchers"), ("d7", "officer"), ("d1", "watchers"), ("d1", "officer"), ("d0", "watchers"),
        ("d0", "officer"),
    ]  # fmt: skip
    assert planning.plan() == 0
    operations.move_deadlines({deadline.code: in_days(100)}, actor=loader(), why="Agreed.")
    assert planning.plan() == 8
    assert len(planned()) == 8
    assert set(Reminder.objects.filter(state="dropped").values_list("why", flat=True)) == {WhyNot.MOVED}
    operations.meet_deadlines({deadline.code: TODAY}, actor=loader(), why="Done.")
    planning.plan()
    assert planned() == []


def test_what_passed_gets_its_later_rungs_when_the_log_says_so(db: None) -> None:
    commitment = world.a_commitment(world.an_accord())
    world.a_deadline(commitment, in_days(3))
    planning.plan()
    assert {rung for rung, _audience in planned()} == {"d1", "d0"}
    later = timezone.now() + timedelta(days=42)
    operations.scan(later)
    planning.plan(later)
    assert [rung for rung, audience in planned() if audience == "lead"] == [
        "p30",
        "p60",
        "p90",
        "p120",
        "p240",
        "p480",
        "p960",
    ]


def test_rungs_that_fell_due_while_nobody_planned_are_late_and_not_lost(db: None) -> None:
    commitment = world.a_commitment(world.an_accord())
    a_reader("reader@example.org", commitment.accord)
    order = operations.NewDeadline(
        commitment=commitment.code, label={"en": "x"}, type="target", authority="text", clock="party",
        edtf=in_days(20),
    )  # fmt: skip
    operations.set_deadlines([order], actor=loader())
    later = timezone.now() + timedelta(days=20, hours=-3)
    assert planning.plan(later) == 6
    assert reminding.remind(later) == 1, "the last of them only"
    assert states()["d7", "watchers"] == ("merged", "")
    assert states()["d1", "watchers"][0] in {"merged", "told"}


# Telling.


def test_watchers_and_the_officer_hear_and_each_once(db: None, smtp_sink: SmtpSink) -> None:
    people = a_desk()
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    world.a_deadline(commitment, in_days(8))
    a_reader("reader@example.org", commitment)
    a_reader("weekly@example.org", accord, rhythm="weekly")
    a_reader("status@example.org", accord, kinds=["status"])
    planning.plan()
    assert fire("d7") == 3
    assert fire("d7") == 0
    assert delivering.deliver(seconds=20).sent == 2
    assert {mail.recipients[0] for mail in smtp_sink.mails} == {"reader@example.org", "editor@desk.example"}
    (to_staff,) = smtp_sink.to("editor@desk.example")
    (to_reader,) = smtp_sink.to("reader@example.org")
    for mail in (to_staff, to_reader):
        assert re.search(r"\b[78] days to go: due .* \(set by the text\)", mail.subject)
    assert "/admin/commitments/commitment/" in to_staff.text
    assert "your office answers" in to_staff.text
    assert to_staff.message["List-Unsubscribe"] is None
    assert "/admin/" not in to_reader.text
    assert to_reader.message["List-Unsubscribe"]
    assert Delivery.objects.filter(kind=Kind.DIGEST, is_open=True).count() == 1
    assert Subscriber.objects.get(email="editor@desk.example").user == people["editor"]


def test_where_no_officer_is_the_next_one_up_hears(db: None) -> None:
    world.a_person("administrator", email="lead@desk.example")
    commitment = world.a_commitment(world.an_accord())
    world.a_deadline(commitment, in_days(8))
    planning.plan()
    assert fire("d7") == 1
    assert Delivery.objects.get().kind == Kind.DUTY
    assert Notice.objects.get().subscriber.email == "lead@desk.example"


def test_somebody_who_left_the_desk_gets_nothing_more(db: None, smtp_sink: SmtpSink) -> None:
    people = a_desk()
    world.a_deadline(world.a_commitment(world.an_accord()), in_days(8))
    planning.plan()
    fire("d7")
    people["editor"].is_active = False
    people["editor"].save()
    assert delivering.deliver(seconds=20).sent == 0
    assert not smtp_sink.mails


def test_our_own_lateness_is_told_to_staff_only(db: None, smtp_sink: SmtpSink) -> None:
    a_desk()
    accord = world.an_accord()
    lasting = world.a_commitment(accord, kind="continuing")
    a_reader("reader@example.org", accord)
    world.a_deadline(lasting, in_days(-1), type="review", clock="tracker", authority="editorial")
    operations.scan(timezone.now())
    planning.plan()
    assert {audience for _rung, audience in planned()} == {"officer", "manager", "lead"}
    fire("p30")
    delivering.deliver(seconds=20)
    assert {mail.recipients[0] for mail in smtp_sink.mails} == {
        "editor@desk.example", "reviewer@desk.example", "administrator@desk.example",
    }  # fmt: skip
    assert all("Our own look at this has been due" in mail.subject for mail in smtp_sink.mails)


@pytest.mark.parametrize(
    ("authority", "clock", "type_"),
    [("press", "party", "target"), ("editorial", "party", "milestone"), ("editorial", "tracker", "review")],
)
def test_no_reminder_says_that_a_party_is_late_by_a_date_that_does_not_bind_it(
    authority: str, clock: str, type_: str
) -> None:
    deadline = Deadline(authority=authority, clock=clock, type=type_, edtf="2026-05-31")
    ends = datetime(2026, 6, 1, tzinfo=UTC)
    for language, late in (("en", r"\b(late|overdue)\b"), ("uk", r"простроч|запізн"), ("ja", "遅|期限切れ")):
        with translation.override(language):
            for days in (-31, -1, 0, 1, 2, 30, 400):
                said = of_date(deadline, ends, ends + timedelta(days=days, hours=1))
                assert not re.search(late, said, re.I), said
                assert "binding" not in said


def test_late_rungs_are_merged_into_the_last(db: None) -> None:
    commitment = world.a_commitment(world.an_accord())
    world.a_deadline(commitment, in_days(40))
    a_reader("reader@example.org", commitment)
    planning.plan()
    assert fire("d30", "d7", "d1") == 1
    found = states()
    assert found["d30", "watchers"] == found["d7", "watchers"] == (ReminderState.MERGED, "")
    assert found["d1", "watchers"] == (ReminderState.TOLD, "")


def test_untrue_ones_are_dropped(db: None) -> None:
    accord = world.an_accord()
    names = ("met", "paused", "ended", "blocked", "fine")
    them = {name: world.a_commitment(accord, f"TST-{name}") for name in names}
    needed = world.a_commitment(accord, "TST-0")
    from commitments.models import Dependency

    Dependency.objects.create(commitment=them["blocked"], on=needed, type="hard")
    dates = {name: world.a_deadline(commitment, in_days(8)) for name, commitment in them.items()}
    a_reader("reader@example.org", accord)
    planning.plan()
    operations.meet_deadlines({dates["met"].code: TODAY}, actor=loader(), why="Done.")
    yesterday = TODAY - timedelta(days=1)
    operations.pause_commitments(
        [operations.NewPause(them["paused"].code, yesterday, "A stop.")], actor=loader()
    )
    world.published(them["ended"], "superseded")
    assert fire("d7") == 1
    told = Reminder.objects.get(state=ReminderState.TOLD, audience=Audience.WATCHERS)
    assert told.commitment == them["fine"]

    def why(name: str) -> str:
        return Reminder.objects.get(commitment=them[name], rung="d7", audience="watchers").why

    assert (why("met"), why("paused"), why("blocked")) == (WhyNot.CLOSED, WhyNot.PAUSED, WhyNot.BLOCKED)
    assert why("ended") in {WhyNot.ENDED, WhyNot.CLOSED}
    # When what it needs is fulfilled, the next rung is told.
    world.published(needed, "fulfilled", [world.some_evidence(needed)])
    assert fire("d1") == 2


def test_one_that_becomes_untrue_after_it_was_written_down_is_not_sent(db: None, smtp_sink: SmtpSink) -> None:
    a_desk()
    commitment = world.a_commitment(world.an_accord())
    deadline = world.a_deadline(commitment, in_days(8))
    a_reader("reader@example.org", commitment)
    planning.plan()
    assert fire("d7") == 2
    operations.move_deadlines({deadline.code: in_days(90)}, actor=loader(), why="Agreed.")
    assert delivering.deliver(seconds=20).dropped == 2
    assert not smtp_sink.mails


def test_a_judgement_that_waits_for_review_is_told_to_those_who_can_review_it(
    db: None, smtp_sink: SmtpSink
) -> None:
    a_desk()
    commitment = world.a_commitment(world.an_accord())
    editor = world.actor("editor")
    draft = world.a_draft(
        commitment, "in_progress", editor, evidence=[world.some_evidence(commitment).number]
    )
    operations.submit_assessments([draft.code], actor=editor)
    assert planning.plan() == 7
    assert planning.plan(timezone.now() + timedelta(minutes=2)) == 0
    assert fire("s1", "s3") == 1
    assert delivering.deliver(seconds=20).sent == 1
    (mail,) = smtp_sink.mails
    assert mail.recipients == ("reviewer@desk.example",)
    assert draft.code in mail.text
    operations.publish_assessments([draft.code], actor=world.actor("reviewer"))
    planning.plan(timezone.now() + timedelta(minutes=4))
    assert planned() == []


def test_many_for_one_desk_are_one_mail(db: None, smtp_sink: SmtpSink) -> None:
    a_desk()
    accord = world.an_accord()
    for n in range(5):
        world.a_deadline(world.a_commitment(accord, f"TST-{n}"), in_days(8))
    planning.plan()
    assert fire("d7") == 5
    assert delivering.deliver(seconds=20).sent == 1
    (mail,) = smtp_sink.mails
    assert "5 reminders" in mail.subject
    assert mail.text.count("/heard/") == 5


def test_watchers_are_told_in_batches(db: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(reminding, "ROOM", 4)
    commitment = world.a_commitment(world.an_accord())
    world.a_deadline(commitment, in_days(8))
    for n in range(10):
        a_reader(f"r{n}@example.org", commitment)
    planning.plan()
    Reminder.objects.planned().filter(rung="d7").update(due_at=timezone.now())
    assert reminding.remind(seconds=0) == 4
    assert reminding.remind(seconds=20) == 6
    assert Notice.objects.count() == 10


def test_a_filter_that_fitted_the_first_watchers_fits_the_last(db: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(reminding, "ROOM", 2)
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    world.a_deadline(commitment, in_days(8))
    for n in range(5):
        a_reader(f"r{n}@example.org", scopes.a_filter(accord, {"standing": "not_judged"}))
    planning.plan()
    Reminder.objects.planned().filter(rung="d7").update(due_at=timezone.now())
    assert reminding.remind(seconds=0) == 2
    world.published(commitment, "in_progress", [world.some_evidence(commitment)])
    while reminding.remind(seconds=0):
        pass
    assert Notice.objects.filter(source=Notice.REMINDER).count() == 5
