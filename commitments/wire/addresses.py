"""What the wire forms share: their type, and the full addresses they carry."""

from __future__ import annotations

from typing import Any, TypeAlias

from django.conf import settings
from django.urls import reverse

Wire: TypeAlias = dict[str, Any]
Rows: TypeAlias = dict[int, list[Wire]]


def site_address(path: str) -> str:
    """The full public address of a path of this site."""
    return f"{settings.SITE_URL}{path}"


def api_address(name: str, *codes: str) -> str:
    """The full address of a resource of the API, by its name in commitments.api.urls."""
    return site_address(reverse(f"api:{name}", args=codes))


def page_address(code: str) -> str:
    """The full address of the public page of a commitment."""
    return site_address(reverse("commitments:commitment", args=[code]))
