"""The wire form of what has a list of its own besides commitments: parties, clauses, sources, topics, dates, exhibits,
judgements. Each row tells its address and those of what it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet

from commitments.models import (
    AccordParty,
    Assessment,
    Commitment,
    Deadline,
    Evidence,
    Party,
    Provision,
    Source,
    Topic,
)
from commitments.wire.addresses import Wire, api_address, page_address
from commitments.wire.attachments import (
    DEADLINE,
    EVIDENCE,
    SOURCE_FIELDS,
    deadline_of,
    exhibit_of,
    judged,
    judgement_of,
    source_of,
)


def asked_for(name: str, value: str) -> str:
    """The address of the commitments that fit one filter."""
    return f"{api_address('commitments')}?{name}={quote(value)}"


def within(accord: str, code: str) -> str:
    """The public identifier of what is numbered within an accord: no code holds a colon."""
    return f"{accord}:{code}"


def parties(found: QuerySet[Party]) -> list[Wire]:
    """Parties with the accords they are parties to, in one query."""
    member = AccordParty.objects.filter(party=OuterRef("pk")).order_by("accord__code")
    rows = found.values(
        "code", "kind", "name", "time_zone", member_of=ArraySubquery(member.values("accord__code"))
    )
    return [
        {
            "code": row["code"],
            "url": api_address("party", row["code"]),
            "kind": row["kind"],
            "name": row["name"],
            "time_zone": row["time_zone"] or None,
            "accords": row["member_of"],
            "commitments_url": asked_for("party", row["code"]),
        }
        for row in rows
    ]


def topics(found: QuerySet[Topic]) -> list[Wire]:
    """Topics, in one query."""
    return [
        {
            "code": row["code"],
            "url": api_address("topic", row["code"]),
            "label": row["label"],
            "commitments_url": asked_for("topic", row["code"]),
        }
        for row in found.values("code", "label")
    ]


def provisions(found: QuerySet[Provision]) -> list[Wire]:
    """Clauses with the commitments that they carry, in one query."""
    carried = Commitment.objects.filter(provisions=OuterRef("pk")).order_by("code")
    rows = found.values("code", "accord__code", carries=ArraySubquery(carried.values("code")))
    return [
        {
            "id": within(row["accord__code"], row["code"]),
            "url": api_address("provision", within(row["accord__code"], row["code"])),
            "code": row["code"],
            "accord": row["accord__code"],
            "accord_url": api_address("accord", row["accord__code"]),
            "commitments": row["carries"],
        }
        for row in rows
    ]


def sources(found: QuerySet[Source]) -> list[Wire]:
    """Publications with the commitments that cite them, in one query."""
    citing = Commitment.objects.filter(citations__source=OuterRef("pk")).order_by("code")
    rows = found.values("accord__code", *SOURCE_FIELDS, cited_by=ArraySubquery(citing.values("code")))
    return [
        {
            "id": within(row["accord__code"], row["code"]),
            "url": api_address("source", within(row["accord__code"], row["code"])),
            "accord": row["accord__code"],
            "accord_url": api_address("accord", row["accord__code"]),
            **source_of(row, ""),
            "cited_by": row["cited_by"],
        }
        for row in rows
    ]


def _belongs(row: Mapping[str, Any], name: str, told: Wire) -> Wire:
    """A row of a commitment with its own address and the addresses of what it belongs to."""
    return {
        **told,
        "url": api_address(name, told["code"]),
        "commitment": row["commitment__code"],
        "commitment_url": api_address("commitment", row["commitment__code"]),
        "page": page_address(row["commitment__code"]),
        "accord": row["commitment__accord__code"],
        "example": row["commitment__accord__is_example"],
        "_id": row["id"],
    }


_OWNER = ("id", "commitment__code", "commitment__accord__code", "commitment__accord__is_example")


def deadlines(found: QuerySet[Deadline], now: datetime) -> list[Wire]:
    """Deadlines of any commitments as of `now` (UTC), in one query."""
    return [
        _belongs(row, "deadline", deadline_of(row, row["commitment__code"], now))
        for row in found.values(*_OWNER, *DEADLINE)
    ]


def evidence(found: QuerySet[Evidence]) -> list[Wire]:
    """Evidence of any commitments, in one query."""
    return [
        _belongs(row, "exhibit", exhibit_of(row, row["commitment__code"]))
        for row in found.values(*_OWNER, *EVIDENCE)
    ]


def assessments(found: QuerySet[Assessment]) -> list[Wire]:
    """Judgements of any commitments, in one query."""
    return [
        _belongs(row, "assessment", judgement_of(row, row["commitment__code"]))
        for row in judged(found, *_OWNER)
    ]
