"""Orders on judgements."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _t

from commitments import forms, operations
from commitments.actors import Actor
from commitments.admin.orders.base import Order, named
from commitments.forms import OrderForm
from commitments.models import Assessment, Commitment


def _draft(form: forms.DraftForm, row: Commitment, target: None, actor: Actor, version: int) -> None:
    operations.draft_assessments([form.order()], actor=actor, version=version)


def _publish(form: OrderForm, row: Commitment, target: Assessment, actor: Actor, version: int) -> None:
    operations.publish_assessments([target.code], actor=actor, version=version)


def _reject(form: OrderForm, row: Commitment, target: Assessment, actor: Actor, version: int) -> None:
    operations.reject_assessments([target.code], actor=actor, version=version)


def _retract(form: OrderForm, row: Commitment, target: Assessment, actor: Actor, version: int) -> None:
    operations.retract_assessments([target.code], actor=actor, why=form.cleaned_data["why"], version=version)


ORDERS = named(
    {
        "draft": Order(
            "draft",
            _t("Draft a status"),
            _t("Keep as a draft"),
            _t("A draft is not public. Somebody who may publish looks at it next."),
            forms.DraftForm,
            _draft,
            _t("The draft is kept. It waits for somebody who may publish it."),
        ),
        "publish": Order(
            "publish",
            _t("Publish a status"),
            _t("Publish"),
            _t("What is published stays in the log for ever; a mistake can be retracted, never removed."),
            forms.NothingForm,
            _publish,
            _t("Published."),
            Assessment,
            is_preview=True,
        ),
        "reject": Order(
            "reject",
            _t("Reject a draft"),
            _t("Reject"),
            _t("A rejected draft stays with the staff and is never public."),
            forms.NothingForm,
            _reject,
            _t("The draft is rejected."),
            Assessment,
            is_grave=True,
        ),
        "retract": Order(
            "retract",
            _t("Retract a published status"),
            _t("Retract"),
            _t("It stays visible as retracted, with your reason; what it closed is open again."),
            forms.WhyForm,
            _retract,
            _t("Retracted."),
            Assessment,
            is_grave=True,
        ),
    }
)
