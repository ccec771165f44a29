"""Dates as people say them: days, windows and instants in the active language. A date of the record is never rephrased.

A window stands in sentences as it is, behind a colon or in quotes: no language needs to bend it to a case."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from commitments.deadlines import DateError, parse_window

_PART = re.compile(r"(\d{4})-(\d{2})")
_YEAR = re.compile(r"\d{4}")
# Plain English writes the day first. In Ukrainian the year is written out: a sentence that ends with its abbreviation
# would end with two full stops.
_DAYS = {"en": "j F Y", "uk": "j E Y року"}
_MONTHS = {"en": "F Y", "uk": "F Y року"}


def _language() -> str:
    return (get_language() or "en")[:2]


def day_in_words(day: date) -> str:
    """16 November 2024; a language without a form of our own keeps the one that Django has for it."""
    return date_format(day, _DAYS.get(_language(), "DATE_FORMAT"), use_l10n=True)


def _month(day: date) -> str:
    """November 2024. Ukrainian writes its months small; Django has them as they begin a line."""
    said = date_format(day, _MONTHS.get(_language(), "YEAR_MONTH_FORMAT"), use_l10n=True)
    return said.lower() if _language() == "uk" else said


def _one(text: str) -> str:
    """One end of a window: a day, a month, a season, a quarter, a half or a year, without its qualifier."""
    window = parse_window(text)
    if window.first is None:
        return text
    if window.is_day:
        return day_in_words(window.first)
    if _YEAR.fullmatch(text):
        return pgettext("a year alone", "%(year)s") % {"year": text}
    part = _PART.fullmatch(text)
    if part is None:
        return text
    number = int(part[2])
    year = {"year": part[1]}
    if number <= 12:
        return _month(window.first)
    if number == 24:
        return _("winter %(year)s/%(next)s") % {"year": part[1], "next": int(part[1]) + 1}
    said = {
        21: _("spring %(year)s"),
        22: _("summer %(year)s"),
        23: _("autumn %(year)s"),
        33: _("the first quarter of %(year)s"),
        34: _("the second quarter of %(year)s"),
        35: _("the third quarter of %(year)s"),
        36: _("the fourth quarter of %(year)s"),
        40: _("the first half of %(year)s"),
        41: _("the second half of %(year)s"),
    }
    return said[number] % year


def _end(text: str) -> str:
    mark = text[-1:] if text[-1:] in {"~", "?", "%"} else ""
    said = _one(text.rstrip("~?%"))
    if mark == "~":
        return _("about %(date)s") % {"date": said}
    if mark == "?":
        return _("perhaps %(date)s") % {"date": said}
    if mark == "%":
        return _("perhaps about %(date)s") % {"date": said}
    return said


def window_in_words(edtf: str) -> str:
    """An EDTF value as a reader says it ("2025-23": autumn 2025); a text that is no date comes back as it is."""
    try:
        parse_window(edtf)
        left, slash, right = edtf.strip().partition("/")
        if not slash:
            return _end(left)
        if right in {"", ".."}:
            return _("from %(date)s") % {"date": _end(left)}
        if left in {"", ".."}:
            return _("until %(date)s") % {"date": _end(right)}
        return _("%(first)s to %(last)s") % {"first": _end(left), "last": _end(right)}
    except DateError:
        return edtf


def instant_in_words(instant: datetime, zone: str = "") -> str:
    """An instant to the minute with its zone: in UTC, or on the clocks of an IANA zone with its distance from UTC."""
    local = instant.astimezone(ZoneInfo(zone) if zone else UTC)
    return pgettext("an instant", "%(day)s, %(time)s %(zone)s") % {
        "day": day_in_words(local.date()),
        "time": f"{local:%H:%M}",
        "zone": _zone(local) if zone else "UTC",
    }


def length_in_words(duration: str) -> str:
    """PT24H as “24 hours”, P6M as “6 months”; a duration of an unusual shape as it is written."""
    digits = "".join(sign for sign in duration if sign.isdigit())
    if not digits:
        return duration
    number = int(digits)
    words = {
        f"PT{digits}H": ngettext("%(number)s hour", "%(number)s hours", number),
        f"PT{digits}M": ngettext("%(number)s minute", "%(number)s minutes", number),
        f"P{digits}D": ngettext("%(number)s day", "%(number)s days", number),
        f"P{digits}W": ngettext("%(number)s week", "%(number)s weeks", number),
        f"P{digits}M": ngettext("%(number)s month", "%(number)s months", number),
        f"P{digits}Y": ngettext("%(number)s year", "%(number)s years", number),
    }.get(duration)
    return words % {"number": number} if words else duration


def _zone(local: datetime) -> str:
    """The distance from UTC, such as UTC+9 or UTC−2:30: names of zones are not known everywhere."""
    minutes = int((local.utcoffset() or (local - local)).total_seconds() // 60)
    sign = "−" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")
