"""The views that suspend an accord and let it go on; each order is a durable transaction of its own."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from psycopg.errors import DeadlockDetected, LockNotAvailable

from commitments import operations
from commitments.actors import Actor
from commitments.forms.suspending import AccordForm, ResumeAccordForm, SuspendForm
from commitments.models import Accord
from commitments.refusals import NotAllowed, Refused


class AccordOrderView(View):
    """Shows and takes the form of one order about an accord."""

    http_method_names = ["get", "post", "head"]
    model_admin: Any = None
    form: type[AccordForm]
    title: Any
    button: Any
    explains: Any
    done: Any
    is_grave = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Finds the accord, and whether this person may stop its clocks."""
        if kwargs["pk"] > 2**62:
            raise Http404
        self.accord: Accord = get_object_or_404(self.model_admin.get_queryset(request), pk=kwargs["pk"])
        self.actor = Actor.of(request.user)
        if not self.actor.may("pause", self.accord):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The empty form."""
        return self.page(request, self.form(self.accord))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Gives the order; what the verb refuses stands beside its field, and nothing has changed."""
        form = self.form(self.accord, data=request.POST)
        if not form.is_valid():
            return self.page(request, form)
        try:
            self.give(form.cleaned_data)
        except NotAllowed as refusal:
            raise PermissionDenied(str(refusal)) from None
        except Refused as refusal:
            form.show(refusal.problems)
            return self.page(request, form)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
                raise
            busy = _(
                "Somebody else is changing %(code)s at this moment. Nothing was changed; please try again in "
                "a few seconds."
            )
            form.add_error(None, busy % {"code": self.accord.code})
            return self.page(request, form, status=409)
        messages.success(request, str(self.done))
        return HttpResponseRedirect(reverse("admin:commitments_accord_changelist"))

    def give(self, given: dict[str, Any]) -> None:
        """Hands the order to its verb."""
        raise NotImplementedError

    def page(self, request: HttpRequest, form: AccordForm, status: int = 200) -> HttpResponse:
        """The page of the order."""
        return TemplateResponse(
            request,
            "admin/commitments/register.html",
            {
                **self.model_admin.admin_site.each_context(request),
                "opts": self.model_admin.opts,
                "title": self.title,
                "order": self,
                "accord": self.accord,
                "form": form,
                "way_back": reverse("admin:commitments_accord_changelist"),
            },
            status=status,
        )


class SuspendView(AccordOrderView):
    """Stops the clocks of a whole accord."""

    form = SuspendForm
    title = gettext_lazy("Suspend the accord")
    button = gettext_lazy("Suspend")
    explains = gettext_lazy(
        "Every open commitment is paused: no date passes, and no reminder of one goes, until the accord is resumed."
    )
    done = gettext_lazy("The accord is suspended.")
    is_grave = True

    def give(self, given: dict[str, Any]) -> None:
        """Suspends it."""
        order = operations.NewSuspension(
            self.accord.code, given["from_on"], given["reason"], given["until_on"], given["source"] or None
        )
        operations.suspend_accords([order], actor=self.actor)


class ResumeView(AccordOrderView):
    """Lets the clocks of a whole accord run again."""

    form = ResumeAccordForm
    title = gettext_lazy("Let the accord go on")
    button = gettext_lazy("Resume")
    explains = gettext_lazy(
        "The pauses that the suspension made end; those that a commitment had of its own stay as they are."
    )
    done = gettext_lazy("The end of the suspension is recorded.")

    def give(self, given: dict[str, Any]) -> None:
        """Resumes it."""
        operations.resume_accords(
            {self.accord.code: given["until_on"]},
            actor=self.actor,
            why=given["why"],
            shifts_dates=given["shifts_dates"],
            source=given["source"] or None,
        )
