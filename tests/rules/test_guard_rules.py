"""The guards, rule by rule, on rows that no database has seen: each refusal with its field, its code and its words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from commitments.models import Accord, Assessment, Commitment, Deadline, Evidence, Source
from commitments.operations.guards import (
    is_before_start,
    known_on,
    problems_of,
    proves,
    reply_pending,
    second_person,
    supports,
)
from commitments.refusals import Problem
from commitments.words import ALLOWED, MOVES, Kind, Status, legal_moves

START, TODAY = date(2024, 6, 13), date(2025, 6, 1)
DAY = timedelta(days=1)


def a_commitment(**changes: Any) -> Commitment:
    accord = Accord(code="TST", signed_on=START, four_eyes=True)
    return Commitment(
        **{"accord": accord, "code": "TST-1", "kind": "deliverable", "starts_on": START, **changes}
    )


def evidence(**changes: Any) -> Evidence:
    published = changes.pop("published_on", date(2024, 8, 1))
    source = Source(code="s", nature=changes.pop("source_nature", "official"), published_on=published)
    facts: dict[str, Any] = {
        "nature": "official",
        "act": "outcome",
        "bearing": "supports",
        "happened_on": date(2024, 8, 1),
    }
    return Evidence(source=source, **{**facts, **changes})


def judged(status: str, **changes: Any) -> Assessment:
    facts: dict[str, Any] = {
        "commitment": a_commitment(), "status": status, "effective_on": date(2024, 9, 1), "reason": "Because.",
        "confidence": "high", "origin": "live", **changes,
    }  # fmt: skip
    return Assessment(**facts)


def said(
    assessment: Assessment,
    exhibits: Sequence[Evidence] = (),
    deadlines: Sequence[Deadline] = (),
    before: str | None = None,
    after: Assessment | None = None,
) -> list[tuple[str, str, str]]:
    earlier = judged(before) if before else None
    found = problems_of(assessment, exhibits, deadlines, earlier, after, TODAY)
    return [(problem.field, problem.code, problem.message) for problem in found]


def codes(*args: Any, **options: Any) -> list[str]:
    return [code for _field, code, _message in said(*args, **options)]


# What evidence is worth


def test_the_day_of_the_fact_counts_else_that_of_its_publication() -> None:
    assert known_on(evidence(happened_on=date(2024, 7, 1))) == date(2024, 7, 1)
    assert known_on(evidence(happened_on=None)) == date(2024, 8, 1)
    assert known_on(evidence(happened_on=None, published_on=None)) is None


@pytest.mark.parametrize(
    ("happened_on", "period", "is_before"),
    [
        (START, None, False),
        (START - DAY, None, True),
        (None, None, False),
        (START - DAY, {"edtf": "2024"}, False),
        (date(2024, 1, 1), {"edtf": "2024"}, False),
        (date(2023, 12, 31), {"edtf": "2024"}, True),
        (date(2024, 6, 1), {"edtf": "../2024-05"}, True),
        (date(2024, 5, 31), {"edtf": "../2024-05"}, False),
        (date(2022, 3, 1), {"edtf": "2022-03/.."}, False),
        (date(2022, 2, 28), {"edtf": "2022-03/.."}, True),
        (START - DAY, {"edtf": "whenever"}, True),
        (START - DAY, {"words": "some time"}, True),
    ],
)
def test_a_fact_from_before_is_context_unless_the_counted_period_holds_it(
    happened_on: date | None, period: dict[str, str] | None, is_before: bool
) -> None:
    item = evidence(happened_on=happened_on, published_on=None)
    assert is_before_start(item, a_commitment(period=period)) is is_before


def test_what_supports() -> None:
    row = a_commitment()
    assert supports(evidence(), row)
    assert not supports(evidence(bearing="context"), row)
    assert not supports(evidence(bearing="contradicts"), row)
    assert not supports(evidence(nature="forecast"), row)
    assert not supports(evidence(source_nature="forecast"), row)
    assert not supports(evidence(happened_on=START - DAY), row)


def test_what_proves() -> None:
    row, day = a_commitment(), date(2024, 8, 1)
    for status in ("fulfilled", "partly_fulfilled", "upheld"):
        assert proves(evidence(), row, day, status, "live")
        assert not proves(evidence(), row, day - DAY, status, "live")
        assert not proves(evidence(act="announcement"), row, day, status, "live")
        assert proves(evidence(act="action"), row, day, status, "live")
        assert not proves(evidence(bearing="context"), row, day, status, "live")
        undated = evidence(happened_on=None, published_on=None)
        assert not proves(undated, row, day, status, "live")
        assert proves(undated, row, day, status, "backfill")
    assert not proves(evidence(), row, day, "in_progress", "live")


# The form of a judgement


def test_a_judgement_has_a_reason_a_known_word_and_says_how_sure_it_is() -> None:
    assert said(judged("stalled", reason=" ")) == [("reason", "reason", "A judgement needs a reason.")]
    assert said(judged("stalled", confidence="certain")) == [
        ("confidence", "confidence", "Say how sure it is: high, medium or low.")
    ]
    words = (
        "“done” is not one of not_assessed, not_started, in_progress, stalled, partly_fulfilled, fulfilled, upheld, "
        "not_fulfilled, superseded."
    )
    assert said(judged("done")) == [("status", "kind", words)]


def test_a_judgement_holds_from_a_day_between_the_start_and_today() -> None:
    assert said(judged("stalled", effective_on=TODAY)) == []
    assert said(judged("stalled", effective_on=TODAY + DAY)) == [
        ("effective_on", "future", "A judgement cannot hold from a day in the future.")
    ]
    assert said(judged("stalled", effective_on=START)) == []
    assert said(judged("stalled", effective_on=START - DAY)) == [
        (
            "effective_on",
            "before_start",
            "The commitment began on 2024-06-13: a judgement cannot hold from an earlier day.",
        )
    ]


# Moves


@pytest.mark.parametrize("kind", Kind.values)
@pytest.mark.parametrize("before", [None, *Status.values])
def test_every_move_is_legal_or_refused_with_the_legal_ones(kind: str, before: str | None) -> None:
    origin = before or "not_assessed"
    commitment = a_commitment(kind=kind, triggered_at=datetime(2024, 7, 1, tzinfo=UTC))
    for to in Status.values:
        found = said(judged(to, commitment=commitment), before=before)
        moves = [problem for problem in found if problem[1] in {"move", "kind"}]
        if kind not in ALLOWED[to]:
            words = (
                "A baseline is context and is never judged."
                if kind == "baseline"
                else f"“{Status(to).label}” is not for a {Kind(kind).label}."
            )
            assert moves == [("status", "kind", words)] == found
        elif to != origin and to not in MOVES[origin]:
            open_ones = ", ".join(f"“{Status(one).label}”" for one in legal_moves(origin, kind))
            words = f"From “{Status(origin).label}” there is no move to “{Status(to).label}”. Open are: {open_ones}."
            assert moves == [("status", "move", words)]
        else:
            assert moves == []


def test_what_was_published_for_a_later_day_must_follow_from_it() -> None:
    partly = judged("partly_fulfilled", effective_on=date(2024, 10, 1))
    assert said(judged("stalled"), after=partly) == []
    fulfilled = judged("not_started", effective_on=date(2024, 10, 1))
    assert said(judged("stalled"), after=fulfilled) == [
        (
            "effective_on",
            "later_move",
            "On 2024-10-01 “not started” was published, and there is no move to it from “stalled”.",
        )
    ]
    assert said(judged("stalled"), after=judged("stalled", effective_on=date(2024, 10, 1))) == []


def test_a_dormant_duty_is_neither_kept_nor_broken() -> None:
    asleep = a_commitment(kind="conditional")
    words = "Nothing has triggered this duty yet: it is on standby, neither kept nor broken."
    for status in ("fulfilled", "not_fulfilled", "stalled"):
        assert ("status", "dormant", words) in said(judged(status, commitment=asleep), [evidence()])
    for status in ("in_progress", "superseded", "not_assessed"):
        assert "dormant" not in codes(judged(status, commitment=asleep), [evidence()])
    awake = a_commitment(kind="conditional", triggered_at=datetime(2024, 9, 1, 23, tzinfo=UTC))
    assert codes(judged("stalled", commitment=awake)) == []
    assert said(judged("stalled", commitment=awake, effective_on=date(2024, 8, 31))) == [
        (
            "effective_on",
            "dormant",
            "The duty came to life on 2024-09-01: it was neither kept nor broken before.",
        )
    ]
    assert codes(judged("stalled", commitment=a_commitment(kind="continuing"))) == []


# Proof


def test_each_way_in_which_proof_falls_short_is_named() -> None:
    def why(*items: Evidence, **changes: Any) -> tuple[str, str]:
        ((field, code, message),) = said(judged("fulfilled", **changes), items)
        assert field == "evidence"
        return code, message

    assert why() == ("no_proof", "“fulfilled” needs at least one piece of evidence that supports it.")
    assert why(evidence(bearing="context")) == (
        "no_proof",
        "“fulfilled” needs at least one piece of evidence that supports it.",
    )
    assert why(evidence(happened_on=START - DAY)) == (
        "too_old",
        "A fact from before the commitment began is context: it cannot support “fulfilled”.",
    )
    assert why(evidence(nature="forecast"), evidence(happened_on=START - DAY))[0] == "too_old"
    assert why(evidence(nature="forecast")) == ("forecast", "A forecast supports nothing.")
    assert why(evidence(act="announcement")) == (
        "announcement",
        "An announcement carries no further than “in progress”: “fulfilled” needs an action or an outcome.",
    )
    assert why(evidence(happened_on=None, published_on=None)) == (
        "undated",
        "“fulfilled” needs evidence whose date is known: say when the fact happened.",
    )
    late = evidence(happened_on=date(2024, 9, 2))
    assert why(late) == ("too_late", "No supporting action or outcome had happened by 2024-09-01.")
    assert why(late, evidence(act="announcement"))[0] == "too_late"
    assert said(judged("fulfilled"), [evidence(), late]) == []
    assert said(judged("partly_fulfilled"), [evidence(act="action")]) == []
    undated = [evidence(happened_on=None, published_on=None)]
    assert said(judged("fulfilled", origin="backfill"), undated) == []


def test_progress_needs_an_action_or_an_announcement() -> None:
    words = "“in progress” needs evidence of an action, or that it was announced or agreed."
    assert said(judged("in_progress")) == [("evidence", "no_support", words)]
    assert codes(judged("in_progress"), [evidence(bearing="context")]) == ["no_support"]
    assert codes(judged("in_progress"), [evidence(nature="forecast")]) == ["no_support"]
    assert codes(judged("in_progress"), [evidence(act="announcement")]) == []
    assert codes(judged("stalled")) == []


def test_a_reversal_needs_what_contradicts() -> None:
    words = "Going back from “fulfilled” needs evidence that contradicts it."
    assert ("evidence", "reversal", words) in said(judged("in_progress"), [evidence()], before="fulfilled")
    against = evidence(bearing="contradicts")
    assert codes(judged("in_progress"), [evidence(), against], before="fulfilled") == []
    assert codes(judged("in_progress"), [evidence(), against], before="superseded") == []
    assert codes(judged("in_progress"), [evidence()], before="superseded") == ["reversal"]
    assert codes(judged("in_progress"), [evidence()], before="stalled") == []
    assert codes(judged("fulfilled"), [evidence()], before="fulfilled") == []


# Failure


def a_date(**changes: Any) -> Deadline:
    return Deadline(
        **{"clock": "party", "authority": "text", "closed_as": "", "last_on": date(2024, 8, 31), **changes}
    )


SILENCE = (
    "“Not fulfilled” needs evidence that contradicts fulfilment, or a passed deadline that the text or an agreement "
    "set. Silence is not failure."
)


@pytest.mark.parametrize(
    ("changes", "is_enough"),
    [
        ({}, True),
        ({"authority": "agreed"}, True),
        ({"authority": "press"}, False),
        ({"authority": "editorial"}, False),
        ({"clock": "tracker"}, False),
        ({"closed_as": "waived"}, False),
        ({"last_on": None}, False),
        ({"last_on": date(2024, 9, 1)}, False),
    ],
)
def test_failure_needs_a_passed_date_of_the_parties(changes: dict[str, Any], is_enough: bool) -> None:
    found = said(judged("not_fulfilled"), deadlines=[a_date(**changes)])
    assert found == ([] if is_enough else [("evidence", "no_failure", SILENCE)])


def test_failure_may_rest_on_evidence_against_it_instead() -> None:
    assert said(judged("not_fulfilled")) == [("evidence", "no_failure", SILENCE)]
    assert codes(judged("not_fulfilled"), [evidence(bearing="contradicts")]) == []
    assert codes(judged("not_fulfilled"), [evidence()]) == ["no_failure"]
    for weak in ({"nature": "forecast"}, {"source_nature": "forecast"}, {"happened_on": START - DAY}):
        assert codes(judged("not_fulfilled"), [evidence(bearing="contradicts", **weak)]) == ["no_failure"]


def test_failure_never_stands_beside_a_date_that_was_met() -> None:
    met = a_date(closed_as="met")
    words = "A deadline was met: “not fulfilled” cannot stand beside it."
    assert said(judged("not_fulfilled"), [evidence(bearing="contradicts")], [a_date(), met]) == [
        ("status", "met", words)
    ]
    assert (
        codes(judged("not_fulfilled"), deadlines=[a_date(), a_date(closed_as="met", clock="tracker")]) == []
    )
    assert codes(judged("stalled"), deadlines=[met]) == []


def test_a_recurring_duty_is_fulfilled_when_no_occurrence_is_open() -> None:
    recurring = a_commitment(kind="recurring")
    done = judged("fulfilled", commitment=recurring)
    words = "A recurring duty is fulfilled when all its occurrences are met: at least one is still open."
    opened = a_date(type="occurrence")
    assert said(done, [evidence()], [opened]) == [("status", "occurrences", words)]
    assert codes(done, [evidence()], [a_date(type="occurrence", closed_as="met")]) == []
    assert codes(done, [evidence()], [a_date(type="target")]) == []
    assert codes(judged("fulfilled"), [evidence()], [opened]) == []
    assert codes(judged("partly_fulfilled", commitment=recurring), [evidence()], [opened]) == []


def test_a_word_that_is_none_is_all_that_is_said() -> None:
    assert codes(judged("done", effective_on=TODAY + DAY)) == ["kind", "future"]
    assert codes(judged("fulfilled", commitment=a_commitment(kind="baseline"))) == ["kind"]


# Who may


def test_four_eyes_and_reversals_need_a_second_person() -> None:
    row = judged("fulfilled", drafted_by_id=7)
    four = "This accord asks for four eyes: nobody publishes what they drafted themselves."
    assert second_person(row, False, 7) == [Problem("", "four_eyes", four)]
    assert second_person(row, False, 8) == []
    assert second_person(row, True, 8) == []
    assert second_person(row, True, None) == []
    again = "A reversal needs a second person: somebody else must publish it."
    assert second_person(row, True, 7) == [Problem("", "second_person", again)]
    row.commitment.accord.four_eyes = False
    assert second_person(row, False, 7) == []
    assert second_person(row, True, 7) == [Problem("", "second_person", again)]


def test_a_party_has_its_time_to_reply() -> None:
    until = datetime(2025, 6, 1, 12, 30, tzinfo=UTC)
    row = judged("not_fulfilled", notice_to=["JPN", "UKR"], reply_by=until)
    words = "JPN, UKR may reply until 2025-06-01 12:30 (UTC): publish it then, or record the reply first."
    assert reply_pending(row, until - timedelta(seconds=1)) == [Problem("", "reply_pending", words)]
    assert reply_pending(row, until) == []
    row.replied_at = until - DAY
    assert reply_pending(row, until - timedelta(seconds=1)) == []
    assert reply_pending(judged("not_fulfilled"), until) == []
