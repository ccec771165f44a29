"""The parameters of an address: every name is known, every value is checked before it meets the database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time

from django.http import QueryDict
from django.utils.translation import gettext as _

from tracker.kit.localized import LANGUAGES
from tracker.kit.problems import BadParameter

MOST_VALUES = 100
SHOWN = 80
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Asked:
    """The parameters of one request; raises BadParameter for one that is not among `names` (and `lang`)."""

    def __init__(self, given: QueryDict, names: Sequence[str]) -> None:
        self.given = given
        names = [*names, "lang"]
        for name in given:
            if name not in names:
                raise BadParameter(name[:SHOWN], _("There is no such parameter here."), allowed=sorted(names))
        self.one_of("lang", LANGUAGES)

    def single(self, name: str) -> str | None:
        """The value of a parameter that is given once at most; None when it is not given."""
        values = self.given.getlist(name)
        if len(values) > 1:
            raise BadParameter(name, _("Give it once."))
        return values[0] if values else None

    def one_of(self, name: str, allowed: Sequence[str]) -> str | None:
        """The single value, which must be one of `allowed`."""
        value = self.single(name)
        if value is not None and value not in allowed:
            raise BadParameter(name, unknown(value), allowed=list(allowed))
        return value

    def several(self, name: str) -> list[str]:
        """The values of a parameter, repeated or separated by commas; empty when it is not given."""
        values = [part for value in self.given.getlist(name) for part in value.split(",")]
        if len(values) > MOST_VALUES:
            raise BadParameter(name, _("At most %(most)s values are possible.") % {"most": MOST_VALUES})
        return list(dict.fromkeys(values))

    def any_of(self, name: str, allowed: Iterable[str]) -> list[str]:
        """The values of a parameter, each one of `allowed`; `allowed` is looked at only when it is given."""
        values = self.several(name)
        if values:
            known = list(allowed)
            for value in values:
                if value not in known:
                    raise BadParameter(name, unknown(value), allowed=known)
        return values

    def is_true(self, name: str) -> bool:
        """A yes or no; no when it is not given."""
        return self.one_of(name, ("true", "false")) == "true"

    def instant(self, name: str) -> datetime | None:
        """An instant in UTC; a day means its beginning in UTC. None when it is not given."""
        value = self.single(name)
        return None if value is None else an_instant(name, value)

    def kept(self, *without: str) -> list[tuple[str, str]]:
        """What was given, in order, but for some parameters: the address of another page begins with it."""
        return [
            (name, value) for name, values in self.given.lists() if name not in without for value in values
        ]


def unknown(value: str) -> str:
    """The message for a value that is none of those allowed."""
    return _("“%(value)s” is not known.") % {"value": value[:SHOWN]}


def an_instant(name: str, value: str) -> datetime:
    """An instant with its time zone, in UTC, or a day (its beginning in UTC); raises BadParameter."""
    try:
        if DAY.fullmatch(value):
            return datetime.combine(date.fromisoformat(value), time.min, tzinfo=UTC)
        # A plus sign in an address arrives as a space.
        found = datetime.fromisoformat(value.replace(" ", "+"))
        if found.tzinfo is None:
            raise ValueError
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadParameter(
            name,
            _(
                "Give an instant with its time zone, such as 2025-01-01T00:00:00Z, or a day (its beginning in "
                "UTC)."
            ),
            allowed=["YYYY-MM-DDThh:mm:ssZ", "YYYY-MM-DD"],
        ) from None
