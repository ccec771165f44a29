"""Orders on deadlines and pauses."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from commitments import forms, operations
from commitments.actors import Actor
from commitments.admin.orders.base import Order, named
from commitments.forms import OrderForm
from commitments.models import Commitment, Deadline, Pause


def _set(form: forms.SetDeadlineForm, row: Commitment, target: None, actor: Actor, version: int) -> None:
    operations.set_deadlines([form.order()], actor=actor, version=version)


def _move(form: OrderForm, row: Commitment, target: Deadline, actor: Actor, version: int) -> None:
    given = form.cleaned_data
    operations.move_deadlines(
        {target.code: given["edtf"]},
        actor=actor,
        why=given["why"],
        authority=given["authority"] or None,
        source=given["source"] or None,
        version=version,
    )


def _meet(form: OrderForm, row: Commitment, target: Deadline, actor: Actor, version: int) -> None:
    given = form.cleaned_data
    when = given.get("met_at") or given["met_on"]
    operations.meet_deadlines({target.code: when}, actor=actor, why=given["why"], version=version)


def _waive(form: OrderForm, row: Commitment, target: Deadline, actor: Actor, version: int) -> None:
    given = form.cleaned_data
    operations.waive_deadlines(
        [target.code], actor=actor, why=given["why"], source=given["source"] or None, version=version
    )


def _pause(form: OrderForm, row: Commitment, target: None, actor: Actor, version: int) -> None:
    given = form.cleaned_data
    order = operations.NewPause(
        commitment=row.code,
        from_on=given["from_on"],
        until_on=given["until_on"],
        source=given["source"] or None,
        reason=given["reason"],
    )
    operations.pause_commitments([order], actor=actor, version=version)


def _resume(form: OrderForm, row: Commitment, target: Pause, actor: Actor, version: int) -> None:
    given = form.cleaned_data
    operations.resume_commitments(
        {target.code: given["until_on"]},
        actor=actor,
        why=given["why"],
        shifts_dates=given["shifts_dates"],
        source=given["source"] or None,
        version=version,
    )


ORDERS = named(
    {
        "set_deadline": Order(
            "set_deadline",
            _("Set a deadline"),
            _("Set"),
            _("Only a date that the text or an agreement set can make a party late."),
            forms.SetDeadlineForm,
            _set,
            _("The deadline is set."),
        ),
        "move_deadline": Order(
            "move_deadline",
            _("Move a deadline"),
            _("Move"),
            _("The original date is always shown beside the new one."),
            forms.MoveDeadlineForm,
            _move,
            _("The deadline is moved."),
            Deadline,
        ),
        "meet_deadline": Order(
            "meet_deadline",
            _("Record that a deadline was met"),
            _("Record"),
            _("The day on which it was met, not the day on which we learned of it."),
            forms.MeetDeadlineForm,
            _meet,
            _("Recorded as met."),
            Deadline,
        ),
        "waive_deadline": Order(
            "waive_deadline",
            _("Waive a deadline"),
            _("Waive"),
            _(
                "For a date that the side that is owed has given up. It stays on record, and nobody is late by it."
            ),
            forms.WaiveDeadlineForm,
            _waive,
            _("The deadline is waived."),
            Deadline,
            is_grave=True,
        ),
        "pause": Order(
            "pause",
            _("Pause the clocks"),
            _("Pause"),
            _("While a pause is in force no date of this entry passes."),
            forms.PauseForm,
            _pause,
            _("The clocks stand still."),
        ),
        "resume": Order(
            "pause",
            _("Let the clocks run again"),
            _("Resume"),
            _("The original dates are always shown beside those that move."),
            forms.ResumeForm,
            _resume,
            _("The end of the pause is recorded."),
            Pause,
        ),
    }
)
