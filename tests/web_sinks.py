"""A real HTTP server in the test process: what reached it, and the bad manners that a test gives it."""

from __future__ import annotations

import contextlib
import http.server
import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Visit:
    """One request as it came: path, headers in small letters, body, and when (monotonic seconds)."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Say:
    """An ordinary answer."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"


class Hang:
    """Takes the request and never answers."""


class Drip:
    """Sends one byte of the body each second."""


@dataclass(frozen=True, slots=True)
class Flood:
    """Promises and sends a gigabyte, in blocks; with a pause after each, what is sent is hardly more than what is read."""

    block: int = 65536
    pause: float = 0.0


class CutAfterRequest:
    """Takes the whole request and hangs up without a word."""


Manner = Say | Hang | Drip | Flood | CutAfterRequest


@dataclass
class WebSink:
    """Listens on a port of 127.0.0.1 that the kernel chose. `manner` answers every request, or is asked for each.

    `sent` counts the bytes of floods, `held` the seconds that others waited for answers that never end."""

    manner: Manner | Callable[[Visit], Manner] = field(default_factory=Say)
    visits: list[Visit] = field(default_factory=list)
    sent: int = 0
    held: list[float] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._ended = threading.Event()
        sink = self

        class Handler(_Handler):
            """Bound to this sink."""

            owner = sink

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """An address of it."""
        return f"http://127.0.0.1:{self.port}/hook"

    def start(self) -> WebSink:
        """Begins to answer."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Ends it, and every answer that hangs."""
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    def keep(self, visit: Visit) -> Manner:
        """Writes a visit down; how to answer it."""
        with self._changed:
            self.visits.append(visit)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self._changed.notify_all()
        return self.manner(visit) if callable(self.manner) else self.manner

    def left(self) -> None:
        """One visit has been answered."""
        with self._changed:
            self.at_once -= 1

    def wait_for(self, count: int, timeout: float = 10.0) -> list[Visit]:
        """The visits, as soon as there are at least `count`; raises AssertionError after `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.visits) >= count, timeout):
                raise AssertionError(f"{len(self.visits)} visits after {timeout:.0f} s, not {count}")
            return list(self.visits)

    def pause(self, seconds: float) -> bool:
        """Waits; True when the sink has ended meanwhile."""
        return self._ended.wait(seconds)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    owner: WebSink
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        visit = Visit(self.command, self.path, headers, body, time.monotonic())
        manner = self.owner.keep(visit)
        try:
            self._behave(manner)
        finally:
            self.owner.left()

    do_GET = do_HEAD = do_POST = _answer

    def _behave(self, manner: Manner) -> None:
        if isinstance(manner, Say):
            # One packet: a delayed acknowledgement between head and body would cost 40 ms.
            head = [f"HTTP/1.1 {manner.status} Said", f"Content-Length: {len(manner.body)}"]
            head += [f"{name}: {value}" for name, value in manner.headers.items()]
            self.wfile.write("\r\n".join([*head, "", ""]).encode() + manner.body)
            return
        self.close_connection = True
        if isinstance(manner, Hang | Drip):
            began = time.monotonic()
            try:
                if isinstance(manner, Drip):
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                while not self._is_left(1.0) and time.monotonic() - began < 120:
                    if isinstance(manner, Drip):
                        self.wfile.write(b".")
            finally:
                self.owner.held.append(time.monotonic() - began)
        elif isinstance(manner, Flood):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            block = b"x" * manner.block
            for _n in range(1_000_000_000 // len(block)):
                self.wfile.write(block)
                self.owner.sent += len(block)
                if manner.pause and self.owner.pause(manner.pause):
                    return

    def _is_left(self, seconds: float) -> bool:
        """Waits so long; True as soon as the other side hangs up, or the sink has ended."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            readable, _writable, _other = select.select([self.connection], [], [], min(left, 0.2))
            if readable or self.owner.pause(0):
                return True
        return False


@contextlib.contextmanager
def web_sink(manner: Manner | Callable[[Visit], Manner] | None = None) -> Iterator[WebSink]:
    """A sink that runs, and ends with the block."""
    sink = WebSink(manner or Say()).start()
    try:
        yield sink
    finally:
        sink.stop()
