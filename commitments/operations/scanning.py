"""The verb of the clock: mark what has passed, and say so once, with the true instant."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import NamedTuple

from django.db import connection

from commitments import jobs
from commitments.actors import CLOCK
from commitments.log import Pending, append_many, operation, stamp
from commitments.models import Accord, Commitment, Deadline
from commitments.operations.keeping import terms_of, zones_of
from commitments.words import Authority, Clock, EventKind, Kind, Origin, Status

# Large enough that few round trips are made, small enough that the log is nobody's for a moment only.
BATCH = 2500


class Passed(NamedTuple):
    """A deadline that was marked, as the log tells it: instants are stamps (UTC), dates ISO 8601."""

    id: int
    number: int
    type: str
    authority: str
    clock: str
    edtf: str
    last_on: str | None
    due_at: str | None
    crosses_at: str
    commitment_id: int
    code: str
    kind: str
    status: str
    is_triggered: bool
    ends_on: str | None
    accord_id: int
    accord: str


def _stamped(column: str) -> str:
    """An instant as the log writes it (see `log.stamp`), told by the database: thousands cost nothing that way."""
    return f"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"


# Marks, and reads what the events need of the wide rows beside, and no more. Stamps sort as the instants do.
_MARK = f"""
WITH passed AS (
    UPDATE commitments_deadline AS d SET overdue_since = d.crosses_at
    FROM commitments_commitment AS c JOIN commitments_accord AS a ON a.id = c.accord_id
    WHERE d.id = ANY(%s) AND c.id = d.commitment_id
    RETURNING d.id AS key, d.number, d.type, d.authority, d.clock, d.edtf, d.last_on::text, {_stamped("d.due_at")},
        {_stamped("d.crosses_at")} AS crossed, c.id, c.code, c.kind, c.status, c.triggered_at IS NOT NULL,
        least(c.ends_on, a.ends_on)::text, a.id, a.code
) SELECT * FROM passed ORDER BY crossed, key
"""  # noqa: S608 - columns of our own


@cache
def event_kind(clock: str, authority: str, kind: str) -> str:
    """The event of a deadline's clock and authority: only the text or an agreement makes a party overdue."""
    if clock == Clock.PARTY:
        binding = authority in (Authority.TEXT, Authority.AGREED)
        return str(EventKind.BECAME_OVERDUE if binding else EventKind.FELL_BEHIND_TARGET)
    return str(EventKind.REVIEW_BECAME_DUE if kind == Kind.CONTINUING else EventKind.VERDICT_BECAME_DUE)


def _over(rows: Iterable[Passed]) -> set[int]:
    """Those whose duty was over before they passed."""
    # Most have no end near: ISO dates compare as texts.
    perhaps = [row for row in rows if row.ends_on and not (row.last_on and row.last_on <= row.ends_on)]
    if not perhaps:
        return set()
    keys = {row.commitment_id for row in perhaps}
    commitments = Commitment.objects.select_related("accord").in_bulk(keys)
    zones = zones_of(commitments.values())
    ends = {key: terms_of(commitment, zones[key]).ends_at for key, commitment in commitments.items()}
    return {row.id for row in perhaps if (end := ends[row.commitment_id]) and stamp(end) < row.crosses_at}


def _told(row: Passed, origin: str) -> Pending:
    """The event of a deadline that has passed."""
    return Pending(
        kind=event_kind(row.clock, row.authority, row.kind),
        accord_id=row.accord_id,
        accord_code=row.accord,
        commitment_id=row.commitment_id,
        commitment_code=row.code,
        by=CLOCK.office,
        origin=origin,
        facts={
            "deadline": f"{row.code}-D{row.number}",
            "type": row.type,
            "authority": row.authority,
            "clock": row.clock,
            "edtf": row.edtf or None,
            "due_at": row.due_at,
            "status": row.status,
        },
        happened_on=row.last_on,
        crossed_at=row.crosses_at,
    )


@operation
def mark_what_has_passed(
    now: datetime, batch: int = BATCH, *, accord: Accord | None = None, origin: str = Origin.LIVE
) -> int:
    """Marks up to `batch` deadlines that were open and past due at `now` (UTC); returns how many were marked.

    Twice: one event. After an outage however long: still flagged, once, with the instant it was crossed.
    A load marks what its own `accord` brings along with origin backfill: what passed before is not news.
    A deadline of a duty that had already ended, or that nothing has triggered, is marked without an event.
    """
    # Keys first, through the partial index; rows that a verb holds are left for the next round.
    keys = list(
        (Deadline.objects.filter(commitment__accord=accord) if accord else Deadline.objects.all())
        .open()
        .unmarked()
        .past_due(now)
        .order_by("crosses_at", "id")
        .select_for_update(skip_locked=True, no_key=True, of=("self",))
        .values_list("pk", flat=True)[:batch]
    )
    if not keys:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_MARK, [keys])
        rows = [Passed(*row) for row in cursor.fetchall()]
    over = _over(rows)
    append_many(
        _told(row, str(origin))
        for row in rows
        if row.id not in over
        and row.status != Status.SUPERSEDED
        and (row.kind != Kind.CONDITIONAL or row.is_triggered)
    )
    return len(keys)


def scan(now: datetime) -> int:
    """Marks everything that has passed, batch by batch, and notes that we looked; returns how many were marked."""
    marked = 0
    while True:
        done = mark_what_has_passed(now)
        marked += done
        if done < BATCH:
            break
    jobs.looked(jobs.SCAN, now, marked=marked)
    return marked
