"""`bench scan`: marking what has passed, beside one bare statement and beside a loop over rows."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from datetime import UTC, datetime

from django.db import connection, transaction

from commitments import operations
from commitments.models import Deadline, Event
from commitments.operations.scanning import BATCH
from tracker.bench import data
from tracker.bench.measuring import Figure, alternating, percentile, ratio, seconds

NOW = datetime(2025, 1, 2, tzinfo=UTC)
# One UPDATE through the partial index whose rows become events: nothing does the whole in less.
RAW = """
WITH passed AS (
    UPDATE commitments_deadline SET overdue_since = crosses_at
    WHERE id IN (
        SELECT id FROM commitments_deadline
        WHERE closed_at IS NULL AND overdue_since IS NULL AND crosses_at <= %s
        ORDER BY crosses_at, id
    )
    RETURNING id, commitment_id, crosses_at
)
INSERT INTO bench_event (deadline_id, commitment_id, at, kind, body)
SELECT id, commitment_id, crosses_at, 'became_overdue', '{"deadline":' || id || '}' FROM passed
"""


def arguments(parser: ArgumentParser) -> None:
    """What may be asked."""
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="deadlines in the table (default: 1,000,000)"
    )
    parser.add_argument(
        "--due", type=int, default=10_000, help="how many of them have passed (default: 10,000)"
    )
    parser.add_argument("--runs", type=int, default=3, help="alternating runs (default: 3)")
    parser.add_argument(
        "--grown", type=int, default=0, help="also at that many deadlines, beside a tenth of `--rows`; 0: not"
    )


def figures(asked: Namespace) -> Iterator[Figure]:
    """The goals of the scan."""
    data.an_accord()
    data.run(
        "CREATE TABLE bench_event (id bigserial PRIMARY KEY, deadline_id bigint, commitment_id bigint, "
        "at timestamptz, kind text, body text)"
    )
    small = asked.rows // 10
    data.multiply(max(small, asked.due * data.PER_COMMITMENT))
    data.make_due(asked.due)
    few = _scans(asked) if asked.grown else 0.0
    data.multiply(asked.rows)
    data.unmark()
    before = Event.objects.filter(kind="became_overdue").count()
    raw, product = alternating(
        asked.runs, [(data.unmark, lambda: data.run(RAW, NOW)), (data.unmark, lambda: operations.scan(NOW))]
    )
    events = (Event.objects.filter(kind="became_overdue").count() - before) // asked.runs
    yield Figure(f"{asked.due:,} due of {asked.rows:,}: one bare statement", f"{raw * 1000:.0f} ms")
    yield Figure("the scan, with chained events", f"{product * 1000:.0f} ms")
    yield Figure("events of each scan", f"{events:,}", f"{asked.due:,}", events == asked.due)
    yield ratio("the scan against the bare statement", product / raw, 3)
    sample = min(500, asked.due)
    data.unmark()
    loop = seconds(lambda: _loop(sample)) / sample
    yield Figure(f"a loop of save() and create(), {sample} rows", f"{loop * 1000:.2f} ms a row")
    yield ratio("the loop against the scan, by the row", loop / (product / asked.due), 20, at_most=False)
    operations.scan(NOW)
    yield from _nothing(asked.rows)
    yield _plan(asked.rows)
    if asked.grown:
        data.multiply(asked.grown)
        many = _scans(asked)
        yield ratio(f"the same due set at {asked.grown:,} against {small:,}", many / few, 1.25)
        yield from _nothing(asked.grown)
        yield _plan(asked.grown)


def _scans(asked: Namespace) -> float:
    """The median seconds of a scan at the present size."""
    return alternating(asked.runs, [(data.unmark, lambda: operations.scan(NOW))])[0]


def _loop(number: int) -> None:
    """What most products do: row by row."""
    for row in Deadline.objects.open().unmarked().past_due(NOW).select_related("commitment")[:number]:
        with transaction.atomic():
            row.overdue_since = row.crosses_at
            row.save()
            data.run(
                "INSERT INTO bench_event (deadline_id, commitment_id, at, kind, body) VALUES (%s, %s, %s, %s, %s)",
                row.pk, row.commitment_id, row.crosses_at, "became_overdue", "{}",
            )  # fmt: skip


def _nothing(rows: int) -> Iterator[Figure]:
    """Looking again straight after a scan."""
    taken = []
    for _look in range(1000):
        start = time.perf_counter()
        operations.mark_what_has_passed(NOW)
        taken.append((time.perf_counter() - start) * 1000)
    worst = percentile(taken, 0.99)
    yield Figure(
        f"nothing due at {rows:,}, straight after a scan: p50, p99",
        f"{percentile(taken, 0.5):.2f}, {worst:.2f} ms",
        "p99 < 5 ms",
        worst < 5,
    )


def _plan(rows: int) -> Figure:
    """Whether the query reads the partial index, whatever the table has grown to."""
    with connection.cursor() as cursor:
        cursor.execute(
            "EXPLAIN SELECT id FROM commitments_deadline WHERE closed_at IS NULL AND overdue_since IS NULL "
            "AND crosses_at <= %s ORDER BY crosses_at, id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED",
            [NOW, BATCH],
        )
        plan = " ".join(row[0] for row in cursor.fetchall())
    is_indexed = "deadline_to_mark" in plan and "Seq Scan" not in plan
    return Figure(
        f"the query reads the partial index at {rows:,}", "yes" if is_indexed else "no", "yes", is_indexed
    )
