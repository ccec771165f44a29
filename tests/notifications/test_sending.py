"""Sending over real SMTP: what goes wrong on the way, and that nothing is lost and nothing is doubled for it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
import uuid
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from commitments import operations
from commitments.actors import loader
from notifications import delivering, fanning, letters, line, outbox
from notifications.channels import email
from notifications.models import Attempt, Delivery, Line, Outcome, State, Subscriber, Why
from notifications.outbox import Ended
from tests import world
from tests.notifications.cutting import CutsAfterData
from tests.notifications.readers import a_reader, make_due, message_id, one_round, some_owed, states
from tests.sinks import SmtpSink

# What has become untrue.


def test_a_status_retracted_before_it_was_sent_is_told_to_nobody_nor_is_the_retraction(
    db: None, smtp_sink: SmtpSink
) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("reader@example.org", accord)
    judged = world.published(commitment, "fulfilled", [world.some_evidence(commitment, origin="backfill")])
    fanning.fan_out()
    operations.retract_assessments([judged.code], actor=world.actor("reviewer"), why="It was too early.")
    this = one_round()
    assert (this.sent, this.dropped) == (0, 2)
    assert set(Delivery.objects.values_list("state", "why")) == {(State.DROPPED, Why.UNTRUE)}
    # Whoever has been told is told of the retraction, too.
    again = world.published(commitment, "fulfilled", [world.some_evidence(commitment, origin="backfill")])
    assert one_round().sent == 1
    operations.retract_assessments([again.code], actor=world.actor("reviewer"), why="It was too early.")
    assert one_round().sent == 1
    assert "retracted" in smtp_sink.mails[1].subject
    assert "It was too early." in smtp_sink.mails[1].text


def test_evidence_withdrawn_and_dates_that_moved_on_are_not_told_any_more(
    db: None, smtp_sink: SmtpSink
) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("reader@example.org", accord)
    gone = world.some_evidence(commitment)
    deadline = world.a_deadline(commitment, "2025-01")
    operations.scan(timezone.now())
    fanning.fan_out()
    operations.withdraw_evidence([gone.code], actor=loader(), why="Wrong.")
    for day in ("2098", "2099"):
        operations.move_deadlines({deadline.code: day}, actor=loader(), why="Agreed.")
    one_round()
    subjects = sorted(mail.subject for mail in smtp_sink.mails)
    assert len(subjects) == 1, subjects
    assert "now 2099 (before: 2098)" in subjects[0]


# Refusals.


def test_one_refused_recipient_ends_that_mail_only(db: None, smtp_sink: SmtpSink) -> None:
    some_owed(readers=10)
    smtp_sink.refusals["r4@example.org"] = "550 5.1.1 <r4@example.org>: nobody of this name"
    this = delivering.deliver()
    assert (this.sent, this.failed, smtp_sink.sessions) == (9, 1, 1)
    failed = Delivery.objects.get(state=State.FAILED)
    assert failed.subscriber is not None
    assert failed.subscriber.email == "r4@example.org"
    attempt = failed.tries.get()
    assert (attempt.code, attempt.outcome) == (550, Outcome.FAILED)
    assert attempt.reply == "5.1.1 <address>: nobody of this name"
    make_due()
    assert delivering.deliver().sent == 0


def test_a_connection_cut_after_the_mail_repeats_that_mail_alone_with_its_id(db: None, settings: Any) -> None:
    some_owed(readers=5)
    server = CutsAfterData(cuts=1)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    this = delivering.deliver()
    assert (this.sent, this.put_off) == (4, 1)
    make_due()
    assert delivering.deliver().sent == 1
    server.socket.close()
    ids = [next(row for row in mail.split(b"\r\n") if row.startswith(b"Message-ID")) for mail in server.taken]
    assert len(ids) == 6
    assert len(set(ids)) == 5
    assert ids[0] == ids[-1]


def test_a_server_that_hangs_up_on_everybody_is_left_alone_and_nobody_is_blamed(
    db: None, settings: Any
) -> None:
    some_owed(readers=30)
    server = CutsAfterData(cuts=1000)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    this = delivering.deliver()
    assert this.is_down
    assert len(server.taken) == delivering.PATIENCE
    assert states() == {"waiting": 30}
    assert Delivery.objects.filter(attempts=0).count() == 27
    server.socket.close()


def test_while_the_server_is_down_one_try_at_a_time_is_made_and_then_the_oldest_goes_first(
    db: None, smtp_sink: SmtpSink, settings: Any
) -> None:
    some_owed(readers=5)
    now = timezone.now()
    for n, delivery in enumerate(Delivery.objects.order_by("subscriber__email")):
        Delivery.objects.filter(pk=delivery.pk).update(next_attempt_at=now - timedelta(minutes=n))
    there, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    assert delivering.deliver().is_down
    assert line.may_try() is False
    assert delivering.deliver().is_down is False, "not even tried"
    assert states() == {"waiting": 5}
    assert not Attempt.objects.exists()
    tries = Line.objects.get()
    assert tries.tries == 1
    Line.objects.update(try_again_at=now)
    settings.EMAIL_PORT = there
    assert delivering.deliver().sent == 5
    assert [mail.recipients[0] for mail in smtp_sink.mails] == [f"r{n}@example.org" for n in (4, 3, 2, 1, 0)]
    assert Line.objects.get().down_since is None


# Workers that die, stop, or write nonsense.


def test_the_late_settle_of_a_worker_that_lost_its_lease_is_refused(db: None, smtp_sink: SmtpSink) -> None:
    some_owed()
    (stale,) = outbox.claim()
    assert outbox.start(stale)
    assert outbox.claim() == [], "a claimed one is nobody else's"
    assert outbox.recover() == 0, "while the lease holds"
    Delivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert outbox.recover() == 1
    make_due()
    (fresh,) = outbox.claim()
    assert fresh.id == stale.id
    assert fresh.token != stale.token
    assert outbox.settle(stale, Ended(Outcome.SENT, 250)) == (False, False)
    assert outbox.drop([stale], Why.UNTRUE) == 0
    assert outbox.release([stale]) == 0
    assert states() == {"claimed": 1}
    assert outbox.start(fresh)
    assert outbox.settle(fresh, Ended(Outcome.SENT, 250)) == (True, False)
    assert (states(), Delivery.objects.get().crashes) == ({"sent": 1}, 1)


def test_a_claim_that_ran_out_before_its_mail_was_started_counts_no_crash(db: None) -> None:
    some_owed(readers=3)
    first, *_others = outbox.claim()
    assert outbox.start(first)
    for n in range(1, outbox.CRASHES + 1):
        Delivery.objects.filter(state=State.CLAIMED).update(lease_until=timezone.now() - timedelta(seconds=1))
        outbox.recover()
        assert Delivery.objects.get(pk=first.id).crashes == n
        make_due()
        for it in outbox.claim():
            if it.id == first.id:
                outbox.start(it)
    assert Delivery.objects.get(pk=first.id).state == State.QUARANTINED
    assert set(Delivery.objects.exclude(pk=first.id).values_list("crashes", flat=True)) == {0}


def test_a_worker_killed_in_the_middle_loses_nothing_and_repeats_at_most_the_mail_on_the_wire(
    fresh_db: Any, smtp_sink: SmtpSink
) -> None:
    some_owed(readers=6)
    smtp_sink.delay = 0.3
    environment = fresh_db.environment(EMAIL_HOST=smtp_sink.host, EMAIL_PORT=str(smtp_sink.port))
    worker = subprocess.Popen(
        [sys.executable, "-m", "django", "tick"], env=environment, stdout=subprocess.PIPE
    )
    smtp_sink.wait_for(3, timeout=30)
    time.sleep(0.1)  # the fourth is on the wire
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    time.sleep(0.5)
    accepted = len(smtp_sink.mails)
    left = states()
    assert left["claimed"] >= 3, left
    smtp_sink.delay = 0
    assert delivering.deliver().sent == 0, "nobody takes what is leased"
    Delivery.objects.filter(state=State.CLAIMED).update(lease_until=timezone.now() - timedelta(seconds=1))
    outbox.recover()
    make_due()
    delivering.deliver(seconds=20)
    assert states() == {"sent": 6}
    ids = [message_id(mail) for mail in smtp_sink.mails]
    assert {mail.recipients[0] for mail in smtp_sink.mails} == {f"r{n}@example.org" for n in range(6)}
    assert len(set(ids)) == 6
    assert len(ids) <= 7, f"only the one on the wire may come twice ({accepted} before the kill)"
    assert set(ids) == {f"<{key}@testserver>" for key in Delivery.objects.values_list("pk", flat=True)}
    crashes = sum(Delivery.objects.values_list("crashes", flat=True))
    assert crashes == 1, "only the one that was started counts it"


def test_many_senders_at_once_send_each_mail_once(fresh_db: Any, smtp_sink: SmtpSink) -> None:
    some_owed(readers=20, events=10)

    def send() -> None:
        delivering.deliver(seconds=30)
        connection.close()

    senders = [threading.Thread(target=send) for _n in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert states() == {"sent": 200}
    ids = [message_id(mail) for mail in smtp_sink.mails]
    assert len(ids) == len(set(ids)) == 200


def test_a_mail_that_cannot_be_written_is_put_aside_and_its_neighbours_go_out(
    db: None, smtp_sink: SmtpSink, monkeypatch: Any
) -> None:
    _accord, commitment = some_owed(readers=2, events=1)
    poison = world.some_evidence(commitment)
    fanning.fan_out()
    write = letters.alert

    def alert(event: Any, *rest: Any) -> Any:
        """Fails for one event."""
        if poison.code in event.body:
            raise RuntimeError("cannot be written")
        return write(event, *rest)

    monkeypatch.setattr(letters, "alert", alert)
    for _try in range(outbox.CRASHES):
        delivering.deliver()
        make_due()
    assert states() == {"sent": 2, "quarantined": 2}
    assert {attempt.reply for attempt in Attempt.objects.filter(outcome=Outcome.ERROR)} == {"RuntimeError"}


def test_a_mail_that_never_ends_is_broken_off_and_its_neighbours_go_out(
    db: None, smtp_sink: SmtpSink, monkeypatch: Any, settings: Any
) -> None:
    settings.EMAIL_TIMEOUT = 1
    some_owed(readers=3, events=1)
    endless = Subscriber.objects.get(email="r1@example.org").uuid
    assemble = email.assemble

    def write(letter: Any, reader: Any, *rest: Any) -> bytes:
        while reader.uuid == endless:
            time.sleep(0.01)
        return assemble(letter, reader, *rest)

    monkeypatch.setattr(delivering, "assemble", write)
    assert delivering.deliver().sent == 2
    assert {mail.recipients[0] for mail in smtp_sink.mails} == {"r0@example.org", "r2@example.org"}
    (attempt,) = Attempt.objects.filter(outcome=Outcome.ERROR)
    assert attempt.reply == "TookTooLong"
    assert states() == {"sent": 2, "waiting": 1}


def test_what_failed_us_before_goes_last_in_a_claim_and_alone(db: None) -> None:
    some_owed(readers=6, events=1)
    make_due()
    first = Delivery.objects.order_by("subscriber").values_list("pk", flat=True)[:3]
    Delivery.objects.filter(pk__in=first).update(
        crashes=1, next_attempt_at=timezone.now() - timedelta(hours=1)
    )
    claimed = [it.id for it in outbox.claim()]
    assert len(claimed) == 4
    assert set(claimed[:3]).isdisjoint(first)
    assert claimed[3] in first
    assert [it.id in first for it in outbox.claim()] == [True]
    assert [it.id in first for it in outbox.claim()] == [True]
    assert outbox.claim() == []


def test_a_round_is_time_boxed_and_gives_back_what_it_did_not_start(db: None, smtp_sink: SmtpSink) -> None:
    some_owed(readers=10)
    smtp_sink.delay = 0.2
    began = time.monotonic()
    this = delivering.deliver(seconds=0.5)
    assert time.monotonic() - began < 2
    assert 1 <= this.sent <= 4
    assert states() == {"sent": this.sent, "waiting": 10 - this.sent}
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {0, 1}


def test_settling_what_does_not_exist_is_refused(db: None) -> None:
    nobody = outbox.Claimed(uuid.uuid4(), uuid.uuid4())
    assert outbox.settle(nobody, Ended(Outcome.SENT)) == (False, False)
    assert not outbox.start(nobody)


def test_the_tasks_have_the_names_that_beat_calls(db: None) -> None:
    from tracker.celery import app

    app.loader.import_default_modules()
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)
