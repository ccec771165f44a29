"""What the forms of the verbs share: their fields, and the order that carries the version it was opened with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commitments.deadlines import DateError, instant_at
from commitments.models import Commitment, Party, Source
from commitments.refusals import Problem

LANGUAGE_NAMES = [("en", _("English")), ("uk", _("Ukrainian")), ("ja", _("Japanese"))]
LONGEST = 20_000


class LeftToTheVerb(forms.ChoiceField):
    """Offers choices, and hands on whatever comes: the verb's refusal says more than “not a valid choice”."""

    def valid_value(self, value: str) -> bool:
        """Every short word passes."""
        return len(str(value)) <= 40


class SeveralLeftToTheVerb(forms.TypedMultipleChoiceField):
    """The same for several numbers."""

    def valid_value(self, value: str) -> bool:
        """Every number that a row could have passes."""
        return str(value).isascii() and str(value).isdecimal() and len(str(value)) <= 4


def day_field(label: Any, required: bool = True, **options: Any) -> forms.DateField:
    """A calendar day, with the browser's own picker."""
    return forms.DateField(
        label=label,
        required=required,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        input_formats=["%Y-%m-%d"],
        **options,
    )


def line(label: Any, length: int, required: bool = False, help_text: Any = "") -> forms.CharField:
    """One line of text."""
    return forms.CharField(label=label, max_length=length, required=required, help_text=help_text)


def prose(label: Any, required: bool = True, rows: int = 4, help_text: Any = "") -> forms.CharField:
    """Several lines of text."""
    return forms.CharField(
        label=label,
        required=required,
        max_length=LONGEST,
        help_text=help_text,
        widget=forms.Textarea(attrs={"rows": rows}),
    )


def instant_line(label: Any, required: bool = True, help_text: Any = "") -> forms.CharField:
    """A wall clock; the form's `zone` says where. `InstantForm` makes instants of them."""
    return forms.CharField(
        label=label,
        required=required,
        max_length=25,
        help_text=help_text,
        widget=forms.TextInput(attrs={"placeholder": "2025-03-29 20:00", "inputmode": "numeric"}),
    )


def one_word(label: Any, choices: Any, required: bool = True, help_text: Any = "") -> forms.ChoiceField:
    """One coded word of the vocabulary."""
    blank = [] if required else [("", "—")]
    return forms.ChoiceField(
        label=label, choices=[*blank, *choices.choices], required=required, help_text=help_text
    )


class OrderForm(forms.Form):
    """An order about one commitment. `version` is the commitment's when the form was opened."""

    # A problem's field that has another name here.
    ALSO_CALLED: Mapping[str, str] = {}
    SETS: tuple[tuple[Any, tuple[str, ...]], ...] = ()
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 1)

    def __init__(self, commitment: Commitment, target: Any, *args: Any, **options: Any) -> None:
        self.commitment = commitment
        self.target = target
        options["initial"] = {"version": commitment.version, **self.first_values(commitment, target)}
        super().__init__(*args, **options)
        self.prepare()

    def first_values(self, commitment: Commitment, target: Any) -> dict[str, Any]:
        """What the fields show at first."""
        return {}

    def prepare(self) -> None:
        """Fills in choices that depend on the commitment."""

    def show(self, problems: Iterable[Problem]) -> None:
        """Puts each problem of a refusal beside the field it is about."""
        for problem in problems:
            name = self.ALSO_CALLED.get(problem.field, problem.field)
            self.add_error(name if name in self.fields and name != "version" else None, problem.message)

    def groups(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """The visible fields in their sets, each with its heading (empty: none)."""
        named = {name for _heading, names in self.SETS for name in names}
        rest = tuple(field.name for field in self.visible_fields() if field.name not in named)
        sets = [*([("", rest)] if rest else []), *self.SETS]
        return [(heading, [self[name] for name in names]) for heading, names in sets]


class WhyForm(OrderForm):
    """An order that needs nothing but a reason, which is public."""

    why = prose(_("Reason"), required=False, help_text=_("Public; it stays in the log."))


class NothingForm(OrderForm):
    """An order that needs nothing but to be confirmed."""


def source_field(label: Any) -> forms.ChoiceField:
    """A known source of the accord, or none; `offer_sources` fills it."""
    return forms.ChoiceField(label=label, required=False, choices=[("", "—")])


def offer_sources(form: OrderForm, name: str = "source") -> None:
    """Offers the sources of the accord in a field."""
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    rows = Source.objects.filter(accord=form.commitment.accord_id).order_by("code")
    field.choices = [("", "—"), *((row.code, f"{row.code} · {row}"[:160]) for row in rows)]


class InstantForm(OrderForm):
    """An order with wall clocks in a time zone; `INSTANTS` names the fields that become instants (UTC)."""

    INSTANTS: tuple[str, ...] = ()
    zone = forms.ChoiceField(label=_("Times are given in"), choices=[("UTC", "UTC")])

    def prepare(self) -> None:
        """The zones of the accord's parties, and UTC."""
        zones = Party.objects.filter(accords=self.commitment.accord_id).exclude(time_zone="").order_by("code")
        field = self.fields["zone"]
        assert isinstance(field, forms.ChoiceField)
        found = [(party.time_zone, f"{party.time_zone} ({party})") for party in zones]
        field.choices = [("UTC", "UTC"), *found]

    def clean(self) -> dict[str, Any]:
        """Wall clocks become instants; one that names none is refused beside its field."""
        given = super().clean() or {}
        for name in self.INSTANTS:
            text = given.get(name)
            if not text or not given.get("zone"):
                given[name] = None
                continue
            try:
                given[name] = instant_at(text, given["zone"])
            except DateError as error:
                self.add_error(name, str(error))
        return given
