"""Whose share of the minute a request takes: its token's, which is larger, or that of the network it comes from."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from commitments import tokens
from commitments.models import Scope
from tracker.kit.limiting import Taken, network_of, take
from tracker.middleware import AWAY

# For so long (seconds) this process believes that a token lives and what it may do; a write looks each time.
BELIEVED = 60
MOST = 1000


class _Known:
    """The tokens this process has seen alive lately: by the digest of their text, their handle and scopes."""

    def __init__(self) -> None:
        self._rows: OrderedDict[str, tuple[str, tuple[str, ...], float]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, digest: str) -> tuple[str, tuple[str, ...]] | None:
        with self._lock:
            row = self._rows.get(digest)
            return None if row is None or row[2] < time.monotonic() else row[:2]

    def put(self, digest: str, handle: str, scopes: tuple[str, ...]) -> None:
        with self._lock:
            self._rows[digest] = (handle, scopes, time.monotonic() + BELIEVED)
            self._rows.move_to_end(digest)
            while len(self._rows) > MOST:
                self._rows.popitem(last=False)


_known = _Known()


def take_share(request: HttpRequest) -> Taken:
    """Counts the request. What is not known yet is counted against the network first, so that guessing gains nothing.

    Reading at the token's limit needs the scope `read`; a write's scope is its own door's matter.
    """
    scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
    of_network = f"ip:{network_of(request)}"
    if scheme.lower() != "bearer" or not tokens.SHAPE.fullmatch(text.strip()):
        return take(of_network, settings.API_PER_MINUTE)
    digest = tokens.digest_of(text.strip())
    found = _known.get(digest)
    if found is None:
        taken = take(of_network, settings.API_PER_MINUTE)
        if not taken.is_within:
            return taken
        try:
            row = tokens.find_token(text.strip(), timezone.now())
        except AWAY:
            row = None
        if row is None:
            return taken
        found = (row.handle, tuple(row.scopes))
        _known.put(digest, *found)
    handle, scopes = found
    if request.method in ("GET", "HEAD") and Scope.READ not in scopes:
        return take(of_network, settings.API_PER_MINUTE)
    return take(f"token:{handle}", settings.API_TOKEN_PER_MINUTE)
