"""The staff's door to webhooks: register and change endpoints, give them orders, read what was sent and answered."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from commitments.models import Event
from commitments.spoken_dates import instant_in_words
from notifications import bouncing, call_bodies, endpoints
from notifications.admin import Newest, ReadOnly, is_administrator
from notifications.endpoint_forms import EndpointForm, RangeForm
from notifications.models import Bounce, Call, CallKind, DisabledWhy, Endpoint, EndpointState, Format, Try

if TYPE_CHECKING:
    EndpointPages = admin.ModelAdmin[Endpoint]
    CallPages = admin.ModelAdmin[Call]
    BouncePages = admin.ModelAdmin[Bounce]
    TryTable = admin.TabularInline[Try, Call]
else:
    EndpointPages = CallPages = BouncePages = admin.ModelAdmin
    TryTable = admin.TabularInline


ORDERS = {
    "ping": _("Send a test ping"),
    "rotate": _("Make a new secret"),
    "pause": _("Pause"),
    "enable": _("Enable"),
    "disable": _("Disable"),
    "range": _("Send a range of events"),
}
# So many of an endpoint's latest calls stand on its page of orders.
LATEST = 10
_STATES = {"pause": EndpointState.PAUSED, "enable": EndpointState.LIVE, "disable": EndpointState.DISABLED}


@admin.register(Endpoint)
class EndpointAdmin(ReadOnly, EndpointPages):
    """Endpoints. Adding and changing go through the verbs in endpoints.py."""

    form = EndpointForm
    change_form_template = "admin/notifications/endpoint/change_form.html"
    list_display = [
        "name",
        "format",
        "host",
        "accord",
        "state",
        "why",
        "failures",
        "failing_since",
        "served_at",
    ]
    list_filter = ["state", "format"]
    list_select_related = ["accord"]
    fieldsets = [
        (None, {"fields": ["name", "format", "url", "language", "at_once", "owner"]}),
        (
            _("What it hears of"),
            {"fields": ["accord", "section", "party", "topic", "commitment", "saved", "kinds"]},
        ),
        (
            _("How it behaves"),
            {
                "fields": [
                    "state",
                    "why",
                    "changed_at",
                    "failures",
                    "failing_since",
                    "rest_until",
                    "served_at",
                    "told",
                ]
            },
        ),
    ]
    readonly_fields = [
        "state", "why", "changed_at", "failures", "failing_since", "rest_until", "served_at", "told",
    ]  # fmt: skip
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:  # type: ignore[override]
        """Administrators."""
        return is_administrator(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Administrators."""
        return is_administrator(request)

    @admin.display(description=_("host"))
    def host(self, row: Endpoint) -> str:
        """Where it lives; the rest of an address may be a secret."""
        return row.url.split("/")[2]

    @admin.display(description=_("its owner"))
    def told(self, row: Endpoint) -> str:
        """Whether its owner knows that it was given up."""
        if row.state != EndpointState.DISABLED or row.why == DisabledWhy.STAFF:
            return "—"
        if not getattr(row.owner, "email", ""):
            return gettext("has no address, so nobody was told")
        if row.owner_told_at is None:
            return gettext("is told as soon as the mail server takes the mail")
        at = {"instant": instant_in_words(row.owner_told_at), "said": row.owner_said}
        if row.owner_said:
            return gettext("could not be told on %(instant)s: %(said)s") % at
        return gettext("was told on %(instant)s") % at

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Who registers an endpoint is told about it."""
        return {"owner": request.user.pk, **super().get_changeform_initial_data(request)}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Through the verbs."""
        if change:
            endpoints.change(obj, form.cleaned_data)
        else:
            row, request.fresh_secret = endpoints.register(form.cleaned_data)  # type: ignore[attr-defined]
            obj.pk, obj.uuid = row.pk, row.uuid

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Shows the secret, this once."""
        if request.fresh_secret:  # type: ignore[attr-defined]
            return self._show_secret(request, obj, request.fresh_secret)  # type: ignore[attr-defined]
        return super().response_add(request, obj, post_url_continue)

    def _show_secret(self, request: HttpRequest, endpoint: Endpoint, secret: str) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("The secret of “%(name)s”") % {"name": endpoint.name},
            "endpoint": endpoint,
            "secret": secret,
            "opts": self.opts,
        }
        answer = TemplateResponse(request, "admin/notifications/endpoint/secret.html", context)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def get_urls(self) -> list[URLPattern]:
        """The page of orders of one endpoint."""
        own = path(
            "<int:pk>/orders/",
            self.admin_site.admin_view(self.orders),
            name="notifications_endpoint_orders",
        )
        return [own, *super().get_urls()]

    def orders(self, request: HttpRequest, pk: int) -> HttpResponse:
        """GET shows what may be ordered, POST does it."""
        if not is_administrator(request):
            raise PermissionDenied
        endpoint = get_object_or_404(Endpoint, pk=pk)
        form = RangeForm()
        order = request.POST.get("order", "") if request.method == "POST" else ""
        if order == "range":
            form = RangeForm(request.POST)
            if form.is_valid() and (answer := self._send_range(request, endpoint, form)) is not None:
                return answer
        elif order:
            return self._carry_out(request, endpoint, order)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Orders for “%(name)s”") % {"name": endpoint.name},
            "endpoint": endpoint,
            "form": form,
            "orders": [(name, ORDERS[name]) for name in self._possible(endpoint)],
            "latest": _latest(endpoint),
            "opts": self.opts,
        }
        status = 400 if form.errors else 200
        return TemplateResponse(request, "admin/notifications/endpoint/orders.html", context, status=status)

    def _possible(self, endpoint: Endpoint) -> list[str]:
        found = ["ping"]
        if endpoint.format == Format.STANDARD:
            found.append("rotate")
        return found + [name for name, state in _STATES.items() if endpoint.state != state]

    def _carry_out(self, request: HttpRequest, endpoint: Endpoint, order: str) -> HttpResponse:
        page = reverse("admin:notifications_endpoint_orders", args=[endpoint.pk])
        if order not in self._possible(endpoint):
            self.message_user(request, _("This order cannot be given now."), messages.WARNING)
        elif order == "rotate":
            try:
                return self._show_secret(request, endpoint, endpoints.rotate(endpoint))
            except endpoints.Refusal as error:
                self.message_user(request, " ".join(error.messages), messages.ERROR)
        elif order == "ping":
            endpoints.ping(endpoint)
            self.message_user(request, _("A test is on its way; its answer appears below."), messages.SUCCESS)
        else:
            endpoints.set_state(endpoint, _STATES[order])
            self.message_user(request, _("Done."), messages.SUCCESS)
        return HttpResponseRedirect(page)

    def _send_range(self, request: HttpRequest, endpoint: Endpoint, form: RangeForm) -> HttpResponse | None:
        try:
            done = endpoints.send_range(endpoint, form.cleaned_data["first"], form.cleaned_data["last"])
        except endpoints.Refusal as error:
            for name, said in error.message_dict.items():
                form.add_error(name, said)
            return None
        self.message_user(
            request,
            ngettext("%(count)d delivery waits again.", "%(count)d deliveries wait again.", done)
            % {"count": done},
            messages.SUCCESS if done else messages.WARNING,
        )
        return HttpResponseRedirect(reverse("admin:notifications_endpoint_orders", args=[endpoint.pk]))


def _latest(endpoint: Endpoint) -> list[tuple[Call, str]]:
    """The latest calls of an endpoint, each with what became of its last attempt, in words."""
    rows = list(endpoint.calls.order_by("-created_at")[:LATEST])
    tries = Try.objects.filter(call__in=rows).order_by("call_id", "-id").distinct("call_id")
    last = {it.call_id: it for it in tries}
    return [(row, _what_came(last[row.pk]) if row.pk in last else "") for row in rows]


def _what_came(last: Try) -> str:
    """The status that was answered, or why there was no answer."""
    return f"HTTP {last.code}" if last.code else endpoints.explain(last.error) if last.error else ""


@admin.register(Bounce)
class BounceAdmin(ReadOnly, BouncePages):
    """Mails that came back, and the addresses that are suppressed for it (masked)."""

    list_display = ["at", "address", "is_hard", "about", "code", "way"]
    list_filter = ["is_hard", "about", "way"]
    list_select_related = ["subscriber"]
    fields = ["at", "address", "is_hard", "about", "code", "way", "delivery"]
    readonly_fields = ["address"]
    actions = ["allow_again"]
    ordering = ["-id"]
    paginator = Newest
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    change_list_template = "admin/notifications/newest_of_readers.html"

    @admin.display(description=_("address"))
    def address(self, row: Bounce) -> str:
        """The address, masked, and what stands about it."""
        return f"{row.subscriber} ({row.subscriber.get_state_display()})"

    def has_allow_again_permission(self, request: HttpRequest) -> bool:
        """Who may press the button."""
        return is_administrator(request)

    @admin.action(description=_("Let these addresses sign up again"), permissions=["allow_again"])
    def allow_again(self, request: HttpRequest, chosen: QuerySet[Bounce]) -> None:
        """Forgets the bounces; the owner of the address must confirm anew before anything is written to it."""
        done = bouncing.forgive(list(chosen.values_list("subscriber", flat=True)))
        self.message_user(
            request,
            ngettext("%(count)d address may sign up again.", "%(count)d addresses may sign up again.", done)
            % {"count": done},
            messages.SUCCESS if done else messages.WARNING,
        )


class TryInline(ReadOnly, TryTable):
    """The attempts at one call: what went out, what came back, how long it took."""

    model = Try
    fields = [
        "at",
        "outcome",
        "code",
        "reason",
        "milliseconds",
        "host",
        "request_headers",
        "answer_headers",
        "answer",
    ]
    readonly_fields = ["reason"]
    extra = 0

    @admin.display(description=_("why there was no answer"))
    def reason(self, row: Try) -> str:
        """In words."""
        return endpoints.explain(row.error) if row.error else "—"


@admin.register(Call)
class CallAdmin(ReadOnly, CallPages):
    """The delivery log of webhooks."""

    list_display = [
        "id", "endpoint", "kind", "number", "state", "created_at", "next_attempt_at", "attempts", "crashes", "settled_at",
    ]  # fmt: skip
    list_filter = ["state", "kind", "endpoint"]
    list_select_related = ["endpoint"]
    fields = [
        "id", "endpoint", "kind", "number", "state", "created_at", "next_attempt_at", "attempts", "crashes", "settled_at",
        "body",
    ]  # fmt: skip
    readonly_fields = ["body"]
    inlines = [TryInline]
    actions = ["send_again"]
    # The index `call_newest`, from its end.
    ordering = ["-created_at", "-id"]
    paginator = Newest
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    change_list_template = "admin/notifications/newest.html"

    @admin.display(description=_("request"))
    def body(self, row: Call) -> str:
        """The body as it would be sent now, and whether the last attempt sent the same."""
        if row.kind == CallKind.PING:
            return "ping"
        event = Event.objects.filter(pk=row.number or 0).select_related("accord", "commitment").first()
        if event is None:
            return "—"
        try:
            made = call_bodies.of_event(event, row.endpoint.format, row.endpoint.language)
        except Exception as error:  # noqa: BLE001  (the call lies here because of it; the page must say so)
            return f"— ({_('It cannot be written: %(error)s.') % {'error': type(error).__name__}})"
        last = row.tries.exclude(request_digest="").order_by("-id").first()
        if last is not None and last.request_digest != hashlib.sha256(made).hexdigest():
            return f"{made.decode()}\n\n({_('The last attempt sent another text: the event reads differently now.')})"
        return made.decode()

    def has_send_again_permission(self, request: HttpRequest) -> bool:
        """Who may press the button."""
        return is_administrator(request)

    @admin.action(description=_("Send again"), permissions=["send_again"])
    def send_again(self, request: HttpRequest, chosen: QuerySet[Call]) -> None:
        """Lets calls that are over, or wait, go out now, with the same webhook-id."""
        try:
            done = endpoints.send_again(list(chosen.values_list("pk", flat=True)))
        except endpoints.Refusal as error:
            self.message_user(request, " ".join(error.messages), messages.ERROR)
            return
        self.message_user(
            request,
            ngettext("%(count)d delivery waits again.", "%(count)d deliveries wait again.", done)
            % {"count": done},
            messages.SUCCESS if done else messages.WARNING,
        )
