"""Verbs on deadlines: set, move and meet them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from commitments.actors import Actor
from commitments.deadlines import DateError, due_at, opens_at, parse_duration, parse_window
from commitments.log import append, operation
from commitments.models import Assessment, Commitment, Deadline
from commitments.operations.keeping import (
    check_version,
    close_what_ends,
    locked,
    next_numbers,
    refresh,
    zones_of,
)
from commitments.refusals import Problem, Refused, refuse
from commitments.words import Authority, Clock, ClosedAs, DeadlineType, EventKind, Kind, Origin


@dataclass(frozen=True, slots=True)
class NewDeadline:
    """A deadline to set: `edtf` names its window, or `duration` the length of a clock that a trigger will start."""

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
    file_key: str = ""


def resolve(row: Deadline, edtf: str, zones: Sequence[str], field: str = "edtf") -> None:
    """Writes the window of an EDTF value and its instants into the row; raises Refused naming the field."""
    try:
        window = parse_window(edtf)
        row.opens_at, row.due_at = opens_at(window, zones), due_at(window, zones)
    except DateError as error:
        raise Refused(Problem(field, "date", str(error))) from None
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
    if bool(order.edtf) == bool(order.duration):
        raise refuse(
            "edtf", "window_or_clock", _("A deadline has either a window of days or the length of a clock.")
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
        "due_at": row.due_at,
    }


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
        )
        if order.edtf:
            resolve(row, order.edtf, zones.get(commitment.pk, []))
        row.original_edtf, row.original_due_at = row.edtf, row.due_at
        if order.met_on:
            row.met_on, row.closed_as, row.closed_at = order.met_on, ClosedAs.MET, now
        new.append(row)
    Deadline.objects.bulk_create(new, batch_size=500)
    for row in new:
        append(
            EventKind.DEADLINE_SET,
            row.commitment.accord,
            row.commitment,
            by=actor.office,
            origin=origin,
            happened_on=row.anchor_on,
            facts=wire_facts(row),
        )
        if row.met_on:
            _say_met(row, actor, origin)
    _settle_by_earlier_judgements(rows.values(), now)
    refresh(list(rows.values()), zones)
    return new


def _settle_by_earlier_judgements(commitments: Any, now: datetime) -> None:
    latest: dict[int, Assessment] = {}
    published = Assessment.objects.published().filter(commitment__in=[c.pk for c in commitments])
    for assessment in published.order_by("effective_on", "published_at", "number"):
        latest[assessment.commitment_id] = assessment
    if latest:
        close_what_ends(list(commitments), latest, now)


def _say_met(row: Deadline, actor: Actor, origin: str, why: str = "") -> None:
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
            "late": bool(row.last_on and row.met_on > row.last_on),
        },
        note=why,
    )


def _lock_open(code: str, actor: Actor, verb: str, version: int | None) -> tuple[Commitment, Deadline]:
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
    version: int | None = None,
    now: datetime | None = None,
    origin: str = Origin.LIVE,
) -> list[Deadline]:
    """Moves deadlines (code to new EDTF value), for a reason; the original date stays on record.

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
        commitment, row = _lock_open(code, actor, "move_deadline", version)
        if row.duration:
            raise refuse("edtf", "clock", _("A running clock is not moved: its start is corrected."))
        before = {"edtf": row.edtf or None, "due_at": row.due_at, "authority": row.authority}
        zones = zones_of([commitment])[commitment.pk]
        resolve(row, moves[code], zones)
        if authority:
            row.authority = authority
        if before["edtf"] == row.edtf and before["authority"] == row.authority:
            continue
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
                "authority",
                "revision",
                "overdue_since",
            ]
        )
        append(
            EventKind.DEADLINE_MOVED,
            commitment.accord,
            commitment,
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
            note=why.strip(),
        )
        commitments[commitment.pk] = commitment
        moved.append(row)
    if moved:
        refresh(list(commitments.values()))
    return moved


@operation
def meet_deadlines(
    met: Mapping[str, date],
    *,
    actor: Actor,
    why: str = "",
    version: int | None = None,
    today: date | None = None,
    origin: str = Origin.LIVE,
) -> list[Deadline]:
    """Records that deadlines were met on a day (code to date); not in the future, not before the duty began."""
    now = timezone.now()
    # The day has begun for somebody as soon as it has in the earliest zone of the world.
    today = today or (now + timedelta(hours=14)).date()
    rows, commitments = [], {}
    for code in sorted(met):
        commitment, row = _lock_open(code, actor, "meet_deadline", version)
        if met[code] > today:
            raise refuse("met_on", "future", _("A deadline cannot have been met in the future."))
        if met[code] < commitment.starts_on:
            raise refuse(
                "met_on",
                "before_start",
                _("%(code)s began on %(day)s: it cannot have been met before.")
                % {"code": commitment.code, "day": commitment.starts_on.isoformat()},
            )
        row.met_on, row.closed_as, row.closed_at = met[code], ClosedAs.MET, now
        row.save(update_fields=["met_on", "closed_as", "closed_at"])
        _say_met(row, actor, origin, why.strip())
        rows.append(row)
        commitments[commitment.pk] = commitment
    refresh(list(commitments.values()))
    return rows
