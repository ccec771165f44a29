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
# A process takes so many requests of a caller's share at once, and hands them out without asking Redis again: never more
# than the limit for all processes together; a caller may be refused that many early for each other process.
SHARES = 60
_TAKE = """
local n = redis.call('INCRBY', KEYS[1], ARGV[1])
if n == tonumber(ARGV[1]) then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
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


@dataclass(slots=True)
class _Count:
    """What this process knows of a caller's minute: what it answered, what it may hand out, what Redis has given away."""

    own: int = 0
    left: int = 0
    given: int = 0


class _Counters:
    """The counts of this process, for one minute at a time."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}
        self._minute = 0
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Forgets all of it."""
        with self._lock:
            self._counts.clear()

    def of(self, caller: str, minute: int) -> _Count:
        """The count of a caller in that minute; those of the minute before are gone."""
        if minute != self._minute:
            self._counts.clear()
            self._minute = minute
        return self._counts.setdefault(caller, _Count())

    def hand_out(self, caller: str, minute: int, limit: int) -> int | None:
        """The number of this request in the minute, as far as it is known here; None: Redis has to be asked."""
        with self._lock:
            count = self.of(caller, minute)
            count.own += 1
            if count.own > limit or count.given >= limit + 1:
                return limit + 1
            if count.left:
                count.left -= 1
                return max(count.own, count.given - count.left)
        return None

    def receive(self, caller: str, minute: int, limit: int, asked: int, given: int | None) -> int:
        """The number of this request, now that Redis has said how many are given away (None: it is away)."""
        with self._lock:
            count = self.of(caller, minute)
            if given is None:
                return count.own
            before = given - asked
            if before >= limit:
                count.given = limit + 1
                return limit + 1
            granted = min(asked, limit - before)
            count.left, count.given = granted - 1, before + granted
            return max(count.own, before + 1)


_counters = _Counters()


def take(caller: str, limit: int) -> Taken:
    """Counts one request of a caller in this minute."""
    now = time.time()
    minute = int(now // WINDOW)
    seconds = WINDOW - int(now % WINDOW)
    number = _counters.hand_out(caller, minute, limit)
    if number is None:
        some = max(1, limit // SHARES)
        key = f"accord:rate:{caller}:{minute}"
        # What Redis forgets (emptied, restarted) this process still knows of itself.
        given = quick(settings.REDIS_URL).ask(lambda client: client.eval(_TAKE, 1, key, some, WINDOW + 5))
        number = _counters.receive(caller, minute, limit, some, None if given is None else int(given))
    return Taken(limit, number, seconds)


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
