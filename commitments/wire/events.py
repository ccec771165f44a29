"""The wire form of events: the exact body that is hashed, and what helps to read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet
from django.db.models.functions import JSONObject
from django.utils import timezone

from commitments.models import Event, Note
from commitments.sentences import sentence
from commitments.wire.addresses import Wire
from commitments.words import EventKind
from tracker.kit.batch import Ready, ask


def cursor_of(seq: int, hashed: str) -> str:
    """The place after an event, SEQ-hash8: a foreign or restored log is noticed by it."""
    return f"{seq}-{hashed[:8]}"


def _change(kind: str, facts: Mapping[str, Any]) -> tuple[Any, Any]:
    """What stood before and what stands after, where the event says so."""
    if kind == EventKind.DEADLINE_MOVED:
        return facts["before"], {name: facts.get(name) for name in ("edtf", "due_at", "authority")}
    if kind in (EventKind.POSITION_STATED, EventKind.POSITION_RESOLVED):
        return facts["contested"]["before"], facts["contested"]["after"]
    return facts.get("before"), facts.get("after")


# An event with what hangs on it; the note that it was written with stands in a row of its own, which can be erased.
EVENTS = Ready(
    lambda keys, _now: Event.objects.filter(pk__in=keys).values(
        "seq",
        "at",
        "kind",
        "origin",
        "by",
        "happened_on",
        "crossed_at",
        "note_digest",
        "body",
        "prev_hash",
        "hash",
        "accord__code",
        "accord__is_example",
        "commitment__code",
        notes=ArraySubquery(
            Note.objects.filter(digest=OuterRef("note_digest")).values(
                wire=JSONObject(text="text", language="language", salt="salt", redacted_at="redacted_at")
            )
        ),
    )
)


def events(found: QuerySet[Event]) -> list[Wire]:
    """Events in the order of the queryset, in two queries; the sentence is in the active language."""
    return events_numbered(list(found.values_list("pk", flat=True)))


def events_numbered(keys: Sequence[int]) -> list[Wire]:
    """The events of these numbers, in their order, in one query; raises KeyError for a number that there is not."""
    (rows,) = ask([EVENTS], keys, timezone.now())
    by_key = {row["seq"]: row for row in rows}
    return [_event(by_key[key]) for key in keys]


def _event(row: Mapping[str, Any]) -> Wire:
    facts = orjson.loads(row["body"])["facts"]
    before, after = _change(row["kind"], facts)
    note = row["notes"][0] if row["notes"] else None
    is_redacted = note is not None and note["redacted_at"] is not None
    return {
        "seq": row["seq"],
        "cursor": cursor_of(row["seq"], row["hash"]),
        "at": row["at"],
        "kind": row["kind"],
        "origin": row["origin"],
        "accord": row["accord__code"],
        "commitment": row["commitment__code"],
        "example": row["accord__is_example"],
        "happened_on": row["happened_on"],
        "crossed_at": row["crossed_at"],
        "by": row["by"] or None,
        "sentence": sentence(row["kind"], facts),
        "before": before,
        "after": after,
        "note": note["text"] if note and not is_redacted else None,
        "note_language": note["language"] if note and not is_redacted else None,
        "note_salt": note["salt"] if note and not is_redacted else None,
        "note_digest": row["note_digest"] or None,
        "note_redacted": is_redacted,
        "body": row["body"],
        "prev_hash": row["prev_hash"],
        "hash": row["hash"],
    }
