"""Forms about words: those of a commitment, and those of a note."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commitments.forms.base import OrderForm, line, one_word, prose
from commitments.models import Commitment
from commitments.words import Provenance, Strength
from tracker.kit.localized import LANGUAGES


class CorrectForm(OrderForm):
    """The words of a commitment, to be corrected; what was meant does not change."""

    ALSO_CALLED = {"title": "title_en", "summary": "summary_en"}
    title_en = prose(_("Title (English)"), rows=2)
    title_uk = prose(_("Title (Ukrainian)"), required=False, rows=2)
    title_ja = prose(_("Title (Japanese)"), required=False, rows=2)
    summary_en = prose(_("Summary (English)"))
    summary_uk = prose(_("Summary (Ukrainian)"), required=False)
    summary_ja = prose(_("Summary (Japanese)"), required=False)
    verb_words = line(_("The verb it rests on"), 200)
    verb_source = line(_("Where the verb stands"), 200)
    review_every = line(
        _("We look again after"), 20, help_text=_("ISO 8601 period, such as P6M; empty: no interval.")
    )
    ends_when = prose(_("The event that ends it"), required=False, rows=2)
    strength = one_word(_("Strength"), Strength)
    provenance = one_word(_("Provenance"), Provenance)
    cautions = prose(_("Cautions"), required=False, help_text=_("One a line."))
    why = prose(_("Reason"), required=False, help_text=_("Public; it stays in the log."))

    def first_values(self, commitment: Commitment, target: Any) -> dict[str, Any]:
        """The words as they stand."""
        texts = {
            f"{name}_{code}": getattr(commitment, name).get(code, "")
            for name in ("title", "summary")
            for code in LANGUAGES
        }
        plain = ("verb_words", "verb_source", "ends_when", "review_every", "strength", "provenance")
        return {
            **texts,
            **{name: getattr(commitment, name) for name in plain},
            "cautions": "\n".join(commitment.cautions),
        }

    def changes(self) -> dict[str, Any]:
        """What differs from the words as they stand; untouched fields are left alone."""
        given = self.cleaned_data
        wanted: dict[str, Any] = {
            name: {code: given[f"{name}_{code}"] for code in LANGUAGES if given[f"{name}_{code}"]}
            for name in ("title", "summary")
        }
        for name in ("verb_words", "verb_source", "ends_when", "review_every", "strength", "provenance"):
            wanted[name] = given[name]
        wanted["cautions"] = [text.strip() for text in given["cautions"].splitlines() if text.strip()]
        # A browser sends line ends as CR LF, and fields come back stripped: only a real difference counts.
        touched = {
            name.rsplit("_", 1)[0] if name[:-3] in ("title", "summary") else name
            for name in self.changed_data
        }
        return {name: value for name, value in wanted.items() if name in touched}


class RedactForm(OrderForm):
    """Why a note or a wording is taken down: a code, since the log keeps no prose."""

    why = forms.ChoiceField(
        label=_("Reason"),
        choices=[
            ("personal-data", _("personal data")),
            ("secret", _("a secret")),
            ("court-order", _("a court order")),
            ("copyright", _("somebody else's text")),
        ],
        help_text=_("Public, as a code."),
    )
