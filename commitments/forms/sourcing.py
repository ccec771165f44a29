"""The fields that name where a fact comes from: a known source, or a new one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from commitments.forms.base import line
from commitments.words import Nature

NEW_SOURCE = ("source_title", "publisher", "author", "address", "published", "nature")


class SourceFields(forms.Form):
    """A source by its code, or the facts of a new one, and the place in it."""

    source = forms.ChoiceField(
        label=_("Known source"),
        required=False,
        help_text=_("Or leave this empty and describe a new one below."),
    )
    locator = line(_("Place in the source"), 80, help_text=_("A page, line or section."))
    source_title = line(_("Title of the source"), 500)
    publisher = line(_("Publisher"), 200)
    author = line(_("Author"), 200)
    address = line(_("Address"), 2048, help_text=_("http:// or https://; leave it empty when none is known."))
    published = line(
        _("Published"), 40, help_text=_("A date as exactly as is known: 2024-11-16, 2024-11, 2024.")
    )
    nature = forms.ChoiceField(label=_("Nature"), choices=Nature.choices, required=False)


def told_source(given: Mapping[str, Any]) -> dict[str, Any]:
    """What the fields say, as the verbs take it: `source` by code, else `new_source`, else neither; and `locator`."""
    new = {
        "title": given["source_title"],
        "publisher": given["publisher"],
        "author": given["author"],
        "address": given["address"],
        "published": given["published"],
    }
    is_new = not given["source"] and any(new.values())
    return {
        "source": given["source"] or None,
        "new_source": {**new, "nature": given["nature"] or Nature.OFFICIAL.value} if is_new else None,
        "locator": given["locator"],
    }
