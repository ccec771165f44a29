"""Orders on words: correct those of a commitment, take down those of a note, and those that a commitment once had."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from commitments import forms, operations
from commitments.actors import Actor
from commitments.admin.orders.base import Order, named
from commitments.models import Commitment, Event


def _correct(form: forms.CorrectForm, row: Commitment, target: None, actor: Actor, version: int) -> None:
    operations.correct_commitments(
        {row.code: form.changes()}, actor=actor, why=form.cleaned_data["why"], version=version
    )


def _redact(form: forms.RedactForm, row: Commitment, target: Event, actor: Actor, version: int) -> None:
    operations.redact_note(target.seq, actor=actor, why_code=form.cleaned_data["why"])


def _redact_wording(
    form: forms.RedactForm, row: Commitment, target: Event, actor: Actor, version: int
) -> None:
    operations.redact_wording(target.seq, actor=actor, why_code=form.cleaned_data["why"])


ORDERS = named(
    {
        "correct": Order(
            "correct",
            _("Correct the wording"),
            _("Correct"),
            _("For the words of this entry, not for what was promised or where it stands."),
            forms.CorrectForm,
            _correct,
            _("The wording is corrected."),
        ),
        "redact": Order(
            "redact",
            _("Take down a note"),
            _("Take down"),
            _(
                "The words of this note go for ever, here and wherever they were copied; that it was there stays."
            ),
            forms.RedactForm,
            _redact,
            _("The note is taken down."),
            Event,
            is_grave=True,
            by="seq",
        ),
        "redact_wording": Order(
            "redact",
            _("Take down an earlier wording"),
            _("Take down"),
            _("The words that this entry once had go for ever; that they were there stays."),
            forms.RedactForm,
            _redact_wording,
            _("The earlier wording is taken down."),
            Event,
            is_grave=True,
            by="seq",
        ),
    }
)
