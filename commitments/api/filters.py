"""What an address of the API may ask for: every parameter is known, every value is checked before the database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _

from commitments.models import Accord, Commitment, Event, Participation, Party, Topic
from commitments.models.fields import CODE
from commitments.words import Contested, EventKind, Kind, Role, Status, Timeliness, Upkeep
from tracker.kit.localized import LANGUAGES
from tracker.kit.problems import BadParameter

MOST_VALUES = 100
SHOWN = 80
_PLACE = re.compile(r"(?P<seq>\d{1,18})(?:-(?P<hash>[0-9a-f]{8}))?", re.ASCII)


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
            raise BadParameter(name, _unknown(value), allowed=list(allowed))
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
                    raise BadParameter(name, _unknown(value), allowed=known)
        return values

    def kept(self, without: str) -> list[tuple[str, str]]:
        """What was given, in order, but for one parameter: the address of the next page begins with it."""
        return [(name, value) for name, values in self.given.lists() if name != without for value in values]


def _unknown(value: str) -> str:
    return _("“%(value)s” is not known.") % {"value": value[:SHOWN]}


def a_code(name: str, value: str) -> str:
    """The value if it has the form of a code; raises BadParameter else, so that it never meets the database."""
    try:
        CODE(value)
    except ValidationError as error:
        raise BadParameter(name, error.messages[0]) from None
    return value


COMMITMENT_FILTERS = (
    "accord",
    "status",
    "timeliness",
    "upkeep",
    "party",
    "role",
    "kind",
    "topic",
    "contested",
)


def narrow(found: QuerySet[Commitment], asked: Asked) -> QuerySet[Commitment]:
    """The commitments that fit every filter; `found` knows where they stand (`standing_at`)."""
    if accords := asked.any_of("accord", Accord.objects.values_list("code", flat=True).order_by("code")):
        found = found.filter(accord__in=Accord.objects.filter(code__in=accords).values("pk"))
    for name, words in (
        ("status", Status),
        ("timeliness", Timeliness),
        ("upkeep", Upkeep),
        ("kind", Kind),
        ("contested", Contested),
    ):
        if values := asked.any_of(name, words.values):
            found = found.filter(**{f"{name}__in": values})
    parties = asked.any_of("party", Party.objects.values_list("code", flat=True).order_by("code"))
    roles = asked.any_of("role", Role.values)
    if parties or roles:
        takes_part = Participation.objects.filter(commitment=OuterRef("pk"))
        if parties:
            takes_part = takes_part.filter(party__code__in=parties)
        if roles:
            takes_part = takes_part.filter(role__in=roles)
        found = found.filter(Exists(takes_part))
    if topics := asked.any_of("topic", Topic.objects.values_list("code", flat=True).order_by("code")):
        of_topic = Commitment.topics.through.objects.filter(commitment=OuterRef("pk"), topic__code__in=topics)
        found = found.filter(Exists(of_topic))
    return found


EVENT_FILTERS = ("accord", "commitment", "kind")


def narrow_events(found: QuerySet[Event], asked: Asked) -> QuerySet[Event]:
    """The events that fit every filter."""
    if accords := asked.any_of("accord", Accord.objects.values_list("code", flat=True).order_by("code")):
        found = found.filter(
            accord__in=list(Accord.objects.filter(code__in=accords).values_list("pk", flat=True))
        )
    if kinds := asked.any_of("kind", EventKind.values):
        found = found.filter(kind__in=kinds)
    if codes := [a_code("commitment", code) for code in asked.several("commitment")]:
        known = dict(Commitment.objects.filter(code__in=codes).values_list("code", "pk"))
        for code in codes:
            if code not in known:
                raise BadParameter("commitment", _unknown(code))
        found = found.filter(commitment__in=list(known.values()))
    return found


def parse_place(text: str | None) -> tuple[int, str]:
    """`SEQ` or `SEQ-hash8` as (seq, hash8 or empty); 0 when not given; raises BadParameter for anything else."""
    if text is None:
        return 0, ""
    found = _PLACE.fullmatch(text)
    if found is None:
        raise BadParameter(
            "after",
            _("A place in the log is the number of an event (0: the beginning), or the cursor of an answer."),
            allowed=["SEQ", "SEQ-hash8"],
        )
    return int(found["seq"]), found["hash"] or ""
