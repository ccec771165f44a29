"""Redis only wakes: how many messages a real broker carries for a thousand mails."""

from __future__ import annotations

import pytest
import redis
from celery import Celery

from notifications.models import Delivery, State
from tests import world
from tests.notifications.readers import a_reader
from tests.processes import Product, product, wait_until
from tests.servers import FreshDatabase
from tests.sinks import SmtpSink
from tracker.celery import broker

READERS, EVENTS = 50, 20


def messages(running: Product) -> int:
    """How many messages the broker has ever been given: each is one LPUSH onto the queue."""
    with redis.Redis(unix_socket_path=str(running.valkey.socket)) as client:
        told = client.info("commandstats")
    assert isinstance(told, dict)
    return int(told.get("cmdstat_lpush", {}).get("calls", 0))


@pytest.mark.processes
def test_a_thousand_mails_are_at_most_four_messages(fresh_db: FreshDatabase, smtp_sink: SmtpSink) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    for number in range(READERS):
        a_reader(f"r{number}@example.org", accord, commitment)
    for _event in range(EVENTS):
        world.some_evidence(commitment)
    with product(fresh_db, smtp_sink) as running:
        # A tick works until nothing is left, for at most a beat; nothing beats here, so that what is counted is what
        # the mails themselves cost.
        running.environment |= {"BEAT_SECONDS": "60", "ALERT_HOLD_SECONDS": "0"}
        worker = running.start_worker()
        beat = Celery("beat")
        beat.conf.update(**broker(running.valkey.url))
        beat.send_task("notifications.fan_out")
        wait_until(lambda: Delivery.objects.count() == READERS * EVENTS, 120, "all is written down")
        sent = Delivery.objects.filter(state=State.SENT)
        beat.send_task("notifications.deliver")
        wait_until(lambda: sent.count() == READERS * EVENTS, 240, running.output())
        assert 2 <= messages(running) <= 4
        running.kill(worker)
        beat.close()
    assert len(smtp_sink.mails) == READERS * EVENTS
