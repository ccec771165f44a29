"""Which news has become untrue, or moot, since it was written down: it is not sent."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db import connection

from commitments.models import Assessment, Commitment, Contribution, Deadline, Event, Evidence, Position
from commitments.sentences import facts_of
from commitments.words import ClosedAs, EventKind, Review


def _rows(rows: Any, key: str, codes: Iterable[str]) -> dict[str, Any]:
    """Rows of a numbered noun by public code (`JUA-B07-D1`), few at a time."""
    wanted = set(codes)
    if not wanted:
        return {}
    owners = {code.rpartition(key)[0] for code in wanted}
    found = rows.filter(commitment__in=Commitment.objects.filter(code__in=owners)).select_related(
        "commitment"
    )
    return {row.code: row for row in found if row.code in wanted}


def untrue(events: Iterable[Event]) -> set[int]:
    """The numbers of the events that no longer hold: a status retracted, evidence or money withdrawn, a date moved on.

    The log keeps them all; only the mail about them would now mislead, and a later event tells what is so.
    """
    facts = {event.seq: (event.kind, facts_of(event.body)) for event in events}

    def codes(name: str, *kinds: str) -> list[str]:
        return [said[name] for kind, said in facts.values() if kind in kinds]

    assessments = _rows(Assessment.objects.all(), "-A", codes("assessment", EventKind.STATUS_PUBLISHED))
    evidence = _rows(Evidence.objects.all(), "-E", codes("evidence", EventKind.EVIDENCE_ADDED))
    deadlines = _rows(
        Deadline.objects.all(),
        "-D",
        codes(
            "deadline",
            EventKind.DEADLINE_MOVED,
            EventKind.DEADLINE_MET,
            EventKind.BECAME_OVERDUE,
            EventKind.FELL_BEHIND_TARGET,
        ),
    )
    money = _rows(Contribution.objects.all(), "-C", codes("contribution", EventKind.CONTRIBUTION_RECORDED))
    positions = _rows(Position.objects.all(), "-S", codes("position", EventKind.POSITION_STATED))
    gone = set()
    for seq, (kind, said) in facts.items():
        if kind == EventKind.STATUS_PUBLISHED:
            assessment = assessments.get(said["assessment"])
            holds = assessment is not None and assessment.review == Review.PUBLISHED
        elif kind == EventKind.EVIDENCE_ADDED:
            exhibit = evidence.get(said["evidence"])
            holds = exhibit is not None and exhibit.withdrawn_at is None
        elif kind == EventKind.POSITION_STATED:
            position = positions.get(said["position"])
            holds = position is not None and not position.is_mistaken
        elif kind == EventKind.CONTRIBUTION_RECORDED:
            given = money.get(said["contribution"])
            holds = given is not None and given.withdrawn_at is None
        elif kind in {EventKind.DEADLINE_MOVED, EventKind.DEADLINE_MET}:
            row = deadlines.get(said["deadline"])
            if kind == EventKind.DEADLINE_MOVED:
                holds = row is not None and row.revision == said["revision"]
            else:
                holds = row is not None and row.closed_as == ClosedAs.MET
        elif kind in {EventKind.BECAME_OVERDUE, EventKind.FELL_BEHIND_TARGET}:
            row = deadlines.get(said["deadline"])
            holds = row is not None and row.closed_at is None and row.overdue_since is not None
        else:
            holds = True
        if not holds:
            gone.add(seq)
    return gone


# What takes back what: the fact by which both events name the same thing.
_TAKES_BACK = {
    EventKind.STATUS_RETRACTED: (EventKind.STATUS_PUBLISHED, "assessment"),
    EventKind.EVIDENCE_WITHDRAWN: (EventKind.EVIDENCE_ADDED, "evidence"),
    EventKind.CONTRIBUTION_WITHDRAWN: (EventKind.CONTRIBUTION_RECORDED, "contribution"),
}
# A delivery that was never tried has told nobody. One that another worker holds may be dropped, or sent, in this instant.
_UNTOLD = """
SELECT n.subscriber_id, n.number, d.state = 'claimed' AND NOT d.id = ANY(%(batch)s) AS is_elsewhere
FROM notifications_notice n JOIN notifications_delivery d ON d.id = n.delivery_id
WHERE n.source = 'event' AND n.subscriber_id = ANY(%(subscribers)s) AND n.number = ANY(%(numbers)s)
  AND d.state IN ('waiting', 'dropped', 'claimed') AND d.started_at IS NULL AND d.attempts = 0 AND d.crashes = 0
"""
# The same of chat rooms, which one worker holds at a time. What was given up without a try, since the room was closed
# then, has told nobody either.
UNTOLD_ROOMS = """
SELECT c.endpoint_id, c.number, false AS is_elsewhere FROM notifications_call c
WHERE c.endpoint_id = ANY(%(subscribers)s) AND c.number = ANY(%(numbers)s)
  AND (c.state IN ('waiting', 'dropped', 'failed') OR c.id = ANY(%(batch)s)) AND c.attempts = 0 AND c.crashes = 0
"""
Pairs = set[tuple[int, int]]


def never_told(
    owed: Collection[tuple[int, int]],
    events: Mapping[int, Event],
    batch: Collection[uuid.UUID],
    which: str = _UNTOLD,
) -> tuple[Pairs, Pairs]:
    """Of (subscriber, event number): the retractions of what that subscriber has not been told, and will not be; and
    those of what another worker is about to tell them, or to drop. `batch` are the deliveries that this worker holds:
    what they hold has not been told either. `which` asks for what has told nobody."""
    takers: dict[int, tuple[str, str, int]] = {}
    for seq, event in events.items():
        if event.kind in _TAKES_BACK and event.commitment_id is not None:
            kind, name = _TAKES_BACK[EventKind(event.kind)]
            takers[seq] = (kind, facts_of(event.body)[name], event.commitment_id)
    if not takers:
        return set(), set()
    first = Event.objects.filter(
        kind__in={kind for kind, _code, _key in takers.values()},
        commitment__in={key for _kind, _code, key in takers.values()},
    ).values_list("seq", "kind", "body")
    told = {(kind, facts_of(body)[_name(kind)]): seq for seq, kind, body in first}
    pairs = {
        (subscriber, told[takers[seq][:2]]): (subscriber, seq)
        for subscriber, seq in owed
        if seq in takers and takers[seq][:2] in told
    }
    with connection.cursor() as cursor:
        cursor.execute(
            which,
            {
                "subscribers": list({subscriber for subscriber, _ in pairs}),
                "numbers": list({seq for _, seq in pairs}),
                "batch": list(batch),
            },
        )
        untold = {
            (subscriber, number): is_elsewhere for subscriber, number, is_elsewhere in cursor.fetchall()
        }
    silent = {taker for pair, taker in pairs.items() if untold.get(pair) is False}
    return silent, {taker for pair, taker in pairs.items() if untold.get(pair)}


def _name(kind: str) -> str:
    return next(name for first, name in _TAKES_BACK.values() if first == kind)
