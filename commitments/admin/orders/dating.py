"""Orders on deadlines."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _t

from commitments import forms, operations
from commitments.actors import Actor
from commitments.admin.orders.base import Order, named
from commitments.forms import OrderForm
from commitments.models import Commitment, Deadline


def _set(form: forms.SetDeadlineForm, row: Commitment, target: None, actor: Actor, version: int) -> None:
    operations.set_deadlines([form.order()], actor=actor, version=version)


def _move(form: OrderForm, row: Commitment, target: Deadline, actor: Actor, version: int) -> None:
    given = form.cleaned_data
    operations.move_deadlines(
        {target.code: given["edtf"]},
        actor=actor,
        why=given["why"],
        authority=given["authority"] or None,
        version=version,
    )


def _meet(form: OrderForm, row: Commitment, target: Deadline, actor: Actor, version: int) -> None:
    given = form.cleaned_data
    operations.meet_deadlines({target.code: given["met_on"]}, actor=actor, why=given["why"], version=version)


ORDERS = named(
    {
        "set_deadline": Order(
            "set_deadline",
            _t("Set a deadline"),
            _t("Set"),
            _t("Only a date that the text or an agreement set can make a party late."),
            forms.SetDeadlineForm,
            _set,
            _t("The deadline is set."),
        ),
        "move_deadline": Order(
            "move_deadline",
            _t("Move a deadline"),
            _t("Move"),
            _t("The original date is always shown beside the new one."),
            forms.MoveDeadlineForm,
            _move,
            _t("The deadline is moved."),
            Deadline,
        ),
        "meet_deadline": Order(
            "meet_deadline",
            _t("Record that a deadline was met"),
            _t("Record"),
            _t("The day on which it was met, not the day on which we learned of it."),
            forms.MeetDeadlineForm,
            _meet,
            _t("Recorded as met."),
            Deadline,
        ),
    }
)
