"""Pure: which reminders a date gets, when, and for whom. No Django, no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

BINDING = ("text", "agreed")
WATCHERS, OFFICER, MANAGER, LEAD = "watchers", "officer", "manager", "lead"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
# A reminder of a day comes in its morning, on the clock that the day ends by.
MORNING = timedelta(hours=8)
AHEAD = (30, 7, 1, 0)
# After the date: three times, then monthly, then ever more rarely.
SINCE = (1, 7, 30, 60, 90, 120, 240, 480, 960)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a ladder is about. `ends_at` (UTC) is the first instant after the date; words as in the vocabulary."""

    type: str
    authority: str
    clock: str
    ends_at: datetime

    @property
    def is_ours(self) -> bool:
        """A date of our own clock: told to staff only."""
        return self.clock == "tracker"

    @property
    def is_binding(self) -> bool:
        """Whether the parties are late once it has passed."""
        return not self.is_ours and self.authority in BINDING


@dataclass(frozen=True, slots=True)
class Rung:
    """One reminder: its code, when it goes (UTC), to whom."""

    code: str
    at: datetime
    audiences: tuple[str, ...]


def ahead(subject: Subject) -> list[Rung]:
    """The rungs before the date and on it, in order. Of our own dates only staff hear."""
    everybody = (OFFICER,) if subject.is_ours else (WATCHERS, OFFICER)
    if subject.type == "clock":
        return [
            Rung("h12", subject.ends_at - 12 * HOUR, everybody),
            Rung("h2", subject.ends_at - 2 * HOUR, everybody),
            # That it has run out is news of its own for readers.
            Rung("end", subject.ends_at, (OFFICER,)),
        ]
    last_day = subject.ends_at - DAY
    days = (7, 0) if subject.is_ours else AHEAD
    return [Rung(f"d{n}", last_day - n * DAY + MORNING, everybody) for n in days]


def since(subject: Subject) -> list[Rung]:
    """The rungs after the date, each wider among staff. Readers hear only of dates that make a party late, and not on
    the first day: that the date has passed is news of its own."""
    last_day = subject.ends_at - DAY
    return [Rung(f"p{n}", last_day + n * DAY + MORNING, _after(subject, n)) for n in SINCE]


def _after(subject: Subject, days: int) -> tuple[str, ...]:
    staff: tuple[str, ...] = {1: (OFFICER,), 7: (OFFICER, MANAGER)}.get(days, (OFFICER, MANAGER, LEAD))
    if days > 30:
        staff = (MANAGER, LEAD)
    return (WATCHERS, *staff) if subject.is_binding and days > 1 else staff


def of_draft(submitted_at: datetime) -> list[Rung]:
    """The rungs of a judgement that waits for review."""
    steps: Sequence[tuple[int, tuple[str, ...]]] = (
        (1, (MANAGER,)),
        (3, (MANAGER,)),
        (7, (MANAGER, LEAD)),
        (14, (LEAD,)),
        (28, (LEAD,)),
        (56, (LEAD,)),
    )
    return [Rung(f"s{days}", submitted_at + days * DAY, audiences) for days, audiences in steps]


def is_ahead(code: str) -> bool:
    """Whether a rung speaks of a date that has not passed."""
    return code[0] in "dh"
