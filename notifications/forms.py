"""What a visitor may send: an address, what to follow, how often, and when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commitments.choosing import ListForm
from commitments.models import Accord, Commitment, Party, Section, Topic
from notifications.models import Rhythm, Weekday
from notifications.scopes import Followed, a_filter, list_form
from notifications.telling import News
from tracker.kit import addresses
from tracker.kit.flat_text import CONTROL

# How a visitor says that they want everything; the pages say 1.
_YES = ("1", "true", "yes", "on")
# What may stand in a mail header as it is; the database holds the same rule.
_PLAIN = re.compile(r"[!#-;=?-~]+@[!#-;=?-~]+")


class FollowForm(forms.Form):
    """A sign-up: an address, and what to follow. Answers `target()` once it is valid.

    What to follow stands in the parameters as in an address of ours: a commitment; an accord, alone, with one part, or
    with any filters of its list; without an accord a party, a topic, or everything.
    """

    email = forms.EmailField(label=gettext_lazy("Your e-mail address"), max_length=254)
    language = forms.ChoiceField(
        label=gettext_lazy("Language of the mails"), choices=settings.LANGUAGES, required=False
    )
    rhythm = forms.ChoiceField(label=gettext_lazy("How often"), choices=Rhythm.choices, required=False)
    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("Only about"),
        choices=News.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    commitment = forms.CharField(
        label=gettext_lazy("Commitment"), max_length=80, required=False, widget=forms.HiddenInput
    )
    accord = forms.CharField(
        label=gettext_lazy("Accord"), max_length=80, required=False, widget=forms.HiddenInput
    )
    everything = forms.BooleanField(
        label=gettext_lazy("Everything in this register, without the examples"),
        required=False,
        widget=forms.HiddenInput,
    )

    def clean_email(self) -> str:
        """The address in small letters, its domain in ASCII: one that others can write to, in the public DNS."""
        local, _at, domain = str(self.cleaned_data["email"]).strip().rpartition("@")
        try:
            email = f"{local}@{addresses.domain(domain)}".lower()
        except addresses.BadAddress:
            email = ""
        # RFC 5321, 4.5.3.1.1
        if not _PLAIN.fullmatch(email) or len(email) > 254 or len(local) > 64:
            raise forms.ValidationError(_("We cannot write to an address like this."), code="address")
        return email

    def clean(self) -> dict[str, Any]:
        """Looks up what is to be followed."""
        said = super().clean() or self.cleaned_data
        try:
            said["target"] = find_target(self.data)
        except NotFound as error:
            # Whatever is wrong with the target is told with the label of what was asked.
            field = error.name if error.name in self.fields else None
            self.add_error(field, error.message if field else error.said)
        return said

    def target(self) -> Followed | None:
        """What is to be followed; None is everything."""
        found: Followed | None = self.cleaned_data["target"]
        return found


class NotFound(Exception):
    """What is to be followed cannot be found; carries the parameter and the rule."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name, self.message = name, message

    @property
    def said(self) -> str:
        """The rule, after the label of what was asked in the active language."""
        field = FollowForm.base_fields.get(self.name) or ListForm.base_fields.get(self.name)
        return labelled(str(field.label), self.message) if field else self.message


def labelled(label: str, message: str) -> str:
    """A message about a field, after the field's label."""
    return _("%(filter)s: %(value)s") % {"filter": label, "value": message}


def _text(data: Mapping[str, Any], name: str) -> str:
    """A parameter that can stand in one line of a mail, at most 200 characters; raises NotFound for another."""
    value = str(data.get(name) or "")
    if CONTROL.search(value) or len(value) > 200:
        raise NotFound(name, _("This is too long, or holds a character that no text has."))
    return value


def find_target(data: Mapping[str, Any]) -> Followed | None:
    """What the parameters of an address ask to follow (None: everything); raises NotFound."""
    code, accord_code = _text(data, "commitment"), _text(data, "accord")
    if code:
        commitment = Commitment.objects.select_related("accord").filter(code=code).first()
        if commitment is None:
            raise NotFound("commitment", _("There is no commitment with this code."))
        if accord_code and commitment.accord.code != accord_code:
            raise NotFound("commitment", _("This commitment belongs to another accord."))
        _nothing_but("commitment", data)
        return commitment
    if accord_code:
        accord = Accord.objects.filter(code=accord_code).first()
        if accord is None:
            raise NotFound("accord", _("There is no accord with this code."))
        return within(accord, data)
    if party_code := _text(data, "party"):
        party = Party.objects.filter(code=party_code).first()
        if party is None:
            raise NotFound("party", _("There is no party with this code."))
        _nothing_but("party", data)
        return party
    if topic_code := _text(data, "topic"):
        topic = Topic.objects.filter(code=topic_code).first()
        if topic is None:
            raise NotFound("topic", _("There is no topic with this code."))
        _nothing_but("topic", data)
        return topic
    if _text(data, "everything").lower() in _YES:
        _nothing_but("everything", data)
        return None
    raise NotFound("accord", _("Say what you want to follow: an accord or a commitment."))


def _nothing_but(name: str, data: Mapping[str, Any]) -> None:
    """Raises NotFound for a filter of a list beside something that is followed whole: it would be dropped silently."""
    for other in ListForm.base_fields:
        if other not in (name, "page") and data.get(other):
            raise NotFound(other, _("Only the list of an accord can be narrowed down by this."))


def within(accord: Accord, data: Mapping[str, Any]) -> Followed:
    """The accord, a part of it, or its list as far as the filters ask; raises NotFound for a filter that cannot be."""
    asked = {name: _text(data, name) for name in ListForm.base_fields if name != "page" and data.get(name)}
    if not asked:
        return accord
    form = list_form(accord, asked)
    if not form.is_valid():
        name, _label, message = form.problems()[0]
        raise NotFound(name, message)
    asked = {name: str(form.cleaned_data[name]) for name in asked if form.cleaned_data.get(name)}
    if set(asked) == {"part"}:
        return Section.objects.select_related("accord").get(accord=accord, code=asked["part"])
    return a_filter(accord, asked) if asked else accord


class RhythmForm(forms.Form):
    """How often one subscription brings mail, and about what."""

    rhythm = forms.ChoiceField(label=gettext_lazy("How often"), choices=Rhythm.choices)
    kinds = forms.MultipleChoiceField(label=gettext_lazy("Only about"), choices=News.choices, required=False)


class HoursForm(forms.Form):
    """When digests come."""

    zone = forms.CharField(label=gettext_lazy("Time zone"), max_length=64)
    hour = forms.IntegerField(label=gettext_lazy("Hour"), min_value=0, max_value=23)
    weekday = forms.TypedChoiceField(
        label=gettext_lazy("Day of the week"), choices=Weekday.choices, coerce=int
    )

    def clean_zone(self) -> str:
        """A zone that both we and the database know."""
        zone = str(self.cleaned_data["zone"]).strip()
        with connection.cursor() as cursor:
            if zone in available_timezones():
                cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_timezone_names WHERE name = %s)", [zone])
                if cursor.fetchone()[0]:
                    return zone
        raise forms.ValidationError(_("This is no time zone of the IANA database, such as Asia/Tokyo."))
