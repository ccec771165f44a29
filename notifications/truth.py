"""Which alerts have become untrue since they were written down: these are not sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from commitments.models import Assessment, Commitment, Contribution, Deadline, Event, Evidence
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
    gone = set()
    for seq, (kind, said) in facts.items():
        if kind == EventKind.STATUS_PUBLISHED:
            assessment = assessments.get(said["assessment"])
            holds = assessment is not None and assessment.review == Review.PUBLISHED
        elif kind == EventKind.EVIDENCE_ADDED:
            exhibit = evidence.get(said["evidence"])
            holds = exhibit is not None and exhibit.withdrawn_at is None
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
