"""How often one caller may ask: counted atomically in Redis for all processes, in this one alone while Redis is away."""

from __future__ import annotations

import ipaddress
import threading
import time
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest

from tracker.kit.quick import quick

WINDOW = 60
_COUNT = """
local n = redis.call('INCR', KEYS[1])
if n == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return n
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """One request of a caller's share: whether it is within, and what is left of the minute (seconds)."""

    limit: int
    count: int
    seconds: int

    @property
    def is_within(self) -> bool:
        """Whether the caller may go on."""
        return self.count <= self.limit

    @property
    def headers(self) -> dict[str, str]:
        """The header fields RateLimit and RateLimit-Policy, and Retry-After for who has had enough."""
        left = max(0, self.limit - self.count)
        told = {
            "RateLimit-Policy": f'"minute";q={self.limit};w={WINDOW}',
            "RateLimit": f'"minute";r={left};t={self.seconds}',
        }
        return told if self.is_within else told | {"Retry-After": str(self.seconds)}


class _Counters:
    """The counts of this process, for one minute at a time."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._minute = 0
        self._lock = threading.Lock()

    def count(self, key: str, minute: int) -> int:
        with self._lock:
            if minute != self._minute:
                self._counts.clear()
                self._minute = minute
            self._counts[key] = number = self._counts.get(key, 0) + 1
            return number


_counters = _Counters()


def take(caller: str, limit: int) -> Taken:
    """Counts one request of a caller in this minute."""
    now = time.time()
    minute = int(now // WINDOW)
    seconds = WINDOW - int(now % WINDOW)
    key = f"accord:rate:{caller}:{minute}"
    # Counted here always: what Redis forgets (emptied, restarted) this process still knows.
    own = _counters.count(caller, minute)
    shared = quick(settings.REDIS_URL).ask(lambda client: client.eval(_COUNT, 1, key, WINDOW + 5))
    return Taken(limit, max(own, int(shared or 0)), seconds)


def network_of(request: HttpRequest) -> str:
    """The network a request comes from: of X-Forwarded-For only as many entries are believed as proxies of ours
    stand in front (TRUSTED_PROXIES), since a client can write the others itself. An IPv6 client is its /64."""
    address = str(request.META.get("REMOTE_ADDR", ""))
    if settings.TRUSTED_PROXIES:
        said = [
            part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()
        ]
        if said:
            address = said[-min(settings.TRUSTED_PROXIES, len(said))]
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((int(ip), 64), strict=False))
    return str(ip)
