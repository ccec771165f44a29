"""One view per verb: it shows the form of the order, hands it to the verb, and shows what the verb refuses.

Not inside a transaction: a verb is one durable transaction of its own.
"""

from __future__ import annotations

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
from django.views import View
from psycopg.errors import DeadlockDetected, LockNotAvailable

from commitments.actors import Actor
from commitments.admin.orders import Order
from commitments.admin.rehearsing import Preview, rehearse
from commitments.announcing import audience
from commitments.forms import OrderForm
from commitments.models import Assessment, Commitment, Event
from commitments.refusals import NotAllowed, Refused, Stale
from commitments.sentences import facts_of, sentence
from commitments.words import Status


class VerbView(View):
    """Shows and takes the form of one order."""

    http_method_names = ["get", "post", "head"]
    # The form, its words and the verb behind it; as_view gives it to each address.
    order: Order = None  # type: ignore[assignment]
    model_admin: Any = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Finds the commitment and what the order is about, and whether this person may give it."""
        rows = self.model_admin.get_queryset(request).select_related("accord")
        if kwargs["pk"] > 2**62 or kwargs.get("number", 0) > (32767 if self.order.by == "number" else 2**62):
            raise Http404
        self.commitment: Commitment = get_object_or_404(rows, pk=kwargs["pk"])
        self.actor = Actor.of(request.user)
        if not self.actor.may(self.order.verb, self.commitment.accord):
            raise PermissionDenied
        self.target: Any = None
        if self.order.of is not None:
            self.target = get_object_or_404(
                self.order.of._default_manager,
                commitment=self.commitment,
                **{self.order.by: kwargs["number"]},
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
