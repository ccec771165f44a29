"""Forms about evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext_lazy as _

from commitments.forms.base import OrderForm, line, offer_sources
from commitments.models import Commitment, Evidence
from commitments.operations import NewEvidence
from commitments.words import Act, Bearing, Nature

EVIDENCE_FIELDS = (
    "source_title",
    "publisher",
    "author",
    "address",
    "published",
    "nature",
    "act",
    "bearing",
    "happened",
    "locator",
    "quote",
)

FIRST_WORDS = {"nature": Nature.OFFICIAL.value, "act": Act.ACTION.value, "bearing": Bearing.SUPPORTS.value}


class EvidenceFields(forms.Form):
    """The facts of one new piece of evidence and its source."""

    source_title = line(_("Title of the source"), 500)
    publisher = line(_("Publisher"), 200)
    author = line(_("Author"), 200)
    address = line(_("Address"), 2048, help_text=_("http:// or https://; leave it empty when none is known."))
    published = line(
        _("Published"), 40, help_text=_("A date as exactly as is known: 2024-11-16, 2024-11, 2024.")
    )
    # Left empty they are what the form shows at first; what else is sent, the verb judges.
    nature = forms.ChoiceField(label=_("Nature"), choices=Nature.choices, required=False)
    act = forms.ChoiceField(
        label=_("What it shows"),
        choices=Act.choices,
        required=False,
        help_text=_("An announcement carries no further than “in progress”."),
    )
    bearing = forms.ChoiceField(label=_("Bearing"), choices=Bearing.choices, required=False)
    happened = line(
        _("When the fact happened"), 40, help_text=_("A date; leave it empty when it is not known.")
    )
    locator = line(_("Place in the source"), 80, help_text=_("A page, line or section."))
    quote = line(_("Quote"), 300, help_text=_("A short phrase at most."))


def new_evidence(commitment: Commitment, given: Mapping[str, Any], source: str | None = None) -> NewEvidence:
    """The order to attach what the fields of EvidenceFields say."""
    coded: dict[str, Any] = {name: given[name] or first for name, first in FIRST_WORDS.items()}
    return NewEvidence(
        commitment=commitment.code,
        nature=coded["nature"],
        act=coded["act"],
        bearing=coded["bearing"],
        source=source,
        new_source=None
        if source
        else {
            "title": given["source_title"],
            "publisher": given["publisher"],
            "author": given["author"],
            "address": given["address"],
            "published": given["published"],
            "nature": coded["nature"],
        },
        locator=given["locator"],
        quote=given["quote"],
        happened=given["happened"],
    )


def evidence_label(row: Evidence, commitment: Commitment) -> str:
    """One line that tells a piece of evidence from the others."""
    facts = [row.get_act_display(), row.get_bearing_display(), row.happened or row.source.published]
    return (
        f"{commitment.code}-E{row.number} · {row.source} ({', '.join(str(fact) for fact in facts if fact)})"
    )


class AttachForm(OrderForm, EvidenceFields):
    """Evidence to attach; it is public at once."""

    ALSO_CALLED = {"new_source": "source_title", "commitment": "also_for"}
    source = forms.ChoiceField(
        label=_("Known source"),
        required=False,
        help_text=_("Or leave this empty and describe a new one below."),
    )
    also_for = line(
        _("Also for these commitments"),
        500,
        help_text=_("Codes with commas between them, when one piece of evidence is about several."),
    )
    field_order = ["source", *EVIDENCE_FIELDS, "also_for"]

    def first_values(self, commitment: Commitment, target: Any) -> dict[str, Any]:
        """The usual words."""
        return dict(FIRST_WORDS)

    def prepare(self) -> None:
        """The sources that the accord has already."""
        offer_sources(self)

    def orders(self) -> list[NewEvidence]:
        """What the verb is asked to attach: the same exhibit for each commitment."""
        given = self.cleaned_data
        first = new_evidence(self.commitment, given, given["source"] or None)
        others = [code.strip() for code in given["also_for"].replace(";", ",").split(",") if code.strip()]
        exhibit = uuid4()
        codes = dict.fromkeys([self.commitment.code, *others])
        return [replace(first, commitment=code, exhibit=exhibit) for code in codes]
