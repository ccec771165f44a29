"""Verbs on positions: state what a party says of the record, and resolve it; whether it is contested follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from commitments.actors import Actor
from commitments.log import append, operation
from commitments.models import Assessment, Commitment, Position
from commitments.operations.assessments import latest_day
from commitments.operations.contributions import check_language, numbered
from commitments.operations.keeping import check_version, locked, next_numbers, refresh
from commitments.operations.sourcing import known_to
from commitments.refusals import refuse
from commitments.words import Contested, EventKind, Origin, Settlement, Stance
from tracker.kit.localized import MAX_LENGTH


@dataclass(frozen=True, slots=True)
class NewPosition:
    """What a party says: its words in their language, the source and the day; `assessment` by number, None: all of it."""

    commitment: str
    party: str
    stance: str
    text: str
    stated_on: date
    source: str | None = None
    new_source: Mapping[str, Any] | None = None
    language: str = "en"
    locator: str = ""
    assessment: int | None = None
    file_key: str = ""


@dataclass(frozen=True, slots=True)
class Resolution:
    """How one position was resolved, and why."""

    resolved_as: str
    why: str


def contested_by(positions: Iterable[Position]) -> str:
    """Contested while a position that disputes is open, resolved when all such are, else none.

    One that we entered by mistake was never a dispute.
    """
    disputes = [
        row for row in positions if row.stance == Stance.DISPUTES and row.resolved_as != Settlement.MISTAKEN
    ]
    if any(row.resolved_at is None for row in disputes):
        return Contested.CONTESTED.value
    return Contested.RESOLVED.value if disputes else Contested.NONE.value


def _check(order: NewPosition, commitment: Commitment, today: date) -> None:
    if order.stance not in Stance.values:
        raise refuse(
            "stance",
            "unknown",
            _("“%(word)s” is not one of %(allowed)s.")
            % {"word": order.stance, "allowed": ", ".join(Stance.values)},
        )
    check_language(order.language)
    if not order.text.strip():
        raise refuse("text", "required", _("A position needs the words of the party."))
    if len(order.text) > MAX_LENGTH:
        raise refuse("text", "length", _("A text has %(most)s characters at most.") % {"most": MAX_LENGTH})
    if len(order.locator) > 80:
        raise refuse("locator", "length", _("A place in a source has 80 characters at most."))
    if order.stated_on > today:
        raise refuse("stated_on", "future", _("A position cannot be stated on a day in the future."))
    if order.stated_on < commitment.starts_on:
        raise refuse(
            "stated_on",
            "before_start",
            _("The commitment began on %(day)s: a position on it cannot be older.")
            % {"day": commitment.starts_on.isoformat()},
        )


def _assessment(order: NewPosition, commitment: Commitment) -> Assessment | None:
    if order.assessment is None:
        return None
    row = Assessment.objects.public().filter(commitment=commitment, number=order.assessment).first()
    if row is None:
        raise refuse(
            "assessment",
            "unknown",
            _("There is no public judgement %(code)s.") % {"code": f"{commitment.code}-A{order.assessment}"},
        )
    row.commitment = commitment
    return row


def _positions_of(commitments: Iterable[Commitment]) -> dict[int, list[Position]]:
    """Every position by commitment id, in order of number."""
    found: dict[int, list[Position]] = {row.pk: [] for row in commitments}
    rows = Position.objects.filter(commitment__in=list(found)).select_related("party").order_by("number")
    for row in rows:
        found[row.commitment_id].append(row)
    return found


@operation
def state_positions(
    orders: Sequence[NewPosition], *, actor: Actor, origin: str = Origin.LIVE, version: int | None = None
) -> list[Position]:
    """Records what parties say of the record, public at once, beside our own judgement. Raises Refused."""
    rows = locked([order.commitment for order in orders], actor)
    for commitment in rows.values():
        actor.require("state_position", commitment.accord)
        check_version(commitment, version)
    numbers = next_numbers(Position, rows.values())
    known = known_to(list(rows.values()), (order.source for order in orders))
    standing = _positions_of(rows.values())
    now = timezone.now()
    new = []
    for order in orders:
        commitment = rows[order.commitment]
        _check(order, commitment, latest_day(now))
        party = known.party(order.party, commitment)
        numbers[commitment.pk] += 1
        number = numbers[commitment.pk]
        source = known.source(
            commitment, order.source, order.new_source, f"{commitment.code}-S{number}-source"
        )
        if source is None:
            raise refuse("source", "required", _("A position needs the source in which the party states it."))
        row = Position(
            commitment=commitment,
            number=number,
            file_key=order.file_key,
            party=party,
            stance=order.stance,
            text=order.text.strip(),
            language=order.language,
            source=source,
            locator=order.locator,
            stated_on=order.stated_on,
            assessment=_assessment(order, commitment),
            origin=origin,
            recorded_at=now,
            recorded_by=actor.office,
            recorded_by_person_id=actor.person_id,
        )
        new.append(row)
    Position.objects.bulk_create(new, batch_size=500)
    for row in new:
        commitment = row.commitment
        before = commitment.contested
        standing[commitment.pk].append(row)
        commitment.contested = contested_by(standing[commitment.pk])
        append(
            EventKind.POSITION_STATED,
            commitment.accord,
            commitment,
            by=actor.office,
            origin=origin,
            happened_on=row.stated_on,
            facts={
                "position": row.code,
                "party": row.party.code,
                "stance": row.stance,
                "source": row.source.code,
                "stated_on": row.stated_on,
                "assessment": row.assessment.code if row.assessment else None,
                "contested": {"before": before, "after": commitment.contested},
            },
            note=row.text,
            language=row.language,
        )
    _keep(rows.values())
    return new


@operation
def resolve_positions(
    resolutions: Mapping[str, Resolution],
    *,
    actor: Actor,
    version: int | None = None,
    origin: str = Origin.LIVE,
) -> list[Position]:
    """Resolves open positions by code, each with how and why; it stays visible. One resolved already is left alone."""
    owners = numbered(list(resolutions), "-S", "position")
    for resolution in resolutions.values():
        if resolution.resolved_as not in Settlement.values:
            raise refuse(
                "resolved_as",
                "unknown",
                _("“%(word)s” is not one of %(allowed)s.")
                % {"word": resolution.resolved_as, "allowed": ", ".join(Settlement.values)},
            )
        if not resolution.why.strip():
            raise refuse("why", "required", _("Resolving a position needs a reason."))
    rows = locked([owner for owner, _number in owners.values()], actor)
    for commitment in rows.values():
        actor.require("resolve_position", commitment.accord)
        check_version(commitment, version)
    standing = _positions_of(rows.values())
    now = timezone.now()
    resolved = []
    for code, (owner, number) in sorted(owners.items()):
        commitment = rows[owner]
        row = next((one for one in standing[commitment.pk] if one.number == number), None)
        if row is None:
            raise refuse("position", "unknown", _("There is no %(code)s.") % {"code": code})
        if row.resolved_at is not None:
            continue
        row.commitment = commitment
        before = commitment.contested
        row.resolved_at, row.resolved_as = now, resolutions[code].resolved_as
        row.resolved_why = resolutions[code].why.strip()
        row.save(update_fields=["resolved_at", "resolved_as", "resolved_why"])
        commitment.contested = contested_by(standing[commitment.pk])
        append(
            EventKind.POSITION_RESOLVED,
            commitment.accord,
            commitment,
            by=actor.office,
            origin=origin,
            facts={
                "position": row.code,
                "party": row.party.code,
                "stance": row.stance,
                "resolved_as": row.resolved_as,
                "contested": {"before": before, "after": commitment.contested},
            },
            note=row.resolved_why,
        )
        resolved.append(row)
    touched = {row.commitment_id for row in resolved}
    if touched:
        _keep(commitment for commitment in rows.values() if commitment.pk in touched)
    return resolved


def _keep(commitments: Iterable[Commitment]) -> None:
    """Saves whether the commitments are contested, and makes each a new version."""
    commitments = list(commitments)
    Commitment.objects.bulk_update(commitments, ["contested"], batch_size=500)
    refresh(commitments)
