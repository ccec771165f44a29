"""Mail as bytes: a letter addressed to one reader."""

from __future__ import annotations

import binascii
import functools
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime, formataddr, parseaddr

from django.conf import settings

from notifications import links
from notifications.letters import (
    CONFIRM_HERE,
    ERASE_HERE,
    LEAVE_HERE,
    MANAGE_HERE,
    PLACES,
    Letter,
    heard_here,
)
from tracker.kit.flat_text import one_line

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PLAIN_ADDRESS = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")


@dataclass(frozen=True, slots=True)
class Reader:
    """To whom, with the keys that their links speak of: the subscriptions that brought the mail, or the one that a
    question is about (0: no question); and the reminders that it can acknowledge."""

    uuid: uuid.UUID
    email: str
    wishes: tuple[int, ...] = ()
    subscription: int = 0
    reminders: tuple[int, ...] = ()

    @property
    def domain(self) -> str:
        """Where the mail goes."""
        return self.email.rpartition("@")[2]


def _quoted(piece: bytes) -> bytes:
    """Quoted-printable. A soft break is written as the first break of the piece is, a bare LF where there is none: so
    one goes before it, and is cut off again."""
    return binascii.b2a_qp(b"\r\n" + piece, istext=True)[2:]


@functools.lru_cache(maxsize=600)
def _mould(content: str) -> tuple[bytes, tuple[bytes, ...], tuple[str, ...]]:
    """A letter's part, made ready once for all its readers: the encoding, the pieces of text, and the places between
    them. The shorter of the two encodings that every server takes; quoted-printable pieces are encoded already."""
    whole = "\r\n".join(content.splitlines()) + "\r\n"
    found = PLACES.split(whole)
    pieces, places = [piece.encode() for piece in found[::2]], tuple(found[1::2])
    if len(whole.encode()) < 1.1 * len(whole):
        return b"quoted-printable", tuple(_quoted(piece) for piece in pieces), places
    return b"base64", tuple(pieces), places


def _poured(content: str, links_at: Mapping[str, bytes]) -> tuple[bytes, bytes]:
    """The name of the encoding, and the part with this reader's links; lines end with CRLF, none is longer than 76."""
    name, pieces, places = _mould(content)
    if name == b"base64":
        raw = [pieces[0]]
        for place, piece in zip(places, pieces[1:], strict=True):
            raw += [links_at.get(place, b""), piece]
        lines = binascii.b2a_base64(b"".join(raw), newline=False)
        return name, b"\r\n".join([lines[i : i + 76] for i in range(0, len(lines), 76)]) + b"\r\n"
    out = [pieces[0]]
    for place, piece in zip(places, pieces[1:], strict=True):
        link = links_at.get(place, b"")
        # A line of its own behind a soft break, so that the pieces need not be broken anew.
        out += [b"=\r\n", *(link[i : i + 75] + b"=\r\n" for i in range(0, len(link), 75)), piece]
    return name, b"".join(out)


def _header(name: str, value: str) -> bytes:
    """One header line; raises ValueError for a value that would make two."""
    if _CONTROL.search(value):
        raise ValueError(f"a line break or control character in the header {name}")
    if value.isascii():
        return f"{name}: {value}\r\n".encode()
    encoded = Header(value, "utf-8", header_name=name, maxlinelen=76).encode(linesep="\r\n")
    return f"{name}: {encoded}\r\n".encode()


@functools.lru_cache(maxsize=8)
def sender_of(configured: str) -> tuple[str, str]:
    """The From header's value and the bare address of the envelope."""
    name, address = parseaddr(one_line(configured))
    return formataddr((name, address), charset="utf-8"), address


@functools.lru_cache(maxsize=64)
def _shared_headers(subject: str, thread: str, list_id: str, host: str, configured: str) -> bytes:
    """What stands over every copy of a letter."""
    return b"".join(
        [
            _header("From", sender_of(configured)[0]),
            _header("Subject", subject),
            _header("In-Reply-To", f"<{thread}@{host}>"),
            _header("References", f"<{thread}@{host}>"),
            _header("List-Id", f"<{list_id}.{host}>"),
            b"Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n",
        ]
    )


def assemble(letter: Letter, reader: Reader, delivery: uuid.UUID) -> bytes:
    """The whole mail to one reader, in bytes that any server takes. The Message-ID is the delivery's id.

    Raises ValueError for an address or a header that could not stand in one line.
    """
    if not _PLAIN_ADDRESS.fullmatch(reader.email):
        raise ValueError("the address cannot stand in a header")
    host = settings.SITE_HOST
    manage = links.address(links.MANAGE, links.sign(links.MANAGE, reader.uuid))
    places = {MANAGE_HERE: manage}
    unsubscribe = b""
    if reader.subscription:
        token = links.sign(links.CONFIRM, reader.uuid, reader.subscription)
        places[CONFIRM_HERE] = links.address(links.CONFIRM, token)
        places[ERASE_HERE] = links.address(links.ERASE, links.sign(links.ERASE, reader.uuid))
    elif reader.wishes:
        leave = places[LEAVE_HERE] = links.to_leave(reader.uuid, reader.wishes, delivery)
        # RFC 8058: the mail program posts to this address when its reader presses "unsubscribe".
        unsubscribe = b"List-Unsubscribe: <" + leave.encode() + b">\r\n"
        unsubscribe += b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    for key in reader.reminders:
        token = links.sign(links.HEARD, reader.uuid, key)
        places[heard_here(key)] = links.address(links.HEARD, token)
    links_at = {place: link.encode() for place, link in places.items()}
    boundary = f"=_{delivery.hex}".encode()
    head = [
        _shared_headers(letter.subject, letter.thread, letter.list_id, host, settings.DEFAULT_FROM_EMAIL),
        _header("To", reader.email),
        _header("Date", format_datetime(datetime.now(UTC))),
        _header("Message-ID", f"<{delivery}@{host}>"),
        unsubscribe,
        b'Content-Type: multipart/alternative; boundary="' + boundary + b'"\r\n\r\n',
    ]
    parts = []
    for kind, content in ((b"plain", letter.text), (b"html", letter.html)):
        name, body = _poured(content, links_at)
        parts.append(
            b"--%b\r\nContent-Type: text/%b; charset=utf-8\r\nContent-Transfer-Encoding: %b\r\n\r\n%b\r\n"
            % (boundary, kind, name, body)
        )
    return b"".join([*head, *parts, b"--", boundary, b"--\r\n"])
