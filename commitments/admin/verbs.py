"""One view per verb: it shows the form of the order, hands it to the verb, and shows what the verb refuses.

Not inside a transaction: a verb is one durable transaction of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from psycopg.errors import DeadlockDetected, LockNotAvailable

from commitments import forms, operations
from commitments.actors import Actor
from commitments.admin.rehearsing import Preview, rehearse
from commitments.announcing import audience
from commitments.forms import OrderForm
from commitments.models import Assessment, Commitment, Deadline, Event, Evidence
from commitments.refusals import NotAllowed, Refused, Stale
from commitments.sentences import facts_of, sentence
from commitments.words import Status


@dataclass(frozen=True, slots=True)
class Order:
    """A verb as the admin offers it."""

    verb: str
    title: Any
    button: Any
    explains: Any
    form: type[OrderForm]
    give: Callable[[Any, Commitment, Any, Actor, int], Any]
    done: Any
    of: type[Assessment] | type[Deadline] | type[Evidence] | None = None
    is_grave: bool = False
    is_preview: bool = False
    path: str = ""

    def at(self, name: str) -> Order:
        """The same with its address, which is made of its name and of what it acts on."""
        where = f"<int:pk>/{name.replace('_', '-')}/" + ("<int:number>/" if self.of else "")
        return replace(self, path=where)


def _draft(form: forms.DraftForm, row: Commitment, target: None, actor: Actor, version: int) -> None:
    operations.draft_assessments([form.order()], actor=actor, version=version)


def _publish(form: OrderForm, row: Commitment, target: Assessment, actor: Actor, version: int) -> None:
    operations.publish_assessments([target.code], actor=actor, version=version)


def _reject(form: OrderForm, row: Commitment, target: Assessment, actor: Actor, version: int) -> None:
    operations.reject_assessments([target.code], actor=actor, version=version)


def _retract(form: OrderForm, row: Commitment, target: Assessment, actor: Actor, version: int) -> None:
    operations.retract_assessments([target.code], actor=actor, why=form.cleaned_data["why"], version=version)


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


def _attach(form: forms.AttachForm, row: Commitment, target: None, actor: Actor, version: int) -> None:
    operations.attach_evidence([form.order()], actor=actor, version=version)


def _withdraw(form: OrderForm, row: Commitment, target: Evidence, actor: Actor, version: int) -> None:
    operations.withdraw_evidence([target.code], actor=actor, why=form.cleaned_data["why"], version=version)


def _correct(form: forms.CorrectForm, row: Commitment, target: None, actor: Actor, version: int) -> None:
    operations.correct_commitments(
        {row.code: form.changes()}, actor=actor, why=form.cleaned_data["why"], version=version
    )


_t = gettext_lazy
ORDERS: dict[str, Order] = {
    name: order.at(name)
    for name, order in {
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
        "attach_evidence": Order(
            "attach_evidence",
            _t("Attach evidence"),
            _t("Attach"),
            _t("It is public at once, and followers are told."),
            forms.AttachForm,
            _attach,
            _t("The evidence is attached."),
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
        "correct": Order(
            "correct",
            _t("Correct the wording"),
            _t("Correct"),
            _t("For the words of this entry, not for what was promised or where it stands."),
            forms.CorrectForm,
            _correct,
            _t("The wording is corrected."),
        ),
    }.items()
}


class VerbView(View):
    """Shows and takes the form of one order."""

    http_method_names = ["get", "post", "head"]
    # The form, its words and the verb behind it; as_view gives it to each address.
    order: Order = None  # type: ignore[assignment]
    model_admin: Any = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Finds the commitment and what the order is about, and whether this person may give it."""
        rows = self.model_admin.get_queryset(request).select_related("accord")
        if kwargs["pk"] > 2**62 or kwargs.get("number", 0) > 32767:
            raise Http404
        self.commitment: Commitment = get_object_or_404(rows, pk=kwargs["pk"])
        self.actor = Actor.of(request.user)
        if not self.actor.may(self.order.verb, self.commitment.accord):
            raise PermissionDenied
        self.target: Any = None
        if self.order.of is not None:
            self.target = get_object_or_404(
                self.order.of._default_manager, commitment=self.commitment, number=kwargs["number"]
            )
            self.target.commitment = self.commitment
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The empty form, and for a publication what would happen."""
        return self.page(request, self.order.form(self.commitment, self.target))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Gives the order; what the verb refuses stands beside its field, and nothing has changed."""
        form = self.order.form(self.commitment, self.target, data=request.POST)
        if not form.is_valid():
            return self.page(request, form)
        version = form.cleaned_data["version"]
        try:
            self.order.give(form, self.commitment, self.target, self.actor, version)
        except NotAllowed as refusal:
            raise PermissionDenied(str(refusal)) from None
        except Stale as refusal:
            return self.stale(request, form, refusal)
        except Refused as refusal:
            form.show(refusal.problems)
            return self.page(request, form)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
                raise
            form.add_error(
                None,
                _(
                    "Somebody else is changing %(code)s at this moment. Nothing was changed; please try again in "
                    "a few seconds."
                )
                % {"code": self.commitment.code},
            )
            return self.page(request, form, status=409)
        messages.success(request, str(self.order.done))
        return HttpResponseRedirect(self.way_back())

    def stale(self, request: HttpRequest, form: OrderForm, refusal: Stale) -> HttpResponse:
        """Both values side by side; the form keeps what was typed and now speaks of the version that stands."""
        form.show(refusal.problems)
        opened = form.cleaned_data.get("version")
        self.commitment = get_object_or_404(self.model_admin.get_queryset(request), pk=self.commitment.pk)
        form.data = form.data.copy()  # type: ignore[attr-defined]
        form.data["version"] = str(self.commitment.version)  # type: ignore[index]
        yours = form.cleaned_data.get("status")
        since = Event.objects.filter(commitment=self.commitment).order_by("-seq")[:3]
        return self.page(
            request,
            form,
            status=409,
            stale={
                "opened": opened,
                "now": self.commitment.version,
                "yours": Status(yours).label if yours in Status.values else "",
                "theirs": self.commitment.get_status_display(),
                "since": [(event, sentence(event.kind, facts_of(event.body))) for event in since],
            },
        )

    def way_back(self) -> str:
        """The page of the commitment."""
        return reverse("admin:commitments_commitment_change", args=[self.commitment.pk])

    def page(self, request: HttpRequest, form: OrderForm, status: int = 200, **more: Any) -> HttpResponse:
        """The page of the order."""
        preview = self.preview() if self.order.is_preview else None
        return TemplateResponse(
            request,
            "admin/commitments/order.html",
            {
                **self.model_admin.admin_site.each_context(request),
                "opts": self.model_admin.opts,
                "title": self.order.title,
                "order": self.order,
                "commitment": self.commitment,
                "target": self.target,
                "assessment": self.target if self.order.of is Assessment else None,
                "form": form,
                "way_back": self.way_back(),
                "preview": preview,
                "audience": audience(self.commitment) if preview else None,
                **more,
            },
            status=status,
        )

    def preview(self) -> Preview:
        """What publishing would do now."""
        try:
            return rehearse(self.target, actor=self.actor, now=timezone.now())
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
                raise
            return Preview()
