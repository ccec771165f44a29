"""What every verb does to the commitments it touched: lock them in key order, and keep their caches true."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from django.db.models import Max, Model
from django.utils.translation import gettext as _

from commitments import standing
from commitments.actors import Actor
from commitments.deadlines import Window
from commitments.deadlines import due_at as due_at_of
from commitments.log import give_up_waiting
from commitments.models import (
    Accord,
    Assessment,
    Commitment,
    Deadline,
    Evidence,
    Participation,
    Pause,
    Trigger,
)
from commitments.operations.storing import save_rows
from commitments.refusals import Problem, Refused, Stale
from commitments.words import ClosedAs, Role, Status

CACHED = ["status", "status_on", "due_at", "due_authority", "turns_at", "turns_timeliness", "turns_upkeep"]


def locked(codes: Iterable[str], actor: Actor) -> dict[str, Commitment]:
    """The commitments of those codes, locked in code order and read fresh; raises Refused for an unknown code.

    FOR NO KEY UPDATE: plain FOR UPDATE would meet the KEY SHARE locks of foreign keys and deadlock.
    """
    wanted = sorted(set(codes))
    if actor.person_id is not None:
        give_up_waiting()
    rows = (
        Commitment.objects.select_for_update(no_key=True, of=("self",))
        .select_related("accord")
        .filter(code__in=wanted)
        .order_by("code")
    )
    found = {row.code: row for row in rows}
    missing = [code for code in wanted if code not in found]
    if missing:
        raise Refused(
            Problem(
                "commitment",
                "unknown",
                _("There is no commitment %(codes)s.") % {"codes": ", ".join(missing)},
            )
        )
    return found


def check_version(commitment: Commitment, version: int | None) -> None:
    """Raises Stale when the row has moved on since the actor read that version (None: not asked)."""
    if version is not None and version != commitment.version:
        raise Stale(
            Problem(
                "version",
                "stale",
                _(
                    "Somebody else changed %(code)s while you were working: you read version %(yours)s, it is now "
                    "%(theirs)s and stands at “%(status)s”. Look at it again, then repeat your change."
                )
                % {
                    "code": commitment.code,
                    "yours": version,
                    "theirs": commitment.version,
                    "status": commitment.get_status_display(),
                },
            )
        )


def zones_of(commitments: Iterable[Commitment]) -> dict[int, list[str]]:
    """The time zones of the bound parties by commitment id; of all the accord's parties where none is bound."""
    commitments = list(commitments)
    zones: dict[int, list[str]] = defaultdict(list)
    bound = Participation.objects.filter(commitment__in=[c.pk for c in commitments], role=Role.BOUND)
    for pk, name in bound.exclude(party__time_zone="").values_list("commitment_id", "party__time_zone"):
        zones[pk].append(name)
    of_accord: dict[int, list[str]] = {}
    for commitment in commitments:
        if commitment.pk not in zones:
            accord = commitment.accord_id
            if accord not in of_accord:
                of_accord[accord] = list(
                    Accord.objects.filter(pk=accord)
                    .exclude(parties__time_zone="")
                    .values_list("parties__time_zone", flat=True)
                )
            zones[commitment.pk] = [name for name in of_accord[accord] if name]
    return zones


def next_numbers(model: type[Model], commitments: Iterable[Commitment]) -> dict[int, int]:
    """The last number in use by commitment id; safe because the commitments are locked."""
    rows: Any = (
        model._default_manager.filter(commitment__in=[c.pk for c in commitments])
        .values_list("commitment_id")
        .annotate(last=Max("number"))
        .order_by()
    )
    return defaultdict(int, dict(rows))


def number_for(
    model: type[Assessment] | type[Evidence] | type[Trigger],
    numbers: dict[int, int],
    commitment: Commitment,
    wanted: int | None,
) -> int:
    """The number of a new row: the next one, or the one it had in the record that a file was written from.

    Raises Refused when that number is taken. `numbers` (see `next_numbers`) moves on.
    """
    last = numbers[commitment.pk]
    number = last + 1 if wanted is None else wanted
    if number <= last and model.objects.filter(commitment=commitment, number=number).exists():
        raise Refused(Problem("number", "taken", _("The number %(number)s is taken.") % {"number": number}))
    numbers[commitment.pk] = max(last, number)
    return number


def midnight(day: date) -> datetime:
    """The beginning of a day in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def facts_of(deadline: Deadline, zones: Sequence[str]) -> standing.DeadlineFacts:
    """A deadline row as the rules read it."""
    return standing.DeadlineFacts(
        key=f"{deadline.number}",
        type=deadline.type,
        authority=deadline.authority,
        clock=deadline.clock,
        opens_at=deadline.opens_at,
        due_at=deadline.due_at,
        last_on=deadline.last_on,
        anchor_at=midnight(deadline.anchor_on) if deadline.anchor_on else None,
        closed_as=deadline.closed_as,
        met_on=deadline.met_on,
        is_day=deadline.first_on is not None and deadline.first_on == deadline.last_on,
        met_at=deadline.met_at,
        is_pattern=deadline.is_pattern,
    )


def pauses_of(commitments: Iterable[Commitment]) -> dict[int, tuple[standing.Pause, ...]]:
    """The recorded pauses by commitment id."""
    found: dict[int, tuple[standing.Pause, ...]] = defaultdict(tuple)
    rows = Pause.objects.filter(commitment__in=[c.pk for c in commitments]).order_by("from_at")
    for pk, from_at, until_at in rows.values_list("commitment_id", "from_at", "until_at"):
        found[pk] = (*found[pk], standing.Pause(from_at, until_at))
    return found


def terms_of(
    commitment: Commitment, zones: Sequence[str], pauses: tuple[standing.Pause, ...] = ()
) -> standing.Terms:
    """The duty's own terms as the rules read them; it ends when the last day is over in the latest zone."""
    ends = [day for day in (commitment.ends_on, commitment.accord.ends_on) if day]
    return standing.Terms(
        kind=commitment.kind,
        ends_at=due_at_of(Window(None, min(ends)), zones) if ends else None,
        awaits_event=commitment.awaits_event,
        triggered_at=commitment.triggered_at,
        pauses=pauses,
    )


def refresh(commitments: Sequence[Commitment], zones: dict[int, list[str]] | None = None) -> None:
    """Recomputes and saves what the commitments cache: status, due date, course; each becomes a new version.

    The instants at which their open dates pass follow the pauses; a mark that is no longer true is the verb's to clear.
    """
    zones = zones_of(commitments) if zones is None else zones
    pauses = pauses_of(commitments)
    deadlines: dict[int, list[Deadline]] = defaultdict(list)
    for deadline in Deadline.objects.filter(commitment__in=[c.pk for c in commitments]).order_by("number"):
        deadlines[deadline.commitment_id].append(deadline)
    current: dict[int, tuple[str, date]] = {}
    rows = (
        Assessment.objects.published()
        .of_the_whole()
        .filter(commitment__in=[c.pk for c in commitments])
        .order_by("effective_on", "published_at", "number")
    )
    for pk, status, effective_on in rows.values_list("commitment_id", "status", "effective_on"):
        current[pk] = (status, effective_on)
    held = []
    for commitment in commitments:
        for deadline in deadlines[commitment.pk]:
            crosses_at = standing.crosses_at(deadline.due_at, pauses[commitment.pk])
            if deadline.crosses_at != crosses_at:
                deadline.crosses_at = crosses_at
                held.append(deadline)
    Deadline.objects.bulk_update(held, ["crosses_at"], batch_size=500)
    for commitment in commitments:
        status, since = current.get(commitment.pk, (Status.NOT_ASSESSED, None))
        own_zones = zones.get(commitment.pk, [])
        facts = [facts_of(d, own_zones) for d in deadlines[commitment.pk]]
        set_course(commitment, facts, standing.Judgement(status, since), own_zones, pauses[commitment.pk])
        commitment.version += 1
    # changed_at is auto_now, which save_rows does not see to.
    now = datetime.now(UTC)
    for commitment in commitments:
        commitment.changed_at = now
    save_rows(commitments, [*CACHED, "version", "changed_at"])


def next_version(commitments: Iterable[Commitment]) -> None:
    """A new version after a change that only the staff see, so that who has read what stood before is told of it."""
    for commitment in commitments:
        commitment.version += 1
    save_rows(list(commitments), ["version"])


def set_course(
    commitment: Commitment,
    facts: Sequence[standing.DeadlineFacts],
    judgement: standing.Judgement,
    zones: Sequence[str],
    pauses: tuple[standing.Pause, ...] = (),
) -> None:
    """Writes status, due date and course into the (unsaved) row."""
    course = standing.course(terms_of(commitment, zones, pauses), facts, judgement)
    commitment.turns_at = [instant for instant, _timeliness, _upkeep in course[1:]]
    commitment.turns_timeliness = [timeliness for _instant, timeliness, _upkeep in course]
    commitment.turns_upkeep = [upkeep for _instant, _timeliness, upkeep in course]
    speaks = standing.due(facts)
    commitment.status = judgement.status
    commitment.status_on = judgement.effective_on
    commitment.due_at = speaks.due_at if speaks else None
    commitment.due_authority = speaks.authority if speaks else ""


def close_what_ends(
    commitments: Sequence[Commitment],
    closers: dict[int, Assessment],
    now: datetime,
    among: Iterable[Deadline] | None = None,
) -> dict[int, list[str]]:
    """Closes the deadlines that a published assessment settles; returns their codes by commitment id.

    `fulfilled` meets every open party deadline on the day it holds from, `superseded` ends them; any judgement
    closes the tracker's own reviews whose window was over by the day it holds from, and the review that an earlier
    judgement had planned. The length of a clock that a trigger would start stays.
    With `among`, only those deadlines are looked at.
    """
    closed: dict[int, list[str]] = defaultdict(list)
    rows = list(
        Deadline.objects.select_for_update(no_key=True, of=("self",))
        .filter(commitment__in=list(closers), closed_at__isnull=True)
        .select_related("commitment")
        .order_by("id")
    )
    if among is not None:
        keys = {deadline.pk for deadline in among}
        rows = [deadline for deadline in rows if deadline.pk in keys]
    changed = []
    for deadline in rows:
        assessment = closers[deadline.commitment_id]
        if assessment.status == Status.SUPERSEDED:
            deadline.closed_as = ClosedAs.ENDED
        elif deadline.clock == "tracker":
            is_over = deadline.last_on is not None and assessment.effective_on >= deadline.last_on
            is_replaced = deadline.set_by_id is not None and deadline.set_by_id != assessment.pk
            if not is_over and not is_replaced:
                continue
            deadline.closed_as = ClosedAs.MET
            deadline.met_on = assessment.effective_on
        elif deadline.is_pattern:
            continue
        elif assessment.status == Status.FULFILLED:
            deadline.closed_as = ClosedAs.MET
            deadline.met_on = assessment.effective_on
        else:
            continue
        deadline.closed_at = now
        deadline.closed_by = assessment
        closed[deadline.commitment_id].append(deadline.code)
        changed.append(deadline)
    save_rows(changed, ["closed_as", "closed_at", "closed_by", "met_on"])
    return closed
