"""Orders on the facts that bring a duty to life or end it."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from commitments import forms, operations
from commitments.actors import Actor
from commitments.admin.orders.base import Order, named
from commitments.forms import OrderForm
from commitments.models import Commitment, Trigger


def _record(form: forms.TriggerForm, row: Commitment, target: None, actor: Actor, version: int) -> None:
    operations.record_triggers([form.order()], actor=actor, version=version)


def _publish(form: OrderForm, row: Commitment, target: Trigger, actor: Actor, version: int) -> None:
    operations.publish_triggers([target.code], actor=actor, version=version)


def _withdraw(form: OrderForm, row: Commitment, target: Trigger, actor: Actor, version: int) -> None:
    operations.withdraw_triggers([target.code], actor=actor, why=form.cleaned_data["why"], version=version)


ORDERS = named(
    {
        "record_trigger": Order(
            "record_trigger",
            _("Record a fact that triggers the duty"),
            _("Record"),
            _(
                "When the facts are complete the duty binds, and its clocks run from their instant, to the second."
            ),
            forms.TriggerForm,
            _record,
            _("The fact is recorded."),
        ),
        "publish_trigger": Order(
            "record_trigger",
            _("Publish a confidential fact"),
            _("Publish"),
            _(
                "The duty binds from the true instant on; a clock that has run out meanwhile is overdue at once."
            ),
            forms.NothingForm,
            _publish,
            _("The fact is public."),
            Trigger,
        ),
        "withdraw_trigger": Order(
            "record_trigger",
            _("Withdraw a fact"),
            _("Withdraw"),
            _("It stays visible as withdrawn, with your reason; its clocks end."),
            forms.WhyForm,
            _withdraw,
            _("The fact is withdrawn."),
            Trigger,
            is_grave=True,
        ),
    }
)
