"""Redis as something that may be missing: asked within a tenth of a second, and left alone for a while when it fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import redis
import structlog

T = TypeVar("T")
PATIENCE = 0.1
REST = 5.0
log = structlog.get_logger(__name__)


class Quick:
    """A connection pool whose every use may come to nothing; shared by the threads of a process."""

    def __init__(self, url: str) -> None:
        self._client: Any = redis.Redis(connection_pool=_pool(url))
        self._back_at = 0.0
        self._lock = threading.Lock()

    def ask(self, work: Callable[[Any], T]) -> T | None:
        """What `work` answers, given the client; None when Redis is away, slow, or resting after a failure."""
        if time.monotonic() < self._back_at:
            return None
        try:
            return work(self._client)
        except (redis.RedisError, OSError) as error:
            with self._lock:
                self._back_at = time.monotonic() + REST
            log.warning("redis_left_alone", seconds=REST, error=type(error).__name__)
            return None


def _pool(url: str) -> Any:
    more = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE, "max_connections": 64}
    parts = urlsplit(url)
    if parts.scheme == "redis+socket":
        number = parse_qs(parts.query).get("virtual_host", ["0"])[0]
        return redis.ConnectionPool(
            connection_class=redis.UnixDomainSocketConnection,
            path=parts.path,
            db=int(number),
            socket_timeout=PATIENCE,
            max_connections=64,
        )
    return redis.ConnectionPool.from_url(url, **more)


_shared: dict[str, Quick] = {}


def quick(url: str) -> Quick:
    """The one of this process for that address."""
    found = _shared.get(url)
    if found is None:
        found = _shared[url] = Quick(url)
    return found
