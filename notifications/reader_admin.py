"""What staff see of a reader: what they follow, what was sent or not and why, what came back. An address is looked for by
a form that is posted: it stands in no address of a page, so in no log, and no page shows it whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from notifications import scopes
from notifications.admin import Newest, ReadOnly
from notifications.models import Attempt, Delivery, Subscriber, Subscription

if TYPE_CHECKING:
    SubscriptionTable = admin.TabularInline[Subscription, Subscriber]
    SubscriberPages = admin.ModelAdmin[Subscriber]
else:
    SubscriptionTable = admin.TabularInline
    SubscriberPages = admin.ModelAdmin

# So many of a reader's latest mails and bounces stand on their page.
LATEST = 20


class SubscriptionInline(ReadOnly, SubscriptionTable):
    """What one subscriber follows."""

    model = Subscription
    fields = ["followed", "rhythm", "kinds", "asked_at", "confirmed_at", "paused_at", "ended_at"]
    readonly_fields = ["followed"]
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscription]:
        """With all that names what is followed."""
        return scopes.with_targets(super().get_queryset(request))

    @admin.display(description=_("what is followed"))
    def followed(self, row: Subscription) -> str:
        """What the mails call it, as a link to its page. What a stranger typed is named when the reader has confirmed."""
        told = scopes.named(scopes.target_of(row), is_asked_for=row.confirmed_at is not None)
        of = told["accord"] if told["accord"] != told["title"] else ""
        return format_html('<a href="{}">{}</a>{}', told["page"], told["title"], f" ({of})" if of else "")


@admin.register(Subscriber)
class SubscriberAdmin(ReadOnly, SubscriberPages):
    """Subscribers, without whole addresses."""

    list_display = ["address", "language", "state", "created_at"]
    list_filter = ["state", "language"]
    fields = ["uuid", "address", "language", "zone", "hour", "weekday", "state", "created_at", "changed_at"]
    readonly_fields = ["address"]
    inlines = [SubscriptionInline]
    ordering = ["-id"]
    paginator = Newest
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    change_form_template = "admin/notifications/subscriber/change_form.html"
    change_list_template = "admin/notifications/newest_of_readers.html"

    @admin.display(description=_("address"))
    def address(self, row: Subscriber) -> str:
        """The address, masked."""
        return str(row)

    def get_urls(self) -> list[URLPattern]:
        """The list, and the way to one reader."""
        own = path("find/", self.admin_site.admin_view(self.find), name="notifications_subscriber_find")
        return [own, *super().get_urls()]

    @method_decorator([require_POST, sensitive_post_parameters("address")])
    def find(self, request: HttpRequest) -> HttpResponse:
        """POST with a whole address leads to its reader."""
        if not self.has_view_permission(request):
            raise Http404
        asked = request.POST.get("address", "").strip().lower()
        found = Subscriber.objects.filter(email=asked).first() if asked and "\0" not in asked else None
        if found is not None:
            page = reverse("admin:notifications_subscriber_change", args=[found.pk])
        else:
            page = reverse("admin:notifications_subscriber_changelist")
            said = _(
                "No reader has this address: it never asked, did not confirm in time, was erased, or follows nothing."
            )
            self.message_user(request, said, messages.WARNING)
        return HttpResponseRedirect(page)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """One reader, with their latest mails and what came back."""
        context = {**(extra_context or {}), "latest": LATEST}
        is_key = object_id.isascii() and object_id.isdecimal() and len(object_id) < 19
        if self.has_view_permission(request) and is_key:
            context["deliveries"] = _latest(int(object_id))
            reader = Subscriber.objects.filter(pk=int(object_id)).first()
            context["bounces"] = list(reader.bounces.order_by("-id")[:LATEST]) if reader else []
        return super().change_view(request, object_id, form_url, context)


def _latest(reader: int) -> list[tuple[Delivery, Attempt | None]]:
    """The reader's latest mails, each with its last attempt: two questions, however many there are."""
    rows = list(Delivery.objects.filter(subscriber=reader).order_by("-created_at", "-id")[:LATEST])
    tries = Attempt.objects.filter(delivery__in=rows).order_by("delivery_id", "-id").distinct("delivery_id")
    last = {it.delivery_id: it for it in tries}
    return [(row, last.get(row.pk)) for row in rows]
