"""A reading that a process keeps for a few seconds: what every page asks for, and nobody needs to the second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
_all: list[Briefly[object]] = []


class Briefly(Generic[T]):
    """Calls `read` at most once in so many seconds and answers what it said; threads that meet may both read.

    What it raises is raised, and not kept.
    """

    def __init__(self, read: Callable[[], T], seconds: float) -> None:
        self._read, self.seconds = read, seconds
        self._kept: tuple[float, T] | None = None
        _all.append(self)  # type: ignore[arg-type]

    def __call__(self) -> T:
        kept = self._kept
        if kept is None or time.monotonic() - kept[0] >= self.seconds:
            self._kept = kept = (time.monotonic(), self._read())
        return kept[1]

    def forget(self) -> None:
        """The next call reads."""
        self._kept = None


def forget_all() -> None:
    """Every reading of this process is read anew: the database behind it is another one now."""
    for it in _all:
        it.forget()
