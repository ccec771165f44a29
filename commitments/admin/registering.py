"""The view that registers a commitment of an accord; like every verb a durable transaction of its own."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View

from commitments import operations
from commitments.actors import Actor
from commitments.forms.registering import RegisterForm
from commitments.models import Accord
from commitments.refusals import NotAllowed, Refused


class Registration:
    """The words of this order."""

    title: Any = gettext_lazy("Register a commitment")
    button: Any = gettext_lazy("Register")
    explains: Any = gettext_lazy("It is public at once. Its words can be corrected later, what it is cannot.")
    is_grave: bool = False


class RegisterView(View):
    """Shows and takes the form."""

    http_method_names = ["get", "post", "head"]
    model_admin: Any = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Finds the accord, and whether this person may register in it."""
        if kwargs["pk"] > 2**62:
            raise Http404
        self.accord: Accord = get_object_or_404(self.model_admin.get_queryset(request), pk=kwargs["pk"])
        self.actor = Actor.of(request.user)
        if not self.actor.may("register", self.accord):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The empty form."""
        return self.page(request, RegisterForm(self.accord))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Registers it; what the verb refuses stands beside its field, and nothing has changed."""
        form = RegisterForm(self.accord, data=request.POST)
        if not form.is_valid():
            return self.page(request, form)
        try:
            (row,) = operations.register_commitments(self.accord, [form.order()], actor=self.actor)
        except NotAllowed as refusal:
            raise PermissionDenied(str(refusal)) from None
        except Refused as refusal:
            form.show(refusal.problems)
            return self.page(request, form)
        messages.success(request, _("%(code)s is registered.") % {"code": row.code})
        return HttpResponseRedirect(reverse("admin:commitments_commitment_change", args=[row.pk]))

    def page(self, request: HttpRequest, form: RegisterForm) -> HttpResponse:
        """The page of the order."""
        order = Registration()
        return TemplateResponse(
            request,
            "admin/commitments/register.html",
            {
                **self.model_admin.admin_site.each_context(request),
                "opts": self.model_admin.opts,
                "title": order.title,
                "order": order,
                "accord": self.accord,
                "form": form,
                "way_back": reverse("admin:commitments_accord_changelist"),
            },
        )
