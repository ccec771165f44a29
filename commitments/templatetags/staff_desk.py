"""What the staff's pages ask for: the desk of the index, texts in the reader's language, outbound links."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template

from commitments.admin.accords import outbound as link
from commitments.admin.desk import Desk, desk_of
from tracker.kit.localized import pick, picked_language

register = template.Library()


@register.simple_tag(takes_context=True)
def desk(context: dict[str, Any]) -> Desk:
    """What needs doing, for this member of staff; made once per request."""
    request = context["request"]
    found = getattr(request, "_desk", None)
    if found is None:
        found = request._desk = desk_of(request)
    return found


@register.filter
def in_language(text: Mapping[str, str] | None) -> str:
    """The text in the reader's language."""
    return pick(text)


@register.filter
def language_of(text: Mapping[str, str] | None) -> str:
    """The language that `in_language` answers in."""
    return picked_language(text)


@register.filter
def outbound(address: str) -> str:
    """A link that leaves this site."""
    return link(address)
