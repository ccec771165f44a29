"""Everything that explains where one commitment stands, now or in the past, read in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from commitments import standing
from commitments.looking_back import put_back, put_dates_back
from commitments.models import (
    Assessment,
    Commitment,
    Deadline,
    Evidence,
    Party,
    Pause,
    Position,
    Trigger,
)
from commitments.operations.keeping import facts_of, pauses_of, terms_of, zones_of
from commitments.past import Moment, Past, standings
from commitments.wordings import words_then
from commitments.words import Review, Stance


@dataclass(frozen=True, slots=True)
class Case:
    """One commitment with what its standing rests on. The rows are as they stood at `instant` and are never saved."""

    commitment: Any
    instant: datetime
    terms: standing.Terms
    facts: list[standing.DeadlineFacts]
    where: standing.Standing
    zones: list[str]
    deadlines: list[Deadline]
    judgement: Assessment | None
    shares: list[Assessment]
    exhibits: Mapping[int, list[Evidence]]
    evidence: list[Evidence]
    triggers: list[Trigger]
    pauses: list[Pause]
    disputing: list[Party]
    past: Past | None = None

    @property
    def judged(self) -> standing.Judgement:
        """The current status, as the rules read it."""
        return standing.Judgement(self.commitment.status, self.commitment.status_on)

    def date_of(self, key: str | None) -> Deadline | None:
        """The deadline of that key of the rules."""
        return next((row for row in self.deadlines if f"{row.number}" == key), None)


def case_of(code: str, moment: Moment) -> Case | None:
    """The case of a commitment at a moment; None when there is, or was, nothing of that code."""
    found: Any = (
        Commitment.objects.select_related("accord", "section", "instrument").filter(code=code).first()
        if "\x00" not in code
        else None
    )
    if found is None:
        return None
    past = standings([found.pk], moment).get(code) if moment.is_past else None
    if moment.is_past and past is None:
        return None
    return _case(found, moment, past)


def _case(found: Any, moment: Moment, past: Past | None) -> Case:
    zones = sorted(set(zones_of([found])[found.pk]))
    deadlines = list(found.deadlines.order_by("number"))
    if past:
        for name, value in words_then({found.code: past}, moment).get(found.code, {}).items():
            setattr(found, name, value)
        deadlines, terms = put_dates_back(deadlines, put_back(found, past), past), past.terms
    else:
        for deadline in deadlines:
            deadline.commitment = found
        terms = terms_of(found, zones, pauses_of([found])[found.pk])
    instant = past.instant if past else moment.now
    facts = [facts_of(deadline, zones) for deadline in deadlines]
    judged = standing.Judgement(found.status, found.status_on)
    where = standing.standing(terms, facts, judged, instant)
    found.timeliness, found.upkeep = where.timeliness, where.upkeep
    found.plain = standing.plain(where.status, where.timeliness, found.kind)
    evidence = _evidence(found, past)
    in_force, exhibits = _judgements(found, past, {item.pk for item in evidence})
    return Case(
        commitment=found,
        instant=instant,
        terms=terms,
        facts=facts,
        where=where,
        zones=zones,
        deadlines=deadlines,
        judgement=in_force.pop("", None),
        shares=[one for _party, one in sorted(in_force.items())],
        exhibits=exhibits,
        evidence=evidence,
        triggers=_triggers(found, past),
        pauses=_pauses(found, past, moment),
        disputing=_disputing(found, past, moment),
        past=past,
    )


def _evidence(found: Commitment, past: Past | None) -> list[Evidence]:
    """What stands: public, not withdrawn, and there at the moment."""
    rows = Evidence.objects.public().filter(commitment=found).select_related("source").order_by("number")
    kept = []
    for row in rows:
        row.commitment = found
        if past:
            told = past.told.evidence.get(row.code)
            if told is None or told.withdrawn_at or row.code not in past.evidence:
                continue
            row.withdrawn_at, row.withdrawn_why = None, ""
        elif row.withdrawn_at:
            continue
        kept.append(row)
    return kept


def _judgements(
    found: Commitment, past: Past | None, visible: set[int]
) -> tuple[dict[str, Assessment], dict[int, list[Evidence]]]:
    """The judgements in force by party (empty: of the whole), and their exhibits by judgement."""
    rows = Assessment.objects.public().filter(commitment=found).select_related("party").latest_first()
    judged = [past.judgement, *past.shares.values()] if past else []
    by_log = {one.code for one in judged if one}
    in_force: dict[str, Assessment] = {}
    exhibits = {}
    for row in rows.prefetch_related("evidence__source"):
        row.commitment = found
        if row.code in by_log if past else row.review == Review.PUBLISHED:
            in_force.setdefault(row.party.code if row.party else "", row)
            exhibits[row.pk] = [item for item in row.evidence.all() if item.pk in visible]
    return in_force, exhibits


def _triggers(found: Commitment, past: Past | None) -> list[Trigger]:
    rows = list(Trigger.objects.public().filter(commitment=found).order_by("number"))
    for row in rows:
        row.commitment = found
    if past is None:
        return [row for row in rows if row.withdrawn_at is None]
    told = past.told.triggers
    return [row for row in rows if row.code in past.triggers and told[row.code].withdrawn_at is None]


def _pauses(found: Commitment, past: Past | None, moment: Moment) -> list[Pause]:
    rows = list(Pause.objects.filter(commitment=found).order_by("from_on"))
    if past is None:
        return rows
    there = []
    for row in rows:
        row.commitment = found
        if row.code in past.pauses:
            row.until_on, row.until_at = past.told.pauses[row.code].end(moment.covers)
            there.append(row)
    return there


def _disputing(found: Commitment, past: Past | None, moment: Moment) -> list[Party]:
    """The parties whose dispute was open."""
    rows = Position.objects.filter(commitment=found, stance=Stance.DISPUTES).select_related("party")
    parties = []
    for row in rows.order_by("number"):
        row.commitment = found
        told = past.told.positions.get(row.code) if past else None
        if past:
            is_open = row.code in past.positions and not (
                told and told.resolved_at and (told.is_mistaken or moment.covers(told.resolved_on))
            )
        else:
            is_open = row.resolved_at is None
        if is_open:
            parties.append(row.party)
    return list(dict.fromkeys(parties))


def latest_fact(evidence: list[Evidence]) -> tuple[Evidence, date] | None:
    """The exhibit that shows the latest fact, and its day; None when no day is known."""
    dated = [(row.happened_on, row.number, row) for row in evidence if row.happened_on]
    if not dated:
        return None
    day, _number, row = max(dated, key=lambda one: one[:2])
    return row, day
