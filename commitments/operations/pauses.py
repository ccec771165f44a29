"""Verbs on pauses: stop the clocks of commitments, and let them run again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from commitments.actors import Actor
from commitments.deadlines import DateError, Window, due_at, opens_at
from commitments.log import append, operation
from commitments.models import Commitment, Deadline, Pause
from commitments.operations.deadlines import (
    put_new_date,
    source_of,
    sources_by_code,
    state_before,
)
from commitments.operations.keeping import check_version, locked, next_numbers, pauses_of, refresh, zones_of
from commitments.refusals import Problem, Refused, refuse
from commitments.standing import crosses_at
from commitments.words import Clock, EventKind, Origin


@dataclass(frozen=True, slots=True)
class NewPause:
    """A pause: from a day, until a day on which the clocks run again (None: not known), with the source by code."""

    commitment: str
    from_on: date
    reason: str
    until_on: date | None = None
    source: str | None = None
    file_key: str = ""


def day_begins(name: str, day: date, zones: Sequence[str]) -> datetime:
    """When a day begins first among the zones (UTC)."""
    try:
        found = opens_at(Window(day, day), zones)
    except DateError as error:
        raise Refused(Problem(name, "date", str(error))) from None
    assert found is not None
    return found


def _ends(name: str, day: date, zones: Sequence[str]) -> datetime:
    """When the day before is over everywhere among the zones (UTC)."""
    try:
        found = due_at(Window(None, day - timedelta(days=1)), zones)
    except (DateError, OverflowError):
        raise refuse(name, "date", _("The calendar runs from 0001-01-02 to 9999-12-31.")) from None
    assert found is not None
    return found


def _check_span(from_on: date, until_on: date | None, commitment: Commitment) -> None:
    if from_on < commitment.starts_on:
        raise refuse(
            "from_on",
            "before_start",
            _("%(code)s began on %(day)s: it cannot pause before.")
            % {"code": commitment.code, "day": commitment.starts_on.isoformat()},
        )
    if until_on is not None and until_on <= from_on:
        raise refuse("until_on", "order", _("A pause ends after it begins."))


@operation
def pause_commitments(
    orders: Sequence[NewPause], *, actor: Actor, origin: str = Origin.LIVE, version: int | None = None
) -> list[Pause]:
    """Records pauses, each with a reason: no date passes in them, and a mark that is no longer true is cleared."""
    rows = locked([order.commitment for order in orders], actor)
    for commitment in rows.values():
        actor.require("pause", commitment.accord)
        check_version(commitment, version)
    zones = zones_of(rows.values())
    numbers = next_numbers(Pause, rows.values())
    sources = sources_by_code(rows.values(), [order.source for order in orders])
    now = timezone.now()
    new = []
    for order in orders:
        commitment = rows[order.commitment]
        own = zones.get(commitment.pk, [])
        if not order.reason.strip():
            raise refuse("reason", "required", _("A pause needs a reason."))
        _check_span(order.from_on, order.until_on, commitment)
        numbers[commitment.pk] += 1
        row = Pause(
            commitment=commitment,
            number=numbers[commitment.pk],
            file_key=order.file_key,
            from_on=order.from_on,
            until_on=order.until_on,
            from_at=day_begins("from_on", order.from_on, own),
            until_at=_ends("until_on", order.until_on, own) if order.until_on else None,
            reason=order.reason.strip(),
            source=source_of(order.source, commitment, sources),
            recorded_at=now,
        )
        for other in Pause.objects.filter(commitment=commitment):
            if (row.until_on is None or other.from_on < row.until_on) and (
                other.until_on is None or row.from_on < other.until_on
            ):
                raise refuse(
                    "from_on", "overlap", _("It overlaps with the pause %(code)s.") % {"code": other.code}
                )
        row.save()
        new.append(row)
    cleared = _clear_untrue_marks(rows.values(), now)
    for row in new:
        append(
            EventKind.CLOCK_PAUSED,
            row.commitment.accord,
            row.commitment,
            by=actor.office,
            origin=origin,
            happened_on=row.from_on,
            facts={
                "pause": row.code,
                "from_on": row.from_on,
                "until_on": row.until_on,
                "from_at": row.from_at,
                "until_at": row.until_at,
                "source": row.source.code if row.source else None,
                "cleared": cleared[row.commitment_id],
            },
            note=row.reason,
        )
    refresh(list(rows.values()), zones)
    return new


def _clear_untrue_marks(commitments: Iterable[Commitment], now: datetime) -> dict[int, list[str]]:
    """Takes the scan's mark from open dates that, pauses counted, have not passed; their codes by commitment id."""
    by_key = {commitment.pk: commitment for commitment in commitments}
    pauses = pauses_of(by_key.values())
    cleared: dict[int, list[str]] = defaultdict(list)
    marked = (
        Deadline.objects.select_for_update(no_key=True, of=("self",))
        .open()
        .filter(commitment__in=list(by_key), overdue_since__isnull=False)
        .order_by("id")
    )
    for row in marked:
        passes = crosses_at(row.due_at, pauses[row.commitment_id])
        if passes is None or passes > now:
            row.commitment = by_key[row.commitment_id]
            row.overdue_since = None
            row.save(update_fields=["overdue_since"])
            cleared[row.commitment_id].append(row.code)
    return cleared


@operation
def resume_commitments(
    resumed: Mapping[str, date],
    *,
    actor: Actor,
    why: str,
    shifts_dates: bool = False,
    source: str | None = None,
    version: int | None = None,
    now: datetime | None = None,
    origin: str = Origin.LIVE,
) -> list[Pause]:
    """Ends pauses (code of the pause to the day on which the clocks run again), for a reason.

    With `shifts_dates` the parties' open dates that lay after the pause began move by its length.
    """
    if not why.strip():
        raise refuse("why", "required", _("Resuming needs a reason."))
    now = now or timezone.now()
    owners = {code: code.rpartition("-P") for code in resumed}
    rows = locked([owner for owner, _dash, _number in owners.values()], actor)
    zones = zones_of(rows.values())
    done = []
    for code in sorted(owners):
        owner, _dash, number = owners[code]
        commitment = rows[owner]
        actor.require("pause", commitment.accord)
        check_version(commitment, version)
        pause = (
            Pause.objects.filter(commitment=commitment, number=int(number)).first()
            if number.isdecimal() and len(number) <= 4
            else None
        )
        if pause is None:
            raise refuse("pause", "unknown", _("There is no pause %(code)s.") % {"code": code})
        if pause.resumed_at is not None:
            raise refuse("pause", "ended", _("The end of %(code)s is recorded already.") % {"code": code})
        pause.commitment = commitment
        _check_span(pause.from_on, resumed[code], commitment)
        where = source_of(source, commitment, sources_by_code([commitment], [source]))
        pause.until_on = resumed[code]
        pause.until_at = _ends("until_on", resumed[code], zones.get(commitment.pk, []))
        pause.resumed_at = now
        pause.save(update_fields=["until_on", "until_at", "resumed_at"])
        cleared = _clear_untrue_marks([commitment], now)
        shifted = _shift(pause, actor, why.strip(), origin, now, zones) if shifts_dates else []
        append(
            EventKind.CLOCK_RESUMED,
            commitment.accord,
            commitment,
            by=actor.office,
            origin=origin,
            happened_on=pause.until_on,
            facts={
                "pause": pause.code,
                "until_on": pause.until_on,
                "until_at": pause.until_at,
                "source": where.code if where else None,
                "shifted": shifted,
                "cleared": cleared[commitment.pk],
            },
            note=why.strip(),
        )
        done.append(pause)
    refresh(list(rows.values()), zones)
    return done


def _shift(
    pause: Pause, actor: Actor, why: str, origin: str, now: datetime, zones: Mapping[int, list[str]]
) -> list[str]:
    """Moves the open party dates that the pause held up by its length; returns their codes."""
    assert pause.until_on is not None
    length = pause.until_on - pause.from_on
    rows = (
        Deadline.objects.select_for_update(no_key=True, of=("self",))
        .open()
        .filter(commitment=pause.commitment, clock=Clock.PARTY, due_at__gt=pause.from_at)
        .order_by("id")
    )
    shifted = []
    for row in rows:
        row.commitment = pause.commitment
        before = state_before(row)
        try:
            if row.edtf:
                first = row.first_on + length if row.first_on else None
                last = row.last_on + length if row.last_on else None
                window = Window(first, last)
                row.first_on, row.last_on = first, last
                row.edtf = f"{first}" if first == last else f"{first or '..'}/{last or '..'}"
                own = zones.get(row.commitment_id, [])
                row.opens_at, row.due_at = opens_at(window, own), due_at(window, own)
            elif row.due_at:
                row.due_at += length
        except (DateError, OverflowError):
            raise refuse(
                "until_on", "date", _("%(code)s would move beyond the year 9999.") % {"code": row.code}
            ) from None
        row.crosses_at = row.due_at
        put_new_date(row, before, actor, why, origin, now)
        shifted.append(row.code)
    return shifted
