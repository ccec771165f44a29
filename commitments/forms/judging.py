"""Forms about judgements."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from commitments.forms.base import (
    LANGUAGE_NAMES,
    InstantForm,
    LeftToTheVerb,
    OrderForm,
    SeveralLeftToTheVerb,
    day_field,
    instant_line,
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
from commitments.models import Assessment, Commitment, Evidence
from commitments.operations import Judgement
from commitments.words import Confidence, Role, Status, legal_moves


class DraftForm(OrderForm, EvidenceFields):
    """A status to draft, with its reason and the evidence for it."""

    ALSO_CALLED = {"source": "source_title", "new_source": "source_title"}
    SETS = ((_("New evidence that comes with it (leave empty when there is none)"), EVIDENCE_FIELDS),)
    field_order = ["party", "status", "effective_on", "reason", "language", "confidence", "evidence"]
    party = LeftToTheVerb(
        label=_("Judged is"),
        required=False,
        help_text=_("The commitment as a whole, or the share of one party that it binds."),
    )
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

    keep = forms.BooleanField(
        label=_("Keep it as a draft for now"),
        required=False,
        help_text=_("Else it goes to somebody who may publish it."),
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
        bound = self.commitment.participations.filter(role=Role.BOUND).select_related("party")
        self._field("party").choices = [
            ("", _("the commitment as a whole")),
            *((row.party.code, str(row.party)) for row in bound),
        ]
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
            party=given["party"] or None,
        )


class ReviseForm(DraftForm):
    """A draft to rewrite, or a judgement for which changes were requested."""

    def first_values(self, commitment: Commitment, target: Assessment) -> dict[str, Any]:
        """What it says now."""
        names = ("status", "effective_on", "reason", "language", "confidence")
        return {
            **FIRST_WORDS,
            **{name: getattr(target, name) for name in names},
            "party": target.party.code if target.party else "",
            "evidence": list(target.evidence.values_list("number", flat=True)),
        }

    def prepare(self) -> None:
        """Its own evidence too, which is not public yet; and its status, whatever has moved since."""
        super().prepare()
        field = self._field("evidence")
        own = self.target.evidence.filter(public_at__isnull=True).select_related("source").order_by("number")
        field.choices = [
            *field.choices,  # type: ignore[misc]
            *((row.number, evidence_label(row, self.commitment)) for row in own),
        ]


class RequestChangesForm(OrderForm):
    """What the author should change; it stays with the staff."""

    why = prose(_("What should be changed"), required=False, help_text=_("Not public: the author reads it."))


class RejectForm(OrderForm):
    """Why it is rejected; it stays with the staff."""

    why = prose(_("Reason"), required=False, help_text=_("Not public; may stay empty."))


class PlanForm(InstantForm):
    """When an approved judgement becomes public."""

    INSTANTS = ("at",)
    at = instant_line(_("Public from"))
    field_order = ["at", "zone"]


class NoticeForm(InstantForm):
    """Who was told of a judgement against them, and until when they may reply."""

    ALSO_CALLED = {"status": "to"}
    INSTANTS = ("reply_by",)
    to = forms.MultipleChoiceField(label=_("Told"), widget=forms.CheckboxSelectMultiple, required=False)
    reply_by = instant_line(_("May reply until"))
    field_order = ["to", "reply_by", "zone"]

    def prepare(self) -> None:
        """The parties of this commitment."""
        super().prepare()
        field = self.fields["to"]
        assert isinstance(field, forms.MultipleChoiceField)
        rows = self.commitment.participations.select_related("party")
        field.choices = sorted({(row.party.code, str(row.party)) for row in rows})


class ReplyForm(OrderForm):
    """What was answered to a notice."""

    reply = prose(_("The reply"), required=False, help_text=_("Not public: state a position for the public."))
