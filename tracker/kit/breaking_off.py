"""A limit for pieces of our own work: what does not come to an end is broken off where it stands."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FrameType

Limit = Callable[[float], AbstractContextManager[None]]


class TookTooLong(Exception):
    """The work was broken off. What it had begun (a statement, a write) may be half done."""


def unlimited(_seconds: float) -> AbstractContextManager[None]:
    """A limit that limits nothing."""
    return nullcontext()


@contextmanager
def a_limit() -> Iterator[Limit]:
    """Gives `limit(seconds)`, which raises TookTooLong inside when that takes longer, and again each time it is caught.

    By SIGALRM, so in the main thread of a process only; elsewhere, and while an alarm of somebody else is set, nothing
    is limited. Code that never comes back to Python is not broken off.
    """
    if threading.current_thread() is not threading.main_thread() or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield unlimited
        return

    alarm = _Alarm()
    before = signal.signal(signal.SIGALRM, alarm.rings)
    try:
        yield alarm
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class _Alarm(AbstractContextManager[None]):
    """Setting it costs a microsecond, so each of many short pieces of work may have its own."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._is_set = False

    def rings(self, _number: int, _frame: FrameType | None) -> None:
        """One that rang in the last instant and is heard after the work is heard by nobody."""
        if self._is_set:
            raise TookTooLong

    def __call__(self, seconds: float) -> AbstractContextManager[None]:
        self._seconds = seconds
        return self

    def __enter__(self) -> None:
        self._is_set = True
        signal.setitimer(signal.ITIMER_REAL, self._seconds, self._seconds)

    def __exit__(self, *_error: object) -> None:
        self._is_set = False
        signal.setitimer(signal.ITIMER_REAL, 0)
