"""Orders on judgements."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _t

from commitments import forms, operations
from commitments.actors import Actor
from commitments.admin.orders.base import Order, named
from commitments.forms import OrderForm
from commitments.models import Assessment, Commitment


def _draft(form: forms.DraftForm, row: Commitment, target: None, actor: Actor, version: int) -> None:
    give = operations.draft_assessments if form.cleaned_data["keep"] else operations.draft_and_submit
    give([form.order()], actor=actor, version=version)


def _submit(form: OrderForm, row: Commitment, target: Assessment, actor: Actor, version: int) -> None:
    operations.submit_assessments([target.code], actor=actor, version=version)


def _revise(form: forms.ReviseForm, row: Commitment, target: Assessment, actor: Actor, version: int) -> None:
    operations.revise_assessments({target.code: form.order()}, actor=actor, version=version)
    if not form.cleaned_data["keep"]:
        operations.submit_assessments([target.code], actor=actor)


def _request_changes(
    form: OrderForm, row: Commitment, target: Assessment, actor: Actor, version: int
) -> None:
    operations.request_changes([target.code], actor=actor, why=form.cleaned_data["why"], version=version)


def _plan(form: OrderForm, row: Commitment, target: Assessment, actor: Actor, version: int) -> None:
    operations.plan_publication([target.code], actor=actor, at=form.cleaned_data["at"], version=version)


def _notice(form: OrderForm, row: Commitment, target: Assessment, actor: Actor, version: int) -> None:
    given = form.cleaned_data
    operations.give_notice(
        [target.code], actor=actor, to=given["to"], reply_by=given["reply_by"], version=version
    )


def _reply(form: OrderForm, row: Commitment, target: Assessment, actor: Actor, version: int) -> None:
    operations.record_reply([target.code], actor=actor, reply=form.cleaned_data["reply"], version=version)


def _publish(form: OrderForm, row: Commitment, target: Assessment, actor: Actor, version: int) -> None:
    operations.publish_assessments([target.code], actor=actor, version=version)


def _reject(form: OrderForm, row: Commitment, target: Assessment, actor: Actor, version: int) -> None:
    operations.reject_assessments([target.code], actor=actor, why=form.cleaned_data["why"], version=version)


def _retract(form: OrderForm, row: Commitment, target: Assessment, actor: Actor, version: int) -> None:
    operations.retract_assessments([target.code], actor=actor, why=form.cleaned_data["why"], version=version)


ORDERS = named(
    {
        "draft": Order(
            "draft",
            _t("Draft a status"),
            _t("Keep this judgement"),
            _t("It is not public yet: somebody who may publish looks at it next."),
            forms.DraftForm,
            _draft,
            _t("Kept. It is not public yet."),
        ),
        "submit": Order(
            "draft",
            _t("Submit a draft"),
            _t("Submit"),
            _t("It goes to somebody who may publish it."),
            forms.NothingForm,
            _submit,
            _t("Submitted. It waits for somebody who may publish it."),
            Assessment,
        ),
        "revise": Order(
            "draft",
            _t("Rewrite a draft"),
            _t("Keep this judgement"),
            _t("What you write replaces what it said before; none of it is public."),
            forms.ReviseForm,
            _revise,
            _t("Rewritten. It is not public yet."),
            Assessment,
        ),
        "request_changes": Order(
            "review",
            _t("Ask for changes"),
            _t("Give it back"),
            _t("It goes back to its author with what you write; nothing of it is public."),
            forms.RequestChangesForm,
            _request_changes,
            _t("It is back with its author."),
            Assessment,
        ),
        "plan": Order(
            "publish",
            _t("Plan the publication"),
            _t("Approve and plan"),
            _t("You approve it now, and it becomes public at the instant that you name."),
            forms.PlanForm,
            _plan,
            _t("Approved. It becomes public at its time."),
            Assessment,
        ),
        "give_notice": Order(
            "review",
            _t("Note that a party was given notice"),
            _t("Note"),
            _t(
                "Before a judgement against a party it can be told and given time to reply; it is not public before."
            ),
            forms.NoticeForm,
            _notice,
            _t("The notice is on record."),
            Assessment,
        ),
        "record_reply": Order(
            "review",
            _t("Record a reply"),
            _t("Record"),
            _t("The reviewer reads it before deciding."),
            forms.ReplyForm,
            _reply,
            _t("The reply is on record."),
            Assessment,
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
            forms.RejectForm,
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
