"""The verb of the clock: mark what has passed, and say so once, with the true instant."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from commitments.actors import CLOCK
from commitments.log import append, operation
from commitments.models import Accord, Commitment, Deadline, Heartbeat
from commitments.operations.keeping import terms_of, zones_of
from commitments.words import Authority, Clock, EventKind, Kind, Origin, Status

BATCH = 1000
SCAN = "scan"


def event_kind(deadline: Deadline, commitment: Commitment) -> EventKind:
    """The event of a deadline's clock and authority: only the text or an agreement makes a party overdue."""
    if deadline.clock == Clock.PARTY:
        binding = deadline.authority in (Authority.TEXT, Authority.AGREED)
        return EventKind.BECAME_OVERDUE if binding else EventKind.FELL_BEHIND_TARGET
    return EventKind.REVIEW_BECAME_DUE if commitment.kind == Kind.CONTINUING else EventKind.VERDICT_BECAME_DUE


def _rows(keys: list[int]) -> list[Deadline]:
    """The deadlines with what the events need of their commitments, and no more: these rows are wide."""
    return list(
        Deadline.objects.filter(pk__in=keys)
        .select_related("commitment__accord")
        .only(
            "number", "type", "authority", "clock", "edtf", "last_on", "due_at", "crosses_at",
            "commitment__code", "commitment__kind", "commitment__triggered_at", "commitment__status",
            "commitment__ends_on", "commitment__awaits_event",
            "commitment__accord__code", "commitment__accord__ends_on",
        )
        .order_by("crosses_at", "id")
    )  # fmt: skip


def _had_ended(row: Deadline, commitment: Commitment) -> bool:
    """Whether the duty was over before this date of its passed."""
    ends = [day for day in (commitment.ends_on, commitment.accord.ends_on) if day]
    if not ends or (row.last_on and row.last_on <= min(ends)):
        return False
    ends_at = terms_of(commitment, zones_of([commitment])[commitment.pk]).ends_at
    return ends_at is not None and row.crosses_at is not None and ends_at < row.crosses_at


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
        cursor.execute(
            "UPDATE commitments_deadline SET overdue_since = crosses_at WHERE id = ANY(%s)",
            [keys],
        )
    for row in _rows(keys):
        commitment = row.commitment
        assert row.crosses_at is not None
        is_dormant = commitment.kind == Kind.CONDITIONAL and not commitment.is_triggered
        if is_dormant or commitment.status == Status.SUPERSEDED or _had_ended(row, commitment):
            continue
        append(
            event_kind(row, commitment),
            commitment.accord,
            commitment,
            by=CLOCK.office,
            origin=origin,
            happened_on=row.last_on,
            crossed_at=row.crosses_at,
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
