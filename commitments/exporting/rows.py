"""What every row of an exported file shares: its filled fields, its dates, its key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

Wire = dict[str, Any]


def filled(row: Mapping[str, Any]) -> Wire:
    """The fields that say something: a file leaves out what is not known or does not apply."""
    return {name: value for name, value in row.items() if value not in (None, "", [], {})}


def iso(day: date | None) -> str | None:
    """A date as the file writes it."""
    return day.isoformat() if day else None
