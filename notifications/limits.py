"""How many sign-ups an address and a network may make: counted in the database, so that it holds under concurrency."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.models import F
from django.utils.crypto import salted_hmac

from notifications.models import SignUpCount
from tracker.kit.limiting import network_of as network_of

# Per address: few, since whoever asks may be somebody else, for a known reader as well; but what its owner confirms is
# not counted, so a reader may follow as much as they like. Per network (an IPv4 address, an IPv6 /64): the setting
# SIGNUPS_PER_NETWORK, an hour.
PER_STRANGER, PER_READER, ADDRESS_WINDOW = 3, 5, timedelta(days=1)
NETWORK_WINDOW = timedelta(hours=1)

# One statement: the row is locked while it counts, so of many at once exactly the allowed number gets through.
_COUNT = """
INSERT INTO notifications_signupcount AS c (key, since, count) VALUES (%(key)s, statement_timestamp(), 1)
ON CONFLICT (key) DO UPDATE SET
    since = CASE WHEN c.since <= statement_timestamp() - %(window)s::interval THEN statement_timestamp() ELSE c.since END,
    count = CASE WHEN c.since <= statement_timestamp() - %(window)s::interval THEN 1 ELSE c.count + 1 END
RETURNING count
"""


def _key(purpose: str, value: str) -> str:
    return salted_hmac(f"notifications.limits.{purpose}", value, algorithm="sha256").hexdigest()


def _count(purpose: str, value: str, window: timedelta) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"key": _key(purpose, value), "window": f"{window.total_seconds()} s"})
        return int(cursor.fetchone()[0])


def network_may(network: str) -> bool:
    """Counts a sign-up from that network; False when it has had its share for now."""
    return _count("network", network, NETWORK_WINDOW) <= settings.SIGNUPS_PER_NETWORK


def address_may(email: str, is_reader: bool) -> bool:
    """Counts a sign-up of that address; False when there were enough. A reader is one who has confirmed before."""
    return _count("address", email, ADDRESS_WINDOW) <= (PER_READER if is_reader else PER_STRANGER)


def answered(email: str) -> None:
    """The owner of an address has confirmed: that sign-up was no stranger's, and counts no more."""
    SignUpCount.objects.filter(key=_key("address", email), count__gt=0).update(count=F("count") - 1)
