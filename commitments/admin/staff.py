"""Who works here: accounts and roles, for superusers only, so that nobody can give themselves a role."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.http import HttpRequest

from commitments.models import Deputy, Membership

if TYPE_CHECKING:
    RolePages = admin.ModelAdmin[Membership]
    DeputyPages = admin.ModelAdmin[Deputy]
    RoleTable = admin.TabularInline[Membership, Any]
    Accounts = UserAdmin[Any]
else:
    RolePages = admin.ModelAdmin
    DeputyPages = admin.ModelAdmin
    RoleTable = admin.TabularInline
    Accounts = UserAdmin


class SuperusersOnly:
    """Mixed into admins that only a superuser may open."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Superusers."""
        return bool(request.user.is_active and request.user.is_superuser)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Superusers."""
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Superusers."""
        return self.has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Superusers."""
        return self.has_module_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Superusers."""
        return self.has_module_permission(request)


@admin.register(Membership)
class MembershipAdmin(SuperusersOnly, RolePages):
    """Roles, per accord or for all."""

    list_display = ["user", "accord", "role", "office"]
    list_filter = ["role", "accord"]
    search_fields = ["user__username", "office"]


@admin.register(Deputy)
class DeputyAdmin(SuperusersOnly, DeputyPages):
    """Who stands in for whom, and when."""

    list_display = ["deputy", "absent", "from_on", "until_on"]
    list_filter = ["from_on"]
    search_fields = ["deputy__username", "absent__username"]


class MembershipInline(SuperusersOnly, RoleTable):
    """The roles of one account."""

    model = Membership
    extra = 0


class StaffAdmin(SuperusersOnly, Accounts):
    """Accounts, each with its roles."""

    list_display = ["username", "is_active", "is_staff", "is_superuser", "last_login"]
    inlines = [MembershipInline]
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (None, {"fields": ("is_active", "is_staff", "is_superuser")}),
        (None, {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ["last_login", "date_joined"]


# Roles are Memberships here: groups and single permissions would be a second, contradicting answer.
admin.site.unregister(get_user_model())
admin.site.unregister(Group)
admin.site.register(get_user_model(), StaffAdmin)
