"""What the staff's pages ask for: the desk of the index, texts in the reader's language, outbound links."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.utils import timezone

from commitments.admin.accords import outbound as link
from commitments.admin.desk import Beat, Desk, beats_at, desk_of, warnings
from tracker.kit.localized import pick, picked_language

register = template.Library()


@register.simple_tag(takes_context=True)
def desk(context: dict[str, Any]) -> Desk:
    """What needs doing, for this member of staff; made once per request."""
    request = context["request"]
    found = getattr(request, "_desk", None)
    if found is None:
        found = request._desk = desk_of(request, _beats(request))
    return found


def _beats(request: Any) -> list[Beat]:
    """Looked at once per request: the banner and the desk show the same."""
    found = getattr(request, "_beats", None)
    if found is None:
        found = request._beats = beats_at(timezone.now())
    return found


@register.simple_tag(takes_context=True)
def banner(context: dict[str, Any]) -> list[str]:
    """What stands still, for signed-in staff; nothing for anybody else."""
    request = context.get("request")
    user = getattr(request, "user", None)
    return warnings(_beats(request)) if user is not None and user.is_active and user.is_staff else []


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
