"""What a visitor may ask of an accord's list, and the counts above it with their denominators."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commitments.filtering import OUTSIDE, PLAIN, found_by, narrow
from commitments.models import Accord, Commitment
from commitments.words import Contested, Kind, Plain, Role, Status, Timeliness, Upkeep
from tracker.kit.localized import alphabetical, pick

ORDER = (
    Plain.KEPT,
    Plain.UNDER_WAY,
    Plain.LATE,
    Plain.NOT_KEPT,
    Plain.NOT_JUDGED,
    Plain.CLOSED,
)


def in_plain_words(now: datetime) -> QuerySet[Any]:
    """All commitments with `timeliness`, `upkeep` and `plain` as of that instant (which the type cannot say)."""
    return Commitment.objects.standing_at(now).annotate(plain=PLAIN)


@dataclass(frozen=True, slots=True)
class Share:
    """A number and what it is a part of; `start` and `width` in thousandths of the bar."""

    plain: str
    label: str
    number: int
    of: int
    start: int = 0
    width: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """How the commitments of an accord stand: `counting` of `total` count, and what each word has of them."""

    total: int
    counting: int
    shares: list[Share]
    outside: list[Share]
    too_soft: int
    awaiting: int

    @property
    def shown(self) -> list[Share]:
        """The shares that are not empty; kept is always told."""
        return [share for share in self.shares if share.number or share.plain == Plain.KEPT]

    @property
    def left_out(self) -> int:
        """How many stay outside the count."""
        return self.total - self.counting


def tallies(accords: Iterable[Accord], now: datetime) -> dict[int, Tally]:
    """The counts by accord id, in one query."""
    keys = [accord.pk for accord in accords]
    # By timeliness and by status apart: the database groups few rows, and the words are added up here.
    rows: Any = (
        in_plain_words(now)
        .filter(accord__in=keys)
        .values_list("accord_id", "plain", "is_counted")
        .annotate(number=Count("pk"), awaiting=Count("pk", filter=~Q(upkeep=Upkeep.CURRENT)))
        .order_by()
    )
    found: dict[int, list[tuple[str, bool, int, int]]] = {key: [] for key in keys}
    for key, plain, is_counted, number, awaiting in rows:
        found[key].append((plain, is_counted, number, awaiting))
    return {key: tally(said) for key, said in found.items()}


def tally(rows: Iterable[tuple[str, bool, int, int]]) -> Tally:
    """The counts from (plain word, counts by its terms, number, how many await us); rows of one word are added up."""
    rows = list(rows)
    total = sum(row[2] for row in rows)
    counts: dict[str, int] = {}
    outside: dict[str, int] = {}
    too_soft = 0
    for plain, is_counted, number, _awaiting in rows:
        if plain in OUTSIDE:
            outside[plain] = outside.get(plain, 0) + number
        elif is_counted:
            counts[plain] = counts.get(plain, 0) + number
        else:
            too_soft += number
    counting = sum(counts.values())
    shares, start = [], 0
    for plain in ORDER:
        number = counts.get(plain, 0)
        end = start + number
        left, right = (start * 1000 // counting, end * 1000 // counting) if counting else (0, 0)
        shares.append(Share(plain.value, str(plain.label), number, counting, left, right - left))
        start = end
    return Tally(
        total=total,
        counting=counting,
        shares=shares,
        outside=[
            Share(plain.value, str(plain.label), outside[plain], total)
            for plain in OUTSIDE
            if plain in outside
        ],
        too_soft=too_soft,
        awaiting=sum(row[3] for row in rows),
    )


class ListForm(forms.Form):
    """The filters of an accord's list. Every field may stay empty; a value that is not known is refused by name."""

    q = forms.CharField(label=gettext_lazy("Words to look for"), required=False, max_length=100)
    standing = forms.ChoiceField(label=gettext_lazy("Where it stands"), required=False)
    party = forms.ChoiceField(label=gettext_lazy("Who is bound"), required=False)
    part = forms.ChoiceField(label=gettext_lazy("Part"), required=False)
    topic = forms.ChoiceField(label=gettext_lazy("Topic"), required=False)
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), required=False)
    status = forms.ChoiceField(label=gettext_lazy("Exact status"), required=False)
    timeliness = forms.ChoiceField(label=gettext_lazy("Timeliness"), required=False)
    upkeep = forms.ChoiceField(label=gettext_lazy("Our upkeep"), required=False)
    contested = forms.ChoiceField(label=gettext_lazy("Contested"), required=False)
    counts = forms.ChoiceField(label=gettext_lazy("In the count"), required=False)
    page = forms.IntegerField(label=gettext_lazy("Page"), required=False, min_value=1, max_value=100_000)

    def __init__(self, data: Any, accord: Accord, parties: Any, sections: Any, topics: Any) -> None:
        super().__init__(data)
        every = [("", _("any"))]
        self._offer("standing", every + Plain.choices)
        self._offer("party", every + [(party.code, pick(party.name)) for party in parties])
        self._offer("part", every + [(section.code, str(section)) for section in sections])
        named = [(topic.code, pick(topic.label)) for topic in topics]
        self._offer("topic", every + sorted(named, key=lambda topic: alphabetical(topic[1])))
        self._offer("kind", every + Kind.choices)
        self._offer("status", every + Status.choices)
        self._offer("timeliness", every + Timeliness.choices)
        self._offer("upkeep", [*every, ("awaiting", _("awaiting our assessment")), *Upkeep.choices])
        self._offer("contested", every + Contested.choices)
        self._offer("counts", [*every, ("yes", _("counts")), ("no", _("does not count"))])

    def _offer(self, name: str, choices: list[tuple[Any, Any]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices
        field.error_messages["invalid_choice"] = _("“%(value)s” is not one of the choices.")

    @property
    def is_narrowed(self) -> bool:
        """Whether any filter is set."""
        return any(self.data.get(name) for name in self.fields if name != "page")

    @property
    def has_more(self) -> bool:
        """Whether a filter of the second row is set."""
        return any(
            self.data.get(name) for name in ("kind", "status", "timeliness", "upkeep", "contested", "counts")
        )

    def problems(self) -> list[tuple[str, str, str]]:
        """Each refusal as (name, label, message)."""
        return [
            (name, str(self.fields[name].label), str(message))
            for name, messages in self.errors.items()
            for message in messages
        ]

    @property
    def asked(self) -> dict[str, list[str]]:
        """The filters that hold, as the API names them; a filter that was refused is not among them."""
        said = self.cleaned_data
        fields = (
            "kind",
            "part",
            "party",
            "topic",
            "status",
            "timeliness",
            "upkeep",
            "contested",
            "counts",
            "q",
        )
        wanted = {name: [said[name]] for name in fields if said.get(name)}
        if said.get("standing"):
            wanted["plain"] = [said["standing"]]
        if "party" in wanted:
            wanted["role"] = [Role.BOUND.value]
        if said.get("upkeep") == "awaiting":
            wanted["upkeep"] = [code for code in Upkeep.values if code != Upkeep.CURRENT]
        return wanted

    def narrow(self, found: QuerySet[Any]) -> QuerySet[Any]:
        """Those that fit every filter. `found` is in plain words."""
        return self._narrowed(found, lambda name: True)

    def fits(self, row: Any) -> bool:
        """Whether a row that knows its standing fits the filters on it: what `narrow` asks the database."""
        said = self.cleaned_data
        wanted = {
            "standing": row.plain,
            "status": row.status,
            "timeliness": row.timeliness,
            "contested": row.contested,
        }
        if any(said.get(name) and said[name] != value for name, value in wanted.items()):
            return False
        upkeep = said.get("upkeep")
        if upkeep and (row.upkeep == Upkeep.CURRENT if upkeep == "awaiting" else row.upkeep != upkeep):
            return False
        is_in = row.is_counted and row.plain not in OUTSIDE
        return not said.get("counts") or is_in == (said["counts"] == "yes")

    def narrow_terms(self, found: QuerySet[Any]) -> QuerySet[Any]:
        """Those that fit the filters on what never moves: kind, part, who is bound, topic, words."""
        return self._narrowed(found, lambda name: name in ("kind", "part", "party", "role", "topic", "q"))

    def _narrowed(self, found: QuerySet[Any], is_meant: Callable[[str], bool]) -> QuerySet[Any]:
        wanted: dict[str, Any] = {name: values for name, values in self.asked.items() if is_meant(name)}
        words = wanted.pop("q", None)
        found = narrow(found, wanted)
        return found_by(found, words[0]) if words else found
