"""The threads of this process that speak to endpoints, and how many of them each sort of endpoint may have."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import Enum

from tracker.kit.outbound import Outbound

THREADS = 64
# Who has taken a call within so many seconds is given more than one at a time.
LATELY = 5.0
# The last of the threads are for endpoints that have no call out: however many the others keep waiting, one that
# answers is not kept waiting by them.
KEPT_FREE = THREADS // 4


class Trust(Enum):
    """What is known of an endpoint: it failed last time, it has not answered for long, or it answers."""

    FAILING = "failing"
    NEW = "new"
    PROVEN = "proven"


# All endpoints of a sort together. Those that may hang leave half of the threads to those that answer.
SHARE = {Trust.FAILING: THREADS // 4, Trust.NEW: THREADS // 4, Trust.PROVEN: THREADS}


class Hands:
    """The threads and the client of one process. Rounds share them, also with the tails of earlier rounds: a call that
    hangs has its thread until it ends, so what is out is counted here and not in the round."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.client = Outbound(THREADS * 2)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="call")
        self._tails: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._out: Counter[Trust] = Counter()
        self._answered: dict[str, float] = {}

    def answered(self, url: str) -> None:
        """An address has just taken a call."""
        self._answered[url] = time.monotonic()

    def is_awake(self, url: str) -> bool:
        """Whether it has taken one lately: what answered yesterday may hang today, and shall not do so many times over."""
        at = self._answered.get(url)
        return at is not None and time.monotonic() - at < LATELY

    def take(self, trust: Trust, is_first: bool) -> bool:
        """Takes a free thread for an endpoint, whose only one it is; False when there is none for it now."""
        with self._lock:
            free = THREADS - self._out.total() - (0 if is_first else KEPT_FREE)
            if free <= 0 or self._out[trust] >= SHARE[trust]:
                return False
            self._out[trust] += 1
            return True

    def give_back(self, trust: Trust) -> None:
        """A thread that was taken is free again."""
        with self._lock:
            self._out[trust] -= 1

    def do(self, trust: Trust, act: Callable[[], None]) -> None:
        """Does it now, in a thread that was taken, and gives it back."""

        def then_free() -> None:
            try:
                act()
            finally:
                self.give_back(trust)

        self._pool.submit(then_free)

    def begin_tail(self, act: Callable[[], None]) -> None:
        """Does it in a thread of its own, which `tails` names until it ends."""
        tail = threading.Thread(target=act, name="call-tail", daemon=True)
        tail.start()
        with self._lock:
            self._tails = [other for other in self._tails if other.is_alive()] + [tail]

    def tails(self) -> list[threading.Thread]:
        """Those that wait for the answers of earlier rounds."""
        with self._lock:
            return list(self._tails)


_hands: Hands | None = None
_making = threading.Lock()


def ours() -> Hands:
    """Those of this process. A child of a fork makes its own."""
    global _hands
    with _making:
        if _hands is None or _hands.process != os.getpid():
            _hands = Hands()
        return _hands


def tails() -> list[threading.Thread]:
    """The tails of this process; none where it has called nobody."""
    return _hands.tails() if _hands is not None and _hands.process == os.getpid() else []
