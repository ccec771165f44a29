"""Instants that are not known come after all that are: one expression for lists and for the indexes they go by."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db.models import DateTimeField, F, Value
from django.db.models.functions import Coalesce

FAR = datetime(9999, 12, 31, tzinfo=UTC)


def far(name: str) -> Coalesce:
    """The instant of that column, or one after all that are known."""
    return Coalesce(F(name), Value(FAR, DateTimeField()))
