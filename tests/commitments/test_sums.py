"""Targets and sums: a target breaks no rule, sums never mix stages or currencies, and their words are exact."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from commitments import money, operations, progress
from commitments.actors import loader
from commitments.models import Accord, Commitment
from commitments.operations import NewCommitment
from commitments.progress import Given
from commitments.refusals import Refused
from commitments.words import Stage
from tests import world


@pytest.fixture
def accord(db: None) -> Accord:
    return world.an_accord()


SOMETHING = st.builds(
    lambda stage, currency, low, more, is_minimum: Given(
        stage, currency, Decimal(low), Decimal(low + more), is_minimum
    ),
    st.sampled_from(Stage.values),
    st.sampled_from(("USD", "JPY", "EUR")),
    st.integers(1, 10**12),
    st.integers(0, 10**12),
    st.booleans(),
)


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"bound": "roughly"}, "amount.bound", "unknown"),
        ({"bound": "unspecified"}, "amount.bound", "bound"),
        ({"value": None}, "amount.bound", "bound"),
        ({"value": "0"}, "amount.value", "positive"),
        ({"value": "1.001"}, "amount.value", "digits"),
        ({"value": "many"}, "amount.value", "amount"),
        ({"currency": "DEM"}, "amount.currency", "currency"),
        ({"currency": None}, "amount.currency", "currency"),
        ({"currency": "XXX"}, "amount.currency", "currency"),
        ({"period": "never"}, "amount.period", "date"),
        ({"inside": "TST-1"}, "amount.inside", "cycle"),
        ({"inside": "TST-9"}, "amount.inside", "unknown"),
        ({"colour": "green"}, "amount.colour", "unknown"),
        (
            {"also_reported": [{"value": "1", "currency": "usd", "source": "press"}]},
            "amount.also_reported.currency",
            "currency",
        ),
    ],
)
def test_a_target_that_breaks_a_rule_is_refused_by_its_part(
    accord: Accord, changes: dict[str, Any], field: str, code: str
) -> None:
    with pytest.raises(Refused) as refusal:
        world.a_commitment(accord, details={"amount": {**world.TARGET, **changes}})
    (problem,) = refusal.value.problems
    assert (problem.field, problem.code) == (field, code)
    assert "TST-1" in problem.message or code == "unknown"
    assert not Commitment.objects.exists()


def test_sums_may_lie_inside_each_other_but_not_in_a_circle(accord: Accord) -> None:
    def terms(code: str, inside: str) -> NewCommitment:
        return NewCommitment(
            code=code, title={"en": code}, summary={"en": code}, section="A", kind="financial", strength="firm",
            provenance="press", details={"amount": {**world.TARGET, "inside": inside}},
        )  # fmt: skip

    for circle in (("TST-2", "TST-1"), ("TST-2", "TST-3", "TST-1")):
        with pytest.raises(Refused) as refusal:
            operations.register_commitments(
                accord,
                [terms(f"TST-{number}", inside) for number, inside in enumerate(circle, 1)],
                actor=loader(),
            )
        assert refusal.value.problems[0].code == "cycle"
    operations.register_commitments(accord, [terms("TST-1", "TST-2"), terms("TST-2", "")], actor=loader())
    target = money.target_of(Commitment.objects.get(code="TST-1").amount)
    assert target == money.Target(Decimal(4_500_000_000), "USD", "exact", "2024", "TST-2")
    assert money.target_of(None) is None


@given(st.lists(SOMETHING, max_size=12))
def test_sums_never_mix_stages_or_currencies(some: list[Given]) -> None:
    target = money.Target(Decimal(1000), "USD", "exact")
    sums = progress.by_stage(some, target)
    assert len({(one.stage, one.currency) for one in sums}) == len(sums)
    assert {(one.stage, one.currency) for one in sums} == {(one.stage, one.currency) for one in some}
    for one in sums:
        same = [item for item in some if (item.stage, item.currency) == (one.stage, one.currency)]
        assert (one.low, one.high) == (sum(item.low for item in same), sum(item.high for item in same))
        assert one.number == len(same)
        assert one.is_minimum == any(item.is_minimum for item in same)
        if one.currency == "USD":
            assert (one.share_low, one.share_high) == (one.low / 1000, one.high / 1000)
        else:
            assert one.share_low is None and one.share_high is None
    order = [Stage.values.index(one.stage) for one in sums]
    assert order == sorted(order)


@given(
    st.lists(st.lists(SOMETHING, max_size=3), min_size=1, max_size=6),
    st.lists(st.integers(-1, 5), min_size=6, max_size=6),
)
def test_what_lies_inside_another_sum_is_never_counted_twice(
    some: list[list[Given]], outer: list[int]
) -> None:
    # A commitment lies inside one of a lower number at most, so that there is no circle.
    inside = {f"C{n}": f"C{outer[n] % n}" if n and outer[n] >= 0 else "" for n in range(6)}
    given_by = {f"C{n}": rows for n, rows in enumerate(some)}
    counted = progress.counted_once(given_by, inside)
    for code in given_by:
        assert (code in counted) == (not outwards_of(code, inside) & set(given_by))
    sums = {(one.stage, one.currency): one for one in progress.across(given_by, inside)}
    for stage in Stage.values:
        for currency in ("USD", "JPY", "EUR"):
            told = {
                code: [one for one in rows if (one.stage, one.currency) == (stage, currency)]
                for code, rows in given_by.items()
            }
            tellers = {code for code, rows in told.items() if rows}
            lows = [
                one.low for code in tellers if not outwards_of(code, inside) & tellers for one in told[code]
            ]
            assert (sums[stage, currency].low if lows else 0) == sum(lows)
            assert ((stage, currency) in sums) == bool(lows)


def outwards_of(code: str, inside: dict[str, str]) -> set[str]:
    """Every commitment whose sum contains this one's, however far out."""
    found = set()
    while code := inside[code]:
        found.add(code)
    return found


def test_a_pledge_inside_a_pledge_through_one_that_is_not_asked_for_is_left_out() -> None:
    assert progress.counted_once({"A", "C"}, {"A": "B", "B": "C"}) == {"C"}
    assert progress.counted_once({"A", "B"}, {"A": "B", "B": "C"}) == {"B"}


@pytest.mark.parametrize(
    ("amount", "currency", "en", "uk", "ja"),
    [
        ("4500000000", "USD", "4.5 billion US dollars", "4,5 мільярда доларів США", "45億米ドル"),
        ("12100000000", "USD", "12.1 billion US dollars", "12,1 мільярда доларів США", "121億米ドル"),
        ("1900000000000", "JPY", "1.9 trillion Japanese yen", "1,9 трильйона японських єн", "1.9兆円"),
        ("1", "UAH", "1 Ukrainian hryvnia", "1 українська гривня", "1ウクライナ フリヴニャ"),
        ("12.5", "EUR", "12.50 euros", "12,50 євро", "12.50ユーロ"),
        ("4500000001", "USD", "4,500,000,001 US dollars", "4 500 000 001 долар США", "4,500,000,001米ドル"),
        ("10000000", "XXX", "10 million", "10 мільйонів", "1000万"),
    ],
)
def test_sums_in_words_are_exact_in_three_languages(
    amount: str, currency: str, en: str, uk: str, ja: str
) -> None:
    for language, expected in (("en", en), ("uk", uk), ("ja", ja)):
        with translation.override(language):
            said = money.sum_in_words(Decimal(amount), currency)
        assert said.replace("\u00a0", " ") == expected


def test_currencies_in_use_are_known_with_their_digits() -> None:
    for code in ("USD", "JPY", "EUR", "UAH", "XDR", "KWD"):
        assert money.check_currency(code) == code
    assert [money.minor_digits(code) for code in ("JPY", "USD", "KWD", "RSD", "IQD", "XDR")] == [
        0, 2, 3, 2, 3, 2,
    ]  # fmt: skip
    assert money.plain_text(Decimal("1500000000.5000")) == "1500000000.5"
    assert money.plain_text(Decimal("100.0000")) == "100"
    assert money.plain_text(Decimal("1E+3")) == "1000"
