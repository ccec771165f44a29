"""Where a day begins, and when the day before is over: midnights that come twice."""

from __future__ import annotations

from datetime import UTC, datetime

from commitments.deadlines import due_at, opens_at, parse_window


def test_a_midnight_that_comes_twice_ends_the_day_when_it_comes_again() -> None:
    # A minute after midnight the clocks of St. John's went back to a minute past eleven of the day before.
    assert due_at(parse_window("2010-11-06"), ["America/St_Johns"]) == datetime(
        2010, 11, 7, 3, 30, tzinfo=UTC
    )
    assert opens_at(parse_window("2010-11-07"), ["America/St_Johns"]) == datetime(
        2010, 11, 7, 2, 30, tzinfo=UTC
    )
    # In Havana they go from one o'clock back to midnight: the day before is over at the first of the two.
    assert due_at(parse_window("2024-11-02"), ["America/Havana"]) == datetime(2024, 11, 3, 4, tzinfo=UTC)
    # In Beirut the clocks went from midnight to one o'clock: the day began at one.
    begun = datetime(2021, 3, 27, 22, tzinfo=UTC)
    assert due_at(parse_window("2021-03-27"), ["Asia/Beirut"]) == begun
    assert opens_at(parse_window("2021-03-28"), ["Asia/Beirut"]) == begun
