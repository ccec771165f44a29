"""Pure date arithmetic: EDTF windows and the instants they resolve to, elapsed clocks, calendar periods, recurrences.

No Django, and no clock of its own.

The grammar is a subset of EDTF (ISO 8601-2:2019, levels 0 to 2): day, month, season (21 to 24), quarter (33 to 36),
half (40, 41), year, interval, open ends, and the qualifiers `~`, `?`, `%`. Sets, unspecified digits and years beyond
four digits are refused with the reason. Seasons are meteorological, of the northern hemisphere: autumn 2025
(`2025-23`) is 2025-09-01 to 2025-11-30, winter (`2025-24`) begins in December of the named year.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.relativedelta import relativedelta
from dateutil.rrule import rrulestr

UNKNOWN_ZONES = ("UTC",)
DUE_SOON = timedelta(days=30)
_ATOM = re.compile(r"(?P<year>\d{4})(?:-(?P<part>\d{2})(?:-(?P<day>\d{2}))?)?(?P<mark>[~?%])?", re.ASCII)
_DURATION = re.compile(
    r"P(?:(?P<days>\d{1,4})D)?(?:T(?:(?P<hours>\d{1,4})H)?(?:(?P<minutes>\d{1,4})M)?)?", re.ASCII
)
_PERIOD = re.compile(
    r"P(?:(?P<years>\d{1,2})Y)?(?:(?P<months>\d{1,3})M)?(?:(?P<weeks>\d{1,3})W)?(?:(?P<days>\d{1,4})D)?",
    re.ASCII,
)
_RULE = re.compile(r"[A-Z]+=[A-Z0-9,+-]+(?:;[A-Z]+=[A-Z0-9,+-]+)*", re.ASCII)
_RHYTHMS = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY")
_FURTHEST = {
    "BYMONTH": 12,
    "BYMONTHDAY": 31,
    "BYYEARDAY": 366,
    "BYWEEKNO": 53,
    "BYSETPOS": 366,
    "INTERVAL": 1000,
    "COUNT": 1000,
}
_NUMBER = re.compile(r"[+-]?\d{1,4}", re.ASCII)
# More dates than any duty has: a rule that asks for more is a slip.
MOST_OCCURRENCES = 1000
# part of the year -> (first month, months it lasts)
_PARTS = {
    **{21 + i: (3 + 3 * i, 3) for i in range(4)},
    **{33 + i: (1 + 3 * i, 3) for i in range(4)},
    40: (1, 6),
    41: (7, 6),
}


class DateError(ValueError):
    """A date, window or duration that cannot be read; the message says what is wrong and what is allowed."""


@dataclass(frozen=True, slots=True)
class Window:
    """The days an EDTF value names: both ends inclusive; None is an open end."""

    first: date | None
    last: date | None
    approximate: bool = False
    uncertain: bool = False

    @property
    def is_day(self) -> bool:
        """True when the window is one single day, so that nothing about it is imprecise."""
        return self.first is not None and self.first == self.last


def _month_end(year: int, month: int) -> date:
    return date(year, month, calendar.monthrange(year, month)[1])


def _atom(text: str, whole: str) -> Window:
    found = _ATOM.fullmatch(text)
    if found is None:
        if any(sign in text for sign in "[]{},"):
            raise DateError(f"{whole!r} is a set of dates; give one date or one interval.")
        if "X" in text.upper():
            raise DateError(
                f"{whole!r} has unspecified digits; give the year, or an interval such as 2025/2027."
            )
        if "T" in text:
            raise DateError(f"{whole!r} names a time of day; a window is made of days.")
        raise DateError(
            f"{whole!r} is not a date that can be read; write for example 2025-11-16, 2025-11, 2025-23 (autumn), "
            "2025-34 (second quarter), 2025, or 2025-10-22/2025-10-23."
        )
    year, part, day, mark = int(found["year"]), found["part"], found["day"], found["mark"] or ""
    if year == 0:
        raise DateError(f"{whole!r}: years run from 0001 to 9999.")
    try:
        if part is None:
            first, last = date(year, 1, 1), date(year, 12, 31)
        elif day is not None:
            first = last = date(year, int(part), int(day))
        elif 1 <= int(part) <= 12:
            first, last = date(year, int(part), 1), _month_end(year, int(part))
        elif int(part) in _PARTS:
            month, length = _PARTS[int(part)]
            first = date(year, month, 1)
            end = month + length - 1
            last = _month_end(year + (end > 12), (end - 1) % 12 + 1)
        else:
            raise DateError(
                f"{whole!r}: {part} is no month (01 to 12), season (21 to 24), quarter (33 to 36) or half (40, 41)."
            )
    except DateError:
        raise
    except ValueError:
        raise DateError(f"{whole!r} names a day that does not exist in the years 0001 to 9999.") from None
    return Window(first, last, approximate=mark in {"~", "%"}, uncertain=mark in {"?", "%"})


def parse_window(text: str) -> Window:
    """The window that an EDTF value names; raises DateError with the rule that it breaks."""
    text = text.strip()
    if not text:
        raise DateError("A date is needed; it may be as wide as a year, such as 2025.")
    if text.count("/") > 1:
        raise DateError(f"{text!r}: an interval has two ends, first/last.")
    if "/" not in text:
        return _atom(text, text)
    left, right = text.split("/")
    open_left, open_right = left in {"", ".."}, right in {"", ".."}
    if open_left and open_right:
        raise DateError(f"{text!r}: an interval needs at least one end.")
    first = None if open_left else _atom(left, text)
    last = None if open_right else _atom(right, text)
    if first and last and first.first and last.last and last.last < first.first:
        raise DateError(f"{text!r} ends before it begins.")
    ends = [end for end in (first, last) if end]
    return Window(
        first.first if first else None,
        last.last if last else None,
        approximate=any(end.approximate for end in ends),
        uncertain=any(end.uncertain for end in ends),
    )


def zone(name: str) -> ZoneInfo:
    """The IANA time zone of that name; raises DateError when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise DateError(f"{name!r} is no time zone of the IANA database, such as Asia/Tokyo.") from None


def _midnights(day: date, zones: Iterable[str]) -> list[tuple[datetime, datetime]]:
    """For each zone the instant (UTC) at which a day begins, and the one from which the day before is over for good.

    They differ where clocks are put back over midnight and show the day before once more (St. John's did so until
    2011). Where clocks are put forward at midnight, the day begins when they are.
    """
    local = datetime.combine(day, time.min)
    found = []
    for name in zones:
        here = zone(name)
        try:
            begins, again = (local.replace(tzinfo=here, fold=fold).astimezone(UTC) for fold in (0, 1))
        except OverflowError:
            # 0001-01-01 east of Greenwich and 9999-12-31 west of it begin outside the calendar.
            begins = again = local.replace(tzinfo=UTC)
        if again > begins and (again - timedelta.resolution).astimezone(here).date() >= day:
            # Midnight comes twice, but it was that day all the time between (Havana).
            again = begins
        found.append((begins, max(begins, again)))
    return found


def opens_at(window: Window, zones: Iterable[str]) -> datetime | None:
    """The instant (UTC) the window's first day begins in the earliest of the zones; None when it has no beginning."""
    if window.first is None:
        return None
    return min(first for first, _again in _midnights(window.first, list(zones) or UNKNOWN_ZONES))


def due_at(window: Window, zones: Iterable[str]) -> datetime | None:
    """The first instant (UTC) after the window's last day in the latest of the zones; None when the end is open.

    A party is late only when the day is over everywhere among the bound parties. Without zones: UTC.
    Raises DateError for 9999-12-31, after which the calendar has no day.
    """
    if window.last is None:
        return None
    if window.last == date.max:
        raise DateError(
            "The calendar ends on 9999-12-31: name an earlier last day, or leave the end open (/..)."
        )
    next_day = window.last + timedelta(days=1)
    return max(again for _first, again in _midnights(next_day, list(zones) or UNKNOWN_ZONES))


def parse_duration(text: str) -> timedelta:
    """An ISO 8601 duration of days, hours and minutes (PT24H, P2D) as elapsed time; raises DateError."""
    found = _DURATION.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        raise DateError(f"{text!r} is no duration that can be read; write for example PT24H or P30D.")
    days, hours, minutes = (int(found[name] or 0) for name in ("days", "hours", "minutes"))
    length = timedelta(days=days, hours=hours, minutes=minutes)
    if not length:
        raise DateError(f"{text!r}: a clock needs a length.")
    return length


def runs_out_at(started_at: datetime, duration: timedelta) -> datetime:
    """The end (UTC) of an elapsed clock: hours are added to the instant, changes of clock do not matter."""
    if started_at.tzinfo is None:
        raise DateError("A clock starts at an instant with a time zone.")
    try:
        return started_at.astimezone(UTC) + duration
    except OverflowError:
        raise DateError("The clock would end after the year 9999.") from None


def parse_period(text: str) -> relativedelta:
    """An ISO 8601 period of the calendar (P1Y, P6M, P12W, P90D); raises DateError."""
    found = _PERIOD.fullmatch(text.strip())
    lengths = {name: int(value) for name, value in found.groupdict().items() if value} if found else {}
    if not any(lengths.values()):
        raise DateError(f"{text!r} is no period of the calendar; write for example P6M, P1Y or P90D.")
    return relativedelta(**lengths)  # type: ignore[arg-type]


def add_period(day: date, period: relativedelta) -> date:
    """The day a calendar period later: six months after 31 August are the last day of February; raises DateError."""
    try:
        return day + period
    except (OverflowError, ValueError):
        raise DateError(f"{day.isoformat()} and the period end after the year 9999.") from None


def occurrences(rule: str, start: date, until: date) -> list[date]:
    """The days of a recurrence (RFC 5545, RRULE) from `start` to `until`, both included; raises DateError.

    Whole days only: FREQ is YEARLY, MONTHLY, WEEKLY or DAILY. What the rule leaves open comes from `start`.
    """
    text = rule.strip().removeprefix("RRULE:")
    if _RULE.fullmatch(text) is None:
        raise DateError(f"{rule!r} is no recurrence; write for example FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=1.")
    parts = dict(part.split("=", 1) for part in text.split(";"))
    if parts.get("FREQ") not in _RHYTHMS:
        raise DateError(f"{rule!r}: FREQ must be one of {', '.join(_RHYTHMS)}.")
    if parts.keys() & {"BYHOUR", "BYMINUTE", "BYSECOND", "DTSTART"}:
        raise DateError(f"{rule!r}: a recurrence is made of whole days, and its start stands beside it.")
    for name, furthest in _FURTHEST.items():
        for value in parts[name].split(",") if name in parts else ():
            if _NUMBER.fullmatch(value) is None or not 1 <= abs(int(value)) <= furthest:
                raise DateError(f"{rule!r}: {name} is a number up to {furthest}.")
    # COUNT is ours to keep: beside the end that bounds the search dateutil would not take it.
    most = int(parts.pop("COUNT", MOST_OCCURRENCES + 1))
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    try:
        found: Any = rrulestr(text, dtstart=datetime.combine(start, time.min))
        # Bounded, so that a rule which names no day at all (30 February) is not followed to the end of the calendar.
        last = datetime.combine(until, time.max)
        found = found.replace(until=min(found._until, last) if found._until else last)
        days = [moment.date() for moment in islice(iter(found), min(most, MOST_OCCURRENCES + 1))]
    except (ValueError, TypeError, OverflowError) as error:
        raise DateError(f"{rule!r} cannot be read as a recurrence (RFC 5545): {error}.") from None
    if len(days) > MOST_OCCURRENCES:
        raise DateError(f"{rule!r} names more than {MOST_OCCURRENCES} days.")
    return days


def instant_at(text: str, zone_name: str) -> datetime:
    """The instant (UTC) of a wall clock ("2025-03-29 20:00", seconds may follow) in an IANA time zone; raises DateError.

    A time that a change of clocks skips, or shows twice, is refused: it names no instant.
    """
    for form in ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"):
        try:
            local = datetime.strptime(text.strip(), form)  # noqa: DTZ007 - the zone comes next
            break
        except ValueError:
            continue
    else:
        raise DateError(f"{text!r} is no time that can be read; write for example 2025-03-29 20:00.")
    here = zone(zone_name)
    try:
        first, second = (local.replace(tzinfo=here, fold=fold).astimezone(UTC) for fold in (0, 1))
        is_skipped = first.astimezone(here).replace(tzinfo=None) != local
    except OverflowError:
        raise DateError(f"{text!r} lies outside the years 0001 to 9999.") from None
    if is_skipped:
        raise DateError(
            f"{text!r} did not exist in {zone_name}: the clocks were put forward. Give the time in UTC."
        )
    if first != second:
        raise DateError(
            f"{text!r} came twice in {zone_name}: the clocks were put back. Give the time in UTC."
        )
    return first
