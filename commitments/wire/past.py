"""The wire form of commitments as they stood: what is read from the rows is cut back to what the log lets stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.db.models import Q, QuerySet

from commitments.counting import entries_of
from commitments.ledger import sums_of
from commitments.models import Accord, Commitment, Contribution
from commitments.past import Moment, Past, standings
from commitments.told import ToldEvidence, ToldMoney
from commitments.wire.accords import accords
from commitments.wire.addresses import Wire
from commitments.wire.commitments import commitments
from commitments.wire.money import money_of, stage_sum
from commitments.wordings import words_then
from commitments.words import EventKind


def _there(rows: Iterable[Wire], moment: Moment) -> set[str]:
    """Of the other commitments that the rows name, the codes of those that had begun and were on record."""
    named = {one["on"] for row in rows for one in row["dependencies"]}
    named |= {code for row in rows for code in (row["parts"] or {}).get("codes", ())}
    found = Commitment.objects.filter(code__in=named)
    if moment.as_of is not None:
        found = found.filter(starts_on__lte=moment.as_of)
    if moment.known_at is not None:
        found = found.filter(events__kind=EventKind.COMMITMENT_REGISTERED, events__at__lte=moment.known_at)
    return set(found.values_list("code", flat=True)) if named else set()


def accords_as_they_stood(found: QuerySet[Accord], moment: Moment) -> list[Wire]:
    """Accords with how many commitments stood at which status at a moment; now, as they are."""
    rows = accords(found)
    if not moment.is_past:
        return rows
    keys = dict(Accord.objects.filter(code__in=[row["code"] for row in rows]).values_list("code", "pk"))
    day, money = moment.as_of or date.max, sums_of(keys.values(), _given_by_then(moment))
    for row in rows:
        entries = [
            entry for entry in entries_of(keys[row["code"]], moment.known_at) if entry.starts_on <= day
        ]
        by_status = Counter(str(entry.status_on(day)) for entry in entries)
        row["commitments"] = {"total": len(entries), "by_status": dict(sorted(by_status.items()))}
        row["money"] = [stage_sum(one) for one in money[keys[row["code"]]]]
    return rows


def _given_by_then(moment: Moment) -> QuerySet[Contribution]:
    """The contributions that had been made, that were on record, and that stood."""
    found = Contribution.objects.all()
    if moment.as_of is not None:
        found = found.filter(Q(happened_on__isnull=True) | Q(happened_on__lte=moment.as_of))
    if moment.known_at is None:
        return found.standing()
    still = Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gt=moment.known_at)
    return found.filter(still, recorded_at__lte=moment.known_at)


def commitments_as_they_stood(
    found: QuerySet[Commitment], moment: Moment, *, history: bool = False
) -> list[Wire]:
    """Commitments at a moment, in a fixed number of queries; those that had not begun, or were unknown, are left out.

    By a day of the world alone the words are those of today, as is the rest of what we know now.
    """
    past = standings(found, moment)
    rows = [row for row in commitments(found, moment.now, history=True) if row["code"] in past]
    there, words = _there(rows, moment), words_then(past, moment)
    return [_cut_back(row, past[row["code"]], moment, there, words.get(row["code"]), history) for row in rows]


def _worded(words: Mapping[str, Any]) -> Wire:
    """What a row says in words, as it read before it was corrected."""
    verb = {"words": words["verb_words"] or None, "source": words["verb_source"] or None}
    return {
        **{name: words[name] for name in ("title", "summary", "cautions", "amount")},
        "verb": verb if any(verb.values()) else None,
        "ends_when": words["ends_when"] or None,
        "review_every": words["review_every"] or None,
    }


def _cut_back(
    row: Wire,
    past: Past,
    moment: Moment,
    there: set[str],
    words: Mapping[str, Any] | None,
    history: bool,
) -> Wire:
    told, speaks = past.told, past.speaks
    row = row | (_worded(words) if words else {})
    assessments = [_assessment(one, past) for one in row["assessments"] if one["code"] in past.judgements]
    current = past.judgement.code if past.judgement else ""
    exhibits = _standing(row["evidence"], told.evidence, past.evidence)
    contributions = _standing(row["contributions"], told.money, past.money)
    changed = {
        "strength": told.strength,
        "provenance": told.provenance,
        "counted": told.is_counted,
        "ends_on": past.ends_on,
        "awaits_event": past.terms.awaits_event,
        "contested": past.contested,
        "status": past.standing.status,
        "status_on": past.status_on,
        "timeliness": past.standing.timeliness,
        "upkeep": past.standing.upkeep,
        "plain": past.plain,
        "as_of": past.instant,
        "known_at": moment.known_at,
        "corrected_since": words is not None,
        "due_at": speaks.due_at if speaks else None,
        "due_authority": speaks.authority if speaks else None,
        "changed_at": told.last_at,
        "parts": _parts(row["parts"], there),
        "dependencies": [one for one in row["dependencies"] if one["on"] in there],
        "deadlines": [_deadline(one, past) for one in row["deadlines"] if one["code"] in past.dates],
        "evidence": exhibits,
        "evidence_count": sum(one["withdrawn_at"] is None for one in exhibits),
        "assessment": next((one for one in assessments if one["code"] == current), None),
        "shares": [
            {
                "party": party,
                "status": one.status,
                "status_on": one.effective_on,
                "assessment": one.code,
            }
            for party, one in sorted(past.shares.items())
        ],
        "triggers": [_trigger(one, past) for one in row["triggers"] if one["code"] in past.triggers],
        "pauses": [_pause(one, past, moment) for one in row["pauses"] if one["code"] in past.pauses],
        "steps": [_step(one, moment) for one in row["steps"]],
        "money": money_of(row["amount"], contributions),
        "contributions": contributions,
        "positions": [
            _position(one, past, moment) for one in row["positions"] if one["code"] in past.positions
        ],
    }
    kept = {name: value for name, value in row.items() if name != "assessments"}
    return kept | changed | ({"assessments": assessments} if history else {})


def _assessment(one: Wire, past: Past) -> Wire:
    stands = past.told.judgements[one["code"]].retracted_at is None
    back = {"review": "published", "retracted_at": None, "retracted_why": None} if stands else {}
    return one | back | {"evidence": [code for code in one["evidence"] if code in past.evidence]}


def _standing(
    rows: Iterable[Wire], told: Mapping[str, ToldEvidence] | Mapping[str, ToldMoney], visible: frozenset[str]
) -> list[Wire]:
    """Exhibits or contributions that there were; one that had not been withdrawn yet stands."""
    return [
        row if told[row["code"]].withdrawn_at else row | {"withdrawn_at": None, "withdrawn_why": None}
        for row in rows
        if row["code"] in visible
    ]


def _deadline(one: Wire, past: Past) -> Wire:
    found = past.dates[one["code"]]
    setting, closing = found.setting, found.closing
    is_passed = closing is None and found.has_passed(past.terms.pauses, past.instant)
    back = {
        "authority": setting.authority,
        "edtf": setting.edtf or None,
        "first_on": setting.first_on,
        "last_on": setting.last_on,
        "opens_at": setting.opens_at,
        "due_at": setting.due_at,
        "revision": found.revision,
        "open": closing is None,
        "passed_at": found.crosses_at(past.terms.pauses) if is_passed else None,
        "met_on": closing.met_on if closing else None,
        "met_at": closing.met_at if closing else None,
        "closed_as": closing.closed_as if closing else None,
        "closed_at": closing.at if closing else None,
        "crosses_at": found.crosses_at(past.terms.pauses),
        "source": setting.source or None,
    }
    return one | {name: value for name, value in back.items() if name in one}


def _parts(parts: Wire | None, there: set[str]) -> Wire | None:
    if parts is None:
        return None
    codes = [code for code in parts["codes"] if code in there]
    return parts | {"listed": len(codes), "codes": codes} if codes or parts["expected"] else None


def _trigger(one: Wire, past: Past) -> Wire:
    withdrawn = past.told.triggers[one["code"]].withdrawn_at
    return one if withdrawn else one | {"withdrawn_at": None, "withdrawn_why": None}


def _pause(one: Wire, past: Past, moment: Moment) -> Wire:
    until_on, until_at = past.told.pauses[one["code"]].end(moment.covers)
    return one | {"until_on": until_on, "until_at": until_at}


def _step(one: Wire, moment: Moment) -> Wire:
    """A fact on the way that had not happened is one that was not found."""
    happened_on: date | None = one["happened_on"]
    if happened_on is None or moment.covers(happened_on):
        return one
    return one | {"on": None, "happened_on": None, "source": None, "locator": None}


def _position(one: Wire, past: Past, moment: Moment) -> Wire:
    told = past.told.positions[one["code"]]
    if told.resolved_at is not None and (told.is_mistaken or moment.covers(told.resolved_on)):
        return one
    return one | {"open": True, "resolved_at": None, "resolved_as": None, "resolved_why": None}
