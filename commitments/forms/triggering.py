"""Forms about the facts that bring a duty to life or end it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commitments.forms.base import (
    InstantForm,
    LeftToTheVerb,
    instant_line,
    offer_sources,
    prose,
    source_field,
)
from commitments.models import Commitment
from commitments.operations import NewTrigger
from commitments.words import Effect

END = "the-end"


class TriggerForm(InstantForm):
    """A fact to record, with its instants."""

    INSTANTS = ("happened_at", "sent_at", "received_at")
    fact = LeftToTheVerb(label=_("Fact"))
    happened_at = instant_line(_("Happened at"))
    sent_at = instant_line(_("Sent at"), required=False)
    received_at = instant_line(_("Received at"), required=False)
    hidden = forms.MultipleChoiceField(
        label=_("Instants that stay confidential"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=[
            ("happened_at", _("Happened at")),
            ("sent_at", _("Sent at")),
            ("received_at", _("Received at")),
        ],
    )
    is_confidential = forms.BooleanField(
        label=_("Keep the whole fact confidential for now"),
        required=False,
        help_text=_("Nothing changes in public until it is published; its clock runs from the true instant."),
    )
    source = source_field(_("Where it stands"))
    note = prose(_("Note"), required=False, help_text=_("Public with the fact; may stay empty."))
    field_order = ["fact", "happened_at", "sent_at", "received_at", "zone"]

    def prepare(self) -> None:
        """The facts that the terms wait for, and the event that ends the duty."""
        super().prepare()
        offer_sources(self)
        field = self.fields["fact"]
        assert isinstance(field, forms.ChoiceField)
        facts = (self.commitment.trigger or {}).get("facts", ())
        ends: list[Any] = [(END, _("the event that ends the duty"))] if self.commitment.awaits_event else []
        field.choices = [*((item["code"], item.get("text") or item["code"]) for item in facts), *ends]

    def order(self) -> NewTrigger:
        """What the verb is asked to record."""
        given = self.cleaned_data
        is_end = given["fact"] == END
        return NewTrigger(
            commitment=self.commitment.code,
            fact="end" if is_end else given["fact"],
            effect=Effect.ENDS if is_end else Effect.STARTS,
            happened_at=given["happened_at"],
            sent_at=given["sent_at"],
            received_at=given["received_at"],
            hidden=given["hidden"],
            is_confidential=given["is_confidential"],
            source=given["source"] or None,
            note=given["note"],
        )


def may_be_triggered(commitment: Commitment) -> bool:
    """Whether the terms wait for a fact, or end on an event."""
    return bool((commitment.trigger or {}).get("facts")) or commitment.awaits_event
