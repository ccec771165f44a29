"""Forms about what the parties say of the record."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from commitments.forms.base import LeftToTheVerb, OrderForm, day_field, line, offer_sources, prose
from commitments.forms.money import offer_parties
from commitments.forms.sourcing import NEW_SOURCE, SourceFields, told_source
from commitments.models import Assessment, Commitment, Position
from commitments.operations import NewPosition, Resolution
from commitments.words import Settlement, Stance


class PositionForm(OrderForm, SourceFields):
    """What a party says, in its own words."""

    ALSO_CALLED = {"new_source": "source_title"}
    SETS = ((_("A new source (leave empty when it is known)"), NEW_SOURCE),)
    field_order = ["party", "stance", "text", "language", "stated_on", "assessment", "source", "locator"]
    party = LeftToTheVerb(label=_("Party"))
    stance = LeftToTheVerb(
        label=_("What it does"), help_text=_("Only a position that disputes makes the entry contested.")
    )
    text = prose(
        _("Its words"),
        required=False,
        help_text=_("As the party says it, in its language; public beside our judgement."),
    )
    language = line(_("Language of the words"), 3, required=True, help_text=_("ISO 639: en, uk, ja."))
    stated_on = day_field(_("Stated on"))
    assessment = LeftToTheVerb(
        label=_("About the judgement"), required=False, help_text=_("Empty: about the entry as a whole.")
    )

    def first_values(self, commitment: Commitment, target: Any) -> dict[str, Any]:
        """Today, and the reader's language."""
        return {
            "stance": Stance.DISPUTES.value,
            "stated_on": timezone.localdate(),
            "language": (get_language() or "en").split("-")[0],
        }

    def prepare(self) -> None:
        """The parties, the stances, the public judgements, the sources of the accord."""
        offer_sources(self)
        offer_parties(self, required=True)
        rows = Assessment.objects.public().filter(commitment=self.commitment).latest_first()
        judgements = [
            (str(row.number), f"{self.commitment.code}-A{row.number} · {row.get_status_display()}")
            for row in rows
        ]
        for name, choices in (("stance", Stance.choices), ("assessment", [("", "—"), *judgements])):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices

    def clean_assessment(self) -> int | None:
        """The number of the judgement; 0, which none has, for what is no number."""
        text = self.cleaned_data["assessment"]
        if not text:
            return None
        return int(text) if text.isascii() and text.isdecimal() and len(text) <= 4 else 0

    def order(self) -> NewPosition:
        """What the verb is asked to record."""
        given = self.cleaned_data
        plain = ("party", "stance", "text", "language", "stated_on", "assessment")
        return NewPosition(
            commitment=self.commitment.code,
            **{name: given[name] for name in plain},
            **told_source(given),
        )


class ResolveForm(OrderForm):
    """How a position was resolved, and why."""

    resolved_as = LeftToTheVerb(label=_("Resolved as"))
    why = prose(_("Reason"), required=False, help_text=_("Public; it stays in the log."))

    def prepare(self) -> None:
        """The ways a position can be resolved."""
        field = self.fields["resolved_as"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = Settlement.choices

    def order(self, position: Position) -> dict[str, Resolution]:
        """What the verb is asked to resolve."""
        given = self.cleaned_data
        return {position.code: Resolution(given["resolved_as"], given["why"])}
