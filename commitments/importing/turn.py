"""The turn of a load: one at a time, and what time has brought told as what it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection

from commitments import operations
from commitments.models import Accord
from commitments.words import Origin


@contextmanager
def one_load(code: str, now: datetime) -> Iterator[None]:
    """Inside a verb: what is entered meanwhile into the accord of that code is history, as of `now` (UTC).

    What had passed in the record before is news, although the scan may not have looked yet; what had passed before
    it was entered is history, and the clock must not tell it as news.
    """
    with connection.cursor() as cursor:
        # A lock that no other verb takes: staff and loads wait for rows only.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('load_accord'))")
    existing = Accord.objects.filter(code=code).first()
    while existing and operations.mark_what_has_passed(now, accord=existing):
        continue
    yield
    accord = Accord.objects.get(code=code)
    while operations.mark_what_has_passed(now, accord=accord, origin=Origin.BACKFILL):
        continue
