"""Reads the whole log back: whether every event holds, and which is the first that does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import orjson

from commitments.log import BATCH, GENESIS, chain, note_digest, stamp
from commitments.models import Event, Note
from commitments.words import EventKind
from tracker.kit.snapshot import snapshot


@dataclass(frozen=True, slots=True)
class Fault:
    """The first row of the log that does not hold, and why."""

    seq: int
    why: str


def verify() -> tuple[int, Fault | None]:
    """Reads the whole log; the number of events that hold, and the first that does not (None: all do).

    A note that was erased holds when a later event says that it was.
    """
    held, prev_hash, prev_at = 0, GENESIS, None
    erased: dict[str, int] = {}
    with snapshot():
        for event, accord_code, commitment_code, note in _rows():
            expected = held + 1
            if event.seq != expected:
                return held, Fault(expected, f"event {expected} is missing")
            why = _what_is_wrong(event, accord_code, commitment_code, note, prev_hash, prev_at)
            if why:
                return held, Fault(event.seq, why)
            if note is not None and note.redacted_at is not None:
                erased[note.digest] = event.seq
            if event.kind == EventKind.NOTE_REDACTED:
                erased.pop(orjson.loads(event.body)["facts"]["digest"], None)
            held, prev_hash, prev_at = event.seq, event.hash, event.at
    if erased:
        seq = min(erased.values())
        return seq - 1, Fault(seq, "its note was erased, and no event says so")
    return held, None


def _rows() -> Iterator[tuple[Event, str, str | None, Note | None]]:
    rows = Event.objects.order_by("seq").select_related("accord", "commitment").iterator(chunk_size=BATCH)
    while batch := list(islice(rows, BATCH)):
        notes = Note.objects.in_bulk([event.note_digest for event in batch if event.note_digest])
        for event in batch:
            commitment = event.commitment.code if event.commitment else None
            yield event, event.accord.code, commitment, notes.get(event.note_digest)


def _what_is_wrong(
    event: Event,
    accord_code: str,
    commitment_code: str | None,
    note: Note | None,
    prev_hash: str,
    prev_at: datetime | None,
) -> str:
    if event.prev_hash != prev_hash:
        return "it does not follow the event before it"
    if chain(prev_hash, event.body) != event.hash:
        return "its body does not give its hash"
    if prev_at and event.at < prev_at:
        return "it is stamped before the event before it"
    try:
        said = orjson.loads(event.body)
    except orjson.JSONDecodeError:
        return "its body is not JSON"
    columns = {
        "seq": event.seq,
        "at": stamp(event.at),
        "kind": event.kind,
        "origin": event.origin,
        "accord": accord_code,
        "commitment": commitment_code,
        "by": event.by or None,
        "happened_on": event.happened_on.isoformat() if event.happened_on else None,
        "crossed_at": stamp(event.crossed_at) if event.crossed_at else None,
        "note": event.note_digest or None,
    }
    for name, value in columns.items():
        if said.get(name) != value:
            return f"its column {name} does not say what its body says"
    if event.note_digest:
        if note is None:
            return "its note is missing"
        if note.redacted_at is None and note_digest(note.salt, note.text) != note.digest:
            return "its note was changed"
    return ""
