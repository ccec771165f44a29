"""Questions of the record to those who carry its news, without knowing them; the post room enters itself here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from commitments.models import Commitment

count_audience: list[Callable[[Commitment], int]] = []
oldest_waiting: list[Callable[[], datetime | None]] = []
troubles: list[Callable[[], list[str]]] = []


def audience(commitment: Commitment) -> int:
    """How many people would be told of a live event on that commitment; 0 where nobody has registered."""
    return sum(count(commitment) for count in count_audience)


def waiting_since() -> datetime | None:
    """Since when (UTC) the longest waiting message has been due; None when none waits or nobody has registered."""
    return min((since for ask in oldest_waiting if (since := ask()) is not None), default=None)


def what_is_wrong() -> list[str]:
    """What staff should know of the machinery that carries the news, in the reader's language."""
    return [said for ask in troubles for said in ask()]
