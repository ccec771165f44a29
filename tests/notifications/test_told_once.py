"""Of one thing one is told once at a time, whatever brings it: offices, what one follows, late rungs; and with the date
that the count is from."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone, translation

from commitments import operations
from commitments.actors import loader
from commitments.models import Membership
from notifications import delivering, outbox, planning, reminding, subscribing
from notifications.models import Delivery, Kind, Notice, Reminder, State, Subscription, Why, WhyNot
from notifications.reminder_words import sentence
from tests import world
from tests.notifications.readers import a_reader, make_due
from tests.notifications.test_reminding import a_desk, fire, in_days, states
from tests.sinks import SmtpSink


def test_one_person_with_three_offices_is_told_once(db: None, smtp_sink: SmtpSink) -> None:
    world.a_person("administrator", email="lead@desk.example")
    world.a_deadline(world.a_commitment(world.an_accord()), in_days(-29))
    operations.scan(timezone.now())
    planning.plan()
    assert fire("p30") == 1
    delivering.deliver(seconds=20)
    (mail,) = smtp_sink.mails
    assert mail.text.count("/heard/") == 1
    assert "days past the date" in mail.subject
    assert {states()["p30", who][0] for who in ("officer", "manager", "lead")} == {"told"}


def test_an_officer_who_also_follows_is_told_by_the_office_alone(db: None, smtp_sink: SmtpSink) -> None:
    a_desk()
    commitment = world.a_commitment(world.an_accord())
    world.a_deadline(commitment, in_days(8))
    a_reader("editor@desk.example", commitment)
    a_reader("reader@example.org", commitment)
    planning.plan()
    assert fire("d7") == 2
    delivering.deliver(seconds=20)
    assert len(smtp_sink.to("editor@desk.example")) == len(smtp_sink.to("reader@example.org")) == 1


def test_an_officer_among_the_last_of_many_watchers_is_not_told_again(db: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(reminding, "ROOM", 2)
    a_desk()
    commitment = world.a_commitment(world.an_accord())
    world.a_deadline(commitment, in_days(8))
    for n in range(3):
        a_reader(f"r{n}@example.org", commitment)
    a_reader("editor@desk.example", commitment)
    planning.plan()
    Reminder.objects.planned().filter(rung="d7").update(due_at=timezone.now())
    while reminding.remind(seconds=0):
        pass
    assert Notice.objects.filter(subscriber__email="editor@desk.example").count() == 1
    assert Notice.objects.count() == 4


def test_two_reminders_of_a_date_that_wait_unsent_go_as_one(db: None, smtp_sink: SmtpSink) -> None:
    a_desk()
    commitment = world.a_commitment(world.an_accord())
    world.a_deadline(commitment, in_days(8))
    a_reader("reader@example.org", commitment)
    planning.plan()
    fire("d7")
    fire("d1")
    assert delivering.deliver(seconds=20).dropped == 2
    assert sorted(mail.recipients[0] for mail in smtp_sink.mails) == [
        "editor@desk.example",
        "reader@example.org",
    ]
    assert set(Delivery.objects.filter(state=State.DROPPED).values_list("why", flat=True)) == {Why.MERGED}


def test_the_earlier_one_goes_where_the_later_one_is_not_wanted(db: None, smtp_sink: SmtpSink) -> None:
    people = a_desk()
    commitment = world.a_commitment(world.an_accord())
    world.a_deadline(commitment, in_days(8))
    Membership.objects.filter(user=people["editor"]).update(role="administrator")
    a_reader("editor@desk.example", commitment)
    planning.plan()
    fire("d7")
    Membership.objects.filter(user=people["editor"]).update(role="editor")
    fire("d1")
    assert Notice.objects.filter(subscriber__email="editor@desk.example").count() == 2
    Membership.objects.filter(user=people["editor"]).delete()
    delivering.deliver(seconds=20)
    (mail,) = smtp_sink.to("editor@desk.example")
    assert mail.message["List-Unsubscribe"], "as to a reader"


def told_as_reader_then_by_office() -> int:
    """Somebody follows a commitment, is told seven days before its date, and one day before as its officer, which they
    have become meanwhile; their user's key. Nothing has been sent."""
    people = a_desk()
    commitment = world.a_commitment(world.an_accord())
    world.a_deadline(commitment, in_days(8))
    Membership.objects.filter(user=people["editor"]).update(role="administrator")
    a_reader("editor@desk.example", commitment)
    planning.plan()
    fire("d7")
    Membership.objects.filter(user=people["editor"]).update(role="editor")
    fire("d1")
    kinds = Delivery.objects.filter(subscriber__email="editor@desk.example").values_list("kind", flat=True)
    assert sorted(kinds) == [Kind.ALERT, Kind.DUTY]
    return int(people["editor"].pk)


def test_the_earlier_one_goes_where_the_office_that_hears_the_later_one_is_now_of_another_accord(
    db: None, smtp_sink: SmtpSink
) -> None:
    user = told_as_reader_then_by_office()
    Membership.objects.filter(user=user).update(accord=world.an_accord("OTH"))
    delivering.deliver(seconds=20)
    (mail,) = smtp_sink.to("editor@desk.example")
    assert mail.message["List-Unsubscribe"], "as to a reader"


@pytest.mark.parametrize("is_lost", [True, False])
def test_a_later_one_that_another_worker_holds_goes_instead_as_long_as_its_office_is_held(
    db: None, smtp_sink: SmtpSink, is_lost: bool
) -> None:
    user = told_as_reader_then_by_office()
    duty = Delivery.objects.get(subscriber__email="editor@desk.example", kind=Kind.DUTY)
    Delivery.objects.exclude(pk=duty.pk).update(next_attempt_at=timezone.now() + timedelta(hours=1))
    outbox.claim()
    if is_lost:
        Membership.objects.filter(user=user).update(accord=world.an_accord("OTH"))
    make_due()
    delivering.deliver(seconds=20)
    assert len(smtp_sink.to("editor@desk.example")) == is_lost


@pytest.mark.parametrize("becomes", ["ended", "paused"])
def test_what_a_wish_brought_goes_in_the_digest_whatever_becomes_of_another_that_brought_a_later_one(
    db: None, smtp_sink: SmtpSink, becomes: str
) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    world.a_deadline(commitment, in_days(8))
    reader = a_reader("reader@example.org", accord, commitment, rhythm="weekly")
    narrow = subscribing.one(reader.subscriptions.get().pk)
    planning.plan()
    fire("d7")
    subscribing.pause(reader.uuid, narrow)
    a_reader("reader@example.org", accord, rhythm="weekly")
    fire("d1")
    subscribing.resume(reader.uuid, narrow)
    assert Delivery.objects.count() == 1
    (subscribing.end if becomes == "ended" else subscribing.pause)(reader.uuid, ~narrow)
    make_due()
    delivering.deliver(seconds=20)
    assert [mail.recipients for mail in smtp_sink.mails] == [("reader@example.org",)]


def test_the_earlier_one_goes_where_the_later_one_is_no_longer_true(
    db: None, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    commitment = world.a_commitment(world.an_accord())
    world.a_deadline(commitment, in_days(8))
    a_reader("reader@example.org", commitment)
    planning.plan()
    fire("d7")
    fire("d1")
    why_not = reminding.why_not

    def later_is_needless(rows: Any, now: Any) -> dict[int, str]:
        rows = list(rows)
        return {**why_not(rows, now), **{row.pk: WhyNot.NEEDLESS for row in rows if row.rung == "d1"}}

    monkeypatch.setattr(reminding, "why_not", later_is_needless)
    assert delivering.deliver(seconds=20).sent == 1
    assert set(Delivery.objects.values_list("state", "why")) == {
        (State.SENT, ""), (State.DROPPED, Why.UNTRUE),
    }  # fmt: skip


def test_a_digest_says_of_a_date_once_how_many_days_are_left(db: None, smtp_sink: SmtpSink) -> None:
    commitment = world.a_commitment(world.an_accord())
    world.a_deadline(commitment, in_days(8))
    a_reader("reader@example.org", commitment, rhythm="weekly")
    planning.plan()
    fire("d7")
    fire("d1")
    make_due()
    delivering.deliver(seconds=20)
    (mail,) = smtp_sink.mails
    assert len(re.findall("days to go", mail.text)) == 1
    assert "1 piece of news" in mail.subject


def test_a_later_one_that_waits_for_a_digest_holds_back_no_mail(db: None, smtp_sink: SmtpSink) -> None:
    commitment = world.a_commitment(world.an_accord())
    world.a_deadline(commitment, in_days(8))
    reader = a_reader("reader@example.org", commitment)
    planning.plan()
    fire("d7")
    Subscription.objects.filter(subscriber=reader).update(rhythm="weekly")
    fire("d1")
    assert set(Delivery.objects.values_list("kind", flat=True)) == {Kind.ALERT, Kind.DIGEST}
    assert delivering.deliver(seconds=20).sent == 1


def test_a_reminder_of_a_date_that_a_pause_held_says_until_when(db: None) -> None:
    commitment = world.a_commitment(world.an_accord())
    world.a_deadline(commitment, "2026-03-10")
    order = operations.NewPause(commitment.code, date(2026, 3, 1), "A stop.", until_on=date(2026, 3, 26))
    operations.pause_commitments([order], actor=loader())
    planning.plan()
    operations.scan(timezone.now())
    deadline = commitment.deadlines.get()
    assert deadline.crosses_at is not None
    row = Reminder(deadline=deadline, commitment=commitment, about_at=deadline.crosses_at)
    now = deadline.crosses_at + timedelta(days=6, hours=8)
    said = []
    for language in ("en", "uk", "ja"):
        with translation.override(language):
            said.append(sentence(row, now))
    assert said[0] == (
        "7 days past the date: 10 March 2026, held by a pause until 26 March 2026 (set by the text)"
    )
    assert "10 березня 2026 року, через паузу подовжено до 26 березня 2026 року" in said[1]
    assert "2026年3月10日（休止により2026年3月26日まで延長）" in said[2]
