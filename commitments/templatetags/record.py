"""Tags of the public pages: texts in the reader's language, standings with their shapes, dates, and links that leave."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django import template
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import get_language

from commitments import money, spoken_dates
from commitments.words import Contested, Plain
from tracker.kit.localized import pick, picked_language

register = template.Library()


def _in_its_language(text: str, language: str) -> SafeString | str:
    """The text, marked with its language where the page is in another one."""
    if not language or language == (get_language() or "en").split("-")[0]:
        return text
    return format_html('<span lang="{}">{}</span>', language, text)


@register.simple_tag
def say(text: Mapping[str, str] | None) -> SafeString | str:
    """A localized text; with its `lang` where it is not in the language of the page."""
    return _in_its_language(pick(text), picked_language(text)) if text else ""


@register.filter
def words(text: Mapping[str, str] | None) -> str:
    """A localized text without any mark, for titles and attributes."""
    return pick(text)


@register.simple_tag
def said_in(text: str, language: str) -> SafeString | str:
    """A text of one known language, such as a quote or the reason of an assessment; empty language: not known."""
    return _in_its_language(text, language)


@register.simple_tag
def shape(plain: str) -> SafeString:
    """The shape of a standing. It says nothing that the word beside it does not say."""
    return format_html(
        '<svg class="shape" width="16" height="16" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        static("tracker/standing.svg"),
        plain,
    )


@register.simple_tag
def standing(plain: str) -> SafeString:
    """A standing: its shape, its word, its colour."""
    return format_html(
        '<span class="standing standing-{}">{}{}</span>', plain, shape(plain), Plain(plain).label
    )


@register.simple_tag
def contested(code: str) -> SafeString | str:
    """Whether a party disputes the record: a shape and a word; nothing where none ever did."""
    if code == Contested.NONE:
        return ""
    return format_html(
        '<span class="contested">{}{}</span>',
        shape("contested") if code == Contested.CONTESTED else "",
        capfirst(Contested(code).label),
    )


@register.simple_tag
def leaves(address: str, text: str, language: str = "") -> SafeString | str:
    """The one builder of links that leave this site; without an address the text alone."""
    said = _in_its_language(text, language)
    if not address.startswith(("https://", "http://")):
        return said
    return format_html('<a href="{}" rel="noopener noreferrer nofollow">{}</a>', address, said)


@register.filter
def day(value: date | None) -> str:
    """A date in words."""
    return spoken_dates.day_in_words(value) if value else ""


@register.filter
def window(edtf: str) -> str:
    """An EDTF value in words."""
    return spoken_dates.window_in_words(edtf) if edtf else ""


@register.filter
def instant(value: datetime | None) -> str:
    """An instant in words, in UTC."""
    return spoken_dates.instant_in_words(value) if value else ""


@register.simple_tag
def money_said(value: str, currency: str) -> str:
    """A sum of the terms in words; what is no number stays as it is."""
    try:
        return money.sum_in_words(Decimal(value), currency)
    except InvalidOperation:
        return f"{value} {currency}"


@register.filter
def figure(value: str) -> str:
    """A number of the record with its digits in groups; what is no number stays as it is."""
    try:
        return number_format(Decimal(value), force_grouping=True)
    except InvalidOperation:
        return value


@register.simple_tag(takes_context=True)
def in_language(context: Mapping[str, Any], language: str) -> str:
    """The address of this page in another language, with everything else that was asked."""
    request: HttpRequest | None = context.get("request")
    if request is None:
        return f"?lang={language}"
    asked = request.GET.copy()
    asked["lang"] = language
    return f"?{asked.urlencode()}"


@register.simple_tag(takes_context=True)
def with_page(context: Mapping[str, Any], number: int) -> str:
    """The address of another page of the same list."""
    asked = context["request"].GET.copy()
    asked["page"] = str(number)
    return f"?{asked.urlencode()}"
