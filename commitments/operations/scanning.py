"""The verb of the clock: mark what has passed, and say so once, with the true instant."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from commitments.actors import CLOCK
from commitments.log import append, operation
from commitments.models import Commitment, Deadline, Heartbeat
from commitments.operations.keeping import terms_of, zones_of
from commitments.words import Authority, Clock, EventKind, Kind, Status

BATCH = 1000
SCAN = "scan"


def event_kind(deadline: Deadline, commitment: Commitment) -> EventKind:
    """The event of a deadline's clock and authority: only the text or an agreement makes a party overdue."""
    if deadline.clock == Clock.PARTY:
        binding = deadline.authority in (Authority.TEXT, Authority.AGREED)
        return EventKind.BECAME_OVERDUE if binding else EventKind.FELL_BEHIND_TARGET
    return EventKind.REVIEW_BECAME_DUE if commitment.kind == Kind.CONTINUING else EventKind.VERDICT_BECAME_DUE


@operation
def mark_what_has_passed(now: datetime, batch: int = BATCH) -> int:
    """Marks up to `batch` deadlines that were open and past due at `now` (UTC); returns how many were marked.

    Twice: one event. After an outage however long: still flagged, once, with the instant it was crossed.
    A deadline of a duty that had already ended, or that nothing has triggered, is marked without an event.
    """
    # Keys first, through the partial index; rows that a verb holds are left for the next round.
    keys = list(
        Deadline.objects.open()
        .unmarked()
        .past_due(now)
        .order_by("due_at", "id")
        .select_for_update(skip_locked=True, no_key=True, of=("self",))
        .values_list("pk", flat=True)[:batch]
    )
    if not keys:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE commitments_deadline SET overdue_since = due_at WHERE id = ANY(%s)",
            [keys],
        )
    rows = list(
        Deadline.objects.filter(pk__in=keys).select_related("commitment__accord").order_by("due_at", "id")
    )
    commitments = {row.commitment_id: row.commitment for row in rows}
    zones = zones_of(commitments.values())
    for row in rows:
        commitment = row.commitment
        terms = terms_of(commitment, zones.get(commitment.pk, []))
        assert row.due_at is not None
        is_over = terms.ends_at is not None and terms.ends_at < row.due_at
        is_dormant = commitment.kind == Kind.CONDITIONAL and not commitment.is_triggered
        if is_over or is_dormant or commitment.status == Status.SUPERSEDED:
            continue
        append(
            event_kind(row, commitment),
            commitment.accord,
            commitment,
            by=CLOCK.office,
            happened_on=row.last_on,
            crossed_at=row.due_at,
            facts={
                "deadline": row.code,
                "type": row.type,
                "authority": row.authority,
                "clock": row.clock,
                "edtf": row.edtf or None,
                "due_at": row.due_at,
                "status": commitment.status,
            },
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
    Heartbeat.objects.update_or_create(name=SCAN, defaults={"at": now, "found": {"marked": marked}})
    return marked
