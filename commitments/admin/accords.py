"""Accords, parties and sources, to read."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from django.views import View

from commitments.admin.reading import Reading
from commitments.admin.registering import RegisterView
from commitments.admin.suspending import ResumeView, SuspendView
from commitments.models import Accord, Party, Source
from commitments.operations.pauses import held_by
from commitments.templatetags.record import leaves
from tracker.kit.localized import pick


@admin.register(Accord)
class AccordAdmin(Reading):
    """The accords."""

    accord_path = "pk"
    list_display = ["code", "short", "signed_on", "ends_on", "four_eyes", "is_example", "verbs"]
    search_fields = ["code"]
    fields = [
        "code", "slug", "is_example", "names", "short_names", "about", "address", "place", "signed_on",
        "in_effect_on", "ends_on", "four_eyes", "is_binding", "languages", "prevailing_language", "loaded_on",
        "suspended",
    ]  # fmt: skip
    readonly_fields = ["suspended"]

    @admin.display(description=_("name"))
    def short(self, row: Accord) -> str:
        """The short name in the reader's language."""
        return str(row)

    @admin.display(description=_("suspended"))
    def suspended(self, row: Accord) -> str:
        """Since when its clocks stand still, and which of its commitments run on: they came later, and none pauses them."""
        today = timezone.localdate()
        said = []
        for held in row.suspensions.in_force(today):
            said.append(_("since %(day)s") % {"day": date_format(held.from_on)})
            running = ", ".join(dict.fromkeys(it.commitment for it in held_by(held, today, today)))
            if running:
                said.append(_("these run on, pause them by hand: %(codes)s") % {"codes": running})
        return "; ".join(said) or "—"

    @admin.display(description=_("what to do"))
    def verbs(self, row: Accord) -> str:
        """The ways to the forms: register a commitment, suspend the accord, let it go on."""
        forms = (
            ("register", _("Register a commitment")),
            ("suspend_accord", _("Suspend the accord")),
            ("resume_accord", _("Let the accord go on")),
        )
        links = [(reverse(f"admin:commitments_{name}", args=[row.pk]), words) for name, words in forms]
        return format_html_join(" · ", '<a href="{}">{}</a>', links)

    def get_urls(self) -> list[URLPattern]:
        """The addresses of those forms, before Django's own."""
        views: tuple[tuple[str, str, type[View]], ...] = (
            ("register", "register", RegisterView),
            ("suspend", "suspend_accord", SuspendView),
            ("resume", "resume_accord", ResumeView),
        )
        return [
            *(
                path(
                    f"<int:pk>/{where}/",
                    self.admin_site.admin_view(view.as_view(model_admin=self)),
                    name=f"commitments_{name}",
                )
                for where, name, view in views
            ),
            *super().get_urls(),
        ]


@admin.register(Party)
class PartyAdmin(Reading):
    """States and organisations."""

    list_display = ["code", "label", "kind", "time_zone"]
    list_filter = ["kind"]
    search_fields = ["code", "name"]
    fields = ["code", "kind", "name", "time_zone"]

    @admin.display(description=_("name"))
    def label(self, row: Party) -> str:
        """The name in the reader's language."""
        return pick(row.name)


@admin.register(Source)
class SourceAdmin(Reading):
    """What the record is told by."""

    accord_path = "accord_id"
    list_display = ["code", "title", "publisher", "published", "nature", "link"]
    list_filter = ["accord", "nature", "language"]
    search_fields = ["code", "title", "publisher", "author", "address"]
    fields = [
        "accord", "code", "title", "author", "publisher", "published", "link", "nature", "language", "file", "note",
    ]  # fmt: skip
    readonly_fields = ["link"]

    @admin.display(description=_("address"))
    def link(self, row: Source) -> str:
        """The address as a link that tells the other site nothing."""
        return outbound(row.address)


def outbound(address: str) -> str:
    """A link that leaves this site, named by its host and path; a dash where no address is known."""
    return leaves(address, address.split("://", 1)[-1][:60]) if address else "—"
