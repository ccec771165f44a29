"""What a cell says: coded words and names in any of the three languages, lists, days."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from django.db.models import TextChoices
from django.utils import translation
from django.utils.translation import gettext as _

from commitments.deadlines import DateError, parse_window
from commitments.models import Accord, Party, Provision, Section, Source, Topic
from commitments.tables.columns import plain
from commitments.tables.reading import Value
from commitments.words import Authority, DeadlineType, Kind, Provenance, Strength
from tracker.kit.localized import LANGUAGES

WORDS: dict[str, type[TextChoices]] = {
    "kind": Kind,
    "strength": Strength,
    "provenance": Provenance,
    "deadline_type": DeadlineType,
    "deadline_authority": Authority,
}
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_SLASHED = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})", re.ASCII)
_JAPANESE = re.compile(r"(\d{4})年(?:(\d{1,2})月(?:(\d{1,2})日)?)?", re.ASCII)
# Day 1 of a sheet's calendar is 1900-01-01, and it counts a 29 February 1900 that never was.
_SERIAL_BEGINS = date(1899, 12, 30)
_SERIALS = range(20_000, 80_000)
_YES = {"true", "yes", "1", "так", "はい", "〇", "○"}
_NO = {"false", "no", "0", "ні", "いいえ", "×"}


class BadCell(ValueError):
    """A value that a field cannot take; the message says the rule."""


def text(value: Value) -> str:
    """The value as a text: a whole number without a fraction, a date as YYYY-MM-DD."""
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date) else str(value)


def parts(value: Value) -> list[str]:
    """The items of a list: separated by semicolons or line breaks, and by commas where there are neither."""
    whole = text(value)
    sign = r"[;\n；]" if re.search(r"[;\n；]", whole) else r"[,、]"
    return list(dict.fromkeys(item.strip() for item in re.split(sign, whole) if item.strip()))


def yes(value: Value) -> bool:
    """Whether a cell says yes; raises BadCell for what is neither yes nor no."""
    said = text(value).casefold()
    if said in _YES | _NO:
        return said in _YES
    raise BadCell(_("“%(text)s” is neither yes nor no.") % {"text": said[:60]})


def window(value: Value) -> str:
    """The EDTF value that a cell names, or empty when its words name no date that can be read.

    Raises BadCell for a number that is the serial of a sheet's date: 45610 is 2024-11-14 only where the file's
    calendar says so.
    """
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float) and not (isinstance(value, int) and 1000 <= value <= 9999):
        _refuse_serial(value)
    said = text(value)
    if said.isascii() and said.isdigit() and len(said) != 4:
        _refuse_serial(int(said))
    for pattern, order in ((_DOTTED, (3, 2, 1)), (_SLASHED, (1, 2, 3)), (_JAPANESE, (1, 2, 3))):
        found = pattern.fullmatch(said)
        if found:
            said = "-".join(f"{int(found[group]):02}" for group in order if found[group])
            break
    try:
        parse_window(said)
    except DateError:
        return ""
    return said


def _refuse_serial(number: float) -> None:
    if int(number) in _SERIALS:
        day = (_SERIAL_BEGINS + timedelta(days=int(number))).isoformat()
        raise BadCell(
            _(
                "%(number)s looks like the serial number of a date (%(day)s): format the column as a date, "
                "or write %(day)s."
            )
            % {"number": number, "day": day}
        )
    raise BadCell(_("%(number)s is a number and no date.") % {"number": number})


def one_day(value: Value) -> date:
    """The day that a cell names; raises BadCell for words and for a window of more than one day."""
    edtf = window(value)
    found = parse_window(edtf) if edtf else None
    if found is None or not found.is_day or found.first is None:
        raise BadCell(_("“%(text)s” is not one day: write YYYY-MM-DD.") % {"text": text(value)[:60]})
    return found.first


class Dictionary:
    """The codes behind the words of one field: the code itself, or its name in any language, whatever the case."""

    def __init__(self, codes: Mapping[str, Iterable[str]], own: Mapping[str, str]) -> None:
        self.codes = list(codes)
        self._by_word: dict[str, set[str]] = {}
        for code, names in codes.items():
            for name in (code, *names):
                self._by_word.setdefault(plain(name), set()).add(code)
        self._exact = {code: code for code in codes}
        self._own = {plain(word): code for word, code in own.items()}

    def code(self, word: str) -> str:
        """The code that a word names; raises BadCell with what there is."""
        if word in self._exact:
            return word
        folded = plain(word)
        if folded in self._own:
            own = self._own[folded]
            if own in self._exact:
                return own
            word, folded = own, plain(own)
        found = self._by_word.get(folded, set()) if folded else set()
        if len(found) == 1:
            return next(iter(found))
        shown = ", ".join(sorted(found or self.codes)[:30])
        if found:
            raise BadCell(_("“%(word)s” names several: %(codes)s.") % {"word": word[:60], "codes": shown})
        raise BadCell(
            _("“%(word)s” is not one of %(allowed)s.") % {"word": word[:60], "allowed": shown or "–"}
        )


def dictionaries(accord: Accord, values: Mapping[str, Mapping[str, str]]) -> dict[str, Dictionary]:
    """The dictionary of every coded field for an accord; `values` are the mapping file's own words."""
    codes: dict[str, dict[str, list[str]]] = {
        name: {str(code): [] for code in words.values} for name, words in WORDS.items()
    }
    for language in LANGUAGES:
        with translation.override(language):
            for name, words in WORDS.items():
                for code, label in words.choices:
                    codes[name][str(code)].append(str(label))
    in_accord = dict(accord.memberships.values_list("party__code", "name_in_accord"))
    parties = {
        code: [*name.values(), *in_accord.get(code, {}).values()]
        for code, name in Party.objects.values_list("code", "name")
    }
    rows: dict[str, Any] = {
        "section": {code: list(title.values()) for code, title in _texts(Section, accord, "title")},
        "topics": {code: list(label.values()) for code, label in Topic.objects.values_list("code", "label")},
        "provisions": {
            row: [] for row in Provision.objects.filter(accord=accord).values_list("code", flat=True)
        },
        "source": {row: [] for row in Source.objects.filter(accord=accord).values_list("code", flat=True)},
        "bound": parties,
        "beneficiaries": parties,
        "counterparts": parties,
    }
    return {name: Dictionary(known, values.get(name, {})) for name, known in {**codes, **rows}.items()}


def _texts(model: type[Section], accord: Accord, name: str) -> Iterable[tuple[str, dict[str, str]]]:
    return model.objects.filter(accord=accord).values_list("code", name)
