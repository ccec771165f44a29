"""`bench log`: four racing writers and a polling reader, beside the usual way, `id > last`."""

from __future__ import annotations

import multiprocessing
import random
import time
from argparse import ArgumentParser, Namespace
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection, connections, transaction

from commitments.log import append, operation
from commitments.models import Accord, Event
from commitments.verifying import verify
from commitments.words import EventKind
from tracker.bench import data
from tracker.bench.measuring import Figure, percentile, ratio

WRITERS = 4
NAIVE = "SELECT id FROM bench_naive WHERE id > %s ORDER BY id"
LOG = "SELECT seq FROM commitments_event WHERE seq > %s ORDER BY seq LIMIT 200"
_fork = multiprocessing.get_context("fork")
Told = list[tuple[int, float]]


class _Abandoned(Exception):
    """One in ten turns is rolled back."""


def arguments(parser: ArgumentParser) -> None:
    """What may be asked."""
    parser.add_argument("--events", type=int, default=10_000, help="events in all (default: 10,000)")
    parser.add_argument("--rounds", type=int, default=4, help="in so many alternating rounds (default: 4)")
    parser.add_argument("--seed", type=int, default=1, help="of delays and rollbacks (default: 1)")


@operation
def _say(accord: Accord, dice: random.Random) -> None:
    """A turn of the log: work of a random length, then one fact."""
    time.sleep(dice.random() / 125)
    append(EventKind.EVIDENCE_WITHDRAWN, accord, facts={"evidence": "B-0-E1", "source": "bench"})
    if dice.random() < 0.1:
        raise _Abandoned


def _insert(accord: Accord, dice: random.Random) -> None:
    """The usual way: a row whose id the sequence gives, somewhere inside the transaction."""
    with transaction.atomic():
        data.run("INSERT INTO bench_naive (kind, body) VALUES (%s, %s)", "evidence_withdrawn", "{}" * 100)
        time.sleep(dice.random() / 125)
        if dice.random() < 0.1:
            raise _Abandoned


def _write(
    turn: Callable[[Accord, random.Random], None], number: int, seed: tuple[int, ...], committed: Any
) -> None:
    """A writer's process: its turns, until so many of them have held."""
    connections.close_all()
    dice, accord, held, at = random.Random(str(seed)), Accord.objects.get(), 0, []
    while held < number:
        try:
            turn(accord, dice)
        except _Abandoned:
            continue
        held += 1
        at.append(time.time())
    committed.put(at)
    connections.close_all()


def _poll(query: str, start: int, done: Any, seen: Any) -> None:
    """The reader's process: what comes after the last id it saw, until nothing more can come."""
    connections.close_all()
    last = start
    told: Told = []
    with connection.cursor() as cursor:
        while True:
            is_over = done.is_set()
            cursor.execute(query, [last])
            rows = [row[0] for row in cursor.fetchall()]
            now = time.time()
            told.extend((row, now) for row in rows)
            if rows:
                last = rows[-1]
            elif is_over:
                break
            else:
                time.sleep(0.001)
    seen.put(told)
    connections.close_all()


def _race(
    turn: Callable[[Accord, random.Random], None], query: str, start: int, asked: Namespace, round_: int
) -> tuple[Told, float]:
    """What the reader saw and when, and how long the writers took (seconds)."""
    committed, seen, done = _fork.Queue(), _fork.Queue(), _fork.Event()
    connections.close_all()
    reader = _fork.Process(target=_poll, args=(query, start, done, seen))
    each = asked.events // asked.rounds // WRITERS // 2
    writers = [
        _fork.Process(target=_write, args=(turn, each, (asked.seed, round_, number), committed))
        for number in range(WRITERS)
    ]
    reader.start()
    began = time.perf_counter()
    for writer in writers:
        writer.start()
    for _writer in writers:
        committed.get()
    took = time.perf_counter() - began
    done.set()
    told: Told = seen.get()
    for process in (*writers, reader):
        process.join()
    return told, took


def figures(asked: Namespace) -> Iterator[Figure]:
    """The goals of the log's order: the usual way and ours in turn, while an unrelated transaction stays open."""
    data.an_accord()
    data.run(
        "CREATE TABLE bench_naive (id bigserial PRIMARY KEY, at timestamptz DEFAULT now(), kind text, body text)"
    )
    start = Event.objects.order_by("-seq").values_list("seq", flat=True)[0]
    # As a backup or a report would.
    connections.close_all()
    holder = _fork.Process(target=_hold_open, daemon=True)
    holder.start()
    time.sleep(0.5)
    naive: Told = []
    told: Told = []
    took: dict[tuple[str, bool], float] = defaultdict(float)
    for number in range(asked.rounds):
        for waits in (False, True):
            data.run(f"ALTER DATABASE bench_log SET synchronous_commit = {'on' if waits else 'off'}")
            race = _race(_insert, NAIVE, naive[-1][0] if naive else 0, asked, number)
            naive, took["naive", waits] = naive + race[0], took["naive", waits] + race[1]
            race = _race(_say, LOG, told[-1][0] if told else start, asked, number)
            told, took["log", waits] = told + race[0], took["log", waits] + race[1]
    holder.terminate()
    holder.join()
    written = asked.events // asked.rounds // WRITERS // 2 * 2 * WRITERS * asked.rounds
    yield Figure("the usual way, id > last: missed", f"{written - len(naive)} of {written}")
    rows = [row for row, _at in told]
    expected = list(range(start + 1, start + written + 1))
    missed, repeated = len(set(expected) - set(rows)), len(rows) - len(set(rows))
    yield Figure("the log: missed", f"{missed} of {written}", "0", missed == 0)
    yield Figure("the log: repeated", str(repeated), "0", repeated == 0)
    yield Figure("the log: in order", "yes" if rows == sorted(rows) else "no", "yes", rows == sorted(rows))
    # `at` is stamped under the turn, a moment before the commit: the lag is at most what is shown.
    stamped = dict(Event.objects.filter(seq__gt=start).values_list("seq", "at"))
    lag = percentile([(at - stamped[row].timestamp()) * 1000 for row, at in told], 0.99)
    yield Figure("lag of the reader beside an open transaction: p99", f"{lag:.1f} ms", "< 50 ms", lag < 50)
    for waits in (False, True):
        usual, ours = took["naive", waits], took["log", waits]
        when = "commits wait for the disk" if waits else "commits do not wait"
        half = written / 2
        yield Figure(f"events a second, {when}: the usual way", f"{half / usual:.0f}")
        yield Figure(f"events a second, {when}: the log", f"{half / ours:.0f}")
        yield ratio(f"the log against the usual way, {when}", usual / ours, 0.8, at_most=False)
    held, fault = verify()
    yield Figure("the chain holds", f"{held} events", "yes", fault is None)


def _hold_open() -> None:
    """A transaction with a snapshot and an id of its own that does not end."""
    connections.close_all()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE held (id integer)")
        cursor.execute("SELECT pg_current_xact_id()")
        time.sleep(3600)
