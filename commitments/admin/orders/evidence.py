"""Orders on evidence."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

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
            _("Attach evidence"),
            _("Attach"),
            _("It is public at once, and followers are told."),
            forms.AttachForm,
            _attach,
            _("The evidence is attached."),
        ),
        "verify_evidence": Order(
            "verify_evidence",
            _("Verify evidence"),
            _("I compared it with its source"),
            _("Say so only when you have read the source yourself and it shows what this entry claims."),
            forms.NothingForm,
            _verify,
            _("The evidence is verified."),
            Evidence,
        ),
        "withdraw_evidence": Order(
            "withdraw_evidence",
            _("Withdraw evidence"),
            _("Withdraw"),
            _("It stays visible as withdrawn, with your reason."),
            forms.WhyForm,
            _withdraw,
            _("The evidence is withdrawn."),
            Evidence,
            is_grave=True,
        ),
    }
)
