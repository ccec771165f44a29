"""What the staff's pages ask for: the desk of the index, texts in the reader's language, outbound links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.utils.text import capfirst

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


@register.filter
def headed(cells: Sequence[str], headers: Sequence[Mapping[str, Any]]) -> list[str]:
    """The cells of a row of a list, each with the head of its column: on a phone a row is a card, and no head stands
    above it."""
    return [
        mark_safe(  # noqa: S308  (a cell as the admin made it, with one escaped attribute more)
            cell.replace("<td", format_html('<td data-head="{}"', capfirst(str(header["text"]))), 1)
        )
        if cell.startswith("<td") and "action-checkbox" not in cell[:40]
        else cell
        for cell, header in zip(cells, headers, strict=False)
    ]
