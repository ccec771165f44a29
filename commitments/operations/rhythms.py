"""Verbs that draw the dates that follow from a rule: the occurrences of a rhythm, the next review of a judged duty."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

from commitments.actors import CLOCK, Actor
from commitments.deadlines import DateError, add_period, occurrences, parse_period
from commitments.log import append, operation
from commitments.models import Accord, Assessment, Commitment, Deadline
from commitments.operations.deadlines import NewDeadline, resolve, set_deadlines, set_facts
from commitments.operations.keeping import locked, next_numbers, zones_of
from commitments.words import FINAL, Authority, Clock, DeadlineType, EventKind, Kind, Origin

# How far ahead the occurrences of a rhythm stand: a year and a month, so that a yearly one always shows its next.
HORIZON = timedelta(days=396)
LABELS = {
    Clock.PARTY: {"en": "Regular occurrence", "uk": "Черговий строк", "ja": "定例の期日"},
    Clock.TRACKER: {"en": "Our regular look", "uk": "Наш черговий перегляд", "ja": "当方の定期確認"},
}
REVIEW = {"en": "Our next review", "uk": "Наш наступний перегляд", "ja": "当方の次回確認"}


def days_of(commitment: Commitment, today: date) -> list[date]:
    """The days of its rhythm from its entry in the register to the horizon; raises DateError for a rule that is none.

    What lay before the entry nobody here has watched: no date is drawn by which a party would seem late. A rhythm may
    name an earlier day from which the dates are known (`from`).
    """
    rhythm = commitment.rhythm or {}
    if not rhythm.get("rule"):
        return []
    ends = [day for day in (commitment.ends_on, commitment.accord.ends_on, today + HORIZON) if day]
    since = date.fromisoformat(rhythm["from"]) if rhythm.get("from") else commitment.created_at.date()
    return [day for day in occurrences(rhythm["rule"], commitment.starts_on, min(ends)) if day >= since]


@operation
def draw_occurrences(
    *, today: date, accord: Accord | None = None, actor: Actor = CLOCK, origin: str = Origin.LIVE
) -> list[Deadline]:
    """Draws the occurrences of every rhythm up to the horizon; twice: no second one. Returns the new deadlines.

    A party's occurrence is a date of the authority that the rhythm names; on our own clock it is a review.
    """
    wanted = Commitment.objects.filter(rhythm__rule__isnull=False).exclude(status__in=FINAL)
    if accord is not None:
        wanted = wanted.filter(accord=accord)
    due: dict[str, list[date]] = {}
    known: dict[str, list[tuple[date, date]]] = defaultdict(list)
    rows = list(wanted.select_related("accord").order_by("code"))
    # A day is taken by the occurrence drawn for it, and by one that was entered by hand with a window around it.
    types = (DeadlineType.OCCURRENCE, DeadlineType.REVIEW)
    dated = Deadline.objects.filter(commitment__in=rows, type__in=types, last_on__isnull=False)
    for deadline in dated.select_related("commitment"):
        if deadline.last_on:
            first_on = deadline.first_on or deadline.last_on
            known[deadline.commitment.code].append((first_on, deadline.last_on))
            known[deadline.commitment.code].append(
                (deadline.occurs_on or first_on, deadline.occurs_on or first_on)
            )
    for row in rows:
        try:
            missing = [
                day
                for day in days_of(row, today)
                if not any(first <= day <= last for first, last in known[row.code])
            ]
        except DateError:
            # A rule that cannot be read was refused when it was registered; an old one draws nothing.
            continue
        if missing:
            due[row.code] = missing
    if not due:
        return []
    # Under the locks of the rows, so that two horizons drawn at once do not draw a day twice.
    held = locked(due, actor)
    taken = set(
        Deadline.objects.filter(commitment__in=held.values(), occurs_on__isnull=False).values_list(
            "commitment__code", "occurs_on"
        )
    )
    orders = [
        _order(held[code], day)
        for code, days in sorted(due.items())
        for day in days
        if (code, day) not in taken
    ]
    return set_deadlines(orders, actor=actor, origin=origin) if orders else []


def _order(commitment: Commitment, day: date) -> NewDeadline:
    rhythm = commitment.rhythm or {}
    clock = Clock(rhythm.get("clock") or Clock.PARTY)
    return NewDeadline(
        commitment=commitment.code,
        label=rhythm.get("label") or LABELS[clock],
        type=DeadlineType.REVIEW if clock == Clock.TRACKER else DeadlineType.OCCURRENCE,
        authority=rhythm.get("authority") or Authority.EDITORIAL,
        clock=clock,
        edtf=day.isoformat(),
        words=(rhythm.get("words") or "")[:300],
        occurs_on=day,
    )


def plan_review(assessment: Assessment, actor: Actor, origin: str) -> Deadline | None:
    """Sets the next review of a continuing duty that has just been judged, where its terms have an interval.

    Called inside a verb that holds the commitment's lock and refreshes it afterwards.
    """
    commitment = assessment.commitment
    if commitment.kind != Kind.CONTINUING or not commitment.review_every or assessment.status in FINAL:
        return None
    try:
        day = add_period(assessment.effective_on, parse_period(commitment.review_every))
    except DateError:
        return None
    ends = [end for end in (commitment.ends_on, commitment.accord.ends_on) if end]
    if ends and day > min(ends):
        return None
    row = Deadline(
        commitment=commitment,
        number=next_numbers(Deadline, [commitment])[commitment.pk] + 1,
        label=REVIEW,
        type=DeadlineType.REVIEW,
        authority=Authority.EDITORIAL,
        clock=Clock.TRACKER,
        anchor_on=assessment.effective_on,
        set_by=assessment,
    )
    resolve(row, day.isoformat(), zones_of([commitment]).get(commitment.pk, []))
    row.original_edtf, row.original_due_at = row.edtf, row.due_at
    row.save()
    append(
        EventKind.DEADLINE_SET,
        commitment.accord,
        commitment,
        by=actor.office,
        origin=origin,
        happened_on=row.anchor_on,
        facts=set_facts(row),
    )
    return row
