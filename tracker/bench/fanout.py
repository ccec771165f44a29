"""`bench fanout`: writing down what one event owes to many, beside a bare INSERT .. SELECT of the same rows."""

from __future__ import annotations

import resource
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from django.db import transaction

from notifications import fanning
from notifications.models import Bookmark, Delivery, Notice
from tracker.bench import data, readers
from tracker.bench.measuring import Figure, alternating, ratio

# The same rows in the same tables, with the same indexes and keys, by the two shortest statements.
RAW_DELIVERIES = """
INSERT INTO notifications_delivery
    (id, kind, subscriber_id, state, why, domain, rhythm, is_open, created_at, next_attempt_at, attempts, crashes)
SELECT gen_random_uuid(), 'alert', s.subscriber_id, 'waiting', '', split_part(p.email, '@', 2), '', false,
       now(), now(), 0, 0
FROM notifications_subscription s JOIN notifications_subscriber p ON p.id = s.subscriber_id
"""
RAW_NOTICES = """
INSERT INTO notifications_notice (subscriber_id, source, number, wishes, delivery_id)
SELECT d.subscriber_id, 'event', %s, ARRAY[s.id], d.id
FROM notifications_delivery d JOIN notifications_subscription s ON s.subscriber_id = d.subscriber_id
ON CONFLICT DO NOTHING
"""
SMALL = 300 * 1024  # kB


def arguments(parser: ArgumentParser) -> None:
    """What may be asked."""
    parser.add_argument("--readers", type=int, default=100_000, help="how many follow (default: 100,000)")
    parser.add_argument("--runs", type=int, default=3, help="alternating runs (default: 3)")
    parser.add_argument("--grown", type=int, default=0, help="also one fan-out to that many readers; 0: not")


def figures(asked: Namespace) -> Iterator[Figure]:
    """The goals of the fan-out."""
    accord = data.an_accord()
    readers.follow(accord, asked.readers)
    seq = readers.an_event()

    def again() -> None:
        readers.forget()
        Bookmark.objects.filter(name=fanning.FAN_OUT).update(seq=seq - 1)

    def raw() -> None:
        with transaction.atomic():
            data.run(RAW_DELIVERIES)
            data.run(RAW_NOTICES, seq)

    bare, product = alternating(asked.runs, [(again, raw), (again, lambda: fanning.fan_out(600))])
    made = Notice.objects.count()
    yield Figure(f"{asked.readers:,} readers: two bare statements", f"{asked.readers / bare:,.0f} a second")
    yield Figure("fan_out", f"{asked.readers / product:,.0f} a second")
    yield ratio("fan_out against the bare statements", product / bare, 1.5)
    is_whole = made == asked.readers == Delivery.objects.count()
    yield Figure("notices and deliveries made", f"{made:,}", f"{asked.readers:,}", is_whole)
    Bookmark.objects.filter(name=fanning.FAN_OUT).update(seq=seq - 1)
    second = fanning.fan_out(600)
    yield Figure("a second run makes", f"{second}", "0", second == 0)
    if asked.grown:
        yield from _grown(asked)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield Figure("the most memory of this process", f"{peak / 1024:.0f} MB", "< 300 MB", peak < SMALL)


def _grown(asked: Namespace) -> Iterator[Figure]:
    from commitments.models import Accord

    data.run("TRUNCATE notifications_subscriber CASCADE")
    readers.follow(Accord.objects.get(), asked.grown)
    readers.an_event()
    started, longest = time.perf_counter(), 0.0
    while True:
        began = time.perf_counter()
        if not fanning.fan_out(0):
            break
        longest = max(longest, time.perf_counter() - began)
    took = time.perf_counter() - started
    yield Figure(f"{asked.grown:,} readers: the whole fan-out", f"{took:.1f} s")
    yield Figure("the longest transaction of it", f"{longest * 1000:.0f} ms")
