"""Standing, rule by rule: the table of the vocabulary in its order, every edge on both sides, and the course as a whole."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commitments.standing import (
    THE_BEGINNING,
    UNDATED,
    DeadlineFacts,
    Judgement,
    Pause,
    Standing,
    Terms,
    course,
    crosses_at,
    day_begins,
    due,
    plain,
    standing,
    timeliness,
    upkeep,
)

NOW = datetime(2025, 6, 1, tzinfo=UTC)
DAY, TICK = timedelta(days=1), timedelta(microseconds=1)


def a_date(days: float, key: str = "1", **changes: Any) -> DeadlineFacts:
    """A one-day party deadline of the text, due that many days after NOW."""
    due_at = NOW + days * DAY
    facts: dict[str, Any] = {
        "type": "target", "authority": "text", "clock": "party", "opens_at": due_at - DAY, "due_at": due_at,
        "last_on": (due_at - DAY).date(), **changes,
    }  # fmt: skip
    return DeadlineFacts(key=key, **facts)


def code(
    *deadlines: DeadlineFacts, status: str = "not_assessed", now: datetime = NOW, **terms: Any
) -> tuple[str, str | None]:
    """Timeliness and the key of the deadline it rests on."""
    found, on = timeliness(Terms(**{"kind": "deliverable", **terms}), deadlines, Judgement(status), now)
    return found, on.key if on else None


def test_the_table_in_its_order_each_with_its_deadline() -> None:
    late, soon = a_date(-1, "late"), a_date(3, "soon")
    assert code(late, status="superseded") == ("ended", None)
    assert code(late, ends_at=NOW) == ("ended", None)
    assert code(late, ends_at=NOW + TICK) == ("overdue", "late")
    assert code(late, pauses=(Pause(NOW),)) == ("paused", None)
    assert code(late, ends_at=NOW, pauses=(Pause(NOW),)) == ("ended", None)
    assert code(late, kind="conditional", pauses=(Pause(NOW),)) == ("paused", None)
    assert code(late, kind="conditional") == ("dormant", None)
    assert code(late, kind="conditional", triggered_at=NOW + TICK) == ("dormant", None)
    assert code(late, kind="conditional", triggered_at=NOW) == ("overdue", "late")
    assert code(late, soon) == ("overdue", "late")
    assert code(a_date(0, "edge")) == ("overdue", "edge")
    assert code(a_date(-1, "a", authority="agreed")) == ("overdue", "a")
    assert code(soon, a_date(9, "run", type="clock")) == ("running", "run")
    assert code(a_date(9, "run", type="clock"), late) == ("overdue", "late")
    window = a_date(90, "w", opens_at=NOW, is_day=False)
    assert code(soon, window) == ("in_window", "w")
    assert code(a_date(90, "w", opens_at=NOW + TICK, is_day=False)) == ("scheduled", "w")
    assert code(a_date(90, "w", opens_at=None, is_day=False)) == ("in_window", "w")
    assert code(a_date(90, "d", opens_at=NOW - DAY, is_day=True)) == ("scheduled", "d")
    assert code(a_date(30, "s")) == ("due_soon", "s")
    assert code(DeadlineFacts("s", "target", "text", "party", None, NOW + 30 * DAY + TICK, None)) == (
        "scheduled",
        "s",
    )
    assert code(a_date(60, "far"), a_date(31, "near")) == ("scheduled", "near")
    assert code(a_date(-1, "p", authority="press")) == ("behind_target", "p")
    assert code(a_date(-1, "e", authority="editorial")) == ("behind_target", "e")
    assert code(a_date(-1, "p", authority="press"), soon) == ("due_soon", "soon")
    assert code(awaits_event=True) == ("awaiting_anchor", None)
    assert code(DeadlineFacts("n", "target", "text", "party", None, None, None)) == ("awaiting_anchor", None)
    assert code() == ("no_deadline", None)


def test_the_earliest_of_several_speaks_and_its_key_decides_a_tie() -> None:
    assert code(a_date(-1, "b"), a_date(-2, "c"), a_date(-1, "a")) == ("overdue", "c")
    assert code(a_date(-1, "b"), a_date(-1, "a")) == ("overdue", "a")
    assert code(a_date(-1, "p", authority="press"), a_date(-2, "q", authority="press")) == (
        "behind_target",
        "q",
    )


def met(key: str, on: date | None, **changes: Any) -> DeadlineFacts:
    return a_date(-1, key, closed_as="met", met_on=on, **changes)


def test_met_late_and_met_on_time() -> None:
    last = (NOW - 2 * DAY).date()
    assert code(met("m", last)) == ("met_on_time", "m")
    assert code(met("m", last + DAY)) == ("met_late", "m")
    assert code(met("m", last), met("n", last + DAY), met("o", last + DAY)) == ("met_late", "n")
    assert code(met("m", last), met("n", last)) == ("met_on_time", "n")
    assert code(met("m", None)) == ("met_on_time", "m")
    assert code(met("m", last + DAY, last_on=None)) == ("met_on_time", "m")
    assert code(met("m", last), a_date(-1, "w", closed_as="waived")) == ("met_on_time", "m")
    assert code(met("m", last), a_date(-1, "e", closed_as="ended")) == ("no_deadline", None)
    assert code(a_date(-1, "w", closed_as="waived")) == ("no_deadline", None)
    assert code(met("m", last), a_date(40, "open")) == ("scheduled", "open")
    assert code(met("m", last), awaits_event=True) == ("met_on_time", "m")
    assert code(a_date(-1, "w", closed_as="waived"), awaits_event=True) == ("awaiting_anchor", None)


def test_a_clock_is_late_by_its_instant_and_not_by_its_day() -> None:
    end = NOW - DAY
    assert code(met("m", end.date(), met_at=end, last_on=None)) == ("met_on_time", "m")
    assert code(met("m", end.date(), met_at=end + TICK, last_on=end.date())) == ("met_late", "m")
    assert code(met("m", end.date() + DAY, met_at=end, last_on=end.date())) == ("met_on_time", "m")
    assert code(met("m", end.date() + DAY, met_at=end, due_at=None, last_on=end.date())) == ("met_late", "m")


def test_neither_our_clock_nor_reviews_nor_patterns_are_the_parties() -> None:
    assert code(a_date(-400, clock="tracker")) == ("no_deadline", None)
    assert code(a_date(-400, type="review")) == ("no_deadline", None)
    assert code(a_date(-400, is_pattern=True)) == ("no_deadline", None)
    assert code(a_date(-400, is_pattern=True, due_at=None)) == ("no_deadline", None)


# Pauses


def test_a_pause_holds_from_its_first_instant_and_no_longer_at_its_end() -> None:
    pause = Pause(NOW, NOW + DAY)
    assert [pause.holds(at) for at in (NOW - TICK, NOW, NOW + DAY - TICK, NOW + DAY)] == [
        False,
        True,
        True,
        False,
    ]
    assert Pause(NOW).holds(NOW + 10_000 * DAY)
    terms = Terms("deliverable", pauses=(Pause(NOW - 9 * DAY, NOW - 8 * DAY), pause))
    assert [terms.is_paused(at) for at in (NOW - TICK, NOW)] == [False, True]
    assert not Terms("deliverable").is_paused(NOW)


def test_a_date_passes_when_the_pauses_it_falls_in_are_over() -> None:
    first, second = Pause(NOW, NOW + DAY), Pause(NOW + DAY, NOW + 3 * DAY)
    assert crosses_at(NOW - TICK, [first]) == NOW - TICK
    assert crosses_at(NOW, [first]) == NOW + DAY
    assert crosses_at(NOW, [second, first]) == NOW + 3 * DAY
    assert crosses_at(NOW + DAY, [first]) == NOW + DAY
    assert crosses_at(NOW, [Pause(NOW)]) is None
    assert crosses_at(NOW, [Pause(NOW), first]) is None
    assert crosses_at(None, [first]) is None
    assert crosses_at(NOW, []) == NOW


def test_what_fell_into_a_pause_is_late_only_after_it() -> None:
    pause = Pause(NOW - 5 * DAY, NOW)
    assert code(a_date(-1, "d"), pauses=(pause,), now=NOW - TICK) == ("paused", None)
    assert code(a_date(-1, "d"), pauses=(pause,)) == ("overdue", "d")
    assert code(a_date(-6, "d"), pauses=(pause,)) == ("overdue", "d")
    assert code(a_date(-1, "d"), now=NOW - 5 * DAY - TICK, pauses=(pause,)) == ("due_soon", "d")


# The deadline that speaks


def test_due_is_the_earliest_binding_date_else_the_earliest_other() -> None:
    def key(*deadlines: DeadlineFacts) -> str | None:
        found = due(deadlines)
        return found.key if found else None

    press, text, agreed = (
        a_date(-9, "p", authority="press"),
        a_date(5, "t"),
        a_date(4, "a", authority="agreed"),
    )
    assert key(press, text, agreed) == "a"
    assert key(press, text) == "t"
    assert key(a_date(1, "e", authority="editorial"), press) == "p"
    assert key(a_date(1, "b"), a_date(1, "a")) == "a"
    assert key(a_date(1, "x", closed_as="met")) is None
    assert key(a_date(1, "x", due_at=None)) is None
    assert key(a_date(1, "x", clock="tracker")) is None
    assert key() is None


# Our own clock


def ours(
    *deadlines: DeadlineFacts, kind: str = "continuing", now: datetime = NOW, **more: Any
) -> tuple[str, str | None]:
    judgement = Judgement(more.pop("status", "not_assessed"), more.pop("since", None))
    found, on = upkeep(Terms(kind, **more), deadlines, judgement, now)
    return found, on.key if on else None


def review(days: float, length: float, key: str = "r", **changes: Any) -> DeadlineFacts:
    due_at = NOW + days * DAY
    return a_date(days, key, type="review", clock="tracker", anchor_at=due_at - length * DAY, **changes)


def test_a_review_is_due_then_stale_after_its_own_length_again() -> None:
    found = review(0, 100)
    assert ours(found, now=NOW - TICK) == ("current", None)
    assert ours(found) == ("review_due", "r")
    assert ours(found, now=NOW + 100 * DAY - TICK) == ("review_due", "r")
    assert ours(found, now=NOW + 100 * DAY) == ("evidence_stale", "r")
    assert ours(review(-5, 100, "a"), review(-9, 4, "b")) == ("evidence_stale", "b")
    assert ours(found, kind="deliverable") == ("verdict_due", "r")
    assert ours(found, kind="deliverable", now=NOW + 500 * DAY) == ("verdict_due", "r")
    assert ours(review(0, 100, closed_as="met")) == ("current", None)


def test_a_review_whose_length_is_not_known_never_goes_stale() -> None:
    for changes in ({"anchor_at": NOW}, {"anchor_at": NOW + DAY}, {"anchor_at": None, "opens_at": None}):
        unknown = a_date(0, "r", type="review", clock="tracker", **changes)
        assert ours(unknown, now=NOW + 9000 * DAY) == ("review_due", "r"), changes
    opened = a_date(0, "r", type="review", clock="tracker", anchor_at=None, opens_at=NOW - 10 * DAY)
    assert ours(opened, now=NOW + 10 * DAY) == ("evidence_stale", "r")
    endless = a_date(
        0, "r", type="review", clock="tracker", due_at=datetime(9000, 1, 1, tzinfo=UTC), anchor_at=NOW
    )
    assert ours(endless, now=datetime(9999, 1, 1, tzinfo=UTC)) == ("review_due", "r")


def test_our_verdict_is_due_on_a_passed_date_until_somebody_has_judged_since() -> None:
    late = a_date(-1, "d")
    last = (NOW - 2 * DAY).date()
    assert ours(late, kind="deliverable") == ("verdict_due", "d")
    assert ours(late, kind="deliverable", since=last) == ("verdict_due", "d")
    assert ours(late, kind="deliverable", since=last + DAY) == ("current", None)
    assert ours(late) == ("verdict_due", "d"), "also of a continuing duty"
    assert ours(late, review(0, 9)) == ("review_due", "r")
    assert ours(a_date(-1, "d", last_on=None), kind="deliverable", since=last + DAY) == ("verdict_due", "d")
    assert ours(a_date(1, "d"), kind="deliverable") == ("current", None)
    assert ours(a_date(-3, "a"), a_date(-2, "b"), kind="deliverable", since=(NOW - 3 * DAY).date()) == (
        "verdict_due",
        "b",
    )


def test_we_owe_nothing_where_no_date_counts() -> None:
    late = review(-1, 100)
    assert ours(late, kind="baseline") == ("current", None)
    assert ours(late, kind="conditional") == ("current", None)
    assert ours(late, pauses=(Pause(NOW - DAY),)) == ("current", None)
    assert ours(late, ends_at=NOW) == ("current", None)
    assert ours(late, status="superseded") == ("current", None)
    assert {"ended", "paused", "dormant"} == UNDATED


# All of it


def test_standing_names_what_it_rests_on() -> None:
    late, look = a_date(-1, "d"), review(-1, 100)
    found = standing(Terms("continuing"), [late, look], Judgement("upheld", date(2024, 1, 1)), NOW)
    assert found == Standing(
        "upheld", "overdue", "review_due", late.due_at, "text", {"deadline": "d", "upkeep_deadline": "r"}
    )
    silent = standing(Terms("conditional"), [late], Judgement(), NOW)
    assert silent == Standing(
        "not_assessed", "dormant", "current", None, "", {"deadline": None, "upkeep_deadline": None}
    )
    free = standing(Terms("deliverable"), [], Judgement(), NOW)
    assert (free.due_at, free.due_authority) == (None, "")
    assert Judgement() == Judgement("not_assessed", None)


INSTANTS = st.integers(-500, 500).map(lambda days: NOW + days * DAY)


@st.composite
def dates(draw: st.DrawFn) -> DeadlineFacts:
    due_at = draw(st.one_of(st.none(), INSTANTS))
    closed = draw(st.sampled_from(["", "", "met", "waived", "ended"]))
    return DeadlineFacts(
        key=str(draw(st.integers(1, 4))),
        type=draw(st.sampled_from(["target", "clock", "review"])),
        authority=draw(st.sampled_from(["text", "press"])),
        clock=draw(st.sampled_from(["party", "tracker"])),
        opens_at=draw(st.one_of(st.none(), INSTANTS)),
        due_at=due_at,
        last_on=(due_at - DAY).date() if due_at else None,
        anchor_at=draw(st.one_of(st.none(), INSTANTS)),
        closed_as=closed,
        met_on=NOW.date() if closed == "met" else None,
        is_day=draw(st.booleans()),
    )


PAUSES = st.tuples(INSTANTS, st.one_of(st.none(), st.integers(1, 300))).map(
    lambda pair: Pause(pair[0], pair[0] + pair[1] * DAY if pair[1] else None)
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(dates(), max_size=3),
    st.sampled_from(["deliverable", "continuing", "conditional", "baseline"]),
    st.sampled_from(["not_assessed", "superseded", "fulfilled"]),
    st.one_of(st.none(), INSTANTS),
    st.one_of(st.none(), INSTANTS),
    st.lists(PAUSES, max_size=2),
)
def test_the_course_says_at_every_instant_what_the_rules_say(
    facts: list[DeadlineFacts],
    kind: str,
    status: str,
    ends_at: datetime | None,
    triggered_at: datetime | None,
    pauses: list[Pause],
) -> None:
    terms = Terms(kind, ends_at, False, triggered_at, tuple(pauses))
    judgement = Judgement(status, date(2025, 1, 1) if status != "not_assessed" else None)
    turns = course(terms, facts, judgement)
    assert turns[0][0] == THE_BEGINNING == datetime(1, 1, 1, tzinfo=UTC)
    assert all(one[0] < other[0] and one[1:] != other[1:] for one, other in pairwise(turns))
    for days in range(-1000, 1000, 7):
        for at in (NOW + days * DAY, NOW + days * DAY - TICK):
            said = next(turn for turn in reversed(turns) if turn[0] <= at)
            rules = standing(terms, facts, judgement, at)
            assert said[1:] == (rules.timeliness, rules.upkeep), at


def test_the_course_turns_at_these_instants() -> None:
    one = a_date(0, "1", opens_at=NOW - 60 * DAY, is_day=False)
    assert course(Terms("deliverable", NOW + 9 * DAY), [one], Judgement()) == [
        (THE_BEGINNING, "scheduled", "current"),
        (NOW - 60 * DAY, "in_window", "current"),
        (NOW, "overdue", "verdict_due"),
        (NOW + 9 * DAY, "ended", "current"),
    ]
    day = a_date(0)
    assert course(Terms("deliverable", pauses=(Pause(NOW - DAY, NOW + DAY),)), [day], Judgement()) == [
        (THE_BEGINNING, "scheduled", "current"),
        (NOW - 30 * DAY, "due_soon", "current"),
        (NOW - DAY, "paused", "current"),
        (NOW + DAY, "overdue", "verdict_due"),
    ]
    assert course(Terms("conditional", triggered_at=NOW - 2 * DAY), [day], Judgement()) == [
        (THE_BEGINNING, "dormant", "current"),
        (NOW - 2 * DAY, "due_soon", "current"),
        (NOW, "overdue", "verdict_due"),
    ]
    assert course(Terms("continuing"), [review(0, 10)], Judgement()) == [
        (THE_BEGINNING, "no_deadline", "current"),
        (NOW, "no_deadline", "review_due"),
        (NOW + 10 * DAY, "no_deadline", "evidence_stale"),
    ]
    ancient = DeadlineFacts("1", "target", "text", "party", None, datetime(1, 1, 20, tzinfo=UTC), None)
    assert course(Terms("deliverable"), [ancient], Judgement())[0] == (THE_BEGINNING, "due_soon", "current")


@pytest.mark.parametrize(
    ("status", "timely", "kind", "word"),
    [
        ("superseded", "ended", "baseline", "closed"),
        ("not_assessed", "ended", "baseline", "context"),
        ("not_assessed", "dormant", "baseline", "context"),
        ("fulfilled", "dormant", "conditional", "standby"),
        ("fulfilled", "overdue", "deliverable", "kept"),
        ("upheld", "no_deadline", "continuing", "kept"),
        ("not_fulfilled", "overdue", "deliverable", "not_kept"),
        ("not_fulfilled", "no_deadline", "deliverable", "not_kept"),
        ("in_progress", "overdue", "deliverable", "late"),
        ("not_assessed", "overdue", "deliverable", "late"),
        ("not_assessed", "behind_target", "deliverable", "not_judged"),
        ("not_started", "scheduled", "deliverable", "under_way"),
        ("stalled", "paused", "deliverable", "under_way"),
    ],
)
def test_the_plain_word(status: str, timely: str, kind: str, word: str) -> None:
    assert plain(status, timely, kind) == word


def test_a_date_without_a_place_begins_at_midnight_utc() -> None:
    assert day_begins(date(2025, 6, 1)) == NOW
