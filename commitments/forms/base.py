"""What the forms of the verbs share: their fields, and the order that carries the version it was opened with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commitments.models import Commitment
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
