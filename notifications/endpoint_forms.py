"""What staff may say of an endpoint: its terms, with the address of a filtered list, and a range to send again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.urls import Resolver404, resolve
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from commitments.choosing import ListForm
from commitments.models import Accord, Commitment
from commitments.words import EventKind
from notifications import endpoints
from notifications.forms import NotFound, within
from notifications.models import Endpoint, SavedFilter
from notifications.scopes import a_filter, named
from tracker.kit.localized import alphabetical

if TYPE_CHECKING:
    EndpointFormBase = forms.ModelForm[Endpoint]
else:
    EndpointFormBase = forms.ModelForm


class EndpointForm(EndpointFormBase):
    """The terms of an endpoint. What the verbs refuse is shown at its field."""

    commitment = forms.ModelChoiceField(
        Commitment.objects.all(),
        label=_("commitment"),
        to_field_name="code",
        required=False,
        widget=forms.TextInput,
        help_text=_("The code of one commitment; empty: all of the accord."),
        error_messages={"invalid_choice": _("There is no commitment with this code.")},
    )
    saved = forms.CharField(
        label=_("filter of the list"),
        required=False,
        max_length=2000,
        widget=forms.TextInput(attrs={"size": 80}),
        help_text=_(
            "Filter the public list of an accord and put its address here, such as "
            "/accords/name/?standing=late. An event is told when its commitment fits as it stands after it."
        ),
    )
    kinds = forms.MultipleChoiceField(
        label=_("kinds of event"),
        choices=EventKind.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: every kind."),
    )

    class Meta:
        model = Endpoint
        fields = [
            "name", "format", "url", "language", "accord", "section", "party", "topic", "commitment", "saved", "kinds",
            "at_once", "owner",
        ]  # fmt: skip
        widgets = {"url": forms.URLInput(attrs={"size": 80, "maxlength": 2048})}
        help_texts = {
            "accord": _("Empty: every accord."),
            "party": _("Only commitments that bind this party."),
            "at_once": _("How many calls may be on their way to it at a time (1 to 16)."),
            "owner": _("Who is told, once, when the endpoint is given up."),
            "url": _("A public address. That of a chat room is a secret: whoever knows it can write there."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.commitment is not None:
            self.initial["commitment"] = self.instance.commitment.code
        if self.instance.saved is not None:
            self.initial["saved"] = named(self.instance.saved)["page"]
        if self.instance.pk is not None:
            self.fields["format"].disabled = True
        for name in ("party", "topic"):
            _by_name(self.fields[name])
        for field in self.fields.values():
            field.label = capfirst(str(field.label))
        users = get_user_model()._default_manager.filter(is_staff=True, is_active=True)
        self.fields["owner"].queryset = users  # type: ignore[attr-defined]

    def clean_url(self) -> str:
        """An address that we would call."""
        url = str(self.cleaned_data["url"])
        try:
            return endpoints.checked_url(url)
        except ValidationError as error:
            raise ValidationError(error.messages) from error

    def clean_saved(self) -> SavedFilter | None:
        """The filter that an address of a list asks for; nothing where none is given."""
        given = self.cleaned_data["saved"].strip()
        if not given:
            return None
        try:
            parts = urlsplit(given)
            asked = dict(parse_qsl(parts.query))
            found = resolve(parts.path)
        except (ValueError, Resolver404):
            raise ValidationError(str(_("This is not the address of an accord's list."))) from None
        is_list = found.view_name == "commitments:accord"
        accord = is_list and Accord.objects.filter(slug=found.kwargs.get("slug", "")).first()
        if not accord:
            raise ValidationError(str(_("This is not the address of an accord's list.")))
        asked = {name: value for name, value in asked.items() if name not in ("page", "lang")}
        if unknown := sorted(asked.keys() - ListForm.base_fields.keys()):
            raise ValidationError(str(_("The list has no filter “%(name)s”.") % {"name": unknown[0][:80]}))
        if not any(asked.values()):
            raise ValidationError(str(_("This address filters nothing: choose the accord instead.")))
        try:
            target = within(accord, asked)
        except NotFound as error:
            raise ValidationError(f"{error.name}: {error.message}") from error
        return target if isinstance(target, SavedFilter) else a_filter(accord, asked)

    def clean(self) -> dict[str, Any]:
        """The commitment's accord is the accord."""
        values = super().clean() or self.cleaned_data
        commitment, accord = values.get("commitment"), values.get("accord")
        if commitment is not None:
            if accord is not None and commitment.accord != accord:
                self.add_error("commitment", str(_("This commitment belongs to another accord.")))
            values["accord"] = accord = commitment.accord
        section = values.get("section")
        if section is not None:
            if accord is not None and section.accord != accord:
                self.add_error("section", str(_("This part belongs to another accord.")))
            values["accord"] = accord = section.accord
        saved = values.get("saved")
        if saved is not None:
            if accord is not None and saved.accord != accord:
                self.add_error("saved", str(_("This list is that of another accord.")))
            values["accord"] = saved.accord
        return values


def _by_name(field: forms.Field) -> None:
    """Offers the rows by their names as they read in this language; their codes say nothing to whoever looks for one."""
    assert isinstance(field, forms.ModelChoiceField)
    rows = [(str(row.pk), str(row)) for row in field.queryset or ()]
    field.choices = [("", field.empty_label), *sorted(rows, key=lambda row: alphabetical(row[1]))]


class RangeForm(forms.Form):
    """Which events to send again."""

    first = forms.IntegerField(label=_("From event number"), min_value=1, max_value=2**62)
    last = forms.IntegerField(label=_("To event number"), min_value=1, max_value=2**62)
