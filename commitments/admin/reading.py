"""What staff may look at: the record of the accords they have a role for, and nobody edits a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from commitments.actors import Actor

if TYPE_CHECKING:
    Pages = admin.ModelAdmin[Any]
else:
    Pages = admin.ModelAdmin


def accords_of(request: HttpRequest) -> set[int] | None:
    """The ids of the accords this member of staff has a role for; None: all of them. Read once per request."""
    known = getattr(request, "_accords_of_staff", False)
    if known is not False:
        return known  # type: ignore[return-value]
    user: Any = request.user
    found: set[int] | None = set()
    if user.is_active and user.is_staff:
        rows = set(Actor.of(user).roles)
        everywhere = user.is_superuser or None in rows
        found = None if everywhere else {pk for pk in rows if pk is not None}
    request._accords_of_staff = found  # type: ignore[attr-defined]
    return found


def within(request: HttpRequest, rows: QuerySet[Any], path: str) -> QuerySet[Any]:
    """The rows of the accords that this member of staff has a role for; `path` leads to the accord's id."""
    accords = accords_of(request)
    return rows if accords is None else rows.filter(**{f"{path}__in": accords})


class Reading(Pages):
    """A model that staff read and only the verbs write."""

    # How an accord's id is reached; empty: the rows belong to no accord, so every member of staff sees them.
    accord_path = ""
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    actions = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Only what belongs to the accords one has a role for."""
        rows = super().get_queryset(request)
        return within(request, rows, self.accord_path) if self.accord_path else rows

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whoever has a role for any accord."""
        accords = accords_of(request)
        return accords is None or bool(accords)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whoever has a role for any accord; get_queryset keeps the rows apart."""
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody: verbs make rows."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody: verbs change rows."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody: nothing of the record goes away."""
        return False
