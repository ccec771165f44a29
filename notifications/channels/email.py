"""Mail on the wire: a letter addressed to one reader as bytes, and one kept SMTP connection that takes them."""

from __future__ import annotations

import binascii
import functools
import re
import smtplib
import time
import uuid
from dataclasses import dataclass
from email.header import Header
from email.utils import formataddr, formatdate, parseaddr
from types import TracebackType
from typing import Self

from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend

from notifications import links
from notifications.letters import (
    CONFIRM_HERE,
    ERASE_HERE,
    LEAVE_HERE,
    MANAGE_HERE,
    Letter,
    heard_here,
    one_line,
)
from notifications.models import Outcome
from notifications.outbox import Ended

_ADDRESS = re.compile(r"<?[^\s<>]+@[^\s<>]+>?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LEADING_DOT = re.compile(rb"(?m)^\.")
_PLAIN_ADDRESS = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")


class LineDown(Exception):
    """The server cannot be reached or does not let us in: no mail's own fault. Carries its words, without addresses."""


class Trouble(Exception):
    """The conversation broke while a mail was on the wire: it may have arrived; it is sent again with the same id."""


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


def _encoded(text: str) -> tuple[bytes, bytes]:
    """The shorter of the two encodings that every server takes, and its name; lines end with CRLF."""
    raw = "\r\n".join(text.splitlines()).encode() + b"\r\n"
    if len(text.encode()) < 1.1 * len(text):
        return b"quoted-printable", binascii.b2a_qp(raw, istext=True)
    lines = binascii.b2a_base64(raw, newline=False)
    return b"base64", b"\r\n".join(lines[i : i + 76] for i in range(0, len(lines), 76)) + b"\r\n"


def _header(name: str, value: str) -> bytes:
    """One header line; raises ValueError for a value that would make two."""
    if _CONTROL.search(value):
        raise ValueError(f"a line break or control character in the header {name}")
    if value.isascii():
        return f"{name}: {value}\r\n".encode()
    encoded = Header(value, "utf-8", header_name=name, maxlinelen=76).encode(linesep="\r\n")
    return f"{name}: {encoded}\r\n".encode()


@functools.lru_cache(maxsize=8)
def _sender(configured: str) -> tuple[str, str]:
    """The From header's value and the bare address of the envelope."""
    name, address = parseaddr(one_line(configured))
    return formataddr((name, address), charset="utf-8"), address


@functools.lru_cache(maxsize=64)
def _shared_headers(subject: str, thread: str, list_id: str, host: str, configured: str) -> bytes:
    """What stands over every copy of a letter."""
    return b"".join(
        [
            _header("From", _sender(configured)[0]),
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
        token = links.sign(links.LEAVE, reader.uuid, *reader.wishes)
        leave = places[LEAVE_HERE] = links.address(links.LEAVE, token)
        # RFC 8058: the mail program posts to this address when its reader presses "unsubscribe".
        unsubscribe = b"List-Unsubscribe: <" + leave.encode() + b">\r\n"
        unsubscribe += b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    for key in reader.reminders:
        token = links.sign(links.HEARD, reader.uuid, key)
        places[heard_here(key)] = links.address(links.HEARD, token)
    text, html = letter.text, letter.html
    for place, link in places.items():
        text, html = text.replace(place, link), html.replace(place, link)
    boundary = f"=_{delivery.hex}".encode()
    head = [
        _shared_headers(letter.subject, letter.thread, letter.list_id, host, settings.DEFAULT_FROM_EMAIL),
        _header("To", reader.email),
        _header("Date", formatdate(usegmt=True)),
        _header("Message-ID", f"<{delivery}@{host}>"),
        unsubscribe,
        b'Content-Type: multipart/alternative; boundary="' + boundary + b'"\r\n\r\n',
    ]
    parts = []
    for kind, content in ((b"plain", text), (b"html", html)):
        name, body = _encoded(content)
        parts.append(
            b"--%b\r\nContent-Type: text/%b; charset=utf-8\r\nContent-Transfer-Encoding: %b\r\n\r\n%b\r\n"
            % (boundary, kind, name, body)
        )
    return b"".join([*head, *parts, b"--", boundary, b"--\r\n"])


def scrubbed(words: bytes | str) -> str:
    """A server's reply without the addresses that it repeats, in one line."""
    text = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
    return one_line(_ADDRESS.sub("<address>", text), 300)


class Post:
    """One SMTP connection, made as the EMAIL settings say and kept for many mails."""

    def __init__(self) -> None:
        self._backend = EmailBackend()
        self._sender = _sender(settings.DEFAULT_FROM_EMAIL)[1]

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Connects, with TLS and sign-in where set; raises LineDown."""
        try:
            self._backend.open()
            self._smtp.ehlo_or_helo_if_needed()
        except (OSError, smtplib.SMTPException) as error:
            self.close()
            raise LineDown(scrubbed(str(error)) or type(error).__name__) from error

    @property
    def _smtp(self) -> smtplib.SMTP:
        connection = self._backend.connection
        assert connection is not None
        return connection

    def close(self) -> None:
        """Says goodbye, without waiting for an answer that does not come."""
        connection = self._backend.connection
        self._backend.connection = None
        if connection is None:
            return
        try:
            if connection.sock is not None:
                connection.sock.settimeout(1)
                connection.quit()
        except (OSError, smtplib.SMTPException):
            connection.close()

    def send(self, address: str, content: bytes, sender: str = "") -> Ended:
        """Puts one mail on the wire, in at most two send time-outs; raises Trouble when the conversation breaks.

        `sender` is the return path; without one it is the address that the mail comes from.
        """
        until = time.monotonic() + 2 * settings.EMAIL_TIMEOUT
        try:
            smtp = self._smtp
            code, words = self._say(until, f"MAIL FROM:<{sender or self._sender}>")
            if not 200 <= code <= 299:
                # Not this reader's fault: whatever the code, the mail is kept and the line is doubted.
                raise Trouble(f"{code} {scrubbed(words)}")
            code, words = self._say(until, f"RCPT TO:<{address}>")
            if not 200 <= code <= 299:
                return self._refused(until, code, words)
            code, words = self._say(until, "DATA")
            if code != 354:
                return self._refused(until, code, words)
            self._hurry(until)
            smtp.send(_LEADING_DOT.sub(b"..", content) + b".\r\n")
            code, words = smtp.getreply()
            if not 200 <= code <= 299:
                return self._refused(until, code, words)
        except (OSError, smtplib.SMTPException) as error:
            raise Trouble(scrubbed(str(error)) or type(error).__name__) from error
        return Ended(Outcome.SENT, code, scrubbed(words))

    def _hurry(self, until: float) -> None:
        """No step may wait longer than what is left for this mail: our lease must not end while it is on the wire."""
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the server is too slow")
        sock = self._smtp.sock
        if sock is not None:
            sock.settimeout(min(left, settings.EMAIL_TIMEOUT))

    def _say(self, until: float, command: str) -> tuple[int, bytes]:
        self._hurry(until)
        return self._smtp.docmd(command)

    def _refused(self, until: float, code: int, words: bytes) -> Ended:
        """5xx ends this delivery, 4xx puts it off; 421 means that the server wants to end the conversation."""
        if code == 421:
            raise Trouble(f"421 {scrubbed(words)}")
        if self._say(until, "RSET")[0] != 250:
            raise Trouble("the server does not begin anew")
        outcome = Outcome.FAILED if 500 <= code <= 599 else Outcome.RETRY
        return Ended(outcome, code, scrubbed(words))
