"""Whether the rows say what the log says: every commitment is folded from its events and compared, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from commitments.models import (
    Assessment,
    Commitment,
    Contribution,
    Deadline,
    Event,
    Evidence,
    Pause,
    Position,
    Trigger,
    Wording,
)
from commitments.past import Moment, Past, stood, told_of
from commitments.sentences import facts_of
from commitments.standing import crosses_at
from commitments.wordings import digest_of, terms_digest
from commitments.words import EventKind, Review

BATCH = 500


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that the rows and the log tell differently."""

    code: str
    field: str
    rows: Any
    log: Any

    def __str__(self) -> str:
        return f"{self.code}: {self.field} is {self.rows!r} in the rows and {self.log!r} by the log"


def differences(now: datetime) -> Iterator[Difference]:
    """Compares everything, in batches, as of `now` (UTC); what it yields should not exist."""
    last = 0
    while keys := list(
        Commitment.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]
    ):
        yield from _compare(keys, now)
        yield from _wordings(keys)
        last = keys[-1]


def _compare(keys: list[int], now: datetime) -> Iterator[Difference]:
    record = told_of(keys)
    found: Any = Commitment.objects.standing_at(now).select_related("accord").filter(pk__in=keys)
    rows = {row.code: row for row in found}
    for code in sorted(record.commitments.keys() - rows.keys()):
        yield Difference(code, "commitment", None, "registered")
    said = {code: _rows_say(row) for code, row in rows.items()}
    by_key = {row.pk: row.code for row in rows.values()}
    for key, field, code, value in _attached(keys):
        said[by_key[key]][field][f"{by_key[key]}-{code}"] = value
    for code, row in sorted(rows.items()):
        told = record.commitments.get(code)
        accord = record.accords.get(row.accord.code)
        past = stood(told, accord.ends_on if accord else None, Moment(now)) if told else None
        if past is None:
            yield Difference(code, "commitment", "a row", None)
            continue
        for field, by_log in _log_says(past).items():
            by_rows = said[code][field]
            if isinstance(by_log, dict):
                for one in sorted(by_log.keys() | by_rows.keys()):
                    if by_rows.get(one) != by_log.get(one):
                        yield Difference(one, field, by_rows.get(one), by_log.get(one))
            elif by_rows != by_log:
                yield Difference(code, field, by_rows, by_log)


def _wordings(keys: list[int]) -> Iterator[Difference]:
    """The words that the log proves: each is kept and gives its digest, unless the log says that it was taken down."""
    told: dict[str, str] = {}
    gone: set[str] = set()
    kinds = (EventKind.COMMITMENT_REGISTERED, EventKind.COMMITMENT_CORRECTED, EventKind.WORDING_REDACTED)
    for event in Event.objects.filter(commitment__in=keys, kind__in=kinds).select_related("commitment"):
        facts = facts_of(event.body)
        if event.kind == EventKind.WORDING_REDACTED:
            gone.add(facts["digest"])
        elif event.commitment:
            told[facts["terms"]] = event.commitment.code
    kept = Wording.objects.in_bulk(told)
    for digest, code in sorted(told.items()):
        wording = kept.get(digest)
        if wording is None:
            yield Difference(code, "wording", None, digest)
        elif wording.words is None and digest not in gone:
            yield Difference(code, "wording", "taken down", digest)
        elif wording.words is not None and digest_of(wording.words) != digest:
            yield Difference(code, "wording", digest_of(wording.words), digest)


ATTACHED = ("deadlines", "judgements", "evidence", "pauses", "triggers", "money", "positions")


def _rows_say(row: Any) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "strength": row.strength,
        "provenance": row.provenance,
        "starts_on": row.starts_on,
        "ends_on": row.ends_on,
        "awaits_event": row.awaits_event,
        "counted": row.is_counted,
        "terms": terms_digest(row),
        "verifiable": row.is_verifiable,
        "triggered_at": row.triggered_at,
        "status": row.status,
        "status_on": row.status_on,
        "contested": row.contested,
        "due_at": row.due_at,
        "due_authority": row.due_authority,
        "timeliness": row.timeliness,
        "upkeep": row.upkeep,
        **{name: {} for name in ATTACHED},
    }


def _log_says(past: Past) -> dict[str, Any]:
    told = past.told
    speaks = past.speaks
    return {
        "kind": told.kind,
        "strength": told.strength,
        "provenance": told.provenance,
        "starts_on": told.starts_on,
        "ends_on": past.ends_on,
        "awaits_event": past.terms.awaits_event,
        "counted": told.is_counted,
        "terms": told.terms,
        "verifiable": told.is_verifiable,
        "triggered_at": told.triggered_at,
        "status": past.standing.status,
        "status_on": past.status_on,
        "contested": past.contested,
        "due_at": speaks.due_at if speaks else None,
        "due_authority": speaks.authority if speaks else "",
        "timeliness": past.standing.timeliness,
        "upkeep": past.standing.upkeep,
        "deadlines": {
            code: (
                row.told.type,
                row.setting.authority,
                row.told.clock,
                row.setting.edtf,
                row.told.duration,
                row.told.anchor_on,
                row.setting.first_on,
                row.setting.last_on,
                row.setting.opens_at,
                row.setting.due_at,
                crosses_at(row.setting.due_at, past.terms.pauses),
                row.told.settings[0].edtf,
                row.told.settings[0].due_at,
                row.revision,
                row.closing.closed_as if row.closing else "",
                row.closing.met_on if row.closing else None,
                row.closing.met_at if row.closing else None,
                number_after(row.closing.by) if row.closing else None,
            )
            for code, row in past.dates.items()
        },
        "judgements": {
            code: (
                row.status,
                row.effective_on,
                row.party,
                row.retracted_at is not None,
                sorted(row.evidence),
            )
            for code, row in told.judgements.items()
        },
        "evidence": {code: row.withdrawn_at is not None for code, row in told.evidence.items()},
        "pauses": {
            code: (row.from_on, row.from_at, row.resumed_at or row.until_at)
            for code, row in told.pauses.items()
        },
        "triggers": {code: (row.effect, row.withdrawn_at is not None) for code, row in told.triggers.items()},
        "money": {code: row.withdrawn_at is not None for code, row in told.money.items()},
        "positions": {
            code: (row.stance, row.resolved_at is not None) for code, row in told.positions.items()
        },
    }


def number_after(code: str) -> int | None:
    """The number of a judgement in its code; None for an empty code."""
    return int(code.rpartition("-A")[2]) if code else None


def _attached(keys: list[int]) -> Iterator[tuple[int, str, str, Any]]:
    """Everything that hangs on the commitments as (commitment id, field, mark and number, what it says)."""
    for row in Deadline.objects.filter(commitment__in=keys).select_related("closed_by"):
        yield (
            row.commitment_id,
            "deadlines",
            f"D{row.number}",
            (
                row.type,
                row.authority,
                row.clock,
                row.edtf,
                row.duration,
                row.anchor_on,
                row.first_on,
                row.last_on,
                row.opens_at,
                row.due_at,
                row.crosses_at,
                row.original_edtf,
                row.original_due_at,
                row.revision,
                row.closed_as,
                row.met_on,
                row.met_at,
                row.closed_by.number if row.closed_by else None,
            ),
        )
    judgements = Assessment.objects.public().filter(commitment__in=keys).select_related("commitment", "party")
    for one in judgements.prefetch_related("evidence__commitment"):
        exhibits = sorted(item.code for item in one.evidence.all())
        party = one.party.code if one.party else ""
        value = (one.status, one.effective_on, party, one.review == Review.RETRACTED, exhibits)
        yield one.commitment_id, "judgements", f"A{one.number}", value
    for item in Evidence.objects.public().filter(commitment__in=keys):
        yield item.commitment_id, "evidence", f"E{item.number}", item.withdrawn_at is not None
    for pause in Pause.objects.filter(commitment__in=keys):
        span = (pause.from_on, pause.from_at, pause.until_at)
        yield pause.commitment_id, "pauses", f"P{pause.number}", span
    for fact in Trigger.objects.public().filter(commitment__in=keys):
        yield fact.commitment_id, "triggers", f"T{fact.number}", (fact.effect, fact.withdrawn_at is not None)
    for money in Contribution.objects.filter(commitment__in=keys):
        yield money.commitment_id, "money", f"C{money.number}", money.withdrawn_at is not None
    for said in Position.objects.filter(commitment__in=keys):
        yield said.commitment_id, "positions", f"S{said.number}", (said.stance, said.resolved_at is not None)
