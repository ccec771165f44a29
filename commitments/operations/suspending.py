"""Verbs on whole accords: suspend one, so that the clocks of all its open commitments stand still, and let it go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from commitments.actors import Actor
from commitments.log import give_up_waiting, operation
from commitments.models import Accord, Commitment, Pause, Source, Suspension
from commitments.operations.keeping import locked
from commitments.operations.pauses import held_by, pause_commitments, resume_commitments
from commitments.refusals import refuse
from commitments.words import Origin

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class NewSuspension:
    """A suspension of an accord, by code: from a day, until a day on which its clocks run again (None: not known)."""

    accord: str
    from_on: date
    reason: str
    until_on: date | None = None
    source: str | None = None


def _locked(codes: Iterable[str], actor: Actor) -> dict[str, Accord]:
    """The accords of those codes, locked in code order: two at once would pause the same commitments. Then these, whose
    own pauses end only before or after this: whichever comes second knows of the other."""
    wanted = sorted(set(codes))
    if actor.person_id is not None:
        give_up_waiting()
    rows = Accord.objects.select_for_update(no_key=True).filter(code__in=wanted).order_by("code")
    found = {row.code: row for row in rows}
    for code in wanted:
        if code not in found:
            raise refuse("accord", "unknown", _("There is no accord %(code)s.") % {"code": code})
        actor.require("pause", found[code])
    locked(Commitment.objects.filter(accord__in=found.values()).values_list("code", flat=True), actor)
    return found


@operation
def suspend_accords(
    orders: Sequence[NewSuspension], *, actor: Actor, origin: str = Origin.LIVE, now: datetime | None = None
) -> list[Suspension]:
    """Suspends accords, each with a reason: every open commitment is paused for as long as its accord is.

    Open is what has begun and is neither finished nor ended; a commitment that is paused already keeps its own pause,
    and the suspension holds where that does not, also where its end is recorded only later (`resume_commitments`). What
    is registered meanwhile is paused by hand. Raises Refused when nothing is left to pause.
    """
    now = now or timezone.now()
    accords = _locked([order.accord for order in orders], actor)
    made = []
    for order in orders:
        accord = accords[order.accord]
        _check(order, accord)
        row = Suspension(
            accord=accord,
            from_on=order.from_on,
            until_on=order.until_on,
            reason=order.reason.strip(),
            source=Source.objects.filter(accord=accord, code=order.source).first() if order.source else None,
            recorded_at=now,
        )
        found = held_by(row, order.from_on, timezone.localdate(now))
        wanted = [replace(pause, source=order.source) for pause in found]
        if not wanted:
            raise refuse("accord", "needed", _("%(accord)s has no open commitment.") % {"accord": accord})
        row.save()
        paused = pause_commitments(wanted, actor=actor, origin=origin)
        Pause.objects.filter(pk__in=[pause.pk for pause in paused]).update(suspension=row)
        made.append(row)
    return made


def _check(order: NewSuspension, accord: Accord) -> None:
    if not order.reason.strip():
        raise refuse("reason", "required", _("A suspension needs a reason."))
    if order.until_on is not None and order.until_on <= order.from_on:
        raise refuse("until_on", "order", _("A suspension ends after it begins."))
    others = Suspension.objects.filter(
        Q(until_on__isnull=True) | Q(until_on__gt=order.from_on), accord=accord
    )
    if order.until_on is not None:
        others = others.filter(from_on__lt=order.until_on)
    for other in others:
        raise refuse(
            "from_on",
            "overlap",
            _("%(accord)s is suspended from %(day)s already.")
            % {"accord": accord, "day": other.from_on.isoformat()},
        )


@operation
def resume_accords(
    resumed: Mapping[str, date],
    *,
    actor: Actor,
    why: str,
    shifts_dates: bool = False,
    source: str | None = None,
    now: datetime | None = None,
    origin: str = Origin.LIVE,
) -> list[Suspension]:
    """Ends the suspension of accords (code to the day on which their clocks run again), for a reason: of all pauses
    that it made exactly those that last beyond that day. With `shifts_dates` the parties' dates move by their length.
    """
    now = now or timezone.now()
    accords = _locked(resumed, actor)
    done = []
    for code in sorted(accords):
        day = resumed[code]
        lasts = Q(until_on__isnull=True) | Q(until_on__gt=day)
        row = accords[code].suspensions.filter(lasts, resumed_at__isnull=True).order_by("from_on").first()
        if row is None:
            raise refuse(
                "accord", "state", _("%(accord)s is not suspended then.") % {"accord": accords[code]}
            )
        if day <= row.from_on:
            raise refuse("until_on", "order", _("A suspension ends after it begins."))
        lasting = row.pauses.filter(lasts, resumed_at__isnull=True)
        # One that began only later is left with its first day: a pause is never made undone.
        ends = {pause.code: max(day, pause.from_on + DAY) for pause in lasting.select_related("commitment")}
        resume_commitments(
            ends, actor=actor, why=why, shifts_dates=shifts_dates, source=source, now=now, origin=origin
        )
        row.until_on, row.resumed_at = day, now
        row.save(update_fields=["until_on", "resumed_at"])
        done.append(row)
    return done
