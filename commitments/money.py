"""Sums of money: currencies and their digits, targets and their bounds, and sums as people say them. Never converted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Literal

from babel.core import get_global
from babel.numbers import (
    format_compact_decimal,
    format_decimal,
    get_currency_name,
    get_currency_precision,
)
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from commitments.words import Bound

_NUMBER = re.compile(r"(?P<sign>-?)(?P<whole>\d{1,20})(?:\.(?P<part>\d{1,8}))?", re.ASCII)
NO_CURRENCY = "XXX"
# In use although no territory issues it: the special drawing right of the IMF.
_BEYOND_TERRITORIES = frozenset({"XDR"})
# ISO 4217 gives these more digits than CLDR prints in daily use.
_MINOR_DIGITS = {
    **dict.fromkeys(("AFN", "ALL", "IRR", "KPW", "LAK", "LBP", "MGA", "MMK", "RSD", "SOS", "SYP", "YER"), 2),
    "IQD": 3,
}
# From here on a sum is said in millions, billions and so on, where that is exact.
_SAID_SHORT = Decimal(1_000_000)
_MOST_DIGITS = 4
_LANGUAGES = ("en", "uk", "ja")


class MoneyError(ValueError):
    """A sum or a currency that cannot be kept; `code` names the rule, the message says it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@cache
def currencies() -> frozenset[str]:
    """The ISO 4217 codes that are legal tender somewhere today, and XDR; historic ones are not among them."""
    rows = get_global("territory_currencies").values()
    return _BEYOND_TERRITORIES | {
        code for some in rows for code, _since, until, is_tender in some if is_tender and until is None
    }


def check_currency(code: str, *, is_example: bool = False) -> str:
    """The code, if it is a currency in use; XXX (no currency) for invented accords alone. Raises MoneyError."""
    if code in currencies() or (is_example and code == NO_CURRENCY):
        return code
    message = _("“%(code)s” is no currency in use: give a code of ISO 4217, such as USD, JPY or EUR.")
    raise MoneyError("currency", message % {"code": code[:20]})


def minor_digits(currency: str) -> int:
    """How many digits a sum of that currency may have after the point (ISO 4217)."""
    return _MINOR_DIGITS.get(currency) or get_currency_precision(currency)


def parse_sum(text: str, currency: str) -> Decimal:
    """A positive sum as it is written in the record, such as 4500000000 or 12.50; raises MoneyError with the rule."""
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        raise MoneyError(
            "amount",
            _(
                "“%(text)s” is no sum: write digits, with a point before the fraction, such as 4500000000 or 12.50."
            )
            % {"text": text.strip()[:40]},
        )
    amount = Decimal(found[0])
    if amount <= 0:
        raise MoneyError("positive", _("A sum of money is more than nothing: give a positive number."))
    most, part = minor_digits(currency), (found["part"] or "").rstrip("0")
    if len(part) > most:
        message = _("%(currency)s has %(digits)s digits after the point at most.")
        raise MoneyError("digits", message % {"currency": currency, "digits": most})
    return amount


def plain_text(amount: Decimal) -> str:
    """The sum as the log and the API write it: digits, a point where there is a fraction, no exponent."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True, slots=True)
class Target:
    """What was promised in money. `value` and `currency` are None where no sum is named; `period` is EDTF or empty.

    `inside` is the code of the commitment whose sum contains this one: the two are never added.
    """

    value: Decimal | None
    currency: str | None
    bound: str
    period: str = ""
    inside: str = ""
    basis: str = ""


def target_of(amount: Mapping[str, Any] | None) -> Target | None:
    """The target in the terms of a commitment (`Commitment.amount`); None when they name none."""
    if not amount:
        return None
    return Target(
        value=Decimal(amount["value"]) if amount.get("value") else None,
        currency=amount.get("currency"),
        bound=amount.get("bound") or Bound.UNSPECIFIED,
        period=amount.get("period") or "",
        inside=amount.get("inside") or "",
        basis=amount.get("basis") or "",
    )


def babel_locale() -> str:
    """The active language, if it is one of ours, for the formats of numbers."""
    code = (get_language() or "en").split("-")[0]
    return code if code in _LANGUAGES else "en"


def sum_in_words(amount: Decimal, currency: str) -> str:
    """“4.5 billion US dollars”, «4,5 мільярда доларів США», “45億米ドル”: exact, in the active language."""
    language = babel_locale()
    digits = len(f"{amount.normalize():f}".replace(".", "").strip("0"))
    if amount >= _SAID_SHORT and digits <= _MOST_DIGITS:
        # Japanese has one form: 億 and 兆 are short already.
        form: Literal["short", "long"] = "short" if language == "ja" else "long"
        number = format_compact_decimal(
            amount, format_type=form, locale=language, fraction_digits=_MOST_DIGITS - 1
        )
        # After “million” and its like the name of the currency stands in the plural of many.
        named = _SAID_SHORT
    else:
        number, named = _grouped(amount, currency), amount
    if not currency or currency == NO_CURRENCY:
        return number
    between = "" if language == "ja" else " "
    return f"{number}{between}{get_currency_name(currency, count=named, locale=language)}"


def sum_in_digits(amount: Decimal, currency: str) -> str:
    """“USD 4,500,000,000”: the code and every digit, in groups, in the way of the active language."""
    number = _grouped(amount, currency)
    return f"{currency} {number}" if currency and currency != NO_CURRENCY else number


def _grouped(amount: Decimal, currency: str) -> str:
    """Every digit, in groups; a fraction with all the digits that the currency has."""
    part = -int(amount.normalize().as_tuple().exponent)
    if part > 0 and currency:
        part = max(part, minor_digits(currency))
    pattern = "#,##0" + ("." + "0" * part if part > 0 else "")
    return format_decimal(amount, format=pattern, locale=babel_locale())


def range_in_words(low: Decimal, high: Decimal, currency: str, *, is_minimum: bool = False) -> str:
    """One sum, or “between … and …” where sources disagree; with “at least” where it is a minimum."""
    if low == high:
        said = sum_in_words(low, currency)
    else:
        said = _("between %(low)s and %(high)s") % {
            "low": sum_in_words(low, currency),
            "high": sum_in_words(high, currency),
        }
    return _("at least %(sum)s") % {"sum": said} if is_minimum else said
