"""What commitments may be asked by: one definition for the API, feeds, exports, the page's list and saved filters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchQueryField
from django.core.exceptions import ValidationError
from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Exists,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from commitments.log import GENESIS, head
from commitments.models import (
    Accord,
    Commitment,
    Event,
    Evidence,
    Participation,
    Party,
    SearchEntry,
    Section,
    Topic,
)
from commitments.models.fields import CODE
from commitments.searching import questions
from commitments.words import KEPT, Contested, Kind, Plain, Role, Status, Strength, Timeliness, Upkeep
from tracker.kit.asking import SHOWN, Asked, an_instant
from tracker.kit.problems import BadParameter

LONGEST_SEARCH = 100
# What never counts in a percentage, besides what its own terms leave out (Commitment.is_counted).
OUTSIDE = (Plain.STANDBY, Plain.CONTEXT)
# The order is the rule: the first that applies, as in standing.plain.
PLAIN = Case(
    When(status=Status.SUPERSEDED, then=Value(Plain.CLOSED.value)),
    When(kind=Kind.BASELINE, then=Value(Plain.CONTEXT.value)),
    When(timeliness=Timeliness.DORMANT, then=Value(Plain.STANDBY.value)),
    When(status__in=sorted(KEPT), then=Value(Plain.KEPT.value)),
    When(status=Status.NOT_FULFILLED, then=Value(Plain.NOT_KEPT.value)),
    When(timeliness=Timeliness.OVERDUE, then=Value(Plain.LATE.value)),
    When(status=Status.NOT_ASSESSED, then=Value(Plain.NOT_JUDGED.value)),
    default=Value(Plain.UNDER_WAY.value),
    output_field=CharField(),
)
_PLACE = re.compile(r"(?P<seq>\d{1,18})(?:-(?P<hash>[0-9a-f]{8}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Filter:
    """One parameter: how its values are read, what the rows must be, and what the documentation says of it.

    `words` are the values of a coded filter; `codes` asks the record for the codes that exist. `of_standing`: the
    answer moves with time, so that a list of the past asks the standing of then instead of the rows.
    """

    name: str
    meaning: str
    narrow: Callable[[QuerySet[Any], Any], QuerySet[Any]]
    words: Sequence[str] = ()
    codes: Callable[[], Iterable[str]] | None = None
    read: Callable[[str, str], Any] | None = None
    of_standing: bool = False

    @property
    def is_list(self) -> bool:
        """Whether it takes several values, any of which may fit."""
        return self.read is None

    def value(self, asked: Asked) -> Any:
        """The checked value, None when it was not given; raises BadParameter."""
        if self.read is not None:
            given = asked.single(self.name)
            return None if given is None else self.read(self.name, given)
        return asked.any_of(self.name, self.words or (self.codes() if self.codes else ())) or None


def _column(name: str) -> Callable[[QuerySet[Any], Sequence[str]], QuerySet[Any]]:
    return lambda found, values: found.filter(**{f"{name}__in": values})


def _accord(found: QuerySet[Any], codes: Sequence[str]) -> QuerySet[Any]:
    return found.filter(accord__in=Accord.objects.filter(code__in=codes).values("pk"))


def _part(found: QuerySet[Any], codes: Sequence[str]) -> QuerySet[Any]:
    return found.filter(section__in=Section.objects.filter(code__in=codes).values("pk"))


def _topic(found: QuerySet[Any], codes: Sequence[str]) -> QuerySet[Any]:
    of_topic = Commitment.topics.through.objects.filter(commitment=OuterRef("pk"), topic__code__in=codes)
    return found.filter(Exists(of_topic))


def _takes_part(parties: Sequence[str], roles: Sequence[str]) -> Exists:
    takes_part = Participation.objects.filter(commitment=OuterRef("pk"))
    if parties:
        takes_part = takes_part.filter(party__code__in=parties)
    if roles:
        takes_part = takes_part.filter(role__in=roles)
    return Exists(takes_part)


def _counted(found: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
    is_in = Q(is_counted=True) & ~Q(plain__in=OUTSIDE)
    wanted = Q(pk__in=[])
    if "yes" in values:
        wanted |= is_in
    if "no" in values:
        wanted |= ~is_in
    return found.filter(wanted)


def _changed_since(found: QuerySet[Any], since: int | datetime) -> QuerySet[Any]:
    """Those that the log has told of strictly after a place in it, or since an instant."""
    if isinstance(since, datetime):
        last = Event.objects.filter(at__lt=since).order_by("-seq").values_list("seq", flat=True).first()
        since = last or 0
    return found.filter(
        pk__in=Event.objects.filter(seq__gt=since, commitment__isnull=False).values("commitment")
    )


def _evidence_since(found: QuerySet[Any], since: datetime) -> QuerySet[Any]:
    fresh = Evidence.objects.public().filter(
        commitment=OuterRef("pk"), public_at__gte=since, withdrawn_at__isnull=True
    )
    return found.filter(Exists(fresh))


def tsquery(text: str) -> Any:
    """The question that a search asks of the stored words; raises ValidationError when there is nothing to look for."""
    whole: Any = None
    for own, english in questions(text):
        one: Any = Cast(Value(own), SearchQueryField())
        if english:
            one = Func(
                one, SearchQuery(english, config="english"), template="(%(expressions)s)", arg_joiner=" || "
            )
        whole = one if whole is None else Func(whole, one, template="(%(expressions)s)", arg_joiner=" && ")
    if whole is None:
        raise ValidationError(_("There is no word in it to look for."))
    return whole


def found_by(found: QuerySet[Any], text: str) -> QuerySet[Any]:
    """The commitments in whose code, title or summary every word of a text occurs, in any of the three languages.

    A text without any word finds nothing.
    """
    try:
        asked = tsquery(text)
    except ValidationError:
        return found.none()
    matches = Func(F("words"), asked, arg_joiner=" @@ ", template="(%(expressions)s)")
    matches.output_field = BooleanField()
    entries = SearchEntry.objects.filter(matches)
    return found.filter(pk__in=entries.values("commitment"))


def _text(name: str, value: str) -> str:
    if "\x00" in value or len(value) > LONGEST_SEARCH:
        raise BadParameter(name, _("A search has %(most)s letters at most.") % {"most": LONGEST_SEARCH})
    try:
        tsquery(value)
    except ValidationError as error:
        raise BadParameter(name, error.messages[0]) from None
    return value


def _place_or_instant(name: str, value: str) -> int | datetime:
    if _PLACE.fullmatch(value):
        seq, hashed = parse_place(value, name)
        if hashed:
            check_place(name, seq, hashed)
        return seq
    try:
        return an_instant(name, value)
    except BadParameter as error:
        raise BadParameter(
            name, error.message, allowed=[*(error.allowed or []), "SEQ", "SEQ-hash8"]
        ) from None


def parse_place(text: str | None, name: str = "after") -> tuple[int, str]:
    """`SEQ` or `SEQ-hash8` as (seq, hash8 or empty); 0 when not given; raises BadParameter for anything else."""
    if text is None:
        return 0, ""
    found = _PLACE.fullmatch(text)
    if found is None:
        raise BadParameter(
            name,
            _("A place in the log is the number of an event (0: the beginning), or the cursor of an answer."),
            allowed=["SEQ", "SEQ-hash8"],
        )
    return int(found["seq"]), found["hash"] or ""


def check_place(name: str, seq: int, hashed: str) -> None:
    """Raises BadParameter when the event of that number is not the one the cursor was made from."""
    stands = GENESIS if seq == 0 else Event.objects.filter(pk=seq).values_list("hash", flat=True).first()
    if stands is None or stands[:8] != hashed:
        end = head().cursor
        raise BadParameter(
            name,
            _(
                "This cursor is not of this log: it was restored, or the cursor comes from elsewhere. Begin "
                "again at after=0, or at its end, after=%(end)s."
            )
            % {"end": end},
            allowed=["0", end],
        )


def a_code(name: str, value: str) -> str:
    """The value if it has the form of a code; raises BadParameter else, so that it never meets the database."""
    try:
        CODE(value)
    except ValidationError as error:
        raise BadParameter(name, error.messages[0]) from None
    return value


def _codes_of(model: Any) -> Callable[[], Iterable[str]]:
    return lambda: model.objects.order_by("code").values_list("code", flat=True).distinct()


FILTERS: Mapping[str, Filter] = {
    one.name: one
    for one in (
        Filter("accord", "The code of an accord.", _accord, codes=_codes_of(Accord)),
        Filter("part", "The code of a part of an accord.", _part, codes=_codes_of(Section)),
        Filter("status", "What people judged.", _column("status"), Status.values, of_standing=True),
        Filter(
            "timeliness",
            "What the parties' clock says.",
            _column("timeliness"),
            Timeliness.values,
            of_standing=True,
        ),
        Filter("upkeep", "What our own clock says.", _column("upkeep"), Upkeep.values, of_standing=True),
        Filter(
            "plain",
            "The standing in plain words, as a code.",
            _column("plain"),
            Plain.values,
            of_standing=True,
        ),
        Filter(
            "contested",
            "Whether a party disputes what we say.",
            _column("contested"),
            Contested.values,
            of_standing=True,
        ),
        Filter(
            "party",
            "The code of a party, in any role unless `role` says which.",
            lambda found, values: found.filter(_takes_part(values, ())),
            codes=_codes_of(Party),
        ),
        Filter(
            "role",
            "What a party is to the commitment; with `party`, that party.",
            lambda found, values: found.filter(_takes_part((), values)),
            Role.values,
        ),
        Filter("kind", "What sort of promise it is.", _column("kind"), Kind.values),
        Filter("strength", "How strong the verb of the text is.", _column("strength"), Strength.values),
        Filter("topic", "The code of a topic.", _topic, codes=_codes_of(Topic)),
        Filter("counts", "Whether it counts in percentages.", _counted, ("yes", "no"), of_standing=True),
        Filter(
            "due_after",
            "Due at that instant or later; a day: its beginning in UTC.",
            lambda found, at: found.filter(due_at__gte=at),
            read=an_instant,
            of_standing=True,
        ),
        Filter(
            "due_before",
            "Due before that instant; a day: its beginning in UTC.",
            lambda found, at: found.filter(due_at__lt=at),
            read=an_instant,
            of_standing=True,
        ),
        Filter(
            "changed_since",
            "The log has told of it since: an instant, a day (its beginning in UTC), or a place in the log.",
            _changed_since,
            read=_place_or_instant,
        ),
        Filter(
            "evidence_since",
            "Evidence that stands became public since: an instant or a day (its beginning in UTC).",
            _evidence_since,
            read=an_instant,
        ),
        Filter(
            "q",
            "Words in its code, title or summary, in English, Ukrainian or Japanese; all of them must be found.",
            found_by,
            read=_text,
        ),
    )
}
COMMITMENT_FILTERS = tuple(FILTERS)
# What asks the log and not the standing of a day: it does not go with a day of the past.
OF_THE_LOG = ("changed_since", "evidence_since")
OF_STANDING = tuple(name for name, one in FILTERS.items() if one.of_standing)


def wanted_of(asked: Asked, names: Iterable[str] = COMMITMENT_FILTERS) -> dict[str, Any]:
    """The checked values of the filters that were given; raises BadParameter naming the first that is wrong."""
    values = {name: FILTERS[name].value(asked) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def narrow(found: QuerySet[Any], wanted: Mapping[str, Any]) -> QuerySet[Any]:
    """The commitments that fit every filter; `found` knows where they stand (`standing_at`)."""
    if "plain" in wanted or "counts" in wanted:
        found = found.annotate(plain=PLAIN)
    if "party" in wanted and "role" in wanted:
        found = found.filter(_takes_part(wanted["party"], wanted["role"]))
    for name, value in wanted.items():
        if name not in ("party", "role") or not ("party" in wanted and "role" in wanted):
            found = FILTERS[name].narrow(found, value)
    return found


def unknown_code(name: str, code: str) -> BadParameter:
    """The refusal of a code that nothing has."""
    return BadParameter(name, _("“%(value)s” is not known.") % {"value": code[:SHOWN]})
