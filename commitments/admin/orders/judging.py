"""Orders on judgements."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

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
            _("Draft a status"),
            _("Keep this judgement"),
            _("It is not public yet: somebody who may publish looks at it next."),
            forms.DraftForm,
            _draft,
            _("Kept. It is not public yet."),
        ),
        "submit": Order(
            "draft",
            _("Submit a draft"),
            _("Submit"),
            _("It goes to somebody who may publish it."),
            forms.NothingForm,
            _submit,
            _("Submitted. It waits for somebody who may publish it."),
            Assessment,
        ),
        "revise": Order(
            "draft",
            _("Rewrite a draft"),
            _("Keep this judgement"),
            _("What you write replaces what it said before; none of it is public."),
            forms.ReviseForm,
            _revise,
            _("Rewritten. It is not public yet."),
            Assessment,
        ),
        "request_changes": Order(
            "review",
            _("Ask for changes"),
            _("Give it back"),
            _("It goes back to its author with what you write; nothing of it is public."),
            forms.RequestChangesForm,
            _request_changes,
            _("It is back with its author."),
            Assessment,
        ),
        "plan": Order(
            "publish",
            _("Plan the publication"),
            _("Approve and plan"),
            _("You approve it now, and it becomes public at the instant that you name."),
            forms.PlanForm,
            _plan,
            _("Approved. It becomes public at its time."),
            Assessment,
        ),
        "give_notice": Order(
            "review",
            _("Note that a party was given notice"),
            _("Note"),
            _(
                "Before a judgement against a party it can be told and given time to reply; it is not public before."
            ),
            forms.NoticeForm,
            _notice,
            _("The notice is on record."),
            Assessment,
        ),
        "record_reply": Order(
            "review",
            _("Record a reply"),
            _("Record"),
            _("The reviewer reads it before deciding."),
            forms.ReplyForm,
            _reply,
            _("The reply is on record."),
            Assessment,
        ),
        "publish": Order(
            "publish",
            _("Publish a status"),
            _("Publish"),
            _("What is published stays in the log for ever; a mistake can be retracted, never removed."),
            forms.NothingForm,
            _publish,
            _("Published."),
            Assessment,
            is_preview=True,
        ),
        "reject": Order(
            "reject",
            _("Reject a draft"),
            _("Reject"),
            _("A rejected draft stays with the staff and is never public."),
            forms.RejectForm,
            _reject,
            _("The draft is rejected."),
            Assessment,
            is_grave=True,
        ),
        "retract": Order(
            "retract",
            _("Retract a published status"),
            _("Retract"),
            _("It stays visible as retracted, with your reason; what it closed is open again."),
            forms.WhyForm,
            _retract,
            _("Retracted."),
            Assessment,
            is_grave=True,
        ),
    }
)
