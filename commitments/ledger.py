"""What the page of one commitment shows of its money: the target, a bar and a row a stage, and each record of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from babel.numbers import format_percent
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from commitments.models import Accord, Commitment, Contribution
from commitments.money import Target, babel_locale, range_in_words, target_of
from commitments.progress import Given, Sum, across, by_stage
from commitments.words import Bound, Stage

WIDTH = 1000
_PERCENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Bar:
    """A stage against the target, in thousandths: what all sources agree on, the range beyond, where the target is."""

    sure: int
    unsure: int
    target: int


@dataclass(frozen=True, slots=True)
class Line:
    """What one stage comes to in one currency. `share` is empty and `bar` None without a target in that currency."""

    stage: Stage
    total: str
    share: str
    number: int
    bar: Bar | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One contribution with its sum in words."""

    row: Contribution
    total: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """The money of a commitment. `inner` are those whose sums lie inside its own: nothing of theirs is added here."""

    target: Target | None
    promised: str
    lines: list[Line]
    entries: list[Entry]
    inner: list[Commitment]
    has_currencies: bool

    @property
    def has_bars(self) -> bool:
        """Whether anything stands against a target in its own currency."""
        return any(line.bar for line in self.lines)


def given_by(rows: Iterable[Contribution]) -> list[Given]:
    """What the sums read of contributions: those that stand."""
    return [
        Given(row.stage, row.currency, row.amount_low, row.amount_high, row.bound == Bound.MINIMUM)
        for row in rows
        if row.withdrawn_at is None
    ]


def promised_in_words(target: Target | None) -> str:
    """The target as a reader says it, with its bound; empty where no sum is named."""
    if target is None or target.value is None:
        return ""
    said = range_in_words(target.value, target.value, target.currency or "")
    if target.bound == Bound.MINIMUM:
        return _("at least %(sum)s") % {"sum": said}
    if target.bound == Bound.MAXIMUM:
        return _("at most %(sum)s") % {"sum": said}
    return said


def _percent(share: Decimal) -> str:
    """A share, cut to whole percents, so that nothing is complete before it is."""
    if 0 < share < _PERCENT:
        return _("less than %(percent)s") % {"percent": format_percent(_PERCENT, locale=babel_locale())}
    return format_percent(share.quantize(_PERCENT, ROUND_DOWN), locale=babel_locale())


def _share(one: Sum, target: Target | None) -> str:
    if one.share_low is None or one.share_high is None or target is None:
        return ""
    low, high = _percent(one.share_low), _percent(one.share_high)
    said = low if low == high else _("%(low)s to %(high)s") % {"low": low, "high": high}
    if one.is_minimum:
        said = _("at least %(sum)s") % {"sum": said}
    if target.bound == Bound.MINIMUM:
        return _("%(share)s of the least that was promised") % {"share": said}
    return _("%(share)s of what was promised") % {"share": said}


def _line(one: Sum, target: Target | None, scale: Decimal) -> Line:
    bar = None
    if one.share_low is not None and one.share_high is not None:
        sure = int(one.share_low / scale * WIDTH)
        bar = Bar(sure, int(one.share_high / scale * WIDTH) - sure, int(WIDTH / scale))
    return Line(
        stage=Stage(one.stage),
        total=range_in_words(one.low, one.high, one.currency, is_minimum=one.is_minimum),
        share=_share(one, target),
        number=one.number,
        bar=bar,
    )


def entries_of(commitment: Commitment) -> list[Entry]:
    """Every contribution with its sum in words, withdrawn ones too, in one query."""
    rows = (
        Contribution.objects.filter(commitment=commitment)
        .select_related("party", "source", "evidence")
        .order_by("number")
    )
    return [
        Entry(
            row,
            range_in_words(
                row.amount_low, row.amount_high, row.currency, is_minimum=row.bound == Bound.MINIMUM
            ),
        )
        for row in rows
    ]


def ledger(commitment: Commitment, seen: Collection[str] | None = None) -> Ledger | None:
    """The money of a commitment, in two queries; None where there is neither a target nor a contribution.

    `seen` are the codes of the contributions that there were at a moment of the past: what we have withdrawn since is
    gone from it.
    """
    entries = entries_of(commitment)
    if seen is not None:
        entries = [
            entry
            for entry in entries
            if f"{commitment.code}-C{entry.row.number}" in seen and entry.row.withdrawn_at is None
        ]
    target = target_of(commitment.amount)
    if target is None and not entries:
        return None
    sums = by_stage(given_by(entry.row for entry in entries), target)
    # All bars have one scale: the width is the target, or the largest sum where that is more.
    scale = max([Decimal(1), *(one.share_high for one in sums if one.share_high is not None)])
    inner = Commitment.objects.filter(accord=commitment.accord_id, amount__inside=commitment.code)
    return Ledger(
        target=target,
        promised=promised_in_words(target),
        lines=[_line(one, target, scale) for one in sums],
        entries=entries,
        inner=list(inner.order_by("code")) if target else [],
        has_currencies=len({one.currency for one in sums}) > 1,
    )


def sums_of(accords: Iterable[int], standing: QuerySet[Contribution] | None = None) -> dict[int, list[Sum]]:
    """What is on record over all commitments of accords, by accord id, by stage and currency, in two queries.

    A sum inside a sum is counted once. `standing`: the contributions to add up, those that stand unless told.
    """
    given: dict[int, dict[str, list[Given]]] = {accord: {} for accord in accords}
    found = Contribution.objects.standing() if standing is None else standing
    rows = found.filter(commitment__accord__in=list(given))
    for row in rows.select_related("commitment").only(
        "stage", "currency", "amount_low", "amount_high", "bound", "withdrawn_at",
        "commitment__code", "commitment__accord_id",
    ):  # fmt: skip
        of_accord = given[row.commitment.accord_id]
        of_accord.setdefault(row.commitment.code, []).extend(given_by([row]))
    inside = {
        code: (amount or {}).get("inside") or ""
        for code, amount in Commitment.objects.filter(
            accord__in=[accord for accord, some in given.items() if some], amount__isnull=False
        ).values_list("code", "amount")
    }
    return {accord: across(some, inside) for accord, some in given.items()}


def lines_of(accord: Accord) -> list[Line]:
    """The same for the page of one accord, in words."""
    return [_line(one, None, Decimal(1)) for one in sums_of([accord.pk])[accord.pk]]
