"""Pure: the log folded into what the record says, commitment by commitment, each fact with its own dates. No Django.

`fold` reads the bodies of events in their order. What it gives back keeps two times apart: a fact is in it because
the log had told it by then, and it carries the dates of the world, so that `past.py` can ask for any day. A fact
that a later event takes back (a retraction, a withdrawal) is gone from there on: corrections belong to the time of
the log, not to the time of the world.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from commitments.told import (
    Closing,
    Record,
    Setting,
    Told,
    ToldAccord,
    ToldDate,
    ToldEvidence,
    ToldJudgement,
    ToldMoney,
    ToldPause,
    ToldPosition,
    ToldTrigger,
    day_of,
    instant_of,
    last_day_of,
)

Body = Mapping[str, Any]
Fold = Callable[[Told, Mapping[str, Any], Body], None]
FOLDS: dict[str, Fold] = {}
# The clock's own events say what follows from the dates; what was taken down, and who compared a source, hold no
# state.
SILENT = frozenset(
    {
        "became_overdue",
        "fell_behind_target",
        "verdict_became_due",
        "review_became_due",
        "evidence_verified",
        "note_redacted",
        "wording_redacted",
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
