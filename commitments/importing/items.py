"""The items of a file as the orders that the verbs take."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from commitments.importing.report import Entry, day
from commitments.operations import (
    Judgement,
    NewContribution,
    NewDeadline,
    NewEvidence,
    NewPause,
    NewPosition,
    NewTrigger,
)
from commitments.words import Bound, Effect


def instant(text: str | None) -> datetime | None:
    """The instant of an ISO text with its zone; None for none."""
    return datetime.fromisoformat(text) if text else None


def evidence(code: str, item: Entry) -> NewEvidence:
    """Evidence of the commitment of that code."""
    return NewEvidence(
        commitment=code,
        act=item["act"],
        bearing=item["bearing"],
        nature=item["nature"],
        source=item["source"],
        locator=item.get("locator") or "",
        quote=item.get("quote") or "",
        happened=item.get("happened_on") or "",
        exhibit=UUID(item["exhibit"]) if item.get("exhibit") else None,
        number=item.get("number"),
        file_key=item["key"],
    )


def deadline(code: str, item: Entry) -> NewDeadline:
    """A deadline as it was set first."""
    return NewDeadline(
        commitment=code,
        label=item["label"],
        type=item["type"],
        authority=item["authority"],
        clock=item["clock"],
        edtf=item.get("edtf") or "",
        duration=item.get("duration") or "",
        words=item.get("words") or "",
        anchor_on=day(item.get("anchor_on")),
        met_on=day(item.get("met_on")),
        source=item.get("source"),
        occurs_on=day(item.get("occurs_on")),
        file_key=item["key"],
    )


def fact(code: str, item: Entry) -> NewTrigger:
    """A fact that the terms wait for."""
    return NewTrigger(
        commitment=code,
        fact=item["fact"],
        effect=item.get("effect") or Effect.STARTS,
        happened_at=datetime.fromisoformat(item["happened_at"]),
        sent_at=instant(item.get("sent_at")),
        received_at=instant(item.get("received_at")),
        hidden=item.get("hidden") or (),
        is_confidential=item.get("confidential", False),
        source=item.get("source"),
        note=item.get("note") or "",
        number=item.get("number"),
        file_key=item["key"],
    )


def pause(code: str, item: Entry) -> NewPause:
    """A pause as it was recorded first."""
    first = day(item["from"])
    assert first is not None
    return NewPause(
        commitment=code,
        from_on=first,
        until_on=day(item.get("until")),
        reason=item["reason"],
        source=item.get("source"),
        file_key=item["key"],
    )


def contribution(code: str, item: Entry, evidence_number: int | None) -> NewContribution:
    """Money, with the number of the evidence that shows it."""
    return NewContribution(
        commitment=code,
        stage=item["stage"],
        currency=item["currency"],
        day=item["day"],
        amount=item.get("amount") or "",
        amount_low=item.get("amount_low") or "",
        amount_high=item.get("amount_high") or "",
        bound=item.get("bound") or Bound.EXACT.value,
        party=item.get("party") or "",
        source=item.get("source"),
        evidence=evidence_number,
        locator=item.get("locator") or "",
        note=item.get("note") or "",
        language=item.get("language") or "en",
        file_key=item["key"],
    )


def position(code: str, item: Entry, assessment_number: int | None) -> NewPosition:
    """What a party says, with the number of the judgement it speaks of."""
    stated_on = day(item["stated_on"])
    assert stated_on is not None
    return NewPosition(
        commitment=code,
        party=item["party"],
        stance=item["stance"],
        text=item["text"],
        stated_on=stated_on,
        source=item["source"],
        language=item.get("language") or "en",
        locator=item.get("locator") or "",
        assessment=assessment_number,
        file_key=item["key"],
    )


def judgement(code: str, key: str, item: Entry, evidence_numbers: list[int]) -> Judgement:
    """A judgement with the numbers of its evidence."""
    effective_on = day(item["effective_on"])
    assert effective_on is not None
    return Judgement(
        commitment=code,
        status=item["status"],
        effective_on=effective_on,
        reason=item["reason"],
        confidence=item["confidence"],
        evidence=evidence_numbers,
        language=item.get("language") or "en",
        party=item.get("party"),
        assessor=item.get("assessor") or "",
        codebook=item.get("codebook") or "",
        number=item.get("number"),
        file_key=key,
    )
