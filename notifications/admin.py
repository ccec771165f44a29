"""What staff see of the post room: what is owed to whom (addresses masked), how each try ended. Nothing is edited here;
the one button sends again what was refused or put into quarantine."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from commitments.models import Event, Membership
from commitments.words import StaffRole
from notifications import outbox
from notifications.models import Attempt, Delivery, Line, Notice, Outcome, Reminder, State, Subscriber

if TYPE_CHECKING:
    AttemptTable = admin.TabularInline[Attempt, Delivery]
    NumberedPages = Paginator[Model]
    AttemptPages = admin.ModelAdmin[Attempt]
    DeliveryPages = admin.ModelAdmin[Delivery]
    LinePages = admin.ModelAdmin[Line]
else:
    AttemptTable = admin.TabularInline
    NumberedPages = Paginator
    AttemptPages = DeliveryPages = LinePages = admin.ModelAdmin

# So many things that a mail tells stand on its page.
NAMED = 50
# Nobody turns more pages than these rows fill; to count all the others takes seconds when there are millions.
COUNTED = 10_000


class Newest(NumberedPages):
    """Pages of the first rows of a list."""

    most = COUNTED

    @cached_property
    def count(self) -> int:
        """How many there are, as far as it is counted."""
        rows = cast("QuerySet[Model]", self.object_list)
        return rows[: self.most].count()


def is_administrator(request: HttpRequest) -> bool:
    """Whether this member of staff is an administrator for every accord: readers follow across accords. Asked for each
    list and table of a page, so it is looked up once for each request."""
    user = request.user
    if not user.is_active or not user.is_staff:
        return False
    if user.is_superuser:
        return True
    known: bool | None = getattr(request, "_is_administrator", None)
    if known is None:
        everywhere = Membership.objects.filter(user_id=user.pk, accord=None, role=StaffRole.ADMINISTRATOR)
        request._is_administrator = known = everywhere.exists()  # type: ignore[attr-defined]
    return known


def linked(reader: Subscriber | None) -> str:
    """A reader's address, masked, as a link to what staff see of them; a dash for one who was erased."""
    if reader is None:
        return "—"
    page = reverse("admin:notifications_subscriber_change", args=[reader.pk])
    return format_html('<a href="{}">{}</a>', page, reader)


class ReadOnly:
    """Mixed into the admins of the post room: looking is for administrators, changing for nobody."""

    # What a list is for, where its name alone does not say it.
    about: Any = ""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list under its own name: there is nothing to select in it."""
        title = capfirst(str(self.opts.verbose_name_plural))  # type: ignore[attr-defined]
        context = {"title": title, "about": self.about, **(extra_context or {})}
        answer: HttpResponse = super().changelist_view(request, context)  # type: ignore[misc]
        return answer

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


class AttemptInline(ReadOnly, AttemptTable):
    """The tries of one delivery."""

    model = Attempt
    fields = ["at", "outcome", "code", "reply"]
    extra = 0


class Aside(admin.SimpleListFilter):
    """What a person should look at, ready to be chosen."""

    title = _("what needs a person")
    parameter_name = "aside"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Both, or one of them."""
        return [
            ("both", _("refused, or in quarantine")),
            (State.QUARANTINED, State.QUARANTINED.label),
            (State.FAILED, State.FAILED.label),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> QuerySet[Delivery]:
        """By the index of what needs a person; anything else finds nothing."""
        asked = self.value()
        if asked and asked not in dict(self.lookup_choices):
            return queryset.none()
        states = [State.QUARANTINED, State.FAILED] if asked == "both" else [asked] if asked else []
        return queryset.filter(state__in=states) if states else queryset


@admin.register(Delivery)
class DeliveryAdmin(ReadOnly, DeliveryPages):
    """Deliveries with their tries. An address is asked for on a page of its own (reader_admin.py)."""

    list_display = [
        "created_at",
        "to_whom",
        "kind",
        "state",
        "why",
        "next_attempt_at",
        "attempts",
        "crashes",
        "settled_at",
    ]
    list_filter = [Aside, "state", "kind", "why", "created_at"]
    list_select_related = ["subscriber"]
    # The index `delivery_newest`, from its end.
    ordering = ["-created_at", "-id"]
    paginator = Newest
    show_facets = admin.ShowFacets.NEVER
    fields = [
        "id",
        "to_whom",
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
    readonly_fields = ["events", "to_whom"]
    inlines = [AttemptInline]
    actions = ["send_again"]
    show_full_result_count = False
    change_form_template = "admin/notifications/delivery/change_form.html"
    change_list_template = "admin/notifications/newest_of_readers.html"

    @admin.display(description=_("to whom"))
    def to_whom(self, row: Delivery) -> str:
        """The reader."""
        return linked(row.subscriber)

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

    @admin.display(description=_("what it tells"))
    def events(self, row: Delivery) -> str:
        """The events, by their numbers in the log, and the reminders that it tells of."""
        owed = list(row.notices.order_by("number").values_list("source", "number")[: NAMED + 1])
        numbers = {
            source: [n for s, n in owed[:NAMED] if s == source] for source in (Notice.EVENT, Notice.REMINDER)
        }
        events = (
            Event.objects.filter(seq__in=numbers[Notice.EVENT])
            .select_related("commitment", "accord")
            .order_by("seq")
        )
        reminders = Reminder.objects.filter(pk__in=numbers[Notice.REMINDER]).select_related("commitment")
        told = [
            f"{it.commitment.code if it.commitment else it.accord}: {it.get_kind_display()} ({it.seq})"
            for it in events
        ]
        told += [str(it) for it in reminders.order_by("due_at", "pk")]
        return (
            format_html_join(mark_safe("<br>"), "{}", ((it,) for it in told + ["…"] * (len(owed) > NAMED)))
            or "—"
        )

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


# One step down the index `attempt_code` for each code there is, however many attempts there are.
_CODES = """
WITH RECURSIVE codes AS (
    (SELECT code FROM notifications_attempt WHERE outcome <> 'sent' AND code IS NOT NULL ORDER BY code LIMIT 1)
    UNION ALL
    SELECT (SELECT a.code FROM notifications_attempt a WHERE a.outcome <> 'sent' AND a.code > codes.code
            ORDER BY a.code LIMIT 1)
    FROM codes WHERE codes.code IS NOT NULL
) SELECT code FROM codes WHERE code IS NOT NULL
"""


class Code(admin.SimpleListFilter):
    """The codes with which servers have put off or refused mails."""

    title = _("the server's reply code")
    parameter_name = "code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterator[tuple[str, str]]:
        """Those that there are."""
        with connection.cursor() as cursor:
            cursor.execute(_CODES)
            return iter([(str(code), str(code)) for (code,) in cursor.fetchall()])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Attempt]) -> QuerySet[Attempt]:
        """A code that is not there finds nothing."""
        asked = self.value()
        if not asked:
            return queryset
        if asked not in dict(self.lookup_choices):
            return queryset.none()
        return queryset.exclude(outcome=Outcome.SENT).filter(code=int(asked))


@admin.register(Attempt)
class AttemptAdmin(ReadOnly, AttemptPages):
    """Every try to send a mail, newest first: what the servers say, and to whose mail."""

    list_display = ["at", "outcome", "code", "reply", "mail", "to_whom"]
    list_filter = ["outcome", Code]
    list_select_related = ["delivery__subscriber"]
    fields = ["at", "outcome", "code", "reply", "mail", "to_whom"]
    readonly_fields = ["mail", "to_whom"]
    ordering = ["-id"]
    paginator = Newest
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    change_list_template = "admin/notifications/newest_of_readers.html"

    @admin.display(description=_("delivery"))
    def mail(self, row: Attempt) -> str:
        """What it was about, as a link to the delivery."""
        page = reverse("admin:notifications_delivery_change", args=[row.delivery_id])
        return format_html(
            '<a href="{}">{}: {}</a>',
            page,
            row.delivery.get_kind_display(),
            row.delivery.get_state_display(),
        )

    @admin.display(description=_("to whom"))
    def to_whom(self, row: Attempt) -> str:
        """The reader."""
        return linked(row.delivery.subscriber)


@admin.register(Line)
class LineAdmin(ReadOnly, LinePages):
    """Whether the mail server can be reached."""

    about = _(
        "The way to the mail server: a row stands here once a connection could not be made, and says since when. While "
        "a server is down, one worker tries again, ever more rarely, and no mail counts as refused."
    )
    list_display = ["name", "down_since", "tries", "try_again_at", "said"]


# The other pages stand in files of their own; importing these enters them.
from notifications import endpoint_admin, mail_admin, reader_admin  # noqa: E402, F401
