"""How an accord file names the rows of a commitment, and in which order it tells what happened to them."""

from __future__ import annotations

from enum import IntEnum

from commitments.models import Assessment, Contribution, Deadline, Evidence, Pause, Position, Trigger

Named = Assessment | Contribution | Deadline | Evidence | Pause | Position | Trigger


def key_of(row: Named) -> str:
    """The key of the file that brought the row, or its number in the record: row-3."""
    return row.file_key or f"row-{row.number}"


class Rank(IntEnum):
    """The usual order of what happened after the same number of judgements.

    A retraction opens what its judgement had closed; a clock needs its length before the fact that starts it; dates
    are moved before they are met.
    """

    JUDGED = 0
    RETRACTED = 1
    DEADLINE_SET = 2
    FACT = 3
    PAUSED = 4
    RESUMED = 5
    MOVED = 6
    MET = 7
    WAIVED = 8
    FACT_WITHDRAWN = 9
    STATED = 10
    RESOLVED = 11
