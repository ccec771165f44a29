"""Dates, periods, rhythms and wall clocks: each rule by example, each refusal word for word."""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from commitments.deadlines import (
    MOST_OCCURRENCES,
    DateError,
    Window,
    add_period,
    due_at,
    instant_at,
    occurrences,
    opens_at,
    parse_duration,
    parse_period,
    parse_window,
    runs_out_at,
    zone,
)

TOKYO, KYIV, YORK = "Asia/Tokyo", "Europe/Kyiv", "America/New_York"


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2025", "2025-01-01", "2025-12-31"),
        ("0001", "0001-01-01", "0001-12-31"),
        ("9999", "9999-01-01", "9999-12-31"),
        (" 2025-01 ", "2025-01-01", "2025-01-31"),
        ("2025-02", "2025-02-01", "2025-02-28"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2025-12", "2025-12-01", "2025-12-31"),
        ("2024-02-29", "2024-02-29", "2024-02-29"),
        ("2025-21", "2025-03-01", "2025-05-31"),
        ("2025-22", "2025-06-01", "2025-08-31"),
        ("2025-23", "2025-09-01", "2025-11-30"),
        ("2025-24", "2025-12-01", "2026-02-28"),
        ("2023-24", "2023-12-01", "2024-02-29"),
        ("2025-33", "2025-01-01", "2025-03-31"),
        ("2025-34", "2025-04-01", "2025-06-30"),
        ("2025-35", "2025-07-01", "2025-09-30"),
        ("2025-36", "2025-10-01", "2025-12-31"),
        ("2025-40", "2025-01-01", "2025-06-30"),
        ("2025-41", "2025-07-01", "2025-12-31"),
        ("2025/2026-02", "2025-01-01", "2026-02-28"),
        ("2025-10-22/2025-10-22", "2025-10-22", "2025-10-22"),
    ],
)
def test_a_window_has_these_days(text: str, first: str, last: str) -> None:
    assert parse_window(text) == Window(date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    ("text", "approximate", "uncertain"),
    [
        ("2025", False, False),
        ("2025~", True, False),
        ("2025-11-16?", False, True),
        ("2025-23%", True, True),
        ("2024~/2025", True, False),
        ("2024/2025?", False, True),
        ("2024~/2025?", True, True),
        ("2024/..", False, False),
        ("../2025~", True, False),
    ],
)
def test_a_qualifier_of_either_end_counts(text: str, approximate: bool, uncertain: bool) -> None:
    window = parse_window(text)
    assert (window.approximate, window.uncertain) == (approximate, uncertain)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("2025/..", Window(date(2025, 1, 1), None)),
        ("2025/", Window(date(2025, 1, 1), None)),
        ("../2025", Window(None, date(2025, 12, 31))),
        ("/2025", Window(None, date(2025, 12, 31))),
    ],
)
def test_an_end_may_be_open(text: str, window: Window) -> None:
    assert parse_window(text) == window


def test_only_a_single_day_is_a_day() -> None:
    assert parse_window("2025-11-16").is_day
    assert not parse_window("2025-11").is_day
    assert not parse_window("2025/..").is_day
    assert not parse_window("../2025").is_day


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "A date is needed; it may be as wide as a year, such as 2025."),
        ("  ", "A date is needed; it may be as wide as a year, such as 2025."),
        ("[2025,2026]", "'[2025,2026]' is a set of dates; give one date or one interval."),
        ("2025]", "'2025]' is a set of dates; give one date or one interval."),
        ("{2025", "'{2025' is a set of dates; give one date or one interval."),
        ("2025}", "'2025}' is a set of dates; give one date or one interval."),
        ("2025,", "'2025,' is a set of dates; give one date or one interval."),
        ("202X", "'202X' has unspecified digits; give the year, or an interval such as 2025/2027."),
        ("202x", "'202x' has unspecified digits; give the year, or an interval such as 2025/2027."),
        ("2025-11-16T10:00", "'2025-11-16T10:00' names a time of day; a window is made of days."),
        (
            "soon",
            "'soon' is not a date that can be read; write for example 2025-11-16, 2025-11, 2025-23 (autumn), "
            "2025-34 (second quarter), 2025, or 2025-10-22/2025-10-23.",
        ),
        (
            "2025/soon",
            "'2025/soon' is not a date that can be read; write for example 2025-11-16, 2025-11, 2025-23 (autumn), "
            "2025-34 (second quarter), 2025, or 2025-10-22/2025-10-23.",
        ),
        (
            "soon/2025",
            "'soon/2025' is not a date that can be read; write for example 2025-11-16, 2025-11, 2025-23 (autumn), "
            "2025-34 (second quarter), 2025, or 2025-10-22/2025-10-23.",
        ),
        (
            "２０２５",
            "'２０２５' is not a date that can be read; write for example 2025-11-16, 2025-11, 2025-23 (autumn), "
            "2025-34 (second quarter), 2025, or 2025-10-22/2025-10-23.",
        ),
        ("0000", "'0000': years run from 0001 to 9999."),
        ("0000-01-01", "'0000-01-01': years run from 0001 to 9999."),
        ("2025-02-29", "'2025-02-29' names a day that does not exist in the years 0001 to 9999."),
        ("2025-13-01", "'2025-13-01' names a day that does not exist in the years 0001 to 9999."),
        ("9999-24", "'9999-24' names a day that does not exist in the years 0001 to 9999."),
        (
            "2025-13",
            "'2025-13': 13 is no month (01 to 12), season (21 to 24), quarter (33 to 36) or half (40, 41).",
        ),
        (
            "2025-00",
            "'2025-00': 00 is no month (01 to 12), season (21 to 24), quarter (33 to 36) or half (40, 41).",
        ),
        ("2025/2026/2027", "'2025/2026/2027': an interval has two ends, first/last."),
        ("../..", "'../..': an interval needs at least one end."),
        ("/", "'/': an interval needs at least one end."),
        ("2026/2025", "'2026/2025' ends before it begins."),
        ("2025-11-17/2025-11-16", "'2025-11-17/2025-11-16' ends before it begins."),
    ],
)
def test_what_is_no_window_is_refused_in_these_words(text: str, message: str) -> None:
    with pytest.raises(DateError) as refused:
        parse_window(text)
    assert str(refused.value) == message


def test_an_interval_may_begin_and_end_inside_one_another() -> None:
    assert parse_window("2025/2025-06").last == date(2025, 6, 30)


def test_a_window_opens_first_in_the_east_and_is_over_last_in_the_west() -> None:
    window = parse_window("2025-06-01")
    assert opens_at(window, [YORK, TOKYO, KYIV]) == datetime(2025, 5, 31, 15, tzinfo=UTC)
    assert due_at(window, [TOKYO, YORK, KYIV]) == datetime(2025, 6, 2, 4, tzinfo=UTC)
    opened = opens_at(window, [TOKYO])
    assert opened is not None and opened.tzinfo is UTC
    assert opens_at(window, []) == datetime(2025, 6, 1, tzinfo=UTC)
    assert due_at(window, []) == datetime(2025, 6, 2, tzinfo=UTC)
    assert opens_at(Window(None, date(2025, 1, 1)), [TOKYO]) is None
    assert due_at(Window(date(2025, 1, 1), None), [TOKYO]) is None


def test_the_calendar_begins_and_ends() -> None:
    assert opens_at(parse_window("0001-01-01"), [TOKYO]) == datetime(1, 1, 1, tzinfo=UTC)
    assert due_at(parse_window("9999-12-30"), [YORK]) == datetime(9999, 12, 31, 5, tzinfo=UTC)
    with pytest.raises(DateError) as refused:
        due_at(parse_window("9999-12-31"), [TOKYO])
    assert (
        str(refused.value)
        == "The calendar ends on 9999-12-31: name an earlier last day, or leave the end open (/..)."
    )


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "a\x00b"])
def test_a_zone_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(DateError) as refused:
        zone(name)
    assert str(refused.value) == f"{name!r} is no time zone of the IANA database, such as Asia/Tokyo."
    assert zone(TOKYO) == ZoneInfo(TOKYO)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("PT24H", timedelta(hours=24)),
        (" P2D ", timedelta(days=2)),
        ("P1DT12H30M", timedelta(days=1, hours=12, minutes=30)),
        ("PT90M", timedelta(minutes=90)),
        ("PT0H5M", timedelta(minutes=5)),
    ],
)
def test_a_duration_is_elapsed_time(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize("text", ["", "P", "PT", "24H", "P1Y", "PT-3H", "P99999D", "PT1.5H", "PT２４H"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(DateError) as refused:
        parse_duration(text)
    assert str(refused.value) == f"{text!r} is no duration that can be read; write for example PT24H or P30D."


def test_a_clock_needs_a_length_and_a_zone_and_an_end_in_the_calendar() -> None:
    with pytest.raises(DateError) as refused:
        parse_duration("PT0H")
    assert str(refused.value) == "'PT0H': a clock needs a length."
    with pytest.raises(DateError) as refused:
        runs_out_at(datetime(2025, 1, 1), timedelta(hours=1))  # noqa: DTZ001
    assert str(refused.value) == "A clock starts at an instant with a time zone."
    with pytest.raises(DateError) as refused:
        runs_out_at(datetime(9999, 12, 31, 23, tzinfo=UTC), timedelta(hours=24))
    assert str(refused.value) == "The clock would end after the year 9999."


def test_hours_are_elapsed_over_both_changes_of_clocks() -> None:
    def ends(start: datetime) -> datetime:
        return runs_out_at(start, timedelta(hours=24)).astimezone(ZoneInfo(KYIV)).replace(tzinfo=None)

    assert ends(datetime(2025, 3, 29, 20, tzinfo=ZoneInfo(KYIV))) == datetime(2025, 3, 30, 21)  # noqa: DTZ001
    assert ends(datetime(2025, 10, 25, 20, tzinfo=ZoneInfo(KYIV))) == datetime(2025, 10, 26, 19)  # noqa: DTZ001
    assert runs_out_at(datetime(2025, 6, 1, tzinfo=UTC), timedelta(hours=1)).tzinfo is UTC


# Periods of the calendar


@pytest.mark.parametrize(
    ("period", "day", "later"),
    [
        ("P6M", date(2026, 8, 31), date(2027, 2, 28)),
        ("P10Y", date(2024, 6, 13), date(2034, 6, 13)),
        ("P1Y", date(2024, 2, 29), date(2025, 2, 28)),
        ("P2W", date(2024, 12, 25), date(2025, 1, 8)),
        (" P90D ", date(2025, 1, 1), date(2025, 4, 1)),
        ("P1Y1M1W1D", date(2025, 1, 1), date(2026, 2, 9)),
        ("P0Y3M", date(2025, 1, 1), date(2025, 4, 1)),
    ],
)
def test_a_period_of_the_calendar_is_counted_by_its_months(period: str, day: date, later: date) -> None:
    assert add_period(day, parse_period(period)) == later


@pytest.mark.parametrize("text", ["", "P", "P0M", "PT24H", "6M", "P-6M", "P1000M", "P６M"])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(DateError) as refused:
        parse_period(text)
    assert str(refused.value) == f"{text!r} is no period of the calendar; write for example P6M, P1Y or P90D."


def test_a_period_ends_in_the_calendar() -> None:
    with pytest.raises(DateError) as refused:
        add_period(date(9999, 6, 1), parse_period("P1Y"))
    assert str(refused.value) == "9999-06-01 and the period end after the year 9999."


# Recurrences


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=1", ["2024-11-01", "2025-11-01"]),
        ("RRULE:FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=1", ["2024-11-01", "2025-11-01"]),
        (" FREQ=MONTHLY;INTERVAL=6 ", ["2024-06-13", "2024-12-13", "2025-06-13", "2025-12-13"]),
        ("FREQ=YEARLY;COUNT=1", ["2024-06-13"]),
        ("FREQ=YEARLY;UNTIL=20250613", ["2024-06-13", "2025-06-13"]),
        ("FREQ=YEARLY;UNTIL=20241231", ["2024-06-13"]),
        ("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=31", ["2024-12-31", "2025-12-31"]),
        ("FREQ=DAILY;INTERVAL=1000", ["2024-06-13"]),
        ("FREQ=YEARLY;UNTIL=20990613", ["2024-06-13", "2025-06-13"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1;BYMONTH=2,8", ["2024-08-31", "2025-02-28", "2025-08-31"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", []),
        ("FREQ=WEEKLY;COUNT=3;BYDAY=FR", ["2024-06-14", "2024-06-21", "2024-06-28"]),
    ],
)
def test_a_rhythm_has_these_days(rule: str, days: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = occurrences(rule, date(2024, 6, 13), date(2025, 12, 31))
    assert [day.isoformat() for day in found] == days


def test_the_last_day_of_the_horizon_counts() -> None:
    assert occurrences("FREQ=DAILY", date(2025, 1, 1), date(2025, 1, 3)) == [
        date(2025, 1, 1), date(2025, 1, 2), date(2025, 1, 3),
    ]  # fmt: skip
    assert occurrences("FREQ=DAILY", date(2025, 1, 2), date(2025, 1, 1)) == []


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("", "'' is no recurrence; write for example FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=1."),
        ("daily", "'daily' is no recurrence; write for example FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=1."),
        (
            "FREQ=DAILY;",
            "'FREQ=DAILY;' is no recurrence; write for example FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=1.",
        ),
        ("INTERVAL=2", "'INTERVAL=2': FREQ must be one of YEARLY, MONTHLY, WEEKLY, DAILY."),
        ("FREQ=HOURLY", "'FREQ=HOURLY': FREQ must be one of YEARLY, MONTHLY, WEEKLY, DAILY."),
        (
            "FREQ=DAILY;BYHOUR=3",
            "'FREQ=DAILY;BYHOUR=3': a recurrence is made of whole days, and its start stands beside it.",
        ),
        (
            "FREQ=DAILY;BYMINUTE=3",
            "'FREQ=DAILY;BYMINUTE=3': a recurrence is made of whole days, and its start stands beside it.",
        ),
        (
            "FREQ=DAILY;BYSECOND=3",
            "'FREQ=DAILY;BYSECOND=3': a recurrence is made of whole days, and its start stands beside it.",
        ),
        (
            "FREQ=DAILY;DTSTART=20250101",
            "'FREQ=DAILY;DTSTART=20250101': a recurrence is made of whole days, and its start stands beside it.",
        ),
        ("FREQ=YEARLY;BYMONTH=13", "'FREQ=YEARLY;BYMONTH=13': BYMONTH is a number up to 12."),
        ("FREQ=YEARLY;BYMONTH=0", "'FREQ=YEARLY;BYMONTH=0': BYMONTH is a number up to 12."),
        ("FREQ=YEARLY;BYMONTH=1,A", "'FREQ=YEARLY;BYMONTH=1,A': BYMONTH is a number up to 12."),
        ("FREQ=MONTHLY;BYMONTHDAY=-32", "'FREQ=MONTHLY;BYMONTHDAY=-32': BYMONTHDAY is a number up to 31."),
        ("FREQ=YEARLY;BYYEARDAY=367", "'FREQ=YEARLY;BYYEARDAY=367': BYYEARDAY is a number up to 366."),
        ("FREQ=YEARLY;BYWEEKNO=54", "'FREQ=YEARLY;BYWEEKNO=54': BYWEEKNO is a number up to 53."),
        ("FREQ=YEARLY;BYSETPOS=367", "'FREQ=YEARLY;BYSETPOS=367': BYSETPOS is a number up to 366."),
        ("FREQ=DAILY;INTERVAL=1001", "'FREQ=DAILY;INTERVAL=1001': INTERVAL is a number up to 1000."),
        ("FREQ=DAILY;COUNT=1001", "'FREQ=DAILY;COUNT=1001': COUNT is a number up to 1000."),
        ("FREQ=DAILY;COUNT=+-3", "'FREQ=DAILY;COUNT=+-3': COUNT is a number up to 1000."),
        ("FREQ=DAILY;COUNT=0", "'FREQ=DAILY;COUNT=0': COUNT is a number up to 1000."),
        ("FREQ=DAILY;INTERVAL=0", "'FREQ=DAILY;INTERVAL=0': INTERVAL is a number up to 1000."),
    ],
)
def test_what_is_no_rhythm_is_refused_in_these_words(rule: str, message: str) -> None:
    with pytest.raises(DateError) as refused:
        occurrences(rule, date(2024, 6, 13), date(2025, 12, 31))
    assert str(refused.value) == message


def test_what_the_grammar_lets_through_and_the_rule_does_not_is_refused_with_the_reason() -> None:
    with pytest.raises(
        DateError, match=r"^'FREQ=DAILY;BYDAY=XX' cannot be read as a recurrence \(RFC 5545\): .+\.$"
    ):
        occurrences("FREQ=DAILY;BYDAY=XX", date(2024, 6, 13), date(2025, 12, 31))


def test_a_rhythm_has_so_many_days_and_no_more() -> None:
    start = date(2020, 1, 1)
    most = start + timedelta(days=MOST_OCCURRENCES - 1)
    assert len(occurrences("FREQ=DAILY", start, most)) == MOST_OCCURRENCES == 1000
    with pytest.raises(DateError) as refused:
        occurrences("FREQ=DAILY", start, most + timedelta(days=1))
    assert str(refused.value) == "'FREQ=DAILY' names more than 1000 days."


# Wall clocks


@pytest.mark.parametrize(
    ("text", "name", "instant"),
    [
        ("2025-03-29 20:00", KYIV, datetime(2025, 3, 29, 18, tzinfo=UTC)),
        (" 2025-03-29T20:00 ", KYIV, datetime(2025, 3, 29, 18, tzinfo=UTC)),
        ("2025-03-29 20:00:07", TOKYO, datetime(2025, 3, 29, 11, 0, 7, tzinfo=UTC)),
        ("2025-03-29T20:00:07", "UTC", datetime(2025, 3, 29, 20, 0, 7, tzinfo=UTC)),
        ("2025-03-30 02:59", KYIV, datetime(2025, 3, 30, 0, 59, tzinfo=UTC)),
        ("2025-03-30 04:00", KYIV, datetime(2025, 3, 30, 1, tzinfo=UTC)),
        ("2025-10-26 02:59", KYIV, datetime(2025, 10, 25, 23, 59, tzinfo=UTC)),
        ("2025-10-26 04:00", KYIV, datetime(2025, 10, 26, 2, tzinfo=UTC)),
    ],
)
def test_a_wall_clock_names_an_instant(text: str, name: str, instant: datetime) -> None:
    found = instant_at(text, name)
    assert found == instant
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("2025-03-29", KYIV, "'2025-03-29' is no time that can be read; write for example 2025-03-29 20:00."),
        (
            "2025-02-29 10:00",
            KYIV,
            "'2025-02-29 10:00' is no time that can be read; write for example 2025-03-29 20:00.",
        ),
        (
            "2025-03-30 03:00",
            KYIV,
            "'2025-03-30 03:00' did not exist in Europe/Kyiv: the clocks were put forward. Give the time in UTC.",
        ),
        (
            "2025-03-30 03:59:59",
            KYIV,
            "'2025-03-30 03:59:59' did not exist in Europe/Kyiv: the clocks were put forward. Give the time in UTC.",
        ),
        (
            "2025-10-26 03:00",
            KYIV,
            "'2025-10-26 03:00' came twice in Europe/Kyiv: the clocks were put back. Give the time in UTC.",
        ),
        ("0001-01-01 00:00", TOKYO, "'0001-01-01 00:00' lies outside the years 0001 to 9999."),
        (
            "2025-01-01 00:00",
            "Nowhere",
            "'Nowhere' is no time zone of the IANA database, such as Asia/Tokyo.",
        ),
    ],
)
def test_a_time_that_names_no_instant_is_refused(text: str, name: str, message: str) -> None:
    with pytest.raises(DateError) as refused:
        instant_at(text, name)
    assert str(refused.value) == message
