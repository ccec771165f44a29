"""Contributions: each guard refuses by name, and every door tells the same."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from commitments import operations
from commitments.actors import Actor, loader
from commitments.models import Accord, Commitment, Contribution, Event, Source
from commitments.refusals import NotAllowed, Refused, Stale
from commitments.sentences import facts_of, sentence
from tests import world
from tests.servers import FreshDatabase
from tracker.kit.paging import encode_cursor


@pytest.fixture
def accord(db: None) -> Accord:
    return world.an_accord()


@pytest.fixture
def commitment(accord: Accord) -> Commitment:
    return world.a_commitment(accord, kind="financial", details={"amount": world.TARGET})


def recorded(commitment: Commitment, *, actor: Actor | None = None, **changes: Any) -> Contribution:
    return operations.record_contributions([world.money(commitment, **changes)], actor=actor or loader())[0]


def refused(commitment: Commitment, **changes: Any) -> tuple[str, str]:
    """The field and the code with which an order is refused; asserts that a refusal leaves no trace."""
    before = (Contribution.objects.count(), Source.objects.count(), Event.objects.count())
    with pytest.raises(Refused) as refusal:
        recorded(commitment, **changes)
    assert (Contribution.objects.count(), Source.objects.count(), Event.objects.count()) == before
    (problem,) = refusal.value.problems
    assert problem.message
    return problem.field, problem.code


def test_a_contribution_is_recorded_and_told_in_the_log_with_texts_for_sums(commitment: Commitment) -> None:
    row = recorded(commitment, note="The first half.", amount="1500000000.50")
    assert (row.code, row.amount, row.happened_on) == (
        "TST-1-C1",
        Decimal("1500000000.5"),
        date(2024, 8, 31),
    )
    event = Event.objects.latest("seq")
    assert (event.kind, event.happened_on, event.by) == (
        "contribution_recorded",
        date(2024, 8, 31),
        "records-desk",
    )
    assert facts_of(event.body) == {
        "contribution": "TST-1-C1",
        "stage": "delivered",
        "amount": "1500000000.5",
        "amount_low": "1500000000.5",
        "amount_high": "1500000000.5",
        "currency": "USD",
        "bound": "exact",
        "day": "2024-08",
        "party": "JPN",
        "source": "ministry",
        "evidence": None,
    }
    assert "The first half." not in event.body
    assert event.note_digest == orjson.loads(event.body)["note"] != ""
    commitment.refresh_from_db()
    assert commitment.version == 2


def test_sources_that_disagree_give_a_range_and_no_single_sum(commitment: Commitment) -> None:
    row = recorded(commitment, amount="", amount_low="12000000000", amount_high="12100000000")
    assert row.amount is None
    said = facts_of(Event.objects.latest("seq").body)
    assert (said["amount"], said["amount_low"], said["amount_high"]) == (None, "12000000000", "12100000000")
    assert (
        sentence("contribution_recorded", said)
        == "Delivered: between 12 billion US dollars and 12.1 billion US dollars (August 2024)"
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"stage": "promised"}, ("stage", "unknown")),
        ({"bound": "maximum"}, ("bound", "unknown")),
        ({"language": "french"}, ("language", "unknown")),
        ({"note": "x" * 20_001}, ("note", "length")),
        ({"locator": "x" * 81}, ("locator", "length")),
        ({"currency": "usd"}, ("currency", "currency")),
        ({"currency": "ABC"}, ("currency", "currency")),
        ({"currency": "DEM"}, ("currency", "currency")),
        ({"currency": "XXX"}, ("currency", "currency")),
        ({"currency": ""}, ("currency", "currency")),
        ({"amount": "0"}, ("amount", "positive")),
        ({"amount": "-5"}, ("amount", "positive")),
        ({"amount": "1e9"}, ("amount", "amount")),
        ({"amount": "1,000"}, ("amount", "amount")),
        ({"amount": "NaN"}, ("amount", "amount")),
        ({"amount": "١٢"}, ("amount", "amount")),
        ({"amount": "9" * 21}, ("amount", "amount")),
        ({"amount": "1.005"}, ("amount", "digits")),
        ({"currency": "JPY", "amount": "1.5"}, ("amount", "digits")),
        ({"amount": ""}, ("amount", "sum_or_range")),
        ({"amount_low": "1", "amount_high": "2"}, ("amount", "sum_or_range")),
        ({"amount": "", "amount_low": "1"}, ("amount", "sum_or_range")),
        ({"amount": "", "amount_high": "1"}, ("amount", "sum_or_range")),
        ({"amount": "", "amount_low": "2", "amount_high": "1"}, ("amount_high", "order")),
        ({"amount": "", "amount_low": "2", "amount_high": "2"}, ("amount_high", "order")),
        ({"day": ""}, ("day", "date")),
        ({"day": "2024-02-30"}, ("day", "date")),
        ({"day": "2024-08/.."}, ("day", "date")),
        ({"day": "2999"}, ("day", "future")),
        ({"day": "2023-12-31"}, ("day", "before_start")),
        ({"party": "FRA"}, ("party", "unknown")),
        ({"source": "nobody"}, ("source", "unknown")),
        ({"source": None}, ("source", "required")),
        ({"source": None, "new_source": {"address": "https://a.example/"}}, ("source", "required")),
        ({"source": None, "new_source": {"title": "A", "nature": "rumour"}}, ("nature", "unknown")),
        ({"source": None, "new_source": {"title": "A", "nature": "forecast"}}, ("source", "forecast")),
        ({"evidence": 7}, ("evidence", "unknown")),
    ],
)
def test_bad_input_is_refused_by_field_and_rule(
    commitment: Commitment, changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert refused(commitment, **changes) == expected


def test_an_unknown_commitment_is_refused(commitment: Commitment) -> None:
    with pytest.raises(Refused) as refusal:
        operations.record_contributions(
            [replace(world.money(commitment), commitment="TST-9")], actor=loader()
        )
    assert refusal.value.problems[0].field == "commitment"


def test_a_day_is_in_the_future_only_when_it_has_begun_nowhere(commitment: Commitment) -> None:
    today = (datetime.now(UTC) + timedelta(hours=14)).date()
    assert recorded(commitment, day=today.isoformat()).happened_on == today
    assert refused(commitment, day=(today + timedelta(days=2)).isoformat()) == ("day", "future")


def test_money_from_before_the_commitment_counts_only_inside_a_period_that_counts(accord: Accord) -> None:
    plain = world.a_commitment(accord, "TST-1")
    assert refused(plain, day="2024-06-12") == ("day", "before_start")
    assert recorded(plain, day="2024-06-13").number == 1
    counting = world.a_commitment(accord, "TST-2", details={"period": {"edtf": "2022-03/.."}})
    assert recorded(counting, day="2022-03-01").number == 1
    assert refused(counting, day="2022-02-28") == ("day", "before_start")
    of_a_year = world.a_commitment(accord, "TST-3", details={"amount": world.TARGET})
    assert recorded(of_a_year, day="2024-01").number == 1


def test_evidence_shows_money_only_if_it_stands_and_can(commitment: Commitment) -> None:
    done = world.some_evidence(commitment)
    assert recorded(commitment, source=None, evidence=done.number).source.code == "ministry"
    announced = world.some_evidence(commitment, act="announcement")
    assert refused(commitment, evidence=announced.number) == ("evidence", "announcement")
    assert recorded(commitment, evidence=announced.number, stage="pledged").evidence == announced
    guess = world.some_evidence(commitment, nature="forecast")
    assert refused(commitment, evidence=guess.number) == ("source", "forecast")
    gone = world.some_evidence(commitment, bearing="context")
    operations.withdraw_evidence([gone.code], actor=world.actor("reviewer"), why="A copy.")
    assert refused(commitment, evidence=gone.number) == ("evidence", "unknown")


def test_evidence_that_shows_money_is_not_withdrawn_before_that_money(commitment: Commitment) -> None:
    done = world.some_evidence(commitment)
    row = recorded(commitment, evidence=done.number)
    reviewer = world.actor("reviewer")
    with pytest.raises(Refused) as refusal:
        operations.withdraw_evidence([done.code], actor=reviewer, why="Wrong.")
    assert refusal.value.problems[0].code == "needed"
    assert row.code in refusal.value.problems[0].message
    operations.withdraw_contributions([row.code], actor=reviewer, why="Wrong.")
    operations.withdraw_evidence([done.code], actor=reviewer, why="Wrong.")


def test_a_new_source_is_kept_and_one_with_a_known_address_is_found_again(commitment: Commitment) -> None:
    new = {"title": "A table", "address": "https://ministry.example/table", "nature": "official"}
    first = recorded(commitment, source=None, new_source=new)
    again = recorded(commitment, source=None, new_source={**new, "title": "The same table"})
    assert first.source.code == "TST-1-C1-source"
    assert again.source == first.source


def test_the_no_currency_code_is_for_invented_accords(db: None) -> None:
    invented = world.a_commitment(world.an_accord("EXA", is_example=True), "EXA-1")
    assert recorded(invented, currency="XXX").currency == "XXX"


def test_withdrawing_needs_a_reason_and_a_reviewer_and_is_safe_to_repeat(commitment: Commitment) -> None:
    row = recorded(commitment)
    editor, reviewer = world.actor("editor"), world.actor("reviewer")
    with pytest.raises(Refused) as refusal:
        operations.withdraw_contributions([row.code], actor=reviewer, why="  ")
    assert refusal.value.problems[0].field == "why"
    with pytest.raises(NotAllowed):
        operations.withdraw_contributions([row.code], actor=editor, why="Counted twice.")
    for code in ("TST-1-C9", "TST-1", "TST-1-C", "TST-1-Cx", "nonsense"):
        with pytest.raises(Refused):
            operations.withdraw_contributions([code], actor=reviewer, why="Counted twice.")
    assert operations.withdraw_contributions([row.code], actor=reviewer, why="Counted twice.") == [row]
    assert operations.withdraw_contributions([row.code], actor=reviewer, why="Again.") == []
    row.refresh_from_db()
    assert row.withdrawn_why == "Counted twice."
    assert Contribution.objects.standing().count() == 0
    told = Event.objects.filter(kind="contribution_withdrawn")
    assert [facts_of(event.body)["contribution"] for event in told] == [row.code]


def test_who_may_record_and_on_which_version(commitment: Commitment) -> None:
    with pytest.raises(NotAllowed):
        recorded(commitment, actor=world.actor("viewer"))
    recorded(commitment, actor=world.actor("editor"))
    with pytest.raises(Stale):
        operations.record_contributions([world.money(commitment)], actor=world.actor("editor"), version=1)


def test_a_redacted_note_leaves_the_row_too(commitment: Commitment) -> None:
    row = recorded(commitment, note="Paid by a person with a name.")
    seq = Event.objects.latest("seq").seq
    operations.redact_note(seq, actor=loader(), why_code="personal-data")
    row.refresh_from_db()
    assert row.note == "[removed]"


def test_many_contributions_cost_the_same_number_of_statements_as_few(commitment: Commitment) -> None:
    shown = world.some_evidence(commitment)
    counts = []
    # A handful of events takes its lock and is chained in one message; from nine on it is two.
    for number in (9, 40):
        orders = [world.money(commitment, evidence=shown.number) for _order in range(number)]
        with CaptureQueriesContext(connection) as queries:
            operations.record_contributions(orders, actor=loader())
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert Contribution.objects.count() == 49


def test_two_recorders_at_once_both_count_and_take_their_own_number(fresh_db: FreshDatabase) -> None:
    commitment = world.a_commitment(world.an_accord())
    actors = [world.actor("editor", f"editor-{number}") for number in range(4)]
    gate, failures = threading.Barrier(4), []

    def record(actor: Actor) -> None:
        try:
            gate.wait(10)
            for _turn in range(5):
                recorded(commitment, actor=actor, amount="10")
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=record, args=(actor,)) for actor in actors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    rows = list(Contribution.objects.order_by("number"))
    assert [row.number for row in rows] == list(range(1, 21))
    commitment.refresh_from_db()
    assert commitment.version == 21
    told = [
        facts_of(event.body) for event in Event.objects.filter(kind="contribution_recorded").order_by("seq")
    ]
    assert [facts["contribution"] for facts in told] == [f"TST-1-C{number}" for number in range(1, 21)]


def get(address: str, status: int = 200) -> Any:
    """The decoded answer of the API."""
    response = Client().get(f"/api/v1/{address}")
    assert response.status_code == status, response.content[:500]
    return response.json()


def test_the_feed_tells_the_target_and_every_stage_apart(commitment: Commitment) -> None:
    done = world.some_evidence(commitment)
    recorded(commitment, stage="pledged", amount="4500000000")
    recorded(commitment, evidence=done.number, note="The first half.")
    recorded(commitment, amount="", amount_low="1000000000", amount_high="2000000000")
    recorded(commitment, currency="JPY", amount="100000", bound="minimum")
    gone = recorded(commitment, amount="7")
    operations.withdraw_contributions([gone.code], actor=loader(), why="Counted twice.")
    told = get("commitments/TST-1/")
    assert told["money"]["target"] == {
        "value": "4500000000",
        "currency": "USD",
        "bound": "exact",
        "period": "2024",
        "inside": None,
        "basis": None,
    }
    keys = ("stage", "currency", "low", "high", "minimum", "contributions", "share_low", "share_high")
    assert [tuple(one[key] for key in keys) for one in told["money"]["stages"]] == [
        ("pledged", "USD", "4500000000", "4500000000", False, 1, "1", "1"),
        ("delivered", "JPY", "100000", "100000", True, 1, None, None),
        ("delivered", "USD", "2500000000", "3500000000", False, 2, "0.5555", "0.7777"),
    ]
    assert [row["code"] for row in told["contributions"]] == [f"TST-1-C{number}" for number in range(1, 6)]
    second, last = told["contributions"][1], told["contributions"][4]
    assert (second["evidence"], second["party"], second["note"]) == ("TST-1-E1", "JPN", "The first half.")
    assert second["source"]["code"] == "ministry"
    assert last["withdrawn_why"] == "Counted twice."
    assert get("commitments/?accord=TST-2024&include=money")["results"][0]["money"] == told["money"]


def test_the_list_of_contributions_narrows_and_pages_through_everything_once(accord: Accord) -> None:
    for code in ("TST-1", "TST-10", "TST-2"):
        row = world.a_commitment(accord, code)
        recorded(row)
        recorded(row, stage="pledged", currency="JPY", amount="5", party="UKR")
    codes = ["TST-1-C1", "TST-1-C2", "TST-10-C1", "TST-10-C2", "TST-2-C1", "TST-2-C2"]
    for limit in (1, 4, 6):
        seen, following = [], f"contributions/?limit={limit}"
        while following:
            answer = get(following)
            seen += [row["code"] for row in answer["results"]]
            following = (answer["next"] or "").rpartition("/api/v1/")[2]
        assert seen == codes
    for query, expected in (
        ("stage=pledged&currency=JPY", codes[1::2]),
        ("commitment=TST-10", codes[2:4]),
        ("party=JPN&accord=TST-2024", codes[::2]),
        ("currency=EUR", []),
    ):
        assert [row["code"] for row in get(f"contributions/?{query}")["results"]] == expected
    for query in (
        "stage=given", "currency=usd", "currency=DEM", "party=FRA", "commitment=TST-9", "commitment=%00",
        "accord=none", "limit=0", "cursor=abc", "sort=amount",
        f"cursor={encode_cursor('TST-1', 'x')}", f"cursor={encode_cursor('TST-1')}",
    ):  # fmt: skip
        assert get(f"contributions/?{query}", 400)["errors"][0]["name"] == query.split("=")[0]
