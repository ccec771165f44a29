"""What the page of one commitment shows, read in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Prefetch, Q
from django.utils.translation import gettext as _

from commitments import choosing, explaining, standing
from commitments.ledger import ledger
from commitments.models import (
    Accord,
    Assessment,
    Commitment,
    Deadline,
    Dependency,
    Evidence,
    Position,
    Source,
    Trigger,
)
from commitments.operations.keeping import facts_of, pauses_of, terms_of, zones_of
from commitments.past import Moment, Past
from commitments.spoken_dates import instant_in_words, length_in_words, window_in_words
from commitments.timeline import timeline
from commitments.words import Clock, DeadlineType, Role, Stance, Strength, Timeliness, Upkeep


@dataclass(frozen=True, slots=True)
class Cited:
    """A place in a source: `source` is None where the reference names none of the accord's sources."""

    source: Source | None
    place: str


@dataclass(frozen=True, slots=True)
class Date:
    """One deadline as the page shows it."""

    deadline: Deadline
    when: str
    original: str
    day_ends: str
    local: list[tuple[str, str]]
    is_ours: bool
    is_past: bool


def cited(reference: str, sources: Mapping[str, Source]) -> Cited | None:
    """“official_text II.1” as the source and the place in it; None for an empty reference."""
    if not reference:
        return None
    code, _space, place = reference.partition(" ")
    source = sources.get(code)
    return Cited(source, place if source else reference)


def date_of(deadline: Deadline, zones: Iterable[str], now: datetime) -> Date:
    """A deadline as the page shows it at an instant (UTC)."""
    moved = deadline.original_edtf and deadline.original_edtf != deadline.edtf
    is_clock = deadline.type == DeadlineType.CLOCK and deadline.due_at is not None
    return Date(
        deadline=deadline,
        when=explaining.when(deadline),
        original=window_in_words(deadline.original_edtf) if moved else "",
        day_ends=explaining.day_ends(deadline, now),
        local=[
            (ZoneInfo(zone).key, instant_in_words(deadline.due_at, zone))
            for zone in sorted(set(zones))
            if is_clock and deadline.due_at
        ],
        is_ours=deadline.clock == Clock.TRACKER,
        is_past=deadline.due_at is not None and deadline.due_at <= now and not deadline.closed_as,
    )


def _parties(found: Commitment, sources: Mapping[str, Source]) -> list[dict[str, Any]]:
    """The parties by role, in the order of the vocabulary."""
    rows = list(found.participations.select_related("party"))
    return [
        {
            "role": role,
            "parties": [
                {"party": row.party, "cited": cited(row.source, sources)} for row in rows if row.role == role
            ],
        }
        for role in Role
        if any(row.role == role for row in rows)
    ]


def _links(found: Commitment) -> list[Dependency]:
    return list(Dependency.objects.filter(Q(commitment=found) | Q(on=found)).order_by("id"))


def _leaning(found: Commitment, links: list[Dependency], now: datetime) -> list[dict[str, Any]]:
    """What it leans on and what leans on it, each with where that stands."""
    keys = {key for link in links for key in (link.commitment_id, link.on_id)} - {found.pk}
    others = {other.pk: other for other in choosing.in_plain_words(now).filter(pk__in=keys)}
    reverse = {
        "hard": _("is needed by"),
        "soft": _("eases"),
        "part_of": _("has as a part"),
        "shares_trigger": _("shares its trigger with"),
        "enabled_by": _("enables"),
    }
    return [
        {
            "words": link.get_type_display() if link.commitment_id == found.pk else reverse[link.type],
            "type": link.type,
            "other": others[link.on_id if link.commitment_id == found.pk else link.commitment_id],
        }
        for link in links
    ]


def _assessments(found: Commitment) -> list[Assessment]:
    """The public ones, the current one first."""
    exhibits = Evidence.objects.public().select_related("source").order_by("number")
    return list(
        Assessment.objects.public()
        .filter(commitment=found)
        .select_related("party")
        .prefetch_related(Prefetch("evidence", exhibits, to_attr="exhibits"))
        .latest_first()
    )


def _in_force(assessments: Iterable[Assessment]) -> dict[int | None, Assessment]:
    """The judgement in force of the whole (None) and of each party's share; they come the latest first."""
    found: dict[int | None, Assessment] = {}
    for one in assessments:
        if one.review == "published":
            found.setdefault(one.party_id, one)
    return found


@dataclass(frozen=True, slots=True)
class Fact:
    """A recorded fact as the page shows it: each instant that is known, in UTC and in the capitals' time."""

    trigger: Trigger
    words: str
    instants: list[tuple[str, str, list[tuple[str, str]]]]
    hidden: list[str]


def _facts(found: Commitment, zones: Iterable[str]) -> list[Fact]:
    labels = {
        "happened_at": _("Happened at"),
        "sent_at": _("Sent at"),
        "received_at": _("Received at"),
    }
    words = {item.get("code"): item.get("text") for item in (found.trigger or {}).get("facts", ())}
    rows = Trigger.objects.public().filter(commitment=found).select_related("source").order_by("number")
    return [
        Fact(
            trigger=row,
            words=words.get(row.fact) or "",
            instants=[
                (
                    label,
                    instant_in_words(getattr(row, name)),
                    [
                        (ZoneInfo(zone).key, instant_in_words(getattr(row, name), zone))
                        for zone in sorted(set(zones))
                    ],
                )
                for name, label in labels.items()
                if getattr(row, name) and name not in row.hidden
            ],
            hidden=[labels[name] for name in row.hidden if name in labels],
        )
        for row in rows
    ]


def _why_uncounted(found: Commitment, plain: str) -> str:
    """Why it stands in no percentage; empty when it does."""
    if plain == "context":
        return _("It is context: it counts in no percentage.")
    if plain == "standby":
        return _("It is on standby: it counts in no percentage.")
    if found.is_counted:
        return ""
    if found.strength in {Strength.EXPLORATORY, Strength.DECLARATORY}:
        return _("Its words promise no act: it counts in no percentage.")
    if not found.is_verifiable:
        return _("It cannot be verified from outside: it counts in no percentage.")
    return _("The text binds nobody to it: it counts in no percentage.")


def positions_of(found: Commitment, past: Past | None = None, moment: Moment | None = None) -> list[Position]:
    """What the parties say, in order; at a moment of the past what they had said, and open what was open then."""
    rows = Position.objects.filter(commitment=found).select_related("party", "source", "assessment")
    shown = []
    for row in rows.order_by("number"):
        if row.assessment:
            row.assessment.commitment = found
        if past is not None and moment is not None:
            code = f"{found.code}-S{row.number}"
            if code not in past.positions or row.is_mistaken:
                continue
            if not moment.covers(past.told.positions[code].resolved_on):
                row.resolved_at, row.resolved_as, row.resolved_why = None, "", ""
        shown.append(row)
    return shown


def everything(found: Any, now: datetime) -> dict[str, Any]:
    """The context of the page of a commitment that knows its `plain`, `timeliness` and `upkeep` at `now` (UTC)."""
    accord: Accord = found.accord
    sources = {source.code: source for source in accord.sources.all()}
    zones = zones_of([found])[found.pk]
    deadlines = list(found.deadlines.order_by("number"))
    facts = [facts_of(deadline, zones) for deadline in deadlines]
    judgement = standing.Judgement(found.status, found.status_on)
    pauses = pauses_of([found])[found.pk]
    because = standing.standing(terms_of(found, zones, pauses), facts, judgement, now).because
    by_key = {f"{deadline.number}": deadline for deadline in deadlines}
    evidence = list(
        Evidence.objects.public().filter(commitment=found).select_related("source").order_by("number")
    )
    assessments = _assessments(found)
    in_force = _in_force(assessments)
    current = in_force.pop(None, None)
    leaned = {item.pk for item in current.exhibits} if current else set()  # type: ignore[attr-defined]
    live, history = timeline(found, evidence)
    positions = positions_of(found)
    links = _links(found)
    # The length of a clock says nothing more once a clock of that length has been started.
    open_dates = [d for d in deadlines if not d.closed_as and not (d.is_pattern and found.is_triggered)]
    # A clock that nothing has started is no date ahead.
    ahead = [d for d in open_dates if d.due_at is not None]
    return {
        "commitment": found,
        "accord": accord,
        "now": now,
        "provisions": list(found.provisions.order_by("code")),
        "topics": list(found.topics.order_by("code")),
        "instruments": list(found.related_instruments.order_by("code")),
        "citations": list(found.citations.select_related("source").order_by("source__code")),
        "verb": cited(found.verb_source, sources),
        "parties": _parties(found, sources),
        "why_timeliness": explaining.why_timeliness(
            found.timeliness, found, by_key.get(because["deadline"] or "")
        ),
        "why_upkeep": explaining.why_upkeep(found.upkeep, by_key.get(because["upkeep_deadline"] or "")),
        "timeliness_label": str(Timeliness(found.timeliness).label).capitalize(),
        "upkeep_label": str(Upkeep(found.upkeep).label).capitalize(),
        "review_length": length_in_words(found.review_every),
        "trigger_length": length_in_words((found.trigger or {}).get("duration") or ""),
        "is_awaiting": found.upkeep != Upkeep.CURRENT,
        "why_uncounted": _why_uncounted(found, found.plain),
        "current": current,
        "shares": sorted(in_force.values(), key=lambda one: one.party.code if one.party else ""),
        "recorded_facts": _facts(found, zones),
        "pauses": list(found.pauses.select_related("source").order_by("number")),
        "parts": sum(link.type == "part_of" and link.on_id == found.pk for link in links)
        or (found.portfolio or {}).get("listed", 0),
        "other_evidence": [item for item in evidence if item.pk not in leaned],
        "what_next": explaining.what_next(found, found.timeliness, ahead),
        "open_dates": [date_of(d, zones, now) for d in open_dates],
        "closed_dates": [date_of(d, zones, now) for d in deadlines if d.closed_as],
        "steps": list(found.steps.select_related("source").order_by("position", "id")),
        "leaning": _leaning(found, links, now),
        "ledger": ledger(found),
        "positions": positions,
        "disputing": list(
            dict.fromkeys(row.party for row in positions if row.is_open and row.stance == Stance.DISPUTES)
        ),
        "live": live,
        "history": history,
        "entered": (min(entry.at for entry in history), max(entry.at for entry in history))
        if history
        else (),
        "also_reported": [
            {**figure, "cited": cited(figure["source"], sources)}
            for figure in (found.amount or {}).get("also_reported", [])
        ],
        "period_source": cited((found.period or {}).get("source") or "", sources),
    }
