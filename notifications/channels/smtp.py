"""One kept SMTP connection that takes mails: all of a mail but its end may be said before it may go."""

from __future__ import annotations

import re
import smtplib
import socket
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from django.conf import settings
from django.core.mail.backends.smtp import EmailBackend

from notifications.channels.email import sender_of
from notifications.models import Outcome
from notifications.outbox import Ended
from tracker.kit.flat_text import one_line

_CODE = re.compile(r"\d\.\d{1,3}\.\d{1,3}\b")
_ADDRESS = re.compile(r"<?[^\s<>]+@[^\s<>]+>?")

Reply = tuple[int, bytes]
# The answer to a step that was not taken.
_UNSAID: Reply = (0, b"")


class LineDown(Exception):
    """The server cannot be reached or does not let us in: no mail's own fault. Carries its words, without addresses."""


class Trouble(Exception):
    """The conversation broke while a mail was on the wire: it may have arrived; it is sent again with the same id."""


def scrubbed(words: bytes | str, recipient: str = "") -> str:
    """A server's reply without the addresses that it repeats, in one line; without any part of the recipient's that is
    theirs alone, however it is written, but with the code that it begins with."""
    text = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
    text = _ADDRESS.sub("<address>", text)
    local, _at, domain = recipient.rpartition("@")
    name = local.partition("+")[0]
    if name and name in text.lower():
        # With or without what follows a plus, and with the domain where that comes after it.
        named = rf"(?:{re.escape(local)}|{re.escape(name)})(?:(?:=40|%40|=|%){re.escape(domain)})?"
        code = _CODE.match(text)
        begun = code.end() if code else 0
        text = text[:begun] + re.sub(rf"(?<!\w){named}(?!\w)", "<address>", text[begun:], flags=re.IGNORECASE)
    return one_line(text, 300)


def _dotted(content: bytes) -> bytes:
    """The mail with the dots doubled that begin a line (RFC 5321, 4.5.2); it begins with a header, not with a dot."""
    return content.replace(b"\r\n.", b"\r\n..")


@dataclass(slots=True)
class _Begun:
    """A mail that was said but for its end: to whom, what, until when (monotonic seconds) it may take, how many seconds
    it took so far; how it ended already, or what broke."""

    sender: str
    address: str
    content: bytes
    until: float
    seconds: float = 0.0
    ended: Ended | None = None
    error: Trouble | None = None


class Post:
    """One SMTP connection, made as the EMAIL settings say and kept for many mails."""

    def __init__(self) -> None:
        self._backend = EmailBackend()
        self._sender = sender_of(settings.DEFAULT_FROM_EMAIL)[1]
        self._begun: _Begun | None = None
        # Between the server's "go on" and its answer to the end of a mail.
        self._in_mail = False
        # What the conversation about the last mail took, in seconds.
        self.seconds = 0.0

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
            if self._smtp.sock is not None:
                # The end of a mail is three bytes: they must not wait until the rest was acknowledged.
                self._smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
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
        in_mail, self._in_mail, self._begun = self._in_mail, False, None
        if connection is None:
            return
        try:
            if in_mail:
                connection.close()  # it would take a goodbye for the words of a mail
            elif connection.sock is not None:
                connection.sock.settimeout(1)
                connection.quit()
        except (OSError, smtplib.SMTPException):
            connection.close()

    def begin(self, address: str, content: bytes, sender: str = "") -> None:
        """Says all of a mail but its end, before it may go: the server takes it when its end arrives, and must forget it
        when the line is cut before (RFC 5321, 4.1.1.4 and 4.1.1.10). Raises nothing: `send` tells what broke."""
        if self._begun is None:
            self._begun = self._say_all(address, content, sender or self._sender)

    def take_back(self) -> None:
        """The mail that was begun does not go: the server that waits for its end is left, and another connection made.
        Raises LineDown."""
        begun, self._begun = self._begun, None
        if begun is not None and (self._in_mail or begun.error is not None):
            self.close()
            self.open()

    def send(self, address: str, content: bytes, sender: str = "", until: float | None = None) -> Ended:
        """Puts one mail on the wire, or the end of the one that was begun, in at most two send time-outs, or before
        `until` (monotonic seconds); raises Trouble when the conversation breaks.

        `sender` is the return path; without one it is the address that the mail comes from.
        """
        sender = sender or self._sender
        begun = self._begun
        if begun is None or (begun.sender, begun.address, begun.content) != (sender, address, content):
            try:
                self.take_back()
            except LineDown as error:
                raise Trouble(str(error)) from error
            begun = self._say_all(address, content, sender, until)
        self._begun = None
        self.seconds = begun.seconds
        if begun.error is not None:
            raise begun.error
        return begun.ended or self._end(begun)

    def _say_all(self, address: str, content: bytes, sender: str, until: float | None = None) -> _Begun:
        """The conversation up to the end of a mail."""
        began = time.monotonic()
        begun = _Begun(sender, address, content, until or began + 2 * settings.EMAIL_TIMEOUT)
        try:
            mail, rcpt, data = self._envelope(begun.until, sender, address)
            if not 200 <= mail[0] <= 299:
                # Not this reader's fault: whatever the code, the mail is kept and the line is doubted.
                raise Trouble(f"{mail[0]} {scrubbed(mail[1], address)}")
            if not 200 <= rcpt[0] <= 299:
                begun.ended = self._refused(begun, *rcpt, is_of_reader=True)
            elif data[0] != 354:
                begun.ended = self._refused(begun, *data)
            else:
                self._hurry(begun.until)
                self._in_mail = True
                self._smtp.send(_dotted(content))
        except Trouble as error:
            begun.error = error
        except (OSError, smtplib.SMTPException) as error:
            begun.error = Trouble(scrubbed(str(error), address) or type(error).__name__)
        begun.seconds = time.monotonic() - began
        return begun

    def _end(self, begun: _Begun) -> Ended:
        began = time.monotonic()
        try:
            self._hurry(begun.until)
            self._smtp.send(b".\r\n")
            code, words = self._smtp.getreply()
            self._in_mail = False
            if not 200 <= code <= 299:
                return self._refused(begun, code, words)
        except (OSError, smtplib.SMTPException) as error:
            raise Trouble(scrubbed(str(error), begun.address) or type(error).__name__) from error
        finally:
            self.seconds += time.monotonic() - began
        return Ended(Outcome.SENT, code, scrubbed(words, begun.address))

    def _envelope(self, until: float, sender: str, address: str) -> tuple[Reply, Reply, Reply]:
        """The answers to MAIL, RCPT and DATA; a step after one that was refused is not taken. A server that offers
        PIPELINING (RFC 2920) gets all of them at once."""
        steps = (f"MAIL FROM:<{sender}>", f"RCPT TO:<{address}>", "DATA")
        said: list[Reply] = []
        if not self._smtp.has_extn("pipelining"):
            for step in steps:
                said.append(self._say(until, step))
                if not 200 <= said[-1][0] <= 399:
                    break
            return (*said, *[_UNSAID] * (3 - len(said)))  # type: ignore[return-value]
        self._hurry(until)
        self._smtp.send("".join(f"{step}\r\n" for step in steps))
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

    def _refused(self, begun: _Begun, code: int, words: bytes, is_of_reader: bool = False) -> Ended:
        """5xx ends this delivery, 4xx puts it off; 421 means that the server wants to end the conversation."""
        if code == 421:
            raise Trouble(f"421 {scrubbed(words, begun.address)}")
        if self._say(begun.until, "RSET")[0] != 250:
            raise Trouble("the server does not begin anew")
        outcome = Outcome.FAILED if 500 <= code <= 599 else Outcome.RETRY
        return Ended(outcome, code, scrubbed(words, begun.address), is_of_reader)
