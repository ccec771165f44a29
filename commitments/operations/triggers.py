"""Verbs on triggers: record the facts that bring a duty to life or end it, publish confidential ones, withdraw them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from commitments.actors import Actor
from commitments.deadlines import DateError, parse_duration, runs_out_at
from commitments.log import append, operation
from commitments.models import Commitment, Deadline, Trigger
from commitments.operations.deadlines import set_facts, source_of, sources_by_code
from commitments.operations.keeping import (
    check_version,
    locked,
    next_numbers,
    number_for,
    refresh,
    zones_of,
)
from commitments.operations.pauses import day_begins
from commitments.refusals import refuse
from commitments.words import Clock, ClosedAs, DeadlineType, Effect, EventKind, Origin

# The instant that a clock runs from, the first that is known, unless the terms name another.
RUNS_FROM = ("received", "sent", "happened")
INSTANTS = ("happened_at", "sent_at", "received_at")


@dataclass(frozen=True, slots=True)
class NewTrigger:
    """A fact to record: its code in the terms (any word for an end), and its instants with their time zone.

    `hidden` names instants that stay confidential; `is_confidential` keeps the whole fact with the staff.
    """

    commitment: str
    fact: str
    happened_at: datetime
    sent_at: datetime | None = None
    received_at: datetime | None = None
    effect: str = Effect.STARTS
    hidden: Sequence[str] = ()
    is_confidential: bool = False
    source: str | None = None
    note: str = ""
    file_key: str = ""
    number: int | None = None


def facts_needed(commitment: Commitment) -> tuple[list[str], bool]:
    """The codes of the facts that the terms wait for, and whether all of them are needed."""
    terms: Mapping[str, Any] = commitment.trigger or {}
    return [item["code"] for item in terms.get("facts", ())], bool(terms.get("all_needed", True))


def clock_fact(commitment: Commitment) -> str:
    """The code of the fact from which a clock runs: the one that the terms name, else the last of them."""
    terms: Mapping[str, Any] = commitment.trigger or {}
    codes, _all_needed = facts_needed(commitment)
    return str(terms.get("clock_from") or (codes[-1] if codes else ""))


def instant_of(row: Trigger) -> datetime:
    """The instant (UTC) that counts for a clock."""
    first = str((row.commitment.trigger or {}).get("runs_from") or "")
    for name in (first, *RUNS_FROM):
        found: datetime | None = getattr(row, f"{name}_at", None) if name in RUNS_FROM else None
        if found is not None:
            return found
    return row.happened_at


def _check(order: NewTrigger, commitment: Commitment, now: datetime, begins: datetime) -> None:
    codes, _all_needed = facts_needed(commitment)
    if order.effect not in Effect.values:
        raise refuse("effect", "unknown", _("“%s” is no effect of a fact.") % order.effect)
    if order.effect == Effect.STARTS:
        if not codes:
            raise refuse("fact", "no_trigger", _("The terms of %s wait for no fact.") % commitment.code)
        if order.fact not in codes:
            raise refuse(
                "fact",
                "unknown",
                _("“%(fact)s” is none of the facts that the terms wait for: %(facts)s.")
                % {"fact": order.fact, "facts": ", ".join(codes)},
            )
    elif not commitment.awaits_event:
        raise refuse("effect", "no_anchor", _("%s does not end on an event.") % commitment.code)
    for name in INSTANTS:
        instant: datetime | None = getattr(order, name)
        if instant is None:
            continue
        if instant.tzinfo is None:
            raise refuse(name, "zone", _("An instant needs its time zone."))
        if instant > now:
            raise refuse(name, "future", _("It cannot have happened in the future."))
        if instant < begins:
            raise refuse(
                name,
                "before_start",
                _("The commitment began on %(day)s: an earlier fact cannot trigger it.")
                % {"day": commitment.starts_on.isoformat()},
            )
    if order.sent_at and order.received_at and order.received_at < order.sent_at:
        raise refuse("received_at", "order", _("It was received before it was sent."))
    unknown = set(order.hidden) - set(INSTANTS)
    if unknown:
        raise refuse(
            "hidden", "unknown", _("Only instants can be kept confidential: %s.") % ", ".join(INSTANTS)
        )


@operation
def record_triggers(
    orders: Sequence[NewTrigger],
    *,
    actor: Actor,
    origin: str = Origin.LIVE,
    version: int | None = None,
    now: datetime | None = None,
) -> list[Trigger]:
    """Records facts: a duty whose facts are complete binds from their instant on, and its clocks start to the second.

    A confidential fact changes nothing in public until `publish_triggers`. Raises Refused naming field and rule.
    """
    now = now or timezone.now()
    rows = locked([order.commitment for order in orders], actor)
    for commitment in rows.values():
        actor.require("record_trigger", commitment.accord)
        check_version(commitment, version)
    zones = zones_of(rows.values())
    numbers = next_numbers(Trigger, rows.values())
    sources = sources_by_code(rows.values(), [order.source for order in orders])
    new = []
    for order in orders:
        commitment = rows[order.commitment]
        begins = day_begins("happened_at", commitment.starts_on, zones.get(commitment.pk, []))
        _check(order, commitment, now, begins)
        row = Trigger(
            commitment=commitment,
            number=number_for(Trigger, numbers, commitment, order.number),
            file_key=order.file_key,
            fact=order.fact,
            effect=order.effect,
            happened_at=order.happened_at,
            sent_at=order.sent_at,
            received_at=order.received_at,
            hidden=sorted(set(order.hidden)),
            note=order.note.strip(),
            source=source_of(order.source, commitment, sources),
            origin=origin,
            recorded_at=now,
            recorded_by_id=actor.person_id,
        )
        _clock_must_show(row)
        row.save()
        new.append(row)
        if not order.is_confidential:
            _make_public(row, actor, origin, now)
    refresh(list(rows.values()))
    return new


def _clock_must_show(row: Trigger) -> None:
    """Refuses to hide the instant that a public clock runs from: its end would tell it."""
    if row.effect != Effect.STARTS or row.fact != clock_fact(row.commitment):
        return
    has_clock = Deadline.objects.filter(commitment=row.commitment, due_at__isnull=True).exclude(duration="")
    counted = instant_of(row)
    told = [name for name in INSTANTS if name not in row.hidden and getattr(row, name) == counted]
    if row.hidden and not told and has_clock.exists():
        raise refuse(
            "hidden",
            "clock",
            _(
                "A clock runs from this instant, and its end would tell it: keep the whole fact confidential instead."
            ),
        )


@operation
def publish_triggers(
    codes: Sequence[str], *, actor: Actor, version: int | None = None, now: datetime | None = None
) -> list[Trigger]:
    """Makes confidential facts public: the duty binds, and its clocks have run since the true instant."""
    now = now or timezone.now()
    published = []
    for row in _locked_rows(codes, actor, version):
        if row.public_at is None:
            _make_public(row, actor, row.origin, now)
            published.append(row)
    refresh(list({row.commitment_id: row.commitment for row in published}.values()))
    return published


def _locked_rows(codes: Sequence[str], actor: Actor, version: int | None) -> list[Trigger]:
    owners = {code: code.rpartition("-T") for code in codes}
    rows = locked([owner for owner, _dash, _number in owners.values()], actor)
    found = []
    for code in sorted(owners):
        owner, _dash, number = owners[code]
        actor.require("record_trigger", rows[owner].accord)
        check_version(rows[owner], version)
        row = (
            Trigger.objects.filter(commitment=rows[owner], number=int(number), withdrawn_at__isnull=True)
            .select_related("source")
            .first()
            if number.isdecimal() and len(number) <= 4
            else None
        )
        if row is None:
            raise refuse("trigger", "unknown", _("There is no trigger %(code)s.") % {"code": code})
        row.commitment = rows[owner]
        found.append(row)
    return found


def _make_public(row: Trigger, actor: Actor, origin: str, now: datetime) -> None:
    """Gives a fact its effect and says so; the caller refreshes the commitment."""
    commitment = row.commitment
    row.public_at = now
    row.save(update_fields=["public_at"])
    clocks: list[Deadline] = []
    if row.effect == Effect.ENDS:
        commitment.ends_on, commitment.awaits_event = timezone.localdate(row.happened_at), False
        commitment.save(update_fields=["ends_on", "awaits_event"])
    else:
        was_dormant = commitment.triggered_at is None
        _count(commitment)
        if commitment.triggered_at is not None and (was_dormant or row.fact == clock_fact(commitment)):
            clocks = _start_clocks(commitment, row)
    append(
        EventKind.TRIGGER_RECORDED,
        commitment.accord,
        commitment,
        by=actor.office,
        origin=origin,
        happened_on=timezone.localdate(row.happened_at) if "happened_at" not in row.hidden else None,
        facts={
            "trigger": row.code,
            "fact": row.fact,
            "effect": row.effect,
            **{name: None if name in row.hidden else getattr(row, name) for name in INSTANTS},
            "source": row.source.code if row.source else None,
            "triggered_at": commitment.triggered_at,
            "ends_on": commitment.ends_on,
            "clocks": [clock.code for clock in clocks],
        },
        note=row.note,
    )
    for clock in clocks:
        append(
            EventKind.DEADLINE_SET,
            commitment.accord,
            commitment,
            by=actor.office,
            origin=origin,
            happened_on=clock.anchor_on,
            facts=set_facts(clock),
        )


def _count(commitment: Commitment) -> None:
    """Keeps `triggered_at`: the instant at which the facts that the terms wait for were first complete."""
    codes, all_needed = facts_needed(commitment)
    first: dict[str, datetime] = {}
    for row in Trigger.objects.standing().filter(commitment=commitment, effect=Effect.STARTS):
        row.commitment = commitment
        instant = instant_of(row)
        first[row.fact] = min(first.get(row.fact, instant), instant)
    known = [first[code] for code in codes if code in first]
    is_complete = len(known) == len(codes) if all_needed else bool(known)
    triggered_at = (max(known) if all_needed else min(known)) if known and is_complete else None
    if commitment.triggered_at != triggered_at:
        commitment.triggered_at = triggered_at
        commitment.save(update_fields=["triggered_at"])


def _start_clocks(commitment: Commitment, row: Trigger) -> list[Deadline]:
    """Starts a clock of every length that the terms have, from the instant of the latest fact that clocks run from."""
    fact = clock_fact(commitment)
    starter = (
        row
        if row.fact == fact
        else Trigger.objects.standing()
        .filter(commitment=commitment, fact=fact)
        .order_by("-happened_at")
        .first()
    ) or row
    starter.commitment = commitment
    started_at = instant_of(starter)
    numbers = next_numbers(Deadline, [commitment])
    new = []
    patterns = Deadline.objects.open().filter(commitment=commitment, due_at__isnull=True).exclude(duration="")
    for pattern in patterns.order_by("number"):
        try:
            due_at = runs_out_at(started_at, parse_duration(pattern.duration))
        except DateError as error:
            raise refuse("happened_at", "date", str(error)) from None
        numbers[commitment.pk] += 1
        new.append(
            Deadline(
                commitment=commitment,
                number=numbers[commitment.pk],
                label=pattern.label,
                type=DeadlineType.CLOCK,
                authority=pattern.authority,
                clock=Clock.PARTY,
                duration=pattern.duration,
                words=pattern.words,
                anchor_on=timezone.localdate(started_at),
                last_on=timezone.localdate(due_at - timedelta(microseconds=1)),
                opens_at=started_at,
                due_at=due_at,
                crosses_at=due_at,
                original_due_at=due_at,
                trigger=starter,
                source=starter.source,
            )
        )
    Deadline.objects.bulk_create(new)
    return new


@operation
def withdraw_triggers(
    codes: Sequence[str],
    *,
    actor: Actor,
    why: str,
    version: int | None = None,
    now: datetime | None = None,
    origin: str = Origin.LIVE,
) -> list[Trigger]:
    """Withdraws facts that were recorded wrongly, for a reason: their clocks end, and the duty may be dormant again.

    A withdrawn fact that had been public stays visible. One that ended a duty lets it wait for its end again.
    """
    if not why.strip():
        raise refuse("why", "required", _("Withdrawing a fact needs a reason."))
    now = now or timezone.now()
    rows = _locked_rows(codes, actor, version)
    for row in rows:
        commitment = row.commitment
        row.withdrawn_at, row.withdrawn_why = now, why.strip()
        row.save(update_fields=["withdrawn_at", "withdrawn_why"])
        if row.public_at is None:
            continue
        clocks = list(
            Deadline.objects.select_for_update(no_key=True, of=("self",))
            .open()
            .filter(trigger=row)
            .order_by("id")
        )
        for clock in clocks:
            clock.commitment = commitment
            clock.closed_as, clock.closed_at, clock.overdue_since = ClosedAs.ENDED, now, None
            clock.save(update_fields=["closed_as", "closed_at", "overdue_since"])
        if row.effect == Effect.ENDS:
            commitment.ends_on, commitment.awaits_event = None, True
            commitment.save(update_fields=["ends_on", "awaits_event"])
        else:
            _count(commitment)
        append(
            EventKind.TRIGGER_WITHDRAWN,
            commitment.accord,
            commitment,
            by=actor.office,
            origin=origin,
            happened_on=timezone.localdate(now),
            facts={
                "trigger": row.code,
                "fact": row.fact,
                "effect": row.effect,
                "triggered_at": commitment.triggered_at,
                "ends_on": commitment.ends_on,
                "ended": [clock.code for clock in clocks],
            },
            note=why.strip(),
        )
    refresh(list({row.commitment_id: row.commitment for row in rows}.values()))
    return rows
