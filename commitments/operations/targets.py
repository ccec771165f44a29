"""What a commitment promises in money: the target is checked once, when the commitment is registered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from commitments import money
from commitments.deadlines import DateError, parse_window
from commitments.models import Accord, Commitment
from commitments.refusals import Problem, Refused, refuse
from commitments.words import Bound

PARTS = ("value", "currency", "period", "bound", "basis", "inside", "also_reported")


def checked_target(code: str, amount: Mapping[str, Any] | None, accord: Accord) -> dict[str, Any] | None:
    """The target as the record keeps it; raises Refused, naming the part and the rule, for one that breaks a rule.

    `bound` says how the sum limits: exact, minimum (at least), maximum, or unspecified, where there is no sum. `value` is a
    text of digits; `currency` is one in use (XXX for an invented accord); `period` is an EDTF value; `also_reported`
    are other figures, each with its source, which nothing adds.
    """
    if amount is None:
        return None
    strange = sorted(set(amount) - set(PARTS))
    if strange:
        raise refuse(
            f"amount.{strange[0]}",
            "unknown",
            _("%(code)s: “%(part)s” is no part of a sum.") % {"code": code, "part": strange[0]},
        )
    bound = amount.get("bound") or Bound.UNSPECIFIED.value
    if bound not in Bound.values:
        raise refuse(
            "amount.bound",
            "unknown",
            _("“%(word)s” is not one of %(allowed)s.") % {"word": bound, "allowed": ", ".join(Bound.values)},
        )
    if bool(amount.get("value")) == (bound == Bound.UNSPECIFIED):
        raise refuse(
            "amount.bound",
            "bound",
            _(
                "%(code)s: a sum says how it limits (exact, minimum, maximum); without a sum it is unspecified."
            )
            % {"code": code},
        )
    if amount.get("value"):
        _check_figure("amount", code, amount, accord)
    for figure in amount.get("also_reported") or ():
        _check_figure("amount.also_reported", code, figure, accord)
    if amount.get("period"):
        try:
            parse_window(amount["period"])
        except DateError as error:
            raise Refused(Problem("amount.period", "date", f"{code}: {error}")) from None
    if amount.get("inside") == code:
        raise refuse("amount.inside", "cycle", _("%(code)s: a sum does not contain itself.") % {"code": code})
    return dict(amount)


def told_target(amount: Mapping[str, Any] | None) -> dict[str, str | None] | None:
    """What the log says of a target: codes and values, no prose; None where the terms name no money."""
    target = money.target_of(amount)
    if target is None:
        return None
    return {
        "value": money.plain_text(target.value) if target.value is not None else None,
        "currency": target.currency,
        "bound": target.bound,
        "period": target.period or None,
        "inside": target.inside or None,
    }


def _check_figure(field: str, code: str, figure: Mapping[str, Any], accord: Accord) -> None:
    currency = str(figure.get("currency") or "")
    name = "currency"
    try:
        money.check_currency(currency, is_example=accord.is_example)
        name = "value"
        money.parse_sum(str(figure.get("value") or ""), currency)
    except money.MoneyError as error:
        raise Refused(Problem(f"{field}.{name}", error.code, f"{code}: {error}")) from None


def check_insides(accord: Accord, new: Iterable[Commitment]) -> None:
    """Raises Refused unless each sum that lies inside another names a commitment of the accord, and in no circle."""
    named = {row.code: (row.amount or {}).get("inside") or "" for row in new}
    if not any(named.values()):
        return
    known = {
        code: (amount or {}).get("inside") or ""
        for code, amount in Commitment.objects.filter(accord=accord).values_list("code", "amount")
    }
    for code, inside in named.items():
        path = [code]
        while inside:
            if inside not in known:
                raise refuse(
                    "amount.inside",
                    "unknown",
                    _("%(code)s: there is no commitment “%(inside)s” that its sum could lie inside.")
                    % {"code": code, "inside": inside},
                )
            if inside in path:
                circle = " → ".join([*path[path.index(inside) :], inside])
                raise refuse("amount.inside", "cycle", _("These sums lie inside each other: %s.") % circle)
            path.append(inside)
            inside = known[inside]
