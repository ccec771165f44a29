"""The staff's door to mails before they go: what comes next, to whom and why; and every mail as it would look."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import admin
from django.db import connection
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.clickjacking import xframe_options_sameorigin

from commitments.models import Deadline
from notifications import offices, previewing, reminding, scopes
from notifications.admin import ReadOnly
from notifications.letters import Letter
from notifications.models import Audience, Reminder, Unplanned
from notifications.reminder_words import sentence
from tracker.kit.localized import pick

if TYPE_CHECKING:
    ReminderPages = admin.ModelAdmin[Reminder]
    UnplannedPages = admin.ModelAdmin[Unplanned]
else:
    ReminderPages = UnplannedPages = admin.ModelAdmin

# A mail may carry its own styles and nothing else: no script, no form, no picture, no other address.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)

_WATCHERS = """
SELECT c.key, count(DISTINCT s.subscriber_id)
FROM unnest(%s::bigint[], %s::text[]) AS c(key, scope)
JOIN notifications_subscription s ON s.scope = c.scope
JOIN notifications_subscriber p ON p.id = s.subscriber_id AND p.state = 'confirmed'
WHERE s.ended_at IS NULL AND s.confirmed_at IS NOT NULL AND s.paused_at IS NULL
GROUP BY c.key
"""


@admin.register(Reminder)
class ReminderAdmin(ReadOnly, ReminderPages):
    """The next notices: when each goes, to whom, what it says, and why; and what became of the earlier ones."""

    list_display = ["due_at", "state", "what", "says", "to_whom", "because"]
    list_filter = ["state", "why", "audience", ("commitment__accord", admin.RelatedOnlyFieldListFilter)]
    list_select_related = [
        "commitment__accord",
        "deadline__commitment",
        "assessment__commitment",
        "subscriber",
    ]
    search_fields = ["commitment__code"]
    list_per_page = 50
    show_full_result_count = False
    fields = ["due_at", "state", "why", "what", "says", "to_whom", "because", "about_at", "settled_at"]
    readonly_fields = ["what", "says", "to_whom", "because"]
    change_list_template = "admin/notifications/reminder/change_list.html"

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, with the people behind each row read at once."""
        found = super().get_changelist_instance(request)
        rows = list(found.result_list)
        staff = offices.named({reminding.asked_of(row) for row in rows})
        watchers = _watchers({row.commitment_id for row in rows if row.audience == Audience.WATCHERS})
        for row in rows:
            row.known = staff.get(reminding.asked_of(row), "")
            if row.audience == Audience.WATCHERS:
                row.known = _readers(watchers[row.commitment_id])
        found.result_list = rows
        return found

    @admin.display(description=_("about"))
    def what(self, row: Reminder) -> str:
        """The commitment, and the date or the draft."""
        about = pick(row.deadline.label) if row.deadline else row.assessment.code if row.assessment else ""
        return f"{row.commitment.code} · {about}"

    @admin.display(description=_("what it says"))
    def says(self, row: Reminder) -> str:
        """Its sentence on the day on which it goes."""
        return sentence(row, row.due_at)

    @admin.display(description=_("to whom"))
    def to_whom(self, row: Reminder) -> str:
        """The people behind the audience now."""
        known = getattr(row, "known", None)
        if known is None:
            asked = reminding.asked_of(row)
            known = offices.named([asked]).get(asked, "")
            if row.audience == Audience.WATCHERS:
                known = _readers(_watchers({row.commitment_id})[row.commitment_id])
        return f"{row.get_audience_display()}: {known or '—'}"

    @admin.display(description=_("because"))
    def because(self, row: Reminder) -> str:
        """Which date it is about, who set it, and what became of the notice."""
        parts = [str(row.get_why_display())] if row.why else []
        if isinstance(row.deadline, Deadline):
            parts.append(
                f"{row.deadline.code}: {row.deadline.get_type_display()}, {row.deadline.get_authority_display()}"
            )
        else:
            parts.append(str(_("a judgement waits for review")))
        return "; ".join(parts)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reminder]:
        """The soonest first; unless another state is asked for, what is still planned."""
        rows = super().get_queryset(request)
        is_list = request.resolver_match and str(request.resolver_match.url_name).endswith("_changelist")
        asked = any(name.startswith("state") for name in request.GET)
        return rows.planned() if is_list and not asked else rows  # type: ignore[attr-defined]

    def get_urls(self) -> list[URLPattern]:
        """The list, and the mails."""
        view = self.admin_site.admin_view
        return [
            path("mails/", view(self.mails), name="notifications_mails"),
            path("mails/<str:name>/", view(self.mail), name="notifications_mail"),
            path("mails/<str:name>/html/", view(self.mail_html), name="notifications_mail_html"),
            *super().get_urls(),
        ]

    def _letter(self, request: HttpRequest, name: str) -> tuple[Letter, str]:
        """The mail that is asked for and its language; raises Http404."""
        if not self.has_view_permission(request):
            raise Http404
        language = request.GET.get("language", "")
        if language not in dict(settings.LANGUAGES):
            language = (translation.get_language() or "en")[:2]
        try:
            return previewing.letter(name, language), language
        except previewing.NoSuchMail as error:
            raise Http404(str(error)) from None

    def mails(self, request: HttpRequest) -> HttpResponse:
        """Every sort of mail that there is something for."""
        if not self.has_view_permission(request):
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": _("Mails as they look"),
            "samples": list(previewing.samples()),
        }
        return TemplateResponse(request, "admin/notifications/mails.html", context)

    def mail(self, request: HttpRequest, name: str) -> HttpResponse:
        """One mail: subject, how it looks, its text."""
        if not self.has_view_permission(request):
            raise Http404
        context = {**self.admin_site.each_context(request), "title": _("A mail as it looks"), "name": name}
        try:
            letter, language = self._letter(request, name)
        except Http404 as error:
            context["problem"] = str(error) or name
            return TemplateResponse(request, "admin/notifications/mail.html", context, status=404)
        context |= {"letter": letter, "language": language, "languages": settings.LANGUAGES}
        return TemplateResponse(request, "admin/notifications/mail.html", context)

    def mail_html(self, request: HttpRequest, name: str) -> HttpResponse:
        """The HTML part as a document of its own, in a sandbox: links open in a new window, nothing else works."""
        letter, _language = self._letter(request, name)
        content = re.sub(r"<a(?=\s)", '<a target="_blank"', letter.html)
        response = HttpResponse(content, content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = POLICY
        return _framed(response)


@admin.register(Unplanned)
class UnplannedAdmin(ReadOnly, UnplannedPages):
    """The commitments whose reminders could not be planned, and what was said when it was tried last."""

    list_display = ["commitment", "tries", "try_again_at", "said"]
    list_select_related = ["commitment"]


def _framed(response: HttpResponse) -> HttpResponse:
    """Lets our own page show it in a frame."""
    return xframe_options_sameorigin(lambda: response)()


def _watchers(commitments: set[int]) -> dict[int, int]:
    """How many people follow each commitment now, whatever brings them: one question for all."""
    of = scopes.of_commitments(commitments, timezone.now())
    pairs = [(key, scope) for key, some in of.items() for scope in some]
    with connection.cursor() as cursor:
        cursor.execute(_WATCHERS, [[key for key, _scope in pairs], [scope for _key, scope in pairs]])
        return {**dict.fromkeys(of, 0), **dict(cursor.fetchall())}


def _readers(count: int) -> str:
    return ngettext("%(count)d reader", "%(count)d readers", count) % {"count": count}
