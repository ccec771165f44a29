"""Where a page's list can be had in other formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy

from commitments.feeds.forms import FORMAT, FORMS, OF_COMMITMENTS

NAMES: Mapping[str, str | Promise] = {
    "csv": "CSV",
    "xlsx": "Excel",
    "ndjson": "NDJSON",
    "json": "JSON",
    "jsonld": "JSON-LD",
    "ics": gettext_lazy("calendar of its dates"),
    "atom": "Atom",
    "jsonfeed": "JSON Feed",
}

# Those that hold sentences, in one language: that of the page.
SPOKEN = ("ics", "atom", "jsonfeed")


@dataclass(frozen=True, slots=True)
class Link:
    """One format of a list: what people call it, where it is, its media type."""

    name: str | Promise
    address: str
    media_type: str


def links(parameters: Sequence[tuple[str, str]]) -> list[Link]:
    """The list of commitments with these parameters, in every format that it has."""
    path, spoken = reverse("api:commitments"), [("lang", get_language() or "en")]
    return [
        Link(
            name,
            f"{path}?{urlencode([*parameters, (FORMAT, form), *(spoken if form in SPOKEN else [])])}",
            FORMS[form].bare,
        )
        for form, name in NAMES.items()
        if form == "json" or form in OF_COMMITMENTS
    ]
