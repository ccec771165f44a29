"""What staff see of the post room: who follows (addresses masked), what is owed, how each try ended. Nothing is edited
here; the one button sends again what was refused or put into quarantine."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from commitments.models import Membership
from commitments.words import StaffRole
from notifications import outbox
from notifications.models import Attempt, Delivery, Line, Subscriber, Subscription
from notifications.pages import masked

if TYPE_CHECKING:
    SubscriptionTable = admin.TabularInline[Subscription, Subscriber]
    AttemptTable = admin.TabularInline[Attempt, Delivery]
    SubscriberPages = admin.ModelAdmin[Subscriber]
    DeliveryPages = admin.ModelAdmin[Delivery]
    LinePages = admin.ModelAdmin[Line]
else:
    SubscriptionTable = AttemptTable = admin.TabularInline
    SubscriberPages = DeliveryPages = LinePages = admin.ModelAdmin


def is_administrator(request: HttpRequest) -> bool:
    """Whether this member of staff is an administrator for every accord: readers follow across accords."""
    user = request.user
    if not user.is_active or not user.is_staff:
        return False
    if user.is_superuser:
        return True
    everywhere = Membership.objects.filter(user_id=user.pk, accord=None, role=StaffRole.ADMINISTRATOR)
    return everywhere.exists()


class ReadOnly:
    """Mixed into the admins of the post room: looking is for administrators, changing for nobody."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the post room stands on the index."""
        return is_administrator(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Administrators only."""
        return is_administrator(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: people erase themselves, prune removes the rest."""
        return False


class SubscriptionInline(ReadOnly, SubscriptionTable):
    """What one subscriber follows."""

    model = Subscription
    fields = ["scope", "rhythm", "kinds", "asked_at", "confirmed_at", "paused_at", "ended_at"]
    readonly_fields = ["scope"]
    extra = 0


@admin.register(Subscriber)
class SubscriberAdmin(ReadOnly, SubscriberPages):
    """Subscribers, without whole addresses."""

    list_display = ["uuid", "address", "language", "state", "created_at"]
    list_filter = ["state", "language"]
    fields = ["uuid", "address", "language", "zone", "hour", "weekday", "state", "created_at", "changed_at"]
    readonly_fields = ["address"]
    inlines = [SubscriptionInline]
    show_full_result_count = False

    @admin.display(description=_("address"))
    def address(self, row: Subscriber) -> str:
        """The address, masked."""
        return masked(row.email)


class AttemptInline(ReadOnly, AttemptTable):
    """The tries of one delivery."""

    model = Attempt
    fields = ["at", "outcome", "code", "reply"]
    extra = 0


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly, DeliveryPages):
    """Deliveries with their tries."""

    list_display = [
        "id",
        "kind",
        "state",
        "why",
        "created_at",
        "next_attempt_at",
        "attempts",
        "crashes",
        "settled_at",
    ]
    list_filter = ["state", "kind", "why"]
    fields = [
        "id",
        "kind",
        "state",
        "why",
        "events",
        "created_at",
        "next_attempt_at",
        "lease_until",
        "started_at",
        "settled_at",
        "attempts",
        "crashes",
    ]
    readonly_fields = ["events"]
    inlines = [AttemptInline]
    actions = ["send_again"]
    show_full_result_count = False
    date_hierarchy = "created_at"
    change_form_template = "admin/notifications/delivery/change_form.html"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """One delivery, with the way to its mail."""
        found = (
            Delivery.objects.filter(pk=object_id).select_related("subscriber").first()
            if _is_uuid(object_id)
            else None
        )
        context = {
            **(extra_context or {}),
            "preview_name": f"delivery-{object_id}",
            "preview_language": found.subscriber.language if found and found.subscriber else "en",
        }
        return super().change_view(request, object_id, form_url, context)

    @admin.display(description=_("events"))
    def events(self, row: Delivery) -> str:
        """The numbers of the events it tells of."""
        numbers = row.notices.order_by("number").values_list("number", flat=True)
        return ", ".join(str(number) for number in numbers) or "—"

    def has_send_again_permission(self, request: HttpRequest) -> bool:
        """Who may press the button."""
        return is_administrator(request)

    @admin.action(description=_("Send again"), permissions=["send_again"])
    def send_again(self, request: HttpRequest, chosen: QuerySet[Delivery]) -> None:
        """Puts refused and quarantined deliveries back into the queue."""
        keys = list(chosen.values_list("pk", flat=True))
        done = outbox.send_again(keys)
        left = len(keys) - done
        self.message_user(
            request,
            ngettext("%(count)d delivery waits again.", "%(count)d deliveries wait again.", done)
            % {"count": done},
            messages.SUCCESS if done else messages.WARNING,
        )
        if left:
            self.message_user(
                request,
                ngettext(
                    "%(count)d is left as it is. Only what was refused or put into quarantine, and whose address is "
                    "still known, is sent again; of the questions about one subscription only the newest, and none "
                    "while another is on its way.",
                    "%(count)d are left as they are. Only what was refused or put into quarantine, and whose address "
                    "is still known, is sent again; of the questions about one subscription only the newest, and none "
                    "while another is on its way.",
                    left,
                )
                % {"count": left},
                messages.INFO,
            )


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


@admin.register(Line)
class LineAdmin(ReadOnly, LinePages):
    """Whether the mail server can be reached."""

    list_display = ["name", "down_since", "tries", "try_again_at", "said"]


# The webhooks' pages stand in a file of their own; importing it enters them.
from notifications import endpoint_admin, mail_admin  # noqa: E402, F401
