"""The log as a reader meets it: each event one sentence, with its reason, its evidence, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from commitments.models import Accord, Commitment, Event, Evidence, Note
from commitments.sentences import facts_of, sentence
from commitments.words import EventKind, Origin, Settlement

# Worth telling on a front page: entries of the register itself are not.
NEWS = (
    EventKind.STATUS_PUBLISHED,
    EventKind.STATUS_RETRACTED,
    EventKind.DEADLINE_MOVED,
    EventKind.DEADLINE_MET,
    EventKind.BECAME_OVERDUE,
    EventKind.FELL_BEHIND_TARGET,
    EventKind.EVIDENCE_ADDED,
    EventKind.EVIDENCE_WITHDRAWN,
    EventKind.CONTRIBUTION_RECORDED,
    EventKind.CONTRIBUTION_WITHDRAWN,
    EventKind.POSITION_STATED,
    EventKind.POSITION_RESOLVED,
)
# How far back the latest changes are looked for, in events: bounded whatever the log's length.
LOOKED_AT = 400


@dataclass(frozen=True, slots=True)
class Entry:
    """One event for the eye. `undone`: a later event took it back."""

    seq: int
    at: datetime
    kind: str
    sentence: str
    by: str
    happened_on: date | None
    crossed_at: datetime | None
    is_history: bool
    note: str
    note_language: str
    is_redacted: bool
    undone: bool
    commitment: Commitment | None
    evidence: Evidence | None


def _notes(events: Iterable[Event]) -> dict[str, Note]:
    return Note.objects.in_bulk([event.note_digest for event in events if event.note_digest])


def _entry(
    event: Event,
    facts: Mapping[str, Any],
    note: Note | None,
    undone: bool = False,
    evidence: Evidence | None = None,
    commitment: Commitment | None = None,
) -> Entry:
    is_redacted = note is not None and note.redacted_at is not None
    return Entry(
        seq=event.seq,
        at=event.at,
        kind=event.kind,
        sentence=sentence(event.kind, facts),
        by=event.by,
        happened_on=event.happened_on,
        crossed_at=event.crossed_at,
        is_history=event.origin == Origin.BACKFILL,
        note=note.text if note and not is_redacted else "",
        note_language=note.language if note else "",
        is_redacted=is_redacted,
        undone=undone,
        commitment=commitment,
        evidence=evidence,
    )


def timeline(commitment: Commitment, evidence: Sequence[Evidence]) -> tuple[list[Entry], list[Entry]]:
    """What was recorded live, the newest first, and what was entered from history, the latest day first.

    Retracted judgements and withdrawn evidence stay, marked as undone. In two queries.
    """
    events = list(Event.objects.filter(commitment=commitment).order_by("-seq"))
    notes, told = _notes(events), [(event, facts_of(event.body)) for event in events]
    exhibits = {f"{commitment.code}-E{item.number}": item for item in evidence}
    retracted = {facts["assessment"] for event, facts in told if event.kind == EventKind.STATUS_RETRACTED}
    taken_back = {
        facts["contribution"] for event, facts in told if event.kind == EventKind.CONTRIBUTION_WITHDRAWN
    }
    mistaken = {
        facts["position"]
        for event, facts in told
        if event.kind == EventKind.POSITION_RESOLVED and facts["resolved_as"] == Settlement.MISTAKEN
    }
    entries = []
    for event, facts in told:
        exhibit = exhibits.get(facts.get("evidence", "")) if isinstance(facts.get("evidence"), str) else None
        undone = (
            (event.kind == EventKind.STATUS_PUBLISHED and facts["assessment"] in retracted)
            or (event.kind == EventKind.CONTRIBUTION_RECORDED and facts["contribution"] in taken_back)
            or (event.kind == EventKind.POSITION_STATED and facts["position"] in mistaken)
            or (
                event.kind == EventKind.EVIDENCE_ADDED
                and exhibit is not None
                and exhibit.withdrawn_at is not None
            )
        )
        entries.append(_entry(event, facts, notes.get(event.note_digest), undone, exhibit))
    live = [entry for entry in entries if not entry.is_history]
    history = [entry for entry in entries if entry.is_history]
    history.sort(key=lambda entry: (entry.happened_on or date.min, entry.seq), reverse=True)
    return live, history


def latest_changes(accords: Sequence[Accord], most: int) -> list[Entry]:
    """The latest news of these accords; where there is little, filled up with the latest days of their history."""
    events = list(
        Event.objects.filter(accord__in=[accord.pk for accord in accords], kind__in=NEWS)
        .select_related("commitment__accord")
        .order_by("-seq")[:LOOKED_AT]
    )
    live = [event for event in events if event.origin == Origin.LIVE][:most]
    history = [
        event
        for event in events
        if event.origin == Origin.BACKFILL
        and event.happened_on is not None
        and event.kind in {EventKind.STATUS_PUBLISHED, EventKind.DEADLINE_MET}
    ]
    history.sort(key=lambda event: (event.happened_on or date.min, event.seq), reverse=True)
    shown = [*live, *history[: most - len(live)]]
    return [_entry(event, facts_of(event.body), None, commitment=event.commitment) for event in shown]
