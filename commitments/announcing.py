"""A registry of those who can say how many people a live event would reach; the post room enters itself here."""

from __future__ import annotations

from collections.abc import Callable

from commitments.models import Commitment

count_audience: list[Callable[[Commitment], int]] = []


def audience(commitment: Commitment) -> int:
    """How many people would be told of a live event on that commitment; 0 where nobody has registered."""
    return sum(count(commitment) for count in count_audience)
