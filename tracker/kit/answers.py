"""Answers that were given before, kept under what they depend on: in this process, and where CACHE_URL names a Redis,
there for the others. Not in the broker's: one that is full of answers would take no tasks.

The key holds the head of the log, so that an answer is never out of date: what is old is simply not asked for again.
Losing all of it, or Redis with it, costs time and nothing else.
"""

from __future__ import annotations

import gzip
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
from django.conf import settings

from tracker.kit.quick import quick

# In this process; one answer; how long Redis keeps one, in seconds.
MOST_BYTES = 24_000_000
LARGEST = 1_000_000
KEPT_SECONDS = 120
WORTH_COMPRESSING = 800


@dataclass(slots=True)
class Answer:
    """A body with the headers that belong to it; compressed at the first wish."""

    body: bytes
    headers: Mapping[str, str]
    _small: bytes | None = field(default=None, repr=False)

    @property
    def small(self) -> bytes | None:
        """The body compressed with gzip (RFC 1952); None where that is not worth it."""
        if len(self.body) < WORTH_COMPRESSING:
            return None
        if self._small is None:
            self._small = gzip.compress(self.body, 5, mtime=0)
        return self._small

    @property
    def size(self) -> int:
        """What it takes in memory, about."""
        return len(self.body) + len(self.body) // 4 + 500


class Shelf:
    """The answers of this process, the oldest thrown out first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Answer] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> Answer | None:
        """The answer of that key, from here or from Redis."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        raw = settings.CACHE_URL and quick(settings.CACHE_URL).ask(
            lambda client: client.get(f"accord:answer:{key}")
        )
        if not raw:
            return None
        told, _line, body = bytes(raw).partition(b"\n")
        answer = Answer(body, orjson.loads(told))
        self._keep(key, answer)
        return answer

    def put(self, key: str, answer: Answer) -> None:
        """Keeps an answer, unless it is too large."""
        if len(answer.body) > LARGEST:
            return
        self._keep(key, answer)
        if not settings.CACHE_URL:
            return
        raw = orjson.dumps(dict(answer.headers)) + b"\n" + answer.body
        quick(settings.CACHE_URL).ask(lambda client: client.set(f"accord:answer:{key}", raw, ex=KEPT_SECONDS))

    def clear(self) -> None:
        """Forgets what this process has kept."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0

    def _keep(self, key: str, answer: Answer) -> None:
        with self._lock:
            old = self._kept.pop(key, None)
            self._bytes += answer.size - (old.size if old else 0)
            self._kept[key] = answer
            while self._bytes > MOST_BYTES and self._kept:
                _key, gone = self._kept.popitem(last=False)
                self._bytes -= gone.size


shelf = Shelf()
