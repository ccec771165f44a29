"""Whole lists as files: a short one is an answer like others, a long one is streamed from one state of the record."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.translation import gettext as _
from rest_framework import status

from commitments.feeds.about import About
from commitments.feeds.columns import TableColumn
from commitments.feeds.files import WRITERS, Batches
from commitments.feeds.forms import FORMS, PAGING
from commitments.wire import Wire
from tracker.kit.asking import Asked
from tracker.kit.problems import BadParameter, Told
from tracker.kit.snapshot import snapshot

# A list of so many batches is read at once, kept and compressed like any answer.
SHORT = 4
BATCH = 500
# Long files that one process writes at the same time, and for how long (seconds) one may hold its snapshot.
AT_ONCE = 2
LONGEST = 900
RETRY_AFTER = 15
_places = threading.BoundedSemaphore(AT_ONCE)
# Reads the list from its beginning; called in a snapshot.
Read = Callable[[], Batches]
Say = Callable[[], About]


class _Long(Exception):
    """There are more rows than an answer that is kept should have."""


class TooSlow(Exception):
    """Whoever reads the file holds a state of the record for too long."""


def check_whole(asked: Asked, form: str = "") -> None:
    """A file holds the whole list; raises BadParameter for what would cut it, or is not of that form."""
    for name in PAGING:
        if name in asked.given:
            raise BadParameter(name, _("A file holds the whole list: leave this out."))
    if form == "jsonld":
        for name in ("fields", "include"):
            if name in asked.given:
                raise BadParameter(name, _("The words of Schema.org are always the same: leave this out."))


def whole(form: str, read: Read, columns: Sequence[TableColumn], say: Say) -> HttpResponseBase:
    """The list as a file of that form; raises BadParameter, and Told (503) while others are being written."""
    write, told = WRITERS[form], FORMS[form]
    try:
        with snapshot():
            about = say()
            body = b"".join(write(read() if form == "xlsx" else _short(read()), columns, about))
    except _Long:
        return Stream(_Pieces(lambda about: write(read(), columns, about), say), told.media_type)
    return HttpResponse(body, content_type=told.media_type, headers=about.headers(told.ending))


def _short(batches: Batches) -> Iterator[Sequence[Wire]]:
    for number, rows in enumerate(batches):
        if number >= SHORT:
            raise _Long
        yield rows


class _Pieces:
    """The pieces of a file while it is read: one snapshot, one of a few places, both given back at its end.

    The place is taken when it is made and given back by `close`, which the server calls whether or not it has read.
    """

    def __init__(self, write: Callable[[About], Iterator[bytes]], say: Say) -> None:
        if not _places.acquire(blocking=False):
            raise Told(
                status.HTTP_503_SERVICE_UNAVAILABLE,
                "Busy",
                _("Other long files are being written: ask again in %(seconds)s seconds.")
                % {"seconds": RETRY_AFTER},
                headers={"Retry-After": str(RETRY_AFTER)},
            )
        self._lock, self._has_place = threading.Lock(), True
        self._pieces = self._read(write, say, translation.get_language())

    def _read(self, write: Callable[[About], Iterator[bytes]], say: Say, language: str) -> Iterator[bytes]:
        give_up = time.monotonic() + LONGEST
        try:
            # The server reads it after the request is over, perhaps in another thread.
            with translation.override(language), snapshot():
                for piece in write(say()):
                    yield piece
                    if time.monotonic() > give_up:
                        raise TooSlow(f"a file was read for more than {LONGEST} seconds")
        finally:
            if not connection.in_atomic_block:
                connection.close()

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        """Ends the snapshot and gives the place back, once."""
        self._pieces.close()  # type: ignore[attr-defined]
        with self._lock:
            if self._has_place:
                self._has_place = False
                _places.release()


class Stream(StreamingHttpResponse):
    """An answer that is written while it is read."""

    def __init__(self, pieces: _Pieces, media_type: str) -> None:
        super().__init__(pieces, content_type=media_type)
        self._pieces = pieces

    def give_up(self) -> None:
        """Nobody will read it: its place is free again."""
        self._pieces.close()
