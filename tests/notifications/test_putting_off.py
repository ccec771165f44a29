"""Mails that are put off: tried again ever more rarely, and for how long."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from notifications import delivering, outbox
from notifications.models import Attempt, Delivery, Line, Outcome, State
from tests.notifications.cutting import CutsAfterData
from tests.notifications.readers import make_due, message_id, some_owed, states
from tests.sinks import SmtpSink

LONG_AGO = outbox.GIVE_UP_AFTER + timedelta(minutes=1)
OFTEN = outbox.TRIES - 1


def owed_since(then: datetime) -> Delivery:
    """The one mail that is owed, written down then."""
    some_owed()
    Delivery.objects.update(created_at=then)
    return Delivery.objects.get()


def put_off(it: Delivery, code: int | None, *instants: datetime) -> None:
    """Tries of a mail that were put off, with the server's code, or (None) because the conversation broke."""
    Attempt.objects.bulk_create(
        [Attempt(delivery=it, at=at, outcome=Outcome.RETRY, code=code) for at in instants]
    )
    Delivery.objects.filter(pk=it.pk).update(attempts=it.tries.count())


def test_a_mail_put_off_is_tried_again_later_with_the_same_message_id(db: None, smtp_sink: SmtpSink) -> None:
    some_owed(readers=3)
    smtp_sink.refusals["r1@example.org"] = "451 4.7.1 greylisted"
    assert delivering.deliver().sent == 2
    waiting = Delivery.objects.get(state=State.WAITING)
    assert timedelta(seconds=15) < waiting.next_attempt_at - timezone.now() < timedelta(seconds=45)
    assert delivering.deliver().sent == 0, "not before its time"
    smtp_sink.refusals.clear()
    make_due()
    assert delivering.deliver().sent == 1
    assert message_id(smtp_sink.to("r1@example.org")[0]) == f"<{waiting.pk}@testserver>"
    assert [attempt.code for attempt in waiting.tries.order_by("id")] == [451, 250]


@pytest.fixture
def puts_off(smtp_sink: SmtpSink) -> SmtpSink:
    """A server that puts off the reader of `some_owed`."""
    smtp_sink.refusals["r0@example.org"] = "451 4.7.1 greylisted"
    return smtp_sink


def test_a_mail_that_is_put_off_for_days_is_given_up(db: None, puts_off: SmtpSink) -> None:
    now = timezone.now()
    it = owed_since(now - LONG_AGO - timedelta(minutes=1))
    put_off(it, 451, now - LONG_AGO, *[now - timedelta(hours=n) for n in range(1, OFTEN)])
    delivering.deliver()
    assert states() == {"failed": 1}


def test_days_that_a_mail_waited_before_its_first_try_count_for_nothing(db: None, puts_off: SmtpSink) -> None:
    owed_since(timezone.now() - LONG_AGO)
    for _time in range(OFTEN):
        make_due()
        delivering.deliver()
    assert (states(), Delivery.objects.get().attempts) == ({"waiting": 1}, OFTEN)


def test_who_was_put_off_once_before_our_server_was_down_for_days_is_tried_as_often_as_others(
    db: None, puts_off: SmtpSink
) -> None:
    now = timezone.now()
    put_off(owed_since(now - LONG_AGO), 451, now - LONG_AGO)
    for _time in range(OFTEN - 1):
        delivering.deliver()
        assert states() == {"waiting": 1}
        make_due()
    delivering.deliver()
    assert states() == {"failed": 1}


def test_conversations_that_broke_count_for_no_refusal(db: None, puts_off: SmtpSink) -> None:
    now = timezone.now()
    put_off(owed_since(now - LONG_AGO), None, *[now - LONG_AGO] * OFTEN)
    delivering.deliver()
    assert states() == {"waiting": 1}


def test_what_is_sent_again_after_days_is_put_off_for_days_anew(db: None, puts_off: SmtpSink) -> None:
    now = timezone.now()
    it = owed_since(now - LONG_AGO)
    put_off(it, 451, *[now - LONG_AGO] * OFTEN)
    delivering.deliver()
    assert outbox.send_again([it.pk]) == 1
    delivering.deliver()
    assert states() == {"waiting": 1}


@pytest.mark.parametrize("is_down", [False, True])
def test_a_mail_that_breaks_the_conversation_for_days_while_the_line_works_is_for_a_person(
    db: None, settings: Any, is_down: bool
) -> None:
    now = timezone.now()
    put_off(owed_since(now - LONG_AGO), None, *[now - LONG_AGO] * OFTEN)
    if is_down:
        Line.objects.create(name="email", down_since=now, try_again_at=now)
    server = CutsAfterData(cuts=1000)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    delivering.deliver()
    server.socket.close()
    assert states() == {"waiting" if is_down else "quarantined": 1}
