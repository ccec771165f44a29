"""Mail on the wire: a letter addressed to one reader as bytes, and one kept SMTP connection that takes them."""

from __future__ import annotations

import binascii
import functools
import re
import smtplib
import time
import uuid
from collections.abc import Mapping
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
    PLACES,
    Letter,
    heard_here,
    one_line,
)
from notifications.models import Outcome
from notifications.outbox import Ended

_ADDRESS = re.compile(r"<?[^\s<>]+@[^\s<>]+>?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PLAIN_ADDRESS = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")


Reply = tuple[int, bytes]
# The answer to a step that was not taken.
_UNSAID: Reply = (0, b"")


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


@functools.lru_cache(maxsize=600)
def _mould(content: str) -> tuple[bytes, tuple[bytes, ...], tuple[str, ...]]:
    """A letter's part, made ready once for all its readers: the encoding, the pieces of text, and the places between
    them. The shorter of the two encodings that every server takes; quoted-printable pieces are encoded already."""
    whole = "\r\n".join(content.splitlines()) + "\r\n"
    found = PLACES.split(whole)
    pieces, places = [piece.encode() for piece in found[::2]], tuple(found[1::2])
    if len(whole.encode()) < 1.1 * len(whole):
        return b"quoted-printable", tuple(binascii.b2a_qp(piece, istext=True) for piece in pieces), places
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
    links_at = {place: link.encode() for place, link in places.items()}
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
    for kind, content in ((b"plain", letter.text), (b"html", letter.html)):
        name, body = _poured(content, links_at)
        parts.append(
            b"--%b\r\nContent-Type: text/%b; charset=utf-8\r\nContent-Transfer-Encoding: %b\r\n\r\n%b\r\n"
            % (boundary, kind, name, body)
        )
    return b"".join([*head, *parts, b"--", boundary, b"--\r\n"])


def scrubbed(words: bytes | str) -> str:
    """A server's reply without the addresses that it repeats, in one line."""
    text = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
    return one_line(_ADDRESS.sub("<address>", text), 300)


def _dotted(content: bytes) -> bytes:
    """The mail with the dots doubled that begin a line (RFC 5321, 4.5.2); it begins with a header, not with a dot."""
    return content.replace(b"\r\n.", b"\r\n..")


class Post:
    """One SMTP connection, made as the EMAIL settings say and kept for many mails."""

    def __init__(self) -> None:
        self._backend = EmailBackend()
        self._sender = _sender(settings.DEFAULT_FROM_EMAIL)[1]
        # What was said of the next mail before it may go: sender and address.
        self._said: tuple[str, str] | None = None

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
        announced, self._said = self._said is not None, None
        if connection is None:
            return
        try:
            if announced:
                connection.close()  # it would take a goodbye for the words of a mail
            elif connection.sock is not None:
                connection.sock.settimeout(1)
                connection.quit()
        except (OSError, smtplib.SMTPException):
            connection.close()

    def announce(self, address: str, sender: str = "") -> None:
        """Asks for the next mail to be taken, and does not wait for the answers: a mail is taken when its end arrives,
        not before. Only of a server that offers PIPELINING (RFC 2920); what breaks, `send` finds out."""
        if self._said is not None or not self._smtp.has_extn("pipelining"):
            return
        sender = sender or self._sender
        try:
            self._smtp.send(f"MAIL FROM:<{sender}>\r\nRCPT TO:<{address}>\r\nDATA\r\n")
        except (OSError, smtplib.SMTPException):
            return
        self._said = (sender, address)

    def take_back(self) -> None:
        """The mail that was announced does not go: a server that waits for one is left, and another connection made.
        Raises LineDown."""
        if self._said is not None:
            self.close()
            self.open()

    def send(self, address: str, content: bytes, sender: str = "") -> Ended:
        """Puts one mail on the wire, in at most two send time-outs; raises Trouble when the conversation breaks.

        `sender` is the return path; without one it is the address that the mail comes from.
        """
        until = time.monotonic() + 2 * settings.EMAIL_TIMEOUT
        sender = sender or self._sender
        try:
            if self._said is not None and self._said != (sender, address):
                self.take_back()
            mail, rcpt, data = self._envelope(until, sender, address)
            if not 200 <= mail[0] <= 299:
                # Not this reader's fault: whatever the code, the mail is kept and the line is doubted.
                raise Trouble(f"{mail[0]} {scrubbed(mail[1])}")
            if not 200 <= rcpt[0] <= 299:
                return self._refused(until, *rcpt)
            if data[0] != 354:
                return self._refused(until, *data)
            self._hurry(until)
            self._smtp.send(b"".join([_dotted(content), b".\r\n"]))
            code, words = self._smtp.getreply()
            if not 200 <= code <= 299:
                return self._refused(until, code, words)
        except (OSError, smtplib.SMTPException, LineDown) as error:
            raise Trouble(scrubbed(str(error)) or type(error).__name__) from error
        return Ended(Outcome.SENT, code, scrubbed(words))

    def _envelope(self, until: float, sender: str, address: str) -> tuple[Reply, Reply, Reply]:
        """The answers to MAIL, RCPT and DATA; a step after one that was refused is not taken. A server that offers
        PIPELINING (RFC 2920) gets all that was not said yet at once."""
        steps = (f"MAIL FROM:<{sender}>", f"RCPT TO:<{address}>", "DATA")
        said: list[Reply] = []
        if not self._smtp.has_extn("pipelining"):
            for step in steps:
                said.append(self._say(until, step))
                if not 200 <= said[-1][0] <= 399:
                    break
            return (*said, *[_UNSAID] * (3 - len(said)))  # type: ignore[return-value]
        self._hurry(until)
        if self._said is None:
            self._smtp.send("".join(f"{step}\r\n" for step in steps))
        self._said = None
        for _step in steps:
            self._hurry(until)
            said.append(self._smtp.getreply())
        mail, rcpt, data = said
        if data[0] == 354 and not (200 <= mail[0] <= 299 and 200 <= rcpt[0] <= 299):
            # It waits for a mail to nobody: the end of an empty one brings it back.
            self._smtp.send(b".\r\n")
            self._smtp.getreply()
        return mail, rcpt, data

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
