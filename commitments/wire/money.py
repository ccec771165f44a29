"""The wire form of money and of positions: sums are texts, stages and currencies stay apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.db.models import QuerySet

from commitments.models import Contribution, Position
from commitments.money import plain_text, target_of
from commitments.progress import Given, Sum, by_stage
from commitments.wire.addresses import Wire, api_address
from commitments.wire.attachments import SOURCE_FIELDS, source_of
from commitments.words import Bound
from tracker.kit.batch import Ready

_SHARE = Decimal("0.0001")
_SOURCE = tuple(f"source__{name}" for name in SOURCE_FIELDS)


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else plain_text(amount)


def contributions(found: QuerySet[Contribution]) -> list[Wire]:
    """Contributions in the order of the queryset, withdrawn ones with the reason, in one query."""
    return [contribution_of(row) for row in _read(found)]


def _read(found: QuerySet[Contribution]) -> QuerySet[Contribution, Wire]:
    rows: QuerySet[Contribution, Wire] = found.values(
        "commitment_id",
        "commitment__code",
        "commitment__accord__code",
        "number",
        "stage",
        "amount",
        "amount_low",
        "amount_high",
        "bound",
        "currency",
        "day",
        "happened_on",
        "party__code",
        "evidence__number",
        "locator",
        "note",
        "language",
        "origin",
        "recorded_at",
        "withdrawn_at",
        "withdrawn_why",
        *_SOURCE,
    )
    return rows


def contribution_of(row: Wire, _commitment: str = "", _now: datetime | None = None) -> Wire:
    """The wire form of a row of CONTRIBUTIONS."""
    code = row["commitment__code"]
    return {
        "code": f"{code}-C{row['number']}",
        "commitment": code,
        "accord": row["commitment__accord__code"],
        "commitment_url": api_address("commitment", code),
        "stage": row["stage"],
        "amount": _text(row["amount"]),
        "amount_low": _text(row["amount_low"]),
        "amount_high": _text(row["amount_high"]),
        "bound": row["bound"],
        "currency": row["currency"],
        "day": row["day"],
        "happened_on": row["happened_on"],
        "party": row["party__code"],
        "source": source_of(row),
        "evidence": f"{code}-E{row['evidence__number']}" if row["evidence__number"] else None,
        "locator": row["locator"] or None,
        "note": row["note"] or None,
        "note_language": row["language"] if row["note"] else None,
        "origin": row["origin"],
        "recorded_at": row["recorded_at"],
        "withdrawn_at": row["withdrawn_at"],
        "withdrawn_why": row["withdrawn_why"] or None,
    }


CONTRIBUTIONS = Ready(
    lambda keys, _now: _read(
        Contribution.objects.filter(commitment__in=keys).order_by("commitment_id", "number")
    )
)


def given(rows: Iterable[Wire]) -> list[Given]:
    """What the sums read of contributions in their wire form: those that stand."""
    return [
        Given(
            stage=row["stage"],
            currency=row["currency"],
            low=Decimal(row["amount_low"]),
            high=Decimal(row["amount_high"]),
            is_minimum=row["bound"] == Bound.MINIMUM,
        )
        for row in rows
        if row["withdrawn_at"] is None
    ]


def stage_sum(one: Sum) -> Wire:
    """What one stage comes to in one currency."""
    return {
        "stage": one.stage,
        "currency": one.currency,
        "low": plain_text(one.low),
        "high": plain_text(one.high),
        "minimum": one.is_minimum,
        "contributions": one.number,
        # Cut, never rounded up: a share of 1 is all of it.
        "share_low": _text(one.share_low.quantize(_SHARE, ROUND_DOWN)) if one.share_low is not None else None,
        "share_high": _text(one.share_high.quantize(_SHARE, ROUND_DOWN))
        if one.share_high is not None
        else None,
    }


def money_of(amount: Mapping[str, Any] | None, rows: Iterable[Wire]) -> Wire | None:
    """The target, and what the contributions come to by stage and currency; None where there is neither."""
    target = target_of(amount)
    stages = [stage_sum(one) for one in by_stage(given(rows), target)]
    if target is None and not stages:
        return None
    said = None
    if target is not None:
        said = {
            "value": _text(target.value),
            "currency": target.currency,
            "bound": target.bound,
            "period": target.period or None,
            "inside": target.inside or None,
            "basis": target.basis or None,
        }
    return {"target": said, "stages": stages}


POSITIONS = Ready(
    # Resolved ones stay.
    lambda keys, _now: (
        Position.objects.filter(commitment__in=keys)
        .order_by("commitment_id", "number")
        .values(
            "commitment_id",
            "number",
            "party__code",
            "stance",
            "text",
            "language",
            "locator",
            "stated_on",
            "assessment__number",
            "origin",
            "recorded_at",
            "resolved_at",
            "resolved_as",
            "resolved_why",
            *_SOURCE,
        )
    )
)


def position_of(row: Wire, commitment: str, now: datetime) -> Wire:
    """What a party says."""
    judged = row["assessment__number"]
    return {
        "code": f"{commitment}-S{row['number']}",
        "party": row["party__code"],
        "stance": row["stance"],
        "text": row["text"],
        "language": row["language"],
        "source": source_of(row),
        "locator": row["locator"] or None,
        "stated_on": row["stated_on"],
        "assessment": f"{commitment}-A{judged}" if judged else None,
        "origin": row["origin"],
        "recorded_at": row["recorded_at"],
        "open": row["resolved_at"] is None,
        "resolved_at": row["resolved_at"],
        "resolved_as": row["resolved_as"] or None,
        "resolved_why": row["resolved_why"] or None,
    }
