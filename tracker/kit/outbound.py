"""The one way out to the web: a client that reaches public addresses only, within a total time and size.

A name is resolved once per connection; every address it has must be public, and the connection goes to an address that
was checked, so that a second answer of the name server changes nothing. TLS and the Host header keep the name. Nothing
of the environment (proxies, netrc) is read, no cookie is kept, nothing is decompressed.

It stands on httpcore, the transport of httpx, whose network is ours to give; what httpx adds (cookies, proxies,
redirects, decoding) would only have to be switched off again, and costs half the speed.
"""

from __future__ import annotations

import contextlib
import ipaddress
import queue
import select
import socket
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import httpcore
from django.conf import settings

from tracker.kit.addresses import BadAddress, WebAddress, is_near, is_public, parse

SECONDS = 15.0
READ_AT_MOST = 64 * 1024
_SAFE = {"GET", "HEAD"}
_REDIRECTS = {301, 302, 303, 307, 308}
_KEEP_SECONDS = 10.0


class OutboundError(Exception):
    """No answer. `code` says why, in one word that is safe to show; nothing of the inside is told."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Refused(OutboundError):
    """We do not go there: the address breaks a rule (BadAddress' codes), or leads `inside`, or a redirect does."""


class Failed(OutboundError):
    """They did not answer: `timeout`, `name` (not known), `connect`, `tls`, or `broken` (the conversation)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `body` is at most READ_AT_MOST bytes, `is_cut` when there was more; `url` is the last hop's."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_cut: bool
    seconds: float
    url: str


def check(url: str) -> WebAddress:
    """The parts of an address that we may write down; raises Refused. A name is not resolved here; a number is
    judged, and so is a name that means this machine or its network to everybody."""
    try:
        address = parse(url)
    except BadAddress as error:
        raise Refused(error.code) from error
    try:
        number = ipaddress.ip_address(address.host)
    except ValueError:
        if is_near(address.host) and address.port not in settings.OUTBOUND_LOOPBACK_PORTS:
            raise Refused("inside") from None
        return address
    if not _may_reach(number, address.port):
        raise Refused("inside")
    return address


def _may_reach(number: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> bool:
    return is_public(number) or (number.is_loopback and port in settings.OUTBOUND_LOOPBACK_PORTS)


def _resolved(host: str, port: int, until: float) -> list[str]:
    """Every address of a host, all of them allowed; raises Refused or Failed. In a thread of its own, because a name
    server that is silent would hold us for as long as the system likes."""
    answers: queue.SimpleQueue[list[Any] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error if isinstance(error, OSError) else OSError(str(error)))

    try:
        known = str(ipaddress.ip_address(host))
    except ValueError:
        threading.Thread(target=ask, daemon=True).start()
        try:
            found = answers.get(timeout=max(until - time.monotonic(), 0.0))
        except queue.Empty:
            raise Failed("timeout") from None
        if isinstance(found, OSError):
            raise Failed("name") from found
        numbers = list(dict.fromkeys(str(row[4][0]) for row in found))
    else:
        numbers = [known]
    for number in numbers:
        # One address inside among several is enough: which of them would be taken is not ours to guess.
        if not _may_reach(ipaddress.ip_address(number), port):
            raise Refused("inside")
    if not numbers:
        raise Failed("name")
    return numbers


def _left(until: float | None) -> float:
    """Seconds until the end of the request; raises Failed when there are none."""
    assert until is not None
    left = until - time.monotonic()
    if left <= 0:
        raise Failed("timeout")
    return left


class _Stream(httpcore.NetworkStream):
    """A socket whose time-outs are instants (monotonic): a byte a second does not prolong them.

    What is written leaves when an answer is asked for, head and body together. The socket never blocks: setting a
    time-out for each step would cost more system calls than the step.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._unsent = bytearray()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        # When they have answered and hung up before we were done, what they said is worth more than the rest of ours.
        with contextlib.suppress(OSError):
            while self._unsent:
                del self._unsent[: self._step(self._sock.send, self._unsent, select.POLLOUT, timeout)]
        self._unsent.clear()
        try:
            got: bytes = self._step(self._sock.recv, max_bytes, select.POLLIN, timeout)
        except OSError as error:
            raise Failed("broken") from error
        return got

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._unsent += buffer

    def _step(self, act: Callable[[Any], Any], it: Any, ready: int, until: float | None) -> Any:
        """Does it as soon as the socket lets us; raises Failed when the time is over."""
        while True:
            left = _left(until)
            try:
                return act(it)
            except BlockingIOError:
                wanted = ready
            except ssl.SSLWantReadError:
                wanted = select.POLLIN
            except ssl.SSLWantWriteError:
                wanted = select.POLLOUT
            waiting = select.poll()
            waiting.register(self._sock, wanted)
            waiting.poll(left * 1000)

    def close(self) -> None:
        self._sock.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        self._sock.settimeout(_left(timeout))
        try:
            return _Stream(ssl_context.wrap_socket(self._sock, server_hostname=server_hostname))
        except TimeoutError as error:
            self.close()
            raise Failed("timeout") from error
        except (OSError, ValueError) as error:
            self.close()
            raise Failed("tls") from error

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":
            # A kept connection that has something to say before we asked was closed by the other side.
            waiting = select.poll()
            try:
                waiting.register(self._sock, select.POLLIN)
            except ValueError:
                return True
            return bool(waiting.poll(0))
        return None


class _Network(httpcore.NetworkBackend):
    """Connects to addresses that were checked in the same breath."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        assert timeout is not None
        last: OutboundError = Failed("connect")
        for number in _resolved(host, port, timeout):
            try:
                sock = socket.create_connection((number, port), _left(timeout))
            except TimeoutError:
                last = Failed("timeout")
                continue
            except OSError:
                continue
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return _Stream(sock)
        raise last


_Where = tuple[bytes, bytes, int]


class _Idle:
    """Connections that may be used again, by their origin; the one that was used last goes first. May be shared by
    threads. httpcore's own pool looks at every connection it has at each request, twice."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._by_origin: OrderedDict[_Where, list[httpcore.HTTPConnection]] = OrderedDict()
        self.count = 0
        self._swept = time.monotonic()

    def take(self, where: _Where) -> httpcore.HTTPConnection | None:
        """One that still lives, or None."""
        while True:
            with self._lock:
                stack = self._by_origin.get(where)
                if not stack:
                    return None
                connection = stack.pop()
                self.count -= 1
                if not stack:
                    del self._by_origin[where]
            if not connection.has_expired():
                return connection
            connection.close()

    def put(self, where: _Where, connection: httpcore.HTTPConnection) -> None:
        """Keeps it for the next request, unless there are enough."""
        over: list[httpcore.HTTPConnection] = []
        with self._lock:
            stack = self._by_origin.setdefault(where, [])
            self._by_origin.move_to_end(where)
            stack.append(connection)
            self.count += 1
            if self.count > self._most:
                oldest = next(iter(self._by_origin))
                over.append(self._by_origin[oldest].pop(0))
                self.count -= 1
                if not self._by_origin[oldest]:
                    del self._by_origin[oldest]
            if time.monotonic() - self._swept > 1.0:
                over += self._sweep()
        for connection in over:
            connection.close()

    def _sweep(self) -> list[httpcore.HTTPConnection]:
        """Takes out those whose time is over."""
        gone = []
        for where, stack in list(self._by_origin.items()):
            left = [connection for connection in stack if not connection.has_expired()]
            gone += [connection for connection in stack if connection not in left]
            if left:
                self._by_origin[where] = left
            else:
                del self._by_origin[where]
        self.count -= len(gone)
        self._swept = time.monotonic()
        return gone

    def close(self) -> None:
        """Ends all of them."""
        with self._lock:
            every = [connection for stack in self._by_origin.values() for connection in stack]
            self._by_origin.clear()
            self.count = 0
        for connection in every:
            connection.close()


class Outbound:
    """The client; may be shared by threads. Keeps a few connections for some seconds, per host and port."""

    def __init__(self, connections: int = 100) -> None:
        self._idle = _Idle(connections)
        self._tls = ssl.create_default_context()
        self._network = _Network()

    def close(self) -> None:
        """Ends every connection that nobody uses."""
        self._idle.close()

    def _made(self, origin: httpcore.Origin) -> httpcore.HTTPConnection:
        return httpcore.HTTPConnection(
            origin, ssl_context=self._tls, keepalive_expiry=_KEEP_SECONDS, network_backend=self._network
        )

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        *,
        seconds: float = SECONDS,
        redirects: int = 0,
    ) -> Answer:
        """One request; raises Refused or Failed. `seconds` are for all of it: name, connection, redirects, body.

        A redirect is the answer, unless `redirects` allows some: then each hop is checked like the first, only GET
        and HEAD follow, and the headers go to the first host alone.
        """
        began = time.monotonic()
        until = began + seconds
        first = address = check(url)
        for _hop in range(redirects + 1):
            own = headers if address.authority == first.authority and address.scheme == first.scheme else None
            status, got, body, is_cut = self._once(method, address, own or {}, content, until)
            location = got.get("location", "")
            if status not in _REDIRECTS or not location or not redirects:
                return Answer(status, got, body, is_cut, time.monotonic() - began, url)
            if method not in _SAFE:
                raise Refused("redirect")
            url = urljoin(url, location)
            address = check(url)
        raise Refused("redirect")

    def _once(
        self, method: str, address: WebAddress, headers: Mapping[str, str], content: bytes, until: float
    ) -> tuple[int, dict[str, str], bytes, bool]:
        sent = [(b"Host", address.authority.encode()), (b"Accept-Encoding", b"identity")]
        try:
            sent += [(name.encode("ascii"), _plain(value)) for name, value in headers.items()]
        except UnicodeEncodeError as error:
            raise Refused("characters") from error
        if content or method == "POST":
            sent.append((b"Content-Length", str(len(content)).encode()))
        request = httpcore.Request(
            method,
            httpcore.URL(
                scheme=address.scheme, host=address.host, port=address.port, target=address.target.encode()
            ),
            headers=sent,
            content=content,
            # Instants, not lengths.
            extensions={"timeout": {"connect": until, "read": until, "write": until}},
        )
        origin = request.url.origin
        where = (origin.scheme, origin.host, origin.port)
        connection = self._idle.take(where) or self._made(origin)
        try:
            response = connection.handle_request(request)
            try:
                body, is_cut = _read(response, method)
            finally:
                response.close()
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.TimeoutException,
            httpcore.ConnectionNotAvailable,
        ) as error:
            raise Failed("broken") from error
        finally:
            if connection.is_idle() and not connection.is_closed() and not _has_more(connection):
                self._idle.put(where, connection)
            else:
                connection.close()
        got: dict[str, str] = {}
        for name, value in response.headers:
            got.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
        return response.status, got, body, is_cut


def _has_more(connection: httpcore.HTTPConnection) -> bool:
    """Whether more has come than the answer: it would be taken for the answer to the next request. What has been read
    ahead is known to h11 alone, which httpcore keeps to itself; where it is not found, nothing is kept."""
    state: Any = getattr(connection._connection, "_h11_state", None)
    return state is None or bool(state.trailing_data[0])


def _plain(value: str) -> bytes:
    """A header value that stands in one line."""
    raw = value.encode("ascii")
    if any(byte < 0x20 or byte == 0x7F for byte in raw):
        raise Refused("characters")
    return raw


def _read(response: httpcore.Response, method: str) -> tuple[bytes, bool]:
    """At most READ_AT_MOST bytes; the rest is never asked for."""
    body = bytearray()
    if method == "HEAD":
        return b"", False
    stream = response.stream
    assert isinstance(stream, Iterable)
    for part in stream:
        body += part
        if len(body) > READ_AT_MOST:
            return bytes(body[:READ_AT_MOST]), True
    return bytes(body), False
