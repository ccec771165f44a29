"""Verbs on pauses: stop the clocks of commitments, and let them run again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from commitments.actors import Actor
from commitments.deadlines import DateError, Window, due_at, opens_at
from commitments.log import append, operation
from commitments.models import Commitment, Deadline, Pause, Suspension
from commitments.operations.deadlines import (
    put_new_date,
    source_of,
    sources_by_code,
    state_before,
)
from commitments.operations.keeping import check_version, locked, next_numbers, pauses_of, refresh, zones_of
from commitments.refusals import Problem, Refused, refuse
from commitments.standing import crosses_at
from commitments.words import FINAL, Clock, EventKind, Kind, Origin


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

    With `shifts_dates` the parties' open dates that lay after the pause began move by its length. Where a commitment's own
    pause ends while its accord is suspended, the suspension pauses it from then on.
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
    _hold_on([pause for pause in done if pause.suspension_id is None], actor, origin, now)
    return done


def _hold_on(ended: Iterable[Pause], actor: Actor, origin: str, now: datetime) -> None:
    """Lets suspensions of their accords hold commitments from the day on which these pauses of their own end."""
    for pause in ended:
        assert pause.until_on is not None
        lasts = Q(until_on__isnull=True) | Q(until_on__gt=pause.until_on)
        rows = Suspension.objects.filter(lasts, accord=pause.commitment.accord_id)
        for row in rows.select_related("accord", "source").order_by("from_on"):
            wanted = held_by(row, pause.until_on, timezone.localdate(now), pause.commitment.code)
            made = pause_commitments(wanted, actor=actor, origin=origin)
            Pause.objects.filter(pk__in=[it.pk for it in made]).update(suspension=row)


def held_by(row: Suspension, since: date, today: date, code: str = "") -> list[NewPause]:
    """The pauses that a suspension asks for from a day on: of each open commitment of its accord (or of the one with that
    code), for the whole time, without the pauses that it has already."""
    first = max(row.from_on, since)
    if row.accord.ends_on and row.accord.ends_on < first:
        return []
    them = (
        Commitment.objects.filter(accord=row.accord, starts_on__lte=max(first, today))
        .exclude(kind=Kind.BASELINE)
        .exclude(status__in=FINAL)
        .exclude(ends_on__lt=first)
        .order_by("code")
    )
    if code:
        them = them.filter(code=code)
    own: dict[int, list[tuple[date, date | None]]] = defaultdict(list)
    known = Pause.objects.filter(commitment__in=them).order_by("from_on")
    for commitment, from_on, until_on in known.values_list("commitment_id", "from_on", "until_on"):
        own[commitment].append((from_on, until_on))
    source = row.source.code if row.source else None
    return [
        NewPause(it.code, begins, row.reason, ends, source)
        for it in them
        for begins, ends in _gaps(max(first, it.starts_on), row.until_on, own[it.pk])
    ]


def _gaps(
    first: date | None, last: date | None, taken: Sequence[tuple[date, date | None]]
) -> list[tuple[date, date | None]]:
    """What of the days from `first` until `last` (exclusive; None: for ever) none of the spans, in order, takes."""
    found: list[tuple[date, date | None]] = []
    for from_on, until_on in taken:
        if first is None or (last is not None and from_on >= last):
            break
        if from_on > first:
            found.append((first, from_on))
        first = None if until_on is None else max(first, until_on)
    if first is not None and (last is None or first < last):
        found.append((first, last))
    return found


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
