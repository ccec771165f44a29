"""The mailbox of the return path: bounces are fetched from it by IMAP over TLS (RFC 9051), read, and marked as seen."""

from __future__ import annotations

import contextlib
import imaplib
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.utils import timezone

from commitments import jobs
from notifications import bouncing, home, line
from notifications.channels.smtp import scrubbed

MAILBOX = "mailbox"
COLLECT = "collect_bounces"
# Mails of one visit; the others wait for the next.
MOST = 500

log = structlog.get_logger(__name__)


class _Unread(Exception):
    """The server said no to an order."""


@dataclass(slots=True)
class Visit:
    """What one visit did: mails looked at, and how many of them were bounces that were new."""

    read: int = 0
    recorded: int = 0
    is_down: bool = False


def collect(seconds: float = 20.0) -> Visit:
    """One visit, and a note that we looked; also where there is no mailbox to look into."""
    this = _visit(seconds)
    jobs.looked(COLLECT, timezone.now(), read=this.read, recorded=this.recorded, is_down=this.is_down)
    return this


def _visit(seconds: float) -> Visit:
    """Reads what has not been seen, for at most about `seconds`. A mail is marked as seen when its bounce stands in the
    database, so a worker that ends in between reads it again, and counts it once.

    Without BOUNCE_IMAP_HOST there is no mailbox; a copy of the database leaves the mailbox to the original.
    """
    this = Visit()
    if not settings.BOUNCE_IMAP_HOST or not home.is_home() or not line.may_try(MAILBOX):
        return this
    until = time.monotonic() + seconds
    try:
        with _opened() as box:
            line.up(MAILBOX)
            for number in _unseen(box)[:MOST]:
                if this.read and time.monotonic() >= until:
                    break
                content = _content(box, number)
                if content is not None:
                    this.read += 1
                    this.recorded += bouncing.read(content)
                _ask(box, "STORE", number, "+FLAGS.SILENT", r"(\Seen)")
    except (OSError, imaplib.IMAP4.error, _Unread) as error:
        said = scrubbed(str(error)) or type(error).__name__
        line.down(said, MAILBOX)
        log.warning("bounce_mailbox_down", said=said)
        this.is_down = True
    return this


@contextlib.contextmanager
def _opened() -> Iterator[imaplib.IMAP4_SSL]:
    """The mailbox, signed in. The server must prove its name; an authority of one's own goes into SSL_CERT_FILE."""
    box = imaplib.IMAP4_SSL(
        settings.BOUNCE_IMAP_HOST,
        settings.BOUNCE_IMAP_PORT,
        ssl_context=ssl.create_default_context(),
        timeout=settings.EMAIL_TIMEOUT,
    )
    try:
        box.login(settings.BOUNCE_IMAP_USER, settings.BOUNCE_IMAP_PASSWORD)
        quoted = '"' + settings.BOUNCE_IMAP_FOLDER.replace("\\", "\\\\").replace('"', '\\"') + '"'
        answer, said = box.select(quoted)
        if answer != "OK":
            raise _Unread(f"SELECT: {said!r}")
        yield box
    finally:
        with contextlib.suppress(OSError, imaplib.IMAP4.error):
            box.logout()


def _ask(box: imaplib.IMAP4_SSL, command: str, *words: str) -> list[bytes | tuple[bytes, bytes] | None]:
    answer, said = box.uid(command, *words)
    if answer != "OK":
        raise _Unread(f"{command}: {said!r}")
    return said


def _unseen(box: imaplib.IMAP4_SSL) -> list[str]:
    """The unique numbers (UID) of the mails that nobody has seen, oldest first."""
    (row, *_more) = _ask(box, "SEARCH", "UNSEEN") or [None]
    return [number.decode() for number in row.split()] if isinstance(row, bytes) else []


def _content(box: imaplib.IMAP4_SSL, number: str) -> bytes | None:
    """The mail, without marking it, and no more of it than is looked at; None when it has gone since."""
    said = _ask(box, "FETCH", number, f"(BODY.PEEK[]<0.{bouncing.LARGEST + 1}>)")
    return next((part[1] for part in said if isinstance(part, tuple)), None)
