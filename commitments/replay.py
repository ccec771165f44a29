"""Pure: the log folded into what the record says, commitment by commitment, each fact with its own dates. No Django.

`fold` reads the bodies of events in their order. What it gives back keeps two times apart: a fact is in it because
the log had told it by then, and it carries the dates of the world, so that `past.py` can ask for any day. A fact
that a later event takes back (a retraction, a withdrawal) is gone from there on: corrections belong to the time of
the log, not to the time of the world.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from commitments.deadlines import DateError, parse_window

Body = Mapping[str, Any]


def day_of(text: str | None) -> date | None:
    """A date as the log writes it."""
    return date.fromisoformat(text) if text else None


def instant_of(text: str | None) -> datetime | None:
    """An instant as the log writes it (UTC)."""
    return datetime.fromisoformat(text) if text else None


def last_day_of(edtf: str | None) -> date | None:
    """The last day of an EDTF value; None when there is none, or no end."""
    try:
        return parse_window(edtf).last if edtf else None
    except DateError:
        return None


def number_of(code: str) -> int:
    """The number at the end of a public code: 3 for JUA-B07-A3."""
    digits = code[len(code.rstrip("0123456789")) :]
    return int(digits) if digits else 0


@dataclass(frozen=True, slots=True)
class Setting:
    """A date as it stood from a day of the world on (None: from the beginning)."""

    on: date | None
    authority: str
    edtf: str
    first_on: date | None
    last_on: date | None
    opens_at: datetime | None
    due_at: datetime | None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Closing:
    """How a date closed and on which day (None: from the beginning); `by` the judgement that closed it, or empty."""

    closed_as: str
    on: date | None
    at: datetime
    met_on: date | None = None
    met_at: datetime | None = None
    by: str = ""


@dataclass(slots=True)
class ToldPause:
    """A pause: its end as it was announced (null: not known then), and as it was recorded in the end."""

    code: str
    from_on: date
    from_at: datetime
    until_on: date | None
    until_at: datetime | None
    resumed_on: date | None = None
    resumed_at: datetime | None = None

    def end(self, covers: Callable[[date | None], bool]) -> tuple[date | None, datetime | None]:
        """The day and the instant of its end, as far as they were known: recorded, else as it was announced."""
        if self.resumed_on and covers(self.resumed_on):
            return self.resumed_on, self.resumed_at
        return self.until_on, self.until_at


@dataclass(slots=True)
class ToldTrigger:
    """A public fact that brought a duty to life or ended it; where its day is confidential, that of the log."""

    code: str
    effect: str
    happened_on: date
    withdrawn_at: datetime | None = None


@dataclass(slots=True)
class ToldDate:
    """One deadline: what it was set to, in order, and how it closed."""

    code: str
    type: str
    clock: str
    duration: str
    anchor_on: date | None
    settings: list[Setting]
    closing: Closing | None = None


@dataclass(slots=True)
class ToldJudgement:
    """One published judgement; `party` is empty for a judgement of the whole."""

    code: str
    status: str
    effective_on: date
    at: datetime
    seq: int
    evidence: list[str]
    party: str = ""
    retracted_at: datetime | None = None

    @property
    def place(self) -> tuple[date, datetime, int]:
        """The order among the judgements of a commitment: effective date, then publication."""
        return self.effective_on, self.at, number_of(self.code)


@dataclass(slots=True)
class ToldEvidence:
    """One exhibit. It can be pointed to from `seen_on` on: the later of when it happened and when it was published."""

    code: str
    seen_on: date | None
    withdrawn_at: datetime | None = None


@dataclass(slots=True)
class ToldMoney:
    """One contribution, by the last day on which it can have been made."""

    code: str
    happened_on: date | None
    withdrawn_at: datetime | None = None


@dataclass(slots=True)
class ToldPosition:
    """What a party holds of the record, from the day it said so until it was resolved."""

    code: str
    stance: str
    stated_on: date
    resolved_on: date | None = None
    resolved_at: datetime | None = None
    is_mistaken: bool = False


@dataclass(slots=True)
class Told:
    """Everything that the log tells of one commitment."""

    code: str
    accord: str
    kind: str
    strength: str
    provenance: str
    section: str
    starts_on: date
    ends_on: date | None
    awaits_event: bool
    bound: tuple[str, ...]
    zones: tuple[str, ...]
    is_counted: bool
    is_verifiable: bool
    terms: str
    last_at: datetime
    triggered_at: datetime | None = None
    # The day of the event on which it ended, where such a fact was recorded.
    event_on: date | None = None
    corrected_at: datetime | None = None
    judgements: dict[str, ToldJudgement] = field(default_factory=dict)
    dates: dict[str, ToldDate] = field(default_factory=dict)
    evidence: dict[str, ToldEvidence] = field(default_factory=dict)
    pauses: dict[str, ToldPause] = field(default_factory=dict)
    triggers: dict[str, ToldTrigger] = field(default_factory=dict)
    money: dict[str, ToldMoney] = field(default_factory=dict)
    positions: dict[str, ToldPosition] = field(default_factory=dict)


@dataclass(slots=True)
class ToldAccord:
    """What the log tells of an accord."""

    code: str
    signed_on: date | None
    ends_on: date | None


@dataclass(slots=True)
class Record:
    """What the record says at a place of the log."""

    accords: dict[str, ToldAccord] = field(default_factory=dict)
    commitments: dict[str, Told] = field(default_factory=dict)
    seq: int = 0


Fold = Callable[[Told, Mapping[str, Any], Body], None]
FOLDS: dict[str, Fold] = {}
# The clock's own events say what follows from the dates; notes, and who compared a source, hold no state.
SILENT = frozenset(
    {
        "became_overdue",
        "fell_behind_target",
        "verdict_became_due",
        "review_became_due",
        "evidence_verified",
        "note_redacted",
    }
)


class Untold(ValueError):
    """An event that cannot be folded: its kind is unknown, or it speaks of something the log has not told."""


def folds(*kinds: str) -> Callable[[Fold], Fold]:
    """Names the events that a function folds into a commitment."""

    def keep(function: Fold) -> Fold:
        for kind in kinds:
            FOLDS[kind] = function
        return function

    return keep


def fold(bodies: Iterable[Body], record: Record | None = None) -> Record:
    """The record after these events, in the order of the log; goes on from `record`. Raises Untold."""
    record = record or Record()
    for body in bodies:
        record.seq = body["seq"]
        kind, facts = body["kind"], body["facts"]
        if kind == "accord_registered":
            record.accords[body["accord"]] = ToldAccord(
                body["accord"], day_of(facts["signed_on"]), day_of(facts["ends_on"])
            )
        elif kind == "commitment_registered":
            record.commitments[body["commitment"]] = _registered(facts, body)
        elif kind in FOLDS:
            told = record.commitments.get(body["commitment"] or "")
            if told is None:
                raise Untold(f"event {body['seq']} speaks of {body['commitment']}, which was not registered")
            told.last_at = _at(body)
            FOLDS[kind](told, facts, body)
        elif kind not in SILENT:
            raise Untold(f"event {body['seq']} is of an unknown kind, {kind}")
    return record


def _at(body: Body) -> datetime:
    return datetime.fromisoformat(body["at"])


def _log_day(body: Body) -> date:
    return _at(body).date()


def _registered(facts: Mapping[str, Any], body: Body) -> Told:
    starts_on = day_of(facts["starts_on"])
    assert starts_on is not None
    return Told(
        code=body["commitment"],
        accord=body["accord"],
        kind=facts["kind"],
        strength=facts["strength"],
        provenance=facts["provenance"],
        section=facts["section"],
        starts_on=starts_on,
        ends_on=day_of(facts["ends_on"]),
        awaits_event=facts["awaits_event"],
        bound=tuple(facts["bound"]),
        zones=tuple(facts["zones"]),
        is_counted=facts["counted"],
        is_verifiable=facts["verifiable"],
        terms=facts["terms"],
        last_at=_at(body),
    )


@folds("commitment_corrected")
def _corrected(told: Told, facts: Mapping[str, Any], body: Body) -> None:
    told.terms = facts["terms"]
    told.strength, told.provenance = facts["strength"], facts["provenance"]
    told.is_counted, told.corrected_at = facts["counted"], _at(body)


def _setting(facts: Mapping[str, Any], on: date | None) -> Setting:
    return Setting(
        on=on,
        authority=facts["authority"],
        edtf=facts["edtf"] or "",
        first_on=day_of(facts["first_on"]),
        last_on=day_of(facts["last_on"]),
        opens_at=instant_of(facts["opens_at"]),
        due_at=instant_of(facts["due_at"]),
        source=facts["source"] or "",
    )


@folds("deadline_set")
def _set(told: Told, facts: Mapping[str, Any], body: Body) -> None:
    anchor_on = day_of(facts["anchor_on"])
    # The day from which it was a date: when its words were written; of the text and of history without such a day,
    # from the beginning; else when we were told.
    from_start = facts["authority"] == "text" or body["origin"] == "backfill"
    row = ToldDate(
        code=facts["deadline"],
        type=facts["type"],
        clock=facts["clock"],
        duration=facts["duration"] or "",
        anchor_on=anchor_on,
        settings=[_setting(facts, anchor_on or (None if from_start else _log_day(body)))],
    )
    told.dates[row.code] = row
    if facts["closed_by"]:
        _close(told, row, facts["closed_by"], body)


def _close(told: Told, row: ToldDate, judgement: str, body: Body) -> None:
    by = told.judgements[judgement]
    is_over = by.status == "superseded"
    row.closing = Closing(
        closed_as="ended" if is_over else "met",
        on=by.effective_on,
        at=_at(body),
        met_on=None if is_over else by.effective_on,
        by=judgement,
    )


def _end(told: Told, codes: Iterable[str], body: Body) -> None:
    """Dates that go with the fact or the judgement they came from: a correction, which has no day of the world."""
    for code in codes:
        told.dates[code].closing = Closing("ended", None, _at(body))


@folds("deadline_moved")
def _moved(told: Told, facts: Mapping[str, Any], body: Body) -> None:
    told.dates[facts["deadline"]].settings.append(_setting(facts, day_of(body["happened_on"])))


@folds("deadline_met")
def _met(told: Told, facts: Mapping[str, Any], body: Body) -> None:
    met_on = day_of(facts["met_on"])
    told.dates[facts["deadline"]].closing = Closing(
        "met", met_on, _at(body), met_on, instant_of(facts["met_at"])
    )


@folds("deadline_waived")
def _waived(told: Told, facts: Mapping[str, Any], body: Body) -> None:
    told.dates[facts["deadline"]].closing = Closing("waived", day_of(body["happened_on"]), _at(body))


@folds("clock_paused")
def _paused(told: Told, facts: Mapping[str, Any], body: Body) -> None:
    from_on, from_at = day_of(facts["from_on"]), instant_of(facts["from_at"])
    assert from_on is not None
    assert from_at is not None
    told.pauses[facts["pause"]] = ToldPause(
        facts["pause"], from_on, from_at, day_of(facts["until_on"]), instant_of(facts["until_at"])
    )


@folds("clock_resumed")
def _resumed(told: Told, facts: Mapping[str, Any], body: Body) -> None:
    row = told.pauses[facts["pause"]]
    row.resumed_on, row.resumed_at = day_of(facts["until_on"]), instant_of(facts["until_at"])


@folds("trigger_recorded")
def _triggered(told: Told, facts: Mapping[str, Any], body: Body) -> None:
    code = facts["trigger"]
    told.triggers[code] = ToldTrigger(code, facts["effect"], day_of(body["happened_on"]) or _log_day(body))
    told.triggered_at = instant_of(facts["triggered_at"])
    if facts["effect"] == "ends":
        told.event_on = day_of(facts["ends_on"])


@folds("trigger_withdrawn")
def _trigger_gone(told: Told, facts: Mapping[str, Any], body: Body) -> None:
    told.triggers[facts["trigger"]].withdrawn_at = _at(body)
    told.triggered_at = instant_of(facts["triggered_at"])
    if facts["effect"] == "ends":
        told.event_on = None
    _end(told, facts["ended"], body)


@folds("status_published")
def _published(told: Told, facts: Mapping[str, Any], body: Body) -> None:
    effective_on = day_of(facts["effective_on"])
    assert effective_on is not None
    told.judgements[facts["assessment"]] = ToldJudgement(
        code=facts["assessment"],
        status=facts["status"],
        effective_on=effective_on,
        at=_at(body),
        seq=body["seq"],
        evidence=list(facts["evidence"]),
        party=facts.get("party") or "",
    )
    for code in facts["closed"]:
        _close(told, told.dates[code], facts["assessment"], body)


@folds("status_retracted")
def _retracted(told: Told, facts: Mapping[str, Any], body: Body) -> None:
    told.judgements[facts["assessment"]].retracted_at = _at(body)
    for code in facts["reopened"]:
        told.dates[code].closing = None
    _end(told, facts["ended"], body)


@folds("evidence_added")
def _evidence(told: Told, facts: Mapping[str, Any], body: Body) -> None:
    dates = [day for day in (day_of(body["happened_on"]), last_day_of(facts["published"])) if day]
    # Without any date of its own it speaks from the day we were told; history has no such day.
    undated = None if body["origin"] == "backfill" else _log_day(body)
    told.evidence[facts["evidence"]] = ToldEvidence(facts["evidence"], max(dates) if dates else undated)


@folds("evidence_withdrawn")
def _withdrawn(told: Told, facts: Mapping[str, Any], body: Body) -> None:
    told.evidence[facts["evidence"]].withdrawn_at = _at(body)


@folds("contribution_recorded")
def _money(told: Told, facts: Mapping[str, Any], body: Body) -> None:
    told.money[facts["contribution"]] = ToldMoney(facts["contribution"], day_of(body["happened_on"]))


@folds("contribution_withdrawn")
def _money_gone(told: Told, facts: Mapping[str, Any], body: Body) -> None:
    told.money[facts["contribution"]].withdrawn_at = _at(body)


@folds("position_stated")
def _stated(told: Told, facts: Mapping[str, Any], body: Body) -> None:
    stated_on = day_of(facts["stated_on"])
    assert stated_on is not None
    told.positions[facts["position"]] = ToldPosition(facts["position"], facts["stance"], stated_on)


@folds("position_resolved")
def _resolved(told: Told, facts: Mapping[str, Any], body: Body) -> None:
    row = told.positions[facts["position"]]
    row.resolved_at, row.resolved_on = _at(body), _log_day(body)
    row.is_mistaken = facts["resolved_as"] == "mistaken"
