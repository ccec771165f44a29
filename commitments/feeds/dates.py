"""The dates that a calendar shows, read from the record: each with what the log told of it since it was entered."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q, QuerySet

from commitments.models import Deadline, Event
from commitments.wire.events import cursor_of
from commitments.words import EventKind

# A calendar is read as a whole, by programs that draw every entry: more than this is a list, and no calendar.
MOST_DATES = 1_000
# What an event of these kinds says, it says of the dates that its facts name.
_NAMING = (
    EventKind.DEADLINE_SET,
    EventKind.DEADLINE_MOVED,
    EventKind.DEADLINE_MET,
    EventKind.DEADLINE_WAIVED,
    EventKind.STATUS_PUBLISHED,
    EventKind.STATUS_RETRACTED,
    EventKind.TRIGGER_RECORDED,
    EventKind.TRIGGER_WITHDRAWN,
)
# And these of every date of their commitment.
_OF_ALL = (
    EventKind.COMMITMENT_CORRECTED,
    EventKind.WORDING_REDACTED,
    EventKind.CLOCK_PAUSED,
    EventKind.CLOCK_RESUMED,
)
# A body is canonical JSON: a code stands in it as a text of its own.
_CODE = re.compile(r'"([^"\\]+-D\d+)"', re.ASCII)


class TooManyDates(Exception):
    """More dates than a calendar shows."""


@dataclass(frozen=True, slots=True)
class CalendarDate:
    """A date with its commitment, accord and source loaded.

    `sequence`: how many events of the log changed it, or how it reads, since it was entered; it only grows.
    `changed_at` (UTC) and `place` (SEQ-hash8) are those of the last one.
    """

    row: Deadline
    sequence: int
    changed_at: datetime
    place: str


def dates(found: QuerySet[Deadline], most: int = MOST_DATES) -> list[CalendarDate]:
    """Those of the deadlines that have a day or an instant, by their commitments and numbers, in two queries.

    Raises TooManyDates when there are more than `most`.
    """
    timed = found.filter(Q(due_at__isnull=False) | Q(first_on__isnull=False) | Q(last_on__isnull=False))
    rows = list(
        timed.select_related("commitment__accord", "source").order_by("commitment__code", "number")[
            : most + 1
        ]
    )
    if len(rows) > most:
        raise TooManyDates
    told = _told(rows)
    return [CalendarDate(row, *told[row.code]) for row in rows if row.code in told]


def _told(rows: Sequence[Deadline]) -> dict[str, tuple[int, datetime, str]]:
    """For each code: how often it changed since it was entered, and the instant and the place of the last time."""
    wanted: dict[int, list[str]] = defaultdict(list)
    for row in rows:
        wanted[row.commitment_id].append(row.code)
    told: dict[str, tuple[int, datetime, str]] = {}
    events = Event.objects.filter(commitment__in=list(wanted), kind__in=[*_NAMING, *_OF_ALL])
    for event in events.order_by("seq").values("seq", "at", "hash", "kind", "body", of=F("commitment_id")):
        codes = wanted[event["of"]]
        if event["kind"] in _NAMING:
            named = set(_CODE.findall(event["body"]))
            codes = [code for code in codes if code in named]
        for code in codes:
            if code in told or event["kind"] == EventKind.DEADLINE_SET:
                number = told[code][0] + 1 if code in told else 0
                told[code] = (number, event["at"], cursor_of(event["seq"], event["hash"]))
    return told
