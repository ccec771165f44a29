"""What a worker may still do with what it has claimed, as its lease runs out."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from notifications import delivering, outbox, parcels
from notifications.models import Delivery, Subscription, Why
from tests.notifications.readers import some_owed, states
from tests.sinks import SmtpSink


def left(seconds: float) -> None:
    """Lets so much be left of every lease."""
    Delivery.objects.update(lease_until=timezone.now() + timedelta(seconds=seconds))


def test_what_may_not_be_started_because_the_lease_is_over_is_not_dropped_as_unwanted(db: None) -> None:
    some_owed()
    (it,) = outbox.claim()
    for seconds in (-60, 2):
        left(seconds)
        assert not outbox.start(it), "less than one mail may take is left"
        assert outbox.drop([it], Why.UNWANTED) == 0
    assert states() == {"claimed": 1}
    assert outbox.renew([it]) == 1
    assert outbox.start(it)


def test_a_lease_that_is_over_is_not_begun_anew(db: None) -> None:
    some_owed()
    held = outbox.claim()
    left(-1)
    assert outbox.renew(held) == 0


def test_no_mail_is_begun_ahead_for_which_too_little_of_the_lease_is_left(db: None) -> None:
    some_owed(readers=2)
    one, other = outbox.claim()
    assert outbox.start(one)
    left(2)
    assert outbox.settle(one, outbox.Ended("sent", 250), other) == (True, False)
    assert states() == {"sent": 1, "claimed": 1}


def test_a_claim_that_took_long_to_look_through_is_sent_all_the_same_and_once(
    fresh_db: Any, smtp_sink: SmtpSink, monkeypatch: Any, settings: Any
) -> None:
    settings.EMAIL_TIMEOUT = 2
    some_owed()
    pack = parcels.pack

    def slow(*given: Any) -> parcels.Packed:
        time.sleep(outbox.lease().total_seconds() - 1)
        return pack(*given)

    monkeypatch.setattr(parcels, "pack", slow)
    smtp_sink.delay = 1.7

    def work() -> None:
        delivering.deliver(seconds=1)
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    time.sleep(outbox.lease().total_seconds() + 0.4)
    assert outbox.recover() == 0, "its mail may be on the wire"
    worker.join()
    assert (states(), len(smtp_sink.mails)) == ({"sent": 1}, 1)


def test_what_is_unwanted_is_dropped_however_long_it_took_to_look_it_through(
    db: None, smtp_sink: SmtpSink, monkeypatch: Any, settings: Any
) -> None:
    settings.EMAIL_TIMEOUT = 2
    some_owed()
    Subscription.objects.update(ended_at=timezone.now())
    pack = parcels.pack

    def slow(*given: Any) -> parcels.Packed:
        time.sleep(outbox.room() + 0.1)
        return pack(*given)

    monkeypatch.setattr(parcels, "pack", slow)
    assert delivering.deliver(seconds=1).dropped == 1
    assert states() == {"dropped": 1}
