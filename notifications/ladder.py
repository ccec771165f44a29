"""Pure: which reminders a date gets, when, and for whom. No Django, no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

BINDING = ("text", "agreed")
WATCHERS, OFFICER, MANAGER, LEAD = "watchers", "officer", "manager", "lead"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
# A reminder of a day comes in its morning, on the clock that the day ends by.
MORNING = time(8)
AHEAD = (30, 7, 1, 0)
# After the date: three times, then monthly, then ever more rarely.
SINCE = (1, 7, 30, 60, 90, 120, 240, 480, 960)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a ladder is about. `ends_at` (UTC) is the first instant after the date, `zone` the one whose midnight that
    is; words as in the vocabulary. `has_verdict`: somebody has judged since the date passed."""

    type: str
    authority: str
    clock: str
    ends_at: datetime
    zone: tzinfo = UTC
    has_verdict: bool = False

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


def zone_of(ends_at: datetime, names: Iterable[str]) -> tzinfo:
    """The zone, among these, whose day ends at that instant (UTC); where none does, the clock that shows midnight."""
    for name in sorted(names):
        zone = ZoneInfo(name)
        try:
            before, after = (ends_at - timedelta.resolution).astimezone(zone), ends_at.astimezone(zone)
        except OverflowError:
            continue
        if before.date() < after.date():
            return zone
    since_midnight = timedelta(hours=ends_at.hour, minutes=ends_at.minute, seconds=ends_at.second)
    return timezone(-since_midnight if since_midnight <= DAY / 2 else DAY - since_midnight)


def ahead(subject: Subject) -> list[Rung]:
    """The rungs before the date and on it, in order. Of our own dates only staff hear."""
    everybody = (OFFICER,) if subject.is_ours else (WATCHERS, OFFICER)
    if subject.type == "clock":
        ends = subject.ends_at
        return _possible(
            [
                ("h12", lambda: ends - 12 * HOUR, everybody),
                ("h2", lambda: ends - 2 * HOUR, everybody),
                # That it has run out is news of its own for readers.
                ("end", lambda: ends, (OFFICER,)),
            ]
        )
    days = (7, 0) if subject.is_ours else AHEAD
    return _possible((f"d{n}", _morning(subject, -n), everybody) for n in days)


def since(subject: Subject) -> list[Rung]:
    """The rungs after the date, each wider among staff. Readers hear only of dates that make a party late, and not on
    the first day: that the date has passed is news of its own. A date that makes nobody late only asks for our verdict:
    when that has been given, there is nothing left to say."""
    if subject.has_verdict and not subject.is_binding and not subject.is_ours:
        return []
    return _possible((f"p{n}", _morning(subject, n), _after(subject, n)) for n in SINCE)


def audiences(subject: Subject, code: str) -> tuple[str, ...]:
    """Whom the subject's ladder, as it is now, gives that rung to; nobody where it has no such rung."""
    return next((rung.audiences for rung in ahead(subject) + since(subject) if rung.code == code), ())


def _possible(steps: Iterable[tuple[str, Callable[[], datetime], tuple[str, ...]]]) -> list[Rung]:
    """The rungs that the calendar has room for: a date may lie at either end of it."""
    found = []
    for code, at, audiences in steps:
        try:
            found.append(Rung(code, at(), audiences))
        except OverflowError:
            continue
    return found


def _morning(subject: Subject, days: int) -> Callable[[], datetime]:
    """The morning so many days after the last day, by the clock of its own day: it may have changed in between."""

    def at() -> datetime:
        last_day = (subject.ends_at - timedelta.resolution).astimezone(subject.zone).date()
        day = last_day + timedelta(days=days)
        return datetime.combine(day, MORNING, subject.zone).astimezone(UTC)

    return at


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
