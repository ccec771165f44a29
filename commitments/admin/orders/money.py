"""Orders on money, and on what the parties say."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from commitments import forms, operations
from commitments.actors import Actor
from commitments.admin.orders.base import Order, named
from commitments.forms import OrderForm
from commitments.models import Commitment, Contribution, Position


def _record(form: forms.ContributionForm, row: Commitment, target: None, actor: Actor, version: int) -> None:
    operations.record_contributions([form.order()], actor=actor, version=version)


def _withdraw(form: OrderForm, row: Commitment, target: Contribution, actor: Actor, version: int) -> None:
    operations.withdraw_contributions(
        [target.code], actor=actor, why=form.cleaned_data["why"], version=version
    )


def _state(form: forms.PositionForm, row: Commitment, target: None, actor: Actor, version: int) -> None:
    operations.state_positions([form.order()], actor=actor, version=version)


def _resolve(form: forms.ResolveForm, row: Commitment, target: Position, actor: Actor, version: int) -> None:
    operations.resolve_positions(form.order(target), actor=actor, version=version)


def _correct(form: forms.TargetForm, row: Commitment, target: None, actor: Actor, version: int) -> None:
    operations.correct_commitments(
        {row.code: {"amount": form.amount()}}, actor=actor, why=form.cleaned_data["why"], version=version
    )


ORDERS = named(
    {
        "correct_target": Order(
            "correct",
            _("Correct the sum promised"),
            _("Correct the sum"),
            _("For what the text promises in money, not for what was given."),
            forms.TargetForm,
            _correct,
            _("The sum is corrected."),
        ),
        "record_contribution": Order(
            "record_contribution",
            _("Record money"),
            _("Record the sum"),
            _("It is public at once, and followers are told. Nothing is added across stages or currencies."),
            forms.ContributionForm,
            _record,
            _("The sum is recorded."),
        ),
        "withdraw_contribution": Order(
            "withdraw_contribution",
            _("Withdraw a record of money"),
            _("Withdraw the sum"),
            _("It leaves every sum and stays visible as withdrawn, with your reason."),
            forms.WhyForm,
            _withdraw,
            _("The record is withdrawn."),
            Contribution,
            is_grave=True,
        ),
        "state_position": Order(
            "state_position",
            _("Record what a party says"),
            _("Record the position"),
            _("It stands beside our judgement, is public at once, and followers are told."),
            forms.PositionForm,
            _state,
            _("The position is recorded."),
        ),
        "resolve_position": Order(
            "resolve_position",
            _("Resolve a position"),
            _("Resolve"),
            _(
                "It stays visible. Resolve it when the record was corrected, or when it was looked at again and stands."
            ),
            forms.ResolveForm,
            _resolve,
            _("The position is resolved."),
            Position,
        ),
    }
)
