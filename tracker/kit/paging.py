"""Keyset paging: lists go on after the last key they showed, so every page costs the same and none shifts."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import urlencode

import orjson
from django.utils.translation import gettext as _

from tracker.kit.problems import BadParameter

T = TypeVar("T")
DEFAULT_LIMIT = 50
MAX_LIMIT = 500
LONGEST_CURSOR = 400


def parse_limit(text: str | None) -> int:
    """The number of rows asked for, 50 unless told; raises BadParameter outside 1 to 500."""
    if text is None:
        return DEFAULT_LIMIT
    if text.isascii() and text.isdecimal() and len(text) <= 4 and 1 <= int(text) <= MAX_LIMIT:
        return int(text)
    raise BadParameter(
        "limit", _("A limit is a whole number from 1 to %(most)s.") % {"most": MAX_LIMIT}, [f"1..{MAX_LIMIT}"]
    )


def encode_cursor(*keys: str) -> str:
    """An opaque mark after the row with those keys; safe in an address."""
    return base64.urlsafe_b64encode(orjson.dumps(keys)).decode().rstrip("=")


def decode_cursor(text: str | None, count: int) -> list[str] | None:
    """The keys of a mark that `encode_cursor` made with that many keys; raises BadParameter for anything else."""
    if text is None:
        return None
    try:
        if len(text) > LONGEST_CURSOR:
            raise ValueError
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        keys = orjson.loads(raw)
        # What it decodes to must encode to it: there is one cursor per place, and no room for anything else.
        if (
            not isinstance(keys, list)
            or len(keys) != count
            or not all(isinstance(key, str) and "\x00" not in key for key in keys)
            or encode_cursor(*keys) != text
        ):
            raise ValueError
    except (ValueError, binascii.Error):
        raise BadParameter(
            "cursor", _("This cursor is not one that we gave. Begin again without it.")
        ) from None
    return keys


def cut(rows: Sequence[T], limit: int, keys: Callable[[T], Sequence[str]]) -> tuple[Sequence[T], str | None]:
    """From `limit` + 1 rows: the page, and the cursor after it (None: nothing more)."""
    if len(rows) <= limit:
        return rows, None
    page = rows[:limit]
    return page, encode_cursor(*keys(page[-1]))


def address(base: str, parameters: Sequence[tuple[str, str]]) -> str:
    """An address with its parameters, in the order given."""
    return f"{base}?{urlencode(parameters)}" if parameters else base
