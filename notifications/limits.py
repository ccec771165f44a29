"""How many sign-ups an address and a network may make: counted in the database, so that it holds under concurrency."""

from __future__ import annotations

import ipaddress
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

# Per address: few while nobody has confirmed it (it may be a stranger's), more for a known reader. Per network (an
# IPv4 address, an IPv6 /64): the setting SIGNUPS_PER_NETWORK, an hour.
PER_STRANGER, PER_READER, ADDRESS_WINDOW = 3, 50, timedelta(days=1)
NETWORK_WINDOW = timedelta(hours=1)

# One statement: the row is locked while it counts, so of many at once exactly the allowed number gets through.
_COUNT = """
INSERT INTO notifications_signupcount AS c (key, since, count) VALUES (%(key)s, statement_timestamp(), 1)
ON CONFLICT (key) DO UPDATE SET
    since = CASE WHEN c.since <= statement_timestamp() - %(window)s::interval THEN statement_timestamp() ELSE c.since END,
    count = CASE WHEN c.since <= statement_timestamp() - %(window)s::interval THEN 1 ELSE c.count + 1 END
RETURNING count
"""


def _count(purpose: str, value: str, window: timedelta) -> int:
    key = salted_hmac(f"notifications.limits.{purpose}", value, algorithm="sha256").hexdigest()
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"key": key, "window": f"{window.total_seconds()} s"})
        return int(cursor.fetchone()[0])


def network_may(network: str) -> bool:
    """Counts a sign-up from that network; False when it has had its share for now."""
    return _count("network", network, NETWORK_WINDOW) <= settings.SIGNUPS_PER_NETWORK


def address_may(email: str, is_reader: bool) -> bool:
    """Counts a sign-up of that address; False when there were enough. A reader is one who has confirmed before."""
    return _count("address", email, ADDRESS_WINDOW) <= (PER_READER if is_reader else PER_STRANGER)


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
