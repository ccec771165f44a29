"""Verbs that close deadlines: meet them, or waive them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from commitments.actors import Actor
from commitments.log import append, operation
from commitments.models import Commitment, Deadline
from commitments.operations.deadlines import lock_open, say_met, source_of, sources_by_code
from commitments.operations.keeping import refresh
from commitments.refusals import refuse
from commitments.words import ClosedAs, EventKind, Origin


@operation
def meet_deadlines(
    met: Mapping[str, date | datetime],
    *,
    actor: Actor,
    why: str = "",
    version: int | None = None,
    now: datetime | None = None,
    origin: str = Origin.LIVE,
) -> list[Deadline]:
    """Records that deadlines were met (code to date, or to the instant for a running clock).

    Not in the future, not before the duty began, and for a clock not before it started.
    """
    now = now or timezone.now()
    rows: list[Deadline] = []
    commitments: dict[int, Commitment] = {}
    for code in sorted(met):
        commitment, row = lock_open(code, actor, "meet_deadline", version)
        _write_when(row, commitment, met[code], now)
        row.closed_as, row.closed_at = ClosedAs.MET, now
        row.save(update_fields=["met_on", "met_at", "closed_as", "closed_at"])
        say_met(row, actor, origin, why.strip())
        rows.append(row)
        commitments[commitment.pk] = commitment
    refresh(list(commitments.values()))
    return rows


def _write_when(row: Deadline, commitment: Commitment, when: date | datetime, now: datetime) -> None:
    """Writes day and instant into the row; raises Refused for one that cannot be."""
    if row.is_pattern:
        raise refuse("deadline", "pattern", _("No clock runs yet: a trigger has to start it first."))
    is_clock = row.trigger_id is not None
    if is_clock and not isinstance(when, datetime):
        raise refuse(
            "met_on", "instant", _("A running clock is met at an instant: give the day and the time.")
        )
    if isinstance(when, datetime):
        if when > now:
            raise refuse("met_on", "future", _("A deadline cannot have been met in the future."))
        if is_clock and row.opens_at and when < row.opens_at:
            raise refuse("met_on", "before_start", _("The clock had not started at that instant."))
        row.met_at, row.met_on = when, timezone.localdate(when)
    else:
        # The day has begun for somebody as soon as it has in the earliest zone of the world.
        if when > (now + timedelta(hours=14)).date():
            raise refuse("met_on", "future", _("A deadline cannot have been met in the future."))
        row.met_on = when
    if row.met_on < commitment.starts_on:
        raise refuse(
            "met_on",
            "before_start",
            _("%(code)s began on %(day)s: it cannot have been met before.")
            % {"code": commitment.code, "day": commitment.starts_on.isoformat()},
        )


@operation
def waive_deadlines(
    codes: Sequence[str],
    *,
    actor: Actor,
    why: str,
    source: str | None = None,
    version: int | None = None,
    origin: str = Origin.LIVE,
) -> list[Deadline]:
    """Waives open deadlines: the side that is owed gave them up. A reason is needed; `source` says where it stands.

    The date stays on record, and a mark that the scan left on it goes: it is owed no more.
    """
    if not why.strip():
        raise refuse("why", "required", _("A waiver needs a reason."))
    now = timezone.now()
    rows: list[Deadline] = []
    commitments: dict[int, Commitment] = {}
    for code in sorted(set(codes)):
        commitment, row = lock_open(code, actor, "waive_deadline", version)
        where = source_of(source, commitment, sources_by_code([commitment], [source]))
        cleared = row.overdue_since is not None
        row.closed_as, row.closed_at, row.overdue_since = ClosedAs.WAIVED, now, None
        row.source = where or row.source
        row.save(update_fields=["closed_as", "closed_at", "overdue_since", "source"])
        append(
            EventKind.DEADLINE_WAIVED,
            commitment.accord,
            commitment,
            by=actor.office,
            origin=origin,
            happened_on=timezone.localdate(now),
            facts={
                "deadline": row.code,
                "edtf": row.edtf or None,
                "due_at": row.due_at,
                "source": where.code if where else None,
                "mark_cleared": cleared,
            },
            note=why.strip(),
        )
        rows.append(row)
        commitments[commitment.pk] = commitment
    refresh(list(commitments.values()))
    return rows
