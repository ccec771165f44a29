"""What the wire forms share: their type, and the full addresses they carry."""

from __future__ import annotations

import functools
from typing import Any, TypeAlias
from urllib.parse import quote

from django.conf import settings
from django.urls import reverse

Wire: TypeAlias = dict[str, Any]
Rows: TypeAlias = dict[int, list[Wire]]


def site_address(path: str) -> str:
    """The full public address of a path of this site."""
    return f"{settings.SITE_URL}{path}"


def api_address(name: str, *codes: str) -> str:
    """The full address of a resource of the API, by its name in commitments.api.urls."""
    return site_address(_pattern(f"api:{name}", len(codes)).format(*map(quote, codes)))


def page_address(code: str) -> str:
    """The full address of the public page of a commitment."""
    return site_address(_pattern("commitments:commitment", 1).format(quote(code)))


@functools.cache
def _pattern(name: str, count: int) -> str:
    """The path of that name with places for so many codes: it is looked up once."""
    marks = [f"-{place}-" for place in range(count)]
    path = reverse(name, args=marks)
    for mark in marks:
        path = path.replace(mark, "{}")
    return path
