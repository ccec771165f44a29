"""Redis only wakes: how many messages a real broker carries for a thousand mails."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
from celery import Celery

from commitments.models import Heartbeat
from notifications.models import Delivery, State
from tests import world
from tests.notifications.readers import a_reader
from tests.processes import Product, product, wait_until
from tests.servers import FreshDatabase
from tests.sinks import SmtpSink
from tracker import beat as beat_of_the_product
from tracker.celery import app, broker

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


@contextlib.contextmanager
def queue_of(running: Product) -> Iterator[Any]:
    """A line to the broker."""
    with redis.Redis(unix_socket_path=str(running.valkey.socket)) as client:
        yield client


@pytest.mark.processes
def test_a_worker_that_was_stopped_for_long_comes_back_to_no_mountain(
    fresh_db: FreshDatabase, smtp_sink: SmtpSink
) -> None:
    most = beat_of_the_product.Scheduler(app, lazy=True).most()
    with product(fresh_db, smtp_sink) as running, queue_of(running) as queue:
        with Celery("beat") as told:
            told.conf.update(**broker(running.valkey.url))
            for _tick in range(most - 3):
                told.send_task("commitments.scan", expires=datetime(2020, 1, 1, tzinfo=UTC))
        clock = running.start_beat()
        wait_until(lambda: "nobody_takes_ticks" in running.output(), 30, running.output())
        time.sleep(2)
        assert queue.llen("celery") == most, "no tick more"
        assert clock.is_running()
        began = time.monotonic()
        running.start_worker()
        wait_until(lambda: Heartbeat.objects.filter(name="scan").exists(), 30, running.output())
        assert time.monotonic() - began < 20
        wait_until(lambda: queue.llen("celery") < most / 2, 30, "the old ones are thrown away")


@pytest.mark.processes
def test_a_redis_that_is_full_stops_nobody_for_longer_than_it_is_full(
    fresh_db: FreshDatabase, smtp_sink: SmtpSink
) -> None:
    with product(fresh_db, smtp_sink) as running, queue_of(running) as queue:
        worker, clock = running.start_worker(), running.start_beat()
        scans = Heartbeat.objects.filter(name="scan")
        wait_until(scans.exists, 40, running.output())
        queue.config_set("maxmemory", 1)
        wait_until(lambda: "tick_not_said" in running.output(), 20, running.output())
        time.sleep(3)
        assert clock.is_running()
        last = scans.get().at
        queue.config_set("maxmemory", 64_000_000)
        # Even to take a message needs room: a worker that took one in that time ends, and its supervisor starts it again.
        wait_until(lambda: not worker.is_running() or scans.get().at > last, 30, running.output())
        if not worker.is_running():
            running.start_worker()
        wait_until(lambda: scans.get().at > last, 40, running.output())
