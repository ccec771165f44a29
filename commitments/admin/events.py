"""The log, to read: what happened, in sentences."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from commitments.admin.reading import Reading
from commitments.models import Event
from commitments.sentences import facts_of, sentence


@admin.register(Event)
class EventAdmin(Reading):
    """The public facts, the latest first."""

    accord_path = "accord_id"
    list_display = ["seq", "at", "commitment_code", "what", "by", "happened_on", "origin"]
    list_filter = ["kind", "origin", "accord"]
    search_fields = ["commitment__code"]
    ordering = ["-seq"]
    show_full_result_count = False
    fields = [
        "seq", "at", "what", "kind", "origin", "accord", "commitment", "by", "happened_on", "crossed_at",
        "note_digest", "body", "prev_hash", "hash",
    ]  # fmt: skip
    readonly_fields = ["what"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the codes, in one query."""
        return super().get_queryset(request).select_related("commitment", "accord")

    @admin.display(description=_("commitment"))
    def commitment_code(self, row: Event) -> str:
        """The code, or that of the accord."""
        return row.commitment.code if row.commitment else row.accord.code

    @admin.display(description=_("what happened"))
    def what(self, row: Event) -> str:
        """The sentence in the reader's language."""
        return sentence(row.kind, facts_of(row.body))
