"""The form that records money."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from commitments.forms.base import LANGUAGE_NAMES, LeftToTheVerb, OrderForm, line, offer_sources, prose
from commitments.forms.evidence import evidence_label
from commitments.forms.sourcing import NEW_SOURCE, SourceFields, told_source
from commitments.models import Commitment, Evidence, Party
from commitments.operations import NewContribution
from commitments.words import Bound, Stage


def offer_parties(form: OrderForm, *, required: bool) -> None:
    """Offers the parties of the accord and those that the commitment names."""
    field = form.fields["party"]
    assert isinstance(field, forms.ChoiceField)
    found = Party.objects.filter(accords=form.commitment.accord_id) | Party.objects.filter(
        participations__commitment=form.commitment
    )
    rows = [(party.code, str(party)) for party in found.distinct().order_by("code")]
    field.choices = rows if required else [("", "—"), *rows]


class ContributionForm(OrderForm, SourceFields):
    """Money to record: one sum, or a range where sources disagree."""

    ALSO_CALLED = {"new_source": "source_title"}
    SETS = (
        (_("Only where sources disagree: the range instead of one sum"), ("amount_low", "amount_high")),
        (_("A new source (leave empty when it is known)"), NEW_SOURCE),
    )
    field_order = [
        "stage", "amount", "bound", "currency", "day", "party", "evidence", "source", "locator", "note", "language",
    ]  # fmt: skip
    stage = LeftToTheVerb(label=_("Stage"), help_text=_("Pledged, allocated and delivered are never added."))
    amount = line(_("Sum"), 40, help_text=_("Digits, with a point before the fraction: 4500000000 or 12.50."))
    amount_low = line(_("At least"), 40)
    amount_high = line(_("At most"), 40)
    bound = LeftToTheVerb(
        label=_("The sum is"), help_text=_("“At least” where the source says “over” or “more than”.")
    )
    currency = line(_("Currency"), 3, help_text=_("ISO 4217: USD, JPY, EUR. Nothing is converted."))
    day = line(
        _("When"),
        40,
        help_text=_("The day it was promised or given, as exactly as is known: 2024-11-16, 2024-11."),
    )
    party = LeftToTheVerb(label=_("Given by"), required=False)
    evidence = LeftToTheVerb(
        label=_("Shown by the evidence"),
        required=False,
        help_text=_("Its source counts, if you name no other."),
    )
    note = prose(_("Note"), required=False, help_text=_("Public; may stay empty."))
    language = forms.ChoiceField(label=_("Language of the note"), choices=LANGUAGE_NAMES)

    def first_values(self, commitment: Commitment, target: Any) -> dict[str, Any]:
        """Today, the currency of the target, the reader's language."""
        return {
            "stage": Stage.PLEDGED.value,
            "bound": Bound.EXACT.value,
            "currency": (commitment.amount or {}).get("currency") or "",
            "day": timezone.localdate().isoformat(),
            "language": (get_language() or "en").split("-")[0],
        }

    def prepare(self) -> None:
        """The words, the parties, the evidence that stands, the sources of the accord."""
        offer_sources(self)
        offer_parties(self, required=False)
        rows = Evidence.objects.standing().filter(commitment=self.commitment).select_related("source")
        for name, choices in (
            ("stage", Stage.choices),
            ("bound", [(word.value, word.label) for word in (Bound.EXACT, Bound.MINIMUM)]),
            (
                "evidence",
                [
                    ("", "—"),
                    *(
                        (str(row.number), evidence_label(row, self.commitment))
                        for row in rows.order_by("number")
                    ),
                ],
            ),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices

    def clean_evidence(self) -> int | None:
        """The number of the evidence; 0, which no evidence has, for what is no number."""
        text = self.cleaned_data["evidence"]
        if not text:
            return None
        return int(text) if text.isascii() and text.isdecimal() and len(text) <= 4 else 0

    def order(self) -> NewContribution:
        """What the verb is asked to record."""
        given = self.cleaned_data
        plain = (
            "stage", "currency", "day", "amount", "amount_low", "amount_high", "bound", "party", "evidence", "note",
            "language",
        )  # fmt: skip
        return NewContribution(
            commitment=self.commitment.code,
            **{name: given[name] for name in plain},
            **told_source(given),
        )


class TargetForm(OrderForm):
    """The sum that a commitment promises, to be corrected."""

    ALSO_CALLED = {
        f"amount.{name}": name for name in ("value", "currency", "bound", "period", "inside", "basis")
    }
    value = line(_("Sum"), 40, help_text=_("Digits, with a point before the fraction: 4500000000 or 12.50."))
    currency = line(_("Currency"), 3, help_text=_("ISO 4217: USD, JPY, EUR. Nothing is converted."))
    bound = LeftToTheVerb(label=_("The sum is"))
    period = line(
        _("Period that counts"), 40, help_text=_("EDTF: 2024, or 2022-03/.. for “since March 2022”.")
    )
    inside = line(
        _("Inside the sum of"), 80, help_text=_("The code of the commitment whose sum contains this one.")
    )
    basis = prose(_("What is counted"), required=False, rows=2)
    why = prose(_("Reason"), required=False, help_text=_("Public; it stays in the log."))

    def first_values(self, commitment: Commitment, target: Any) -> dict[str, Any]:
        """The sum as it stands."""
        amount = commitment.amount or {}
        names = ("value", "currency", "period", "inside", "basis")
        return {name: amount.get(name) or "" for name in names} | {
            "bound": amount.get("bound") or Bound.UNSPECIFIED.value
        }

    def prepare(self) -> None:
        """How a sum can limit."""
        field = self.fields["bound"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = Bound.choices

    def amount(self) -> dict[str, Any]:
        """The sum as the verb takes it; other figures that were reported stay with it."""
        given = self.cleaned_data
        told = {name: given[name].strip() for name in ("value", "currency", "period", "inside", "basis")}
        also = (self.commitment.amount or {}).get("also_reported")
        return {
            **{name: value for name, value in told.items() if value},
            "bound": given["bound"],
            **({"also_reported": also} if also else {}),
        }
