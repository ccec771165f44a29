"""Pure: what contributions come to, by stage and by currency, against a target. Stages and currencies never mix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from commitments.money import Target
from commitments.words import Stage

ORDER = tuple(Stage.values)


@dataclass(frozen=True, slots=True)
class Given:
    """One contribution as the sums read it: a range (low equals high where sources agree), of one stage, one currency."""

    stage: str
    currency: str
    low: Decimal
    high: Decimal
    is_minimum: bool = False


@dataclass(frozen=True, slots=True)
class Sum:
    """What the contributions of one stage and one currency come to.

    `share_low` and `share_high` are parts of the target (1 is all of it), None without a target in the same currency.
    `is_minimum`: at least one of them is a minimum, so the sum is one too.
    """

    stage: str
    currency: str
    low: Decimal
    high: Decimal
    is_minimum: bool
    number: int
    share_low: Decimal | None = None
    share_high: Decimal | None = None

    @property
    def is_range(self) -> bool:
        """Whether sources disagree about it."""
        return self.low != self.high


def by_stage(given: Iterable[Given], target: Target | None = None) -> list[Sum]:
    """The sums, pledged before allocated before delivered, then by currency. Nothing is converted or carried over."""
    groups: dict[tuple[str, str], list[Given]] = {}
    for one in given:
        groups.setdefault((one.stage, one.currency), []).append(one)
    return [
        _sum(stage, currency, groups[stage, currency], target)
        for stage, currency in sorted(groups, key=lambda key: (ORDER.index(key[0]), key[1]))
    ]


def _sum(stage: str, currency: str, given: Sequence[Given], target: Target | None) -> Sum:
    low = sum((one.low for one in given), Decimal(0))
    high = sum((one.high for one in given), Decimal(0))
    has_share = target is not None and target.value and target.currency == currency
    of = target.value if target is not None and has_share else None
    return Sum(
        stage=stage,
        currency=currency,
        low=low,
        high=high,
        is_minimum=any(one.is_minimum for one in given),
        number=len(given),
        share_low=low / of if of else None,
        share_high=high / of if of else None,
    )


def counted_once(named: Iterable[str], inside: Mapping[str, str]) -> set[str]:
    """Those of the named commitments whose money may be added: none that lies inside another of them.

    `inside` maps the code of a commitment to the code of the one whose sum contains it (empty or absent: none). The way
    outwards is followed to its end, so a pledge inside a pledge inside a pledge is counted once.
    """
    named = set(named)
    counted = set()
    for code in named:
        outer, seen = inside.get(code, ""), {code}
        while outer and outer not in named and outer not in seen:
            seen.add(outer)
            outer = inside.get(outer, "")
        if outer not in named:
            counted.add(code)
    return counted


def across(given: Mapping[str, Sequence[Given]], inside: Mapping[str, str]) -> list[Sum]:
    """The sums over several commitments by code, by stage and currency, each sum inside a sum counted once.

    An inner sum is left out of a stage and currency only where an outer one has told its own there: what only the
    inner one tells is not lost.
    """
    told: dict[tuple[str, str], set[str]] = {}
    for code, some in given.items():
        for one in some:
            told.setdefault((one.stage, one.currency), set()).add(code)
    counted = {key: counted_once(codes, inside) for key, codes in told.items()}
    return by_stage(
        one for code in sorted(given) for one in given[code] if code in counted[one.stage, one.currency]
    )
