"""The staff's tokens of the API: make one (its text is shown once), look at one's own, revoke."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commitments import tokens
from commitments.admin.reading import Reading, accords_of
from commitments.deadlines import DateError, instant_at
from commitments.forms.base import day_field, line
from commitments.models import Accord, ApiToken, Scope
from commitments.refusals import Refused

USUAL = timedelta(days=90)
COLUMNS: Any = (
    "name", "begins", "last_four", "owner", "what", "accord", "made_at", "expires_at", "last_used_at", "revoked_at",
)  # fmt: skip


class TokenForm(forms.Form):
    """What a token is for, what it may do, and until when."""

    name = line(
        gettext_lazy("Name"),
        80,
        required=True,
        help_text=gettext_lazy("What it is for: the program or the place that will hold it."),
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("What it may do"),
        choices=Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=[Scope.READ],
        help_text=gettext_lazy("Never more than your own roles allow."),
    )
    accord = forms.ModelChoiceField(
        Accord.objects.none(),
        label=gettext_lazy("Accord"),
        required=False,
        empty_label=gettext_lazy("all of them"),
    )
    last_on = day_field(
        gettext_lazy("Last day"),
        help_text=gettext_lazy("It ends when this day is over in UTC; a year ahead at most."),
    )

    def __init__(self, *args: Any, accords: QuerySet[Accord], **options: Any) -> None:
        super().__init__(*args, **options)
        field = self.fields["accord"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = accords

    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """All fields in one set."""
        return [("", list(self))]


class Making:
    """The words of the form's button."""

    button: Any = gettext_lazy("Make the token")
    is_grave: bool = False


@admin.register(ApiToken)
class ApiTokenAdmin(Reading):
    """Tokens: everybody their own, a superuser everybody's. Rows change through commitments.tokens alone."""

    list_display = COLUMNS
    list_select_related = ["owner", "accord"]
    fields = COLUMNS
    readonly_fields = COLUMNS
    change_form_template = "admin/commitments/token.html"
    change_list_template = "admin/commitments/tokens.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """One's own; all of them for a superuser."""
        rows = super().get_queryset(request)
        return rows if request.user.is_superuser else rows.filter(owner=request.user.pk)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Staff with a role; of a row its owner and superusers."""
        if not self.has_module_permission(request):
            return False
        return obj is None or request.user.is_superuser or obj.owner_id == request.user.pk  # type: ignore[attr-defined]

    @admin.display(description=gettext_lazy("begins with"))
    def begins(self, row: ApiToken) -> str:
        """The public part."""
        return f"{tokens.PREFIX}{row.handle}"

    @admin.display(description=gettext_lazy("scopes"))
    def what(self, row: ApiToken) -> str:
        """The scopes in words."""
        return ", ".join(str(Scope(scope).label) for scope in row.scopes)

    def get_urls(self) -> list[URLPattern]:
        """The form that makes one, and the button that ends one."""
        name = "commitments_apitoken"
        return [
            path("make/", self.admin_site.admin_view(self.make), name=f"{name}_make"),
            path("<int:pk>/revoke/", self.admin_site.admin_view(self.revoke), name=f"{name}_revoke"),
            *super().get_urls(),
        ]

    def make(self, request: HttpRequest) -> HttpResponse:
        """GET shows the form; POST makes the token and shows its text, this once."""
        if not self.has_module_permission(request):
            raise PermissionDenied
        today = timezone.localdate()
        accords = Accord.objects.order_by("code")
        if (own := accords_of(request)) is not None:
            accords = accords.filter(pk__in=own)
        form = TokenForm(request.POST or None, accords=accords, initial={"last_on": today + USUAL})
        text = ""
        if request.method == "POST" and form.is_valid():
            row, text = self._made(request, form)
            if text:
                return self._page(request, _("Copy this token now"), token=row, text=text)
        status = 400 if form.errors else 200
        return self._page(request, _("Make a token"), form=form, status=status)

    def _made(self, request: HttpRequest, form: TokenForm) -> tuple[ApiToken | None, str]:
        given = form.cleaned_data
        try:
            ends = instant_at(f"{given['last_on'] + timedelta(days=1)} 00:00", "UTC")
            return tokens.make_token(
                request.user,
                name=given["name"],
                scopes=given["scopes"],
                expires_at=ends,
                accord=given["accord"],
                now=timezone.now(),
            )
        except (DateError, OverflowError):
            form.add_error("last_on", _("The calendar runs from 0001-01-02 to 9999-12-31."))
        except Refused as refusal:
            for problem in refusal.problems:
                field = "last_on" if problem.field == "expires_at" else problem.field
                form.add_error(field if field in form.fields else None, problem.message)
        return None, ""

    def _page(self, request: HttpRequest, title: str, status: int = 200, **more: Any) -> HttpResponse:
        answer = TemplateResponse(
            request,
            "admin/commitments/make_token.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": title,
                "order": Making(),
                "way_back": reverse("admin:commitments_apitoken_changelist"),
                **more,
            },
            status=status,
        )
        # What is shown once must not come back from a cache, nor by the button Back.
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def revoke(self, request: HttpRequest, pk: int) -> HttpResponse:
        """POST ends a token at once."""
        if request.method != "POST" or not self.has_module_permission(request):
            raise PermissionDenied
        row = get_object_or_404(self.get_queryset(request), pk=min(pk, 2**62))
        tokens.revoke_token(row, now=timezone.now())
        messages.success(request, _("The token “%(name)s” is revoked.") % {"name": row.name})
        return HttpResponseRedirect(reverse("admin:commitments_apitoken_changelist"))
