"""A real SMTP server in the test process: what it accepted, from whom, and what it was told to refuse."""

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.parser import BytesHeaderParser
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

_HEADERS = BytesHeaderParser()


@dataclass(frozen=True, slots=True)
class Mail:
    """One accepted message: its envelope, its bytes as they came, and when (monotonic seconds)."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    at: float

    @property
    def headers(self) -> Message:
        """Its headers alone, as they came: a fiftieth of the work of parsing all of it."""
        return _HEADERS.parsebytes(self.content.partition(b"\r\n\r\n")[0])

    @property
    def message(self) -> EmailMessage:
        """The message, parsed."""
        parsed = email.message_from_bytes(self.content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def subject(self) -> str:
        """Its subject, decoded."""
        return str(make_header(decode_header(self.headers["Subject"])))

    @property
    def text(self) -> str:
        """The plain-text part; empty when there is none."""
        part = self.message.get_body(preferencelist=("plain",))
        return str(part.get_content()) if part else ""

    @property
    def html(self) -> str:
        """The HTML part; empty when there is none."""
        part = self.message.get_body(preferencelist=("html",))
        return str(part.get_content()) if part else ""


@dataclass(slots=True)
class Conversation:
    """One connection: the mails whose end has arrived on it, in their order, whether they were then taken or not; and
    whether the other side has said goodbye."""

    ended: list[Mail] = field(default_factory=list)
    has_quit: bool = False


@dataclass
class SmtpSink:
    """Accepts mail on 127.0.0.1. `refusals` maps a recipient to the reply it gets at RCPT; `delay` (seconds)
    is waited before the reply to DATA; to a recipient in `cuts` the line is cut once, after the whole mail was taken;
    `sessions` counts the connections that said EHLO; `conversations` has the last one from each port of the other side."""

    host: str = "127.0.0.1"
    port: int = 0
    refusals: dict[str, str] = field(default_factory=dict)
    data_reply: str = "250 2.0.0 kept"
    delay: float = 0.0
    cuts: set[str] = field(default_factory=set)
    sessions: int = 0
    mails: list[Mail] = field(default_factory=list)
    conversations: dict[int, Conversation] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._is_over = False
        self._controller = _OnSocket(self)
        self.port = self._controller.port

    def start(self) -> None:
        """Begins to listen."""
        self._controller.start()

    def stop(self) -> None:
        """Ends it; twice does no harm."""
        if not self._is_over:
            self._is_over = True
            self._controller.stop(no_assert=True)

    def keep(self, mail: Mail) -> None:
        """Adds a mail and wakes whoever waits."""
        with self._changed:
            self.mails.append(mail)
            self._changed.notify_all()

    def wait_for(self, count: int, timeout: float = 10.0) -> list[Mail]:
        """The mails, as soon as there are at least `count`; raises AssertionError after `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.mails) >= count, timeout):
                raise AssertionError(f"{len(self.mails)} mails after {timeout:.0f} s, not {count}")
            return list(self.mails)

    def to(self, address: str) -> list[Mail]:
        """The mails that were accepted for an address."""
        with self._changed:
            return [mail for mail in self.mails if address in mail.recipients]


def _port(session: Session) -> int:
    """The port from which the other side speaks."""
    return int(session.peer[1]) if session.peer else 0


class _Handler:
    """The server's side of the conversation."""

    def __init__(self, sink: SmtpSink) -> None:
        self.sink = sink

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Counts the session."""
        self.sink.sessions += 1
        self.sink.conversations[_port(session)] = Conversation()
        session.host_name = hostname
        return responses

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Notes a goodbye."""
        if conversation := self.sink.conversations.get(_port(session)):
            conversation.has_quit = True
        return "221 2.0.0 bye"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Refuses whom the test wants refused."""
        if reply := self.sink.refusals.get(address):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keeps the mail, unless the test wants another reply."""
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        recipients = tuple(envelope.rcpt_tos)
        mail = Mail(envelope.mail_from or "", recipients, content, time.monotonic())
        if conversation := self.sink.conversations.get(_port(session)):
            conversation.ended.append(mail)
        if self.sink.delay:
            await asyncio.sleep(self.sink.delay)
        if self.sink.data_reply.startswith("2"):
            self.sink.keep(replace(mail, at=time.monotonic()))
            if self.sink.cuts.intersection(recipients):
                self.sink.cuts.difference_update(recipients)
                assert isinstance(server.transport, asyncio.WriteTransport)
                server.transport.abort()
        return self.sink.data_reply


class _OnSocket(Controller):
    """A controller on a port that the kernel chose, bound at once: nobody can take it in between."""

    def __init__(self, sink: SmtpSink) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((sink.host, sink.port))
        super().__init__(_Handler(sink), hostname=sink.host, port=self._socket.getsockname()[1])

    def _create_server(self) -> Coroutine[Any, Any, asyncio.AbstractServer]:
        return self.loop.create_server(self._factory_invoker, sock=self._socket)
