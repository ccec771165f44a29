"""The wire form of what hangs on commitments: deadlines, sources, evidence, judgements, steps."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet

from commitments.models import Assessment, Citation, Deadline, Evidence, Step
from commitments.wire.addresses import Wire
from tracker.kit.batch import Ready

SOURCE_FIELDS = (
    "code",
    "title",
    "author",
    "publisher",
    "published",
    "published_on",
    "address",
    "nature",
    "language",
    "note",
)


def source_of(row: Mapping[str, Any], prefix: str = "source__") -> Wire:
    """The source in a row whose columns begin with `prefix`."""
    return {name: row[prefix + name] or None for name in SOURCE_FIELDS}


DEADLINE = (
    "number", "label", "type", "authority", "clock", "words", "anchor_on", "edtf", "duration", "first_on", "last_on",
    "opens_at", "due_at", "crosses_at", "occurs_on", "trigger__number", "source__code", "met_at", "original_edtf",
    "original_due_at", "revision", "met_on", "closed_as", "closed_at",
)  # fmt: skip


DEADLINES = Ready(
    lambda keys, _now: (
        Deadline.objects.filter(commitment__in=keys)
        .order_by("commitment_id", "number")
        .values("commitment_id", *DEADLINE)
    )
)


def deadline_of(row: Mapping[str, Any], commitment: str, now: datetime) -> Wire:
    """The wire form of a row with the columns DEADLINE, of the commitment of that code."""
    is_open = row["closed_at"] is None
    return {
        "code": f"{commitment}-D{row['number']}",
        "label": row["label"],
        "type": row["type"],
        "authority": row["authority"],
        "clock": row["clock"],
        "words": row["words"] or None,
        "anchor_on": row["anchor_on"],
        "edtf": row["edtf"] or None,
        "duration": row["duration"] or None,
        "first_on": row["first_on"],
        "last_on": row["last_on"],
        "opens_at": row["opens_at"],
        "due_at": row["due_at"],
        "crosses_at": row["crosses_at"],
        "occurs_on": row["occurs_on"],
        "trigger": f"{commitment}-T{row['trigger__number']}" if row["trigger__number"] else None,
        "source": row["source__code"],
        "original_edtf": row["original_edtf"] or None,
        "original_due_at": row["original_due_at"],
        "revision": row["revision"],
        "open": is_open,
        # Not the scan's mark: true also while no worker runs, and it accuses nobody of being late.
        "passed_at": row["crosses_at"]
        if is_open and row["crosses_at"] and row["crosses_at"] <= now
        else None,
        "met_at": row["met_at"],
        "met_on": row["met_on"],
        "closed_as": row["closed_as"] or None,
        "closed_at": row["closed_at"],
    }


CITATIONS = Ready(
    lambda keys, _now: (
        Citation.objects.filter(commitment__in=keys)
        .order_by("commitment_id", "source__code")
        .values("commitment_id", "lines", *(f"source__{name}" for name in SOURCE_FIELDS))
    )
)


def citation_of(row: Mapping[str, Any], commitment: str, now: datetime) -> Wire:
    """The wire form of a row of CITATIONS."""
    return {**source_of(row), "lines": row["lines"]}


EVIDENCE = (
    "number", "locator", "quote", "nature", "act", "bearing", "happened", "happened_on", "origin", "exhibit",
    "public_at", "verified_on", "verified_by", "withdrawn_at", "withdrawn_why",
    *(f"source__{name}" for name in SOURCE_FIELDS),
)  # fmt: skip


EXHIBITS = Ready(
    # The withdrawn one too.
    lambda keys, _now: (
        Evidence.objects.public()
        .filter(commitment__in=keys)
        .order_by("commitment_id", "number")
        .values("commitment_id", *EVIDENCE)
    )
)


def exhibit_of(row: Mapping[str, Any], commitment: str, now: datetime | None = None) -> Wire:
    """The wire form of a row with the columns EVIDENCE, of the commitment of that code."""
    return {
        "code": f"{commitment}-E{row['number']}",
        "nature": row["nature"],
        "act": row["act"],
        "bearing": row["bearing"],
        "happened": row["happened"] or None,
        "happened_on": row["happened_on"],
        "source": source_of(row),
        "locator": row["locator"] or None,
        "quote": row["quote"] or None,
        "origin": row["origin"],
        "exhibit": str(row["exhibit"]),
        "public_at": row["public_at"],
        "verified_on": row["verified_on"],
        "verified_by": row["verified_by"] or None,
        "withdrawn_at": row["withdrawn_at"],
        "withdrawn_why": row["withdrawn_why"] or None,
    }


ASSESSMENT = (
    "number", "party__code", "status", "effective_on", "reason", "language", "confidence", "assessor", "codebook",
    "origin", "published_at", "retracted_at", "retracted_why", "review",
)  # fmt: skip


def judged(found: QuerySet[Assessment], *more: str) -> QuerySet[Assessment, Wire]:
    """Public judgements as rows with the columns ASSESSMENT, the numbers of their exhibits among them."""
    exhibits = Evidence.objects.public().filter(assessments=OuterRef("pk")).order_by("number")
    rows: QuerySet[Assessment, Wire] = found.values(
        "commitment_id",
        *more,
        *ASSESSMENT,
        exhibits=ArraySubquery(exhibits.values("number")),
    )
    return rows


JUDGEMENTS = Ready(
    # The current one first; withdrawn ones stay, with the reason.
    lambda keys, _now: judged(
        Assessment.objects.public()
        .filter(commitment__in=keys)
        .order_by("commitment_id", "-effective_on", "-published_at", "-number")
    )
)


def judgement_of(row: Mapping[str, Any], commitment: str, now: datetime | None = None) -> Wire:
    """The wire form of a row with the columns ASSESSMENT, of the commitment of that code."""
    return {
        "code": f"{commitment}-A{row['number']}",
        "party": row["party__code"],
        "status": row["status"],
        "effective_on": row["effective_on"],
        "reason": row["reason"],
        "language": row["language"],
        "confidence": row["confidence"],
        "assessor": row["assessor"],
        "codebook": row["codebook"],
        "origin": row["origin"],
        "review": row["review"],
        "published_at": row["published_at"],
        "retracted_at": row["retracted_at"],
        "retracted_why": row["retracted_why"] or None,
        "evidence": [f"{commitment}-E{number}" for number in row["exhibits"]],
    }


STEPS = Ready(
    lambda keys, _now: (
        Step.objects.filter(commitment__in=keys)
        .order_by("commitment_id", "position", "id")
        .values("commitment_id", "label", "on", "happened_on", "locator", "source__code")
    )
)


def step_of(row: Mapping[str, Any], commitment: str, now: datetime) -> Wire:
    """The wire form of a row of STEPS."""
    return {
        "label": row["label"],
        "on": row["on"] or None,
        "happened_on": row["happened_on"],
        "source": row["source__code"],
        "locator": row["locator"] or None,
    }
