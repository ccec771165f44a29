"""The order that corrects the words of a commitment."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _t

from commitments import forms, operations
from commitments.actors import Actor
from commitments.admin.orders.base import Order, named
from commitments.models import Commitment


def _correct(form: forms.CorrectForm, row: Commitment, target: None, actor: Actor, version: int) -> None:
    operations.correct_commitments(
        {row.code: form.changes()}, actor=actor, why=form.cleaned_data["why"], version=version
    )


ORDERS = named(
    {
        "correct": Order(
            "correct",
            _t("Correct the wording"),
            _t("Correct"),
            _t("For the words of this entry, not for what was promised or where it stands."),
            forms.CorrectForm,
            _correct,
            _t("The wording is corrected."),
        ),
    }
)
