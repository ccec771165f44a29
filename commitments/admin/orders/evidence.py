"""Orders on evidence."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _t

from commitments import forms, operations
from commitments.actors import Actor
from commitments.admin.orders.base import Order, named
from commitments.forms import OrderForm
from commitments.models import Commitment, Evidence


def _attach(form: forms.AttachForm, row: Commitment, target: None, actor: Actor, version: int) -> None:
    operations.attach_evidence(form.orders(), actor=actor, version=version)


def _withdraw(form: OrderForm, row: Commitment, target: Evidence, actor: Actor, version: int) -> None:
    operations.withdraw_evidence([target.code], actor=actor, why=form.cleaned_data["why"], version=version)


def _verify(form: OrderForm, row: Commitment, target: Evidence, actor: Actor, version: int) -> None:
    operations.verify_evidence([target.code], actor=actor, version=version)


ORDERS = named(
    {
        "attach_evidence": Order(
            "attach_evidence",
            _t("Attach evidence"),
            _t("Attach"),
            _t("It is public at once, and followers are told."),
            forms.AttachForm,
            _attach,
            _t("The evidence is attached."),
        ),
        "verify_evidence": Order(
            "verify_evidence",
            _t("Verify evidence"),
            _t("I compared it with its source"),
            _t("Say so only when you have read the source yourself and it shows what this entry claims."),
            forms.NothingForm,
            _verify,
            _t("The evidence is verified."),
            Evidence,
        ),
        "withdraw_evidence": Order(
            "withdraw_evidence",
            _t("Withdraw evidence"),
            _t("Withdraw"),
            _t("It stays visible as withdrawn, with your reason."),
            forms.WhyForm,
            _withdraw,
            _t("The evidence is withdrawn."),
            Evidence,
            is_grave=True,
        ),
    }
)
