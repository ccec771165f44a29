"""Verbs on deadlines: set and move them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from commitments.actors import Actor
from commitments.deadlines import DateError, due_at, opens_at, parse_duration, parse_window
from commitments.log import append, operation
from commitments.models import Assessment, Commitment, Deadline, Source
from commitments.operations.keeping import (
    check_version,
    close_what_ends,
    facts_of,
    locked,
    next_numbers,
    refresh,
    zones_of,
)
from commitments.refusals import Problem, Refused, refuse
from commitments.words import Authority, Clock, ClosedAs, DeadlineType, EventKind, Kind, Origin


@dataclass(frozen=True, slots=True)
class NewDeadline:
    """A deadline to set: `edtf` names its window, or `duration` the length of a clock that a trigger will start.

    With neither, `words` alone say when: such a deadline is kept and shown, and never passes until it is moved to a
    date. `source` is the code of the source that sets it; `occurs_on` the day of a rhythm that it stands for.
    """

    commitment: str
    label: Mapping[str, str]
    type: str
    authority: str
    clock: str
    edtf: str = ""
    duration: str = ""
    words: str = ""
    anchor_on: date | None = None
    met_on: date | None = None
    source: str | None = None
    occurs_on: date | None = None
    file_key: str = ""


def resolve(row: Deadline, edtf: str, zones: Sequence[str], field: str = "edtf") -> None:
    """Writes the window of an EDTF value and its instants into the row; raises Refused naming the field."""
    try:
        window = parse_window(edtf)
        row.opens_at, row.due_at = opens_at(window, zones), due_at(window, zones)
    except DateError as error:
        raise Refused(Problem(field, "date", str(error))) from None
    row.crosses_at = row.due_at
    row.edtf, row.first_on, row.last_on = edtf.strip(), window.first, window.last


def _check_words(order: NewDeadline) -> None:
    for name, value, words in (
        ("type", order.type, DeadlineType),
        ("authority", order.authority, Authority),
        ("clock", order.clock, Clock),
    ):
        if value not in words.values:
            raise refuse(
                name,
                "unknown",
                _("“%(word)s” is not one of %(allowed)s.")
                % {"word": value, "allowed": ", ".join(words.values)},
            )
    if order.type == DeadlineType.REVIEW and order.clock != Clock.TRACKER:
        raise refuse("clock", "review", _("A review is on our own clock: only “tracker” is possible."))
    if order.edtf and order.duration:
        raise refuse(
            "edtf", "window_or_clock", _("A deadline has either a window of days or the length of a clock.")
        )
    if not (order.edtf or order.duration or order.words.strip()):
        raise refuse(
            "edtf",
            "required",
            _("A deadline needs a window of days, the length of a clock, or at least the words that set it."),
        )
    if order.duration:
        if order.type != DeadlineType.CLOCK:
            raise refuse("type", "clock", _("A length belongs to a running clock."))
        try:
            parse_duration(order.duration)
        except DateError as error:
            raise Refused(Problem("duration", "duration", str(error))) from None
    if not order.label.get("en"):
        raise refuse("label", "required", _("A deadline needs a label in English."))


def wire_facts(row: Deadline) -> dict[str, Any]:
    """What the log says of a deadline."""
    return {
        "deadline": row.code,
        "type": row.type,
        "authority": row.authority,
        "clock": row.clock,
        "edtf": row.edtf or None,
        "duration": row.duration or None,
        "words": row.words or None,
        "anchor_on": row.anchor_on,
        "first_on": row.first_on,
        "last_on": row.last_on,
        "opens_at": row.opens_at,
        "due_at": row.due_at,
        "occurs_on": row.occurs_on,
        "trigger": f"{row.commitment.code}-T{row.trigger.number}" if row.trigger else None,
        "source": row.source.code if row.source else None,
    }


def sources_by_code(
    commitments: Iterable[Commitment], codes: Iterable[str | None]
) -> dict[tuple[int, str], Source]:
    """The named sources of the commitments' accords by accord id and code."""
    rows = Source.objects.filter(
        accord__in={row.accord_id for row in commitments}, code__in={code for code in codes if code}
    )
    return {(row.accord_id, row.code): row for row in rows}


def source_of(
    code: str | None, commitment: Commitment, known: Mapping[tuple[int, str], Source]
) -> Source | None:
    """The source of that code (none for an empty one); raises Refused when the accord has no such source."""
    if not code:
        return None
    if (commitment.accord_id, code) not in known:
        raise refuse("source", "unknown", _("There is no source “%(code)s”.") % {"code": code})
    return known[commitment.accord_id, code]


@operation
def set_deadlines(
    orders: Sequence[NewDeadline], *, actor: Actor, origin: str = Origin.LIVE, version: int | None = None
) -> list[Deadline]:
    """Sets new deadlines; one that an earlier judgement has already settled is closed at once."""
    rows = locked([order.commitment for order in orders], actor)
    for commitment in rows.values():
        actor.require("set_deadline", commitment.accord)
        check_version(commitment, version)
    zones = zones_of(rows.values())
    numbers = next_numbers(Deadline, rows.values())
    sources = sources_by_code(rows.values(), [order.source for order in orders])
    now = timezone.now()
    new: list[Deadline] = []
    for order in orders:
        _check_words(order)
        commitment = rows[order.commitment]
        if commitment.kind == Kind.BASELINE and order.clock == Clock.PARTY:
            raise refuse(
                "commitment", "baseline", _("A baseline is context: it has no deadline for a party.")
            )
        numbers[commitment.pk] += 1
        row = Deadline(
            commitment=commitment,
            number=numbers[commitment.pk],
            file_key=order.file_key,
            label=dict(order.label),
            type=order.type,
            authority=order.authority,
            clock=order.clock,
            duration=order.duration,
            words=order.words,
            anchor_on=order.anchor_on,
            source=source_of(order.source, commitment, sources),
            occurs_on=order.occurs_on,
        )
        if order.edtf:
            resolve(row, order.edtf, zones.get(commitment.pk, []))
        row.original_edtf, row.original_due_at = row.edtf, row.due_at
        if order.met_on:
            row.met_on, row.closed_as, row.closed_at = order.met_on, ClosedAs.MET, now
        new.append(row)
    Deadline.objects.bulk_create(new, batch_size=500)
    settled = _settle_by_earlier_judgements(rows.values(), new, now)
    for row in new:
        append(
            EventKind.DEADLINE_SET,
            row.commitment.accord,
            row.commitment,
            by=actor.office,
            origin=origin,
            happened_on=row.anchor_on,
            facts=set_facts(row, settled.get(row.code)),
        )
        if row.met_on:
            say_met(row, actor, origin)
    refresh(list(rows.values()), zones)
    return new


def set_facts(row: Deadline, closed_by: str | None = None) -> dict[str, Any]:
    """What the log says of a new deadline; `closed_by` is the code of an earlier judgement that settled it at once."""
    return {**wire_facts(row), "closed_by": closed_by}


def _settle_by_earlier_judgements(
    commitments: Iterable[Commitment], new: Sequence[Deadline], now: datetime
) -> dict[str, str]:
    """Closes those of the new deadlines that the judgement in force settles; its code by theirs."""
    latest: dict[int, Assessment] = {}
    commitments = list(commitments)
    published = (
        Assessment.objects.published().of_the_whole().filter(commitment__in=[c.pk for c in commitments])
    )
    for assessment in published.order_by("effective_on", "published_at", "number"):
        latest[assessment.commitment_id] = assessment
    if not latest:
        return {}
    closed = close_what_ends(commitments, latest, now, new)
    by_key = {row.pk: row.code for row in commitments}
    return {
        deadline: f"{by_key[key]}-A{latest[key].number}"
        for key, codes in closed.items()
        for deadline in codes
    }


def say_met(row: Deadline, actor: Actor, origin: str, why: str = "") -> None:
    """Appends the event of a deadline that was met."""
    assert row.met_on is not None
    append(
        EventKind.DEADLINE_MET,
        row.commitment.accord,
        row.commitment,
        by=actor.office,
        origin=origin,
        happened_on=row.met_on,
        facts={
            "deadline": row.code,
            "met_on": row.met_on,
            "met_at": row.met_at,
            "late": facts_of(row, ()).is_late,
        },
        note=why,
    )


def lock_open(code: str, actor: Actor, verb: str, version: int | None) -> tuple[Commitment, Deadline]:
    """The open deadline of that code with its commitment, both locked; raises Refused, Stale or NotAllowed."""
    commitment_code, _dash, number = code.rpartition("-D")
    if not number.isdecimal() or len(number) > 4:
        raise refuse("deadline", "unknown", _("There is no deadline %(code)s.") % {"code": code})
    commitment = locked([commitment_code], actor)[commitment_code]
    actor.require(verb, commitment.accord)
    check_version(commitment, version)
    row = (
        Deadline.objects.select_for_update(no_key=True, of=("self",))
        .filter(commitment=commitment, number=int(number))
        .first()
    )
    if row is None:
        raise refuse("deadline", "unknown", _("There is no deadline %(code)s.") % {"code": code})
    row.commitment = commitment
    if row.closed_at is not None:
        raise refuse(
            "deadline",
            "closed",
            _("%(code)s is closed (%(how)s) and cannot be changed.")
            % {"code": code, "how": row.get_closed_as_display()},
        )
    return commitment, row


@operation
def move_deadlines(
    moves: Mapping[str, str],
    *,
    actor: Actor,
    why: str,
    authority: str | None = None,
    source: str | None = None,
    version: int | None = None,
    now: datetime | None = None,
    origin: str = Origin.LIVE,
) -> list[Deadline]:
    """Moves deadlines (code to new EDTF value), for a reason; the original date stays on record.

    `source` is the code of the source that says so: an extension that the parties agreed needs one.

    A mark that the scan left on the old date is cleared: it is no longer true. `now` defaults to the clock.
    """
    if not why.strip():
        raise refuse("why", "required", _("Moving a deadline needs a reason."))
    if authority is not None and authority not in Authority.values:
        raise refuse("authority", "unknown", _("“%s” is no authority of a deadline.") % authority)
    now = now or timezone.now()
    moved = []
    commitments = {}
    for code in sorted(moves):
        commitment, row = lock_open(code, actor, "move_deadline", version)
        if row.duration:
            raise refuse("edtf", "clock", _("A running clock is not moved: its start is corrected."))
        before = state_before(row)
        resolve(row, moves[code], zones_of([commitment])[commitment.pk])
        row.authority = authority or row.authority
        if source:
            row.source = source_of(source, commitment, sources_by_code([commitment], [source]))
        if before["edtf"] == row.edtf and before["authority"] == row.authority:
            continue
        put_new_date(row, before, actor, why.strip(), origin, now)
        commitments[commitment.pk] = commitment
        moved.append(row)
    if moved:
        refresh(list(commitments.values()))
    return moved


def state_before(row: Deadline) -> dict[str, Any]:
    """What a move changes, as the log tells it."""
    return {"edtf": row.edtf or None, "due_at": row.due_at, "authority": row.authority}


def put_new_date(
    row: Deadline, before: Mapping[str, Any], actor: Actor, why: str, origin: str, now: datetime
) -> None:
    """Saves a (locked) deadline whose window was changed, and says so; the caller refreshes the commitment."""
    row.revision += 1
    # The mark speaks of the old date; should the new one have passed too, the scan says so with its instant.
    cleared = row.overdue_since is not None
    row.overdue_since = None
    row.save(
        update_fields=[
            "edtf",
            "first_on",
            "last_on",
            "opens_at",
            "due_at",
            "crosses_at",
            "authority",
            "source",
            "revision",
            "overdue_since",
        ]
    )
    append(
        EventKind.DEADLINE_MOVED,
        row.commitment.accord,
        row.commitment,
        by=actor.office,
        origin=origin,
        happened_on=timezone.localdate(now),
        facts={
            **wire_facts(row),
            "before": before,
            "original_edtf": row.original_edtf or None,
            "revision": row.revision,
            "mark_cleared": cleared,
        },
        note=why,
    )
