"""Forms about judgements."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from commitments.forms.base import (
    LANGUAGE_NAMES,
    LeftToTheVerb,
    OrderForm,
    SeveralLeftToTheVerb,
    day_field,
    one_word,
    prose,
)
from commitments.forms.evidence import (
    EVIDENCE_FIELDS,
    FIRST_WORDS,
    EvidenceFields,
    evidence_label,
    new_evidence,
)
from commitments.models import Commitment, Evidence
from commitments.operations import Judgement
from commitments.words import Confidence, Status, legal_moves


class DraftForm(OrderForm, EvidenceFields):
    """A status to draft, with its reason and the evidence for it."""

    ALSO_CALLED = {"source": "source_title", "new_source": "source_title"}
    SETS = ((_("New evidence that comes with it (leave empty when there is none)"), EVIDENCE_FIELDS),)
    field_order = ["status", "effective_on", "reason", "language", "confidence", "evidence"]
    status = LeftToTheVerb(label=_("Status"))
    effective_on = day_field(_("Holds from"), help_text=_("The day from which this is so, not today's date."))
    reason = prose(
        _("Reason"), required=False, help_text=_("Public. Say what was done, where it is shown, and no more.")
    )
    language = forms.ChoiceField(label=_("Language of the reason"), choices=LANGUAGE_NAMES)
    confidence = one_word(_("Confidence"), Confidence)
    evidence = SeveralLeftToTheVerb(
        label=_("Evidence"), coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )

    def first_values(self, commitment: Commitment, target: Any) -> dict[str, Any]:
        """Today, the reader's language, and the usual words of evidence."""
        return {
            "effective_on": timezone.localdate(),
            "language": (get_language() or "en").split("-")[0],
            "confidence": Confidence.MEDIUM,
            **FIRST_WORDS,
        }

    def prepare(self) -> None:
        """The moves that are open from here, and the evidence that stands."""
        moves = legal_moves(self.commitment.status, self.commitment.kind)
        self._field("status").choices = [(code, Status(code).label) for code in moves]
        standing = Evidence.objects.standing().filter(commitment=self.commitment).select_related("source")
        self._field("evidence").choices = [
            (row.number, evidence_label(row, self.commitment)) for row in standing.order_by("number")
        ]

    def _field(self, name: str) -> forms.ChoiceField:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        return field

    def order(self) -> Judgement:
        """What the verb is asked to draft."""
        given = self.cleaned_data
        brings = any(given[name] for name in EVIDENCE_FIELDS if name not in FIRST_WORDS)
        return Judgement(
            commitment=self.commitment.code,
            status=given["status"],
            effective_on=given["effective_on"],
            reason=given["reason"],
            confidence=given["confidence"],
            evidence=given["evidence"],
            new_evidence=[new_evidence(self.commitment, given)] if brings else [],
            language=given["language"],
        )
