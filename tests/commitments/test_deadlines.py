"""Dates: every window against an independent oracle, every due instant to the second.

DATE_CASES=10000 in the environment makes each property as long as it is quoted; the suite runs a short form.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import edtf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commitments.deadlines import DateError, due_at, opens_at, parse_duration, parse_window, runs_out_at

TOKYO, KYIV = "Asia/Tokyo", "Europe/Kyiv"
SEASONS = {21: {3, 4, 5}, 22: {6, 7, 8}, 23: {9, 10, 11}}
QUARTERS = {33: {1, 2, 3}, 34: {4, 5, 6}, 35: {7, 8, 9}, 36: {10, 11, 12}}
HALVES = {40: {1, 2, 3, 4, 5, 6}, 41: {7, 8, 9, 10, 11, 12}}
PARTS = {**SEASONS, **QUARTERS, **HALVES, **{month: {month} for month in range(1, 13)}}

years = st.integers(1, 9998)


def cases(few: int) -> int:
    """How many cases a property is tried with."""
    return int(os.environ.get("DATE_CASES") or few)


def days_of(year: int, part: int) -> tuple[date, date]:
    """The oracle: walk the days around the year and keep those the word names."""
    if part == 24:
        wanted = {(year, 12), (year + 1, 1), (year + 1, 2)}
    else:
        wanted = {(year, month) for month in PARTS[part]}
    day, found = date(year, 1, 1), []
    while day < date(year + 1, 3, 1):
        if (day.year, day.month) in wanted:
            found.append(day)
        day += timedelta(days=1)
    return found[0], found[-1]


@settings(max_examples=cases(400), deadline=None)
@given(years, st.sampled_from([*PARTS, 24]), st.sampled_from(["", "~", "?", "%"]))
def test_parts_of_a_year_are_the_days_a_calendar_shows(year: int, part: int, mark: str) -> None:
    window = parse_window(f"{year:04}-{part:02}{mark}")
    assert (window.first, window.last) == days_of(year, part)
    assert window.approximate == (mark in ("~", "%")) and window.uncertain == (mark in ("?", "%"))


@settings(max_examples=cases(1000), deadline=None)
@given(st.dates(date(1, 1, 1), date(9999, 12, 30)))
def test_a_day_is_due_when_it_is_over_in_the_latest_zone(day: date) -> None:
    window = parse_window(day.isoformat())
    assert window.is_day
    due = due_at(window, [TOKYO, KYIV])
    assert due is not None
    # A second earlier it is still that day in Kyiv, and at the instant it is the next day there and in Tokyo.
    assert due.astimezone(ZoneInfo(KYIV)).date() == day + timedelta(days=1)
    assert (due - timedelta(seconds=1)).astimezone(ZoneInfo(KYIV)).date() == day
    assert due.astimezone(ZoneInfo(TOKYO)).date() > day


ZONES = [
    "UTC",
    "Asia/Tokyo",
    "Europe/Kyiv",
    "America/St_Johns",
    "America/Havana",
    "Asia/Beirut",
    "Asia/Kathmandu",
]
MINUTE = timedelta(minutes=1)


def around_midnight(day: date, zone: str) -> list[tuple[datetime, date]]:
    """What a zone's clocks show, minute by minute, from three hours before its usual midnight to three hours after."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    instants = [noon - timedelta(hours=15) + n * MINUTE for n in range(6 * 60)]
    return [(instant, instant.astimezone(ZoneInfo(zone)).date()) for instant in instants]


def begins(day: date, zone: str) -> datetime:
    """The oracle: the first minute at which the clocks show that day."""
    return next(instant for instant, shown in around_midnight(day, zone) if shown >= day)


def is_over(day: date, zone: str) -> datetime:
    """The oracle: the minute after the last one at which the clocks show that day."""
    following = day + timedelta(days=1)
    return max(instant for instant, shown in around_midnight(following, zone) if shown <= day) + MINUTE


@settings(max_examples=cases(300), deadline=None)
@given(
    st.dates(date(1950, 1, 1), date(2100, 1, 1)),
    st.integers(0, 400),
    st.lists(st.sampled_from(ZONES), min_size=1, max_size=4),
)
def test_opening_and_due_are_the_first_and_last_seconds_that_clocks_show(
    first: date, length: int, zones: list[str]
) -> None:
    last = first + timedelta(days=length)
    window = parse_window(f"{first}/{last}")
    assert opens_at(window, zones) == min(begins(first, zone) for zone in zones)
    assert due_at(window, zones) == max(is_over(last, zone) for zone in zones)


@settings(max_examples=cases(300), deadline=None)
@given(st.dates(date(1000, 1, 1)), st.dates(date(1000, 1, 1)))
def test_an_interval_holds_both_ends_or_is_refused(one: date, other: date) -> None:
    text = f"{one}/{other}"
    if other < one:
        with pytest.raises(DateError, match="ends before it begins"):
            parse_window(text)
    else:
        assert (parse_window(text).first, parse_window(text).last) == (one, other)


@settings(max_examples=cases(400), deadline=None)
@given(
    st.integers(1000, 9998),
    st.one_of(st.none(), st.integers(1, 12)),
    st.one_of(st.none(), st.integers(1, 28)),
)
def test_agrees_with_the_edtf_package_where_that_parses(
    year: int, month: int | None, day: int | None
) -> None:
    text = f"{year:04}" + (f"-{month:02}" if month else "") + (f"-{day:02}" if month and day else "")
    theirs = edtf.parse_edtf(text)
    ours = parse_window(text)
    assert ours.first and ours.last
    assert tuple(theirs.lower_strict()[:3]) == (ours.first.year, ours.first.month, ours.first.day)
    assert tuple(theirs.upper_strict()[:3]) == (ours.last.year, ours.last.month, ours.last.day)


@settings(max_examples=cases(500), deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_a_window_or_a_refusal_and_never_another_error(text: str) -> None:
    try:
        window = parse_window(text)
        due_at(window, [TOKYO, KYIV])
        opens_at(window, [TOKYO, KYIV])
    except DateError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "needed"),
        ("[2025,2026]", "set of dates"),
        ("{2025..2027}", "set of dates"),
        ("202X", "unspecified digits"),
        ("2025-11-16T10:00", "time of day"),
        ("2025-02-29", "does not exist"),
        ("2025-13", "no month"),
        ("0000", "0001 to 9999"),
        ("12025", "can be read"),
        ("2026/2025", "ends before it begins"),
        ("2025/2026/2027", "two ends"),
        ("../..", "at least one end"),
        ("9999-24", "does not exist"),
    ],
)
def test_what_cannot_be_read_says_why(text: str, why: str) -> None:
    with pytest.raises(DateError, match=why):
        parse_window(text)


def test_autumn_2025_is_over_on_the_first_of_december_in_kyiv_and_not_before() -> None:
    window = parse_window("2025-23")
    assert due_at(window, [TOKYO, KYIV]) == datetime(2025, 11, 30, 22, tzinfo=UTC)
    assert due_at(window, [TOKYO]) == datetime(2025, 11, 30, 15, tzinfo=UTC)
    assert opens_at(window, [TOKYO, KYIV]) == datetime(2025, 8, 31, 15, tzinfo=UTC)


def test_open_ends_stay_open() -> None:
    assert due_at(parse_window("2024-06-13/.."), [KYIV]) is None
    assert opens_at(parse_window("../2024-06-13"), [KYIV]) is None
    assert due_at(parse_window("/2024-06-13"), [KYIV]) == datetime(2024, 6, 13, 21, tzinfo=UTC)


def test_the_edges_of_the_calendar() -> None:
    assert due_at(parse_window("0001-01-01"), [TOKYO]) == datetime(1, 1, 1, 14, 41, 1, tzinfo=UTC)
    assert opens_at(parse_window("0001-01-01"), [TOKYO]) is not None
    with pytest.raises(DateError, match="calendar ends"):
        due_at(parse_window("9999-12-31"), [TOKYO])
    assert due_at(parse_window("2024-02-29"), [TOKYO]) == datetime(2024, 2, 29, 15, tzinfo=UTC)


def test_a_clock_of_24_hours_crosses_the_change_to_summer_time_in_elapsed_hours() -> None:
    asked = datetime(2025, 3, 29, 20, 0, tzinfo=ZoneInfo(KYIV))
    ends = runs_out_at(asked, parse_duration("PT24H"))
    assert ends.astimezone(ZoneInfo(KYIV)) == datetime(2025, 3, 30, 21, 0, tzinfo=ZoneInfo(KYIV))
    asked = datetime(2025, 10, 25, 20, 0, tzinfo=ZoneInfo(KYIV))
    ends = runs_out_at(asked, parse_duration("PT24H"))
    assert ends.astimezone(ZoneInfo(KYIV)) == datetime(2025, 10, 26, 19, 0, tzinfo=ZoneInfo(KYIV))


@pytest.mark.parametrize("text", ["", "P", "PT", "24H", "PT0H", "P1Y", "PT-3H", "P99999D"])
def test_a_duration_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(DateError):
        parse_duration(text)
