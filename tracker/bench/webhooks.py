"""`bench webhooks`: calls claimed, written, signed, sent and settled, beside a bare client that only posts."""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import statistics
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Any, cast

import httpx
from django.conf import settings
from django.db import connections

from commitments.log import append, operation
from commitments.models import Accord
from commitments.words import EventKind
from notifications import calling, endpoints
from notifications.models import Call, CallState
from tracker.bench import data
from tracker.bench.measuring import Figure, ratio, seconds

GOAL = 1000
# A thousand a second, where a kept httpx.Client managed 1,831 (the goal and its machine).
SHARE = 0.55
_LENGTH = re.compile(rb"(?i)\ncontent-length: *([0-9]+)")
_fork = multiprocessing.get_context("fork")


def arguments(parser: ArgumentParser) -> None:
    """What may be asked."""
    parser.add_argument("--calls", type=int, default=10_000, help="webhooks in all (default: 10,000)")
    parser.add_argument("--endpoints", type=int, default=20, help="endpoints (default: 20)")
    parser.add_argument("--workers", type=int, default=1, help="sending processes (default: 1)")


@operation
def _say(accord: Accord, number: int) -> None:
    for _n in range(number):
        append(EventKind.EVIDENCE_WITHDRAWN, accord, facts={"evidence": "B-0-E1", "source": "bench"})


class _Taker(asyncio.Protocol):
    """A receiver that reads a request and says 204, as fast as it can: what it costs is not ours."""

    def __init__(self) -> None:
        self.got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A line to a sender."""
        self.to = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answers as soon as the body is whole."""
        self.got += data
        head, found, rest = self.got.partition(b"\r\n\r\n")
        if found and len(rest) >= int(_LENGTH.findall(head)[0]):
            self.got = b""
            self.to.write(b"HTTP/1.1 204 Taken\r\n\r\n")


def _receive(port: Any) -> None:
    """The receiver's process."""

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Taker, "127.0.0.1", 0, backlog=512)
        port.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


def _send() -> None:
    """A sending process, until nothing is due."""
    connections.close_all()
    while Call.objects.filter(state__in=[CallState.WAITING, CallState.CLAIMED]).exists():
        if not calling.deliver(30).sent:
            time.sleep(0.2)
    calling.finish()
    connections.close_all()


def figures(asked: Namespace) -> Iterator[Figure]:
    """The goal of the webhooks."""
    port = _fork.Queue()
    receiver = _fork.Process(target=_receive, args=(port,), daemon=True)
    receiver.start()
    number = port.get()
    settings.OUTBOUND_LOOPBACK_PORTS = frozenset({number})
    try:
        yield from _measured(asked, f"http://127.0.0.1:{number}/hook")
    finally:
        receiver.terminate()
        receiver.join()


def _measured(asked: Namespace, url: str) -> Iterator[Figure]:
    accord = data.an_accord()
    for n in range(asked.endpoints):
        endpoints.register({"name": f"Endpoint {n}", "url": f"{url}/{n}", "at_once": 8, "accord": accord})
    _say(accord, asked.calls // asked.endpoints)
    took = seconds(lambda: calling.fan_out(60))
    owed = Call.objects.count()
    yield Figure("written down", f"{owed / took:,.0f} a second")
    client, body = httpx.Client(trust_env=False), b'{"type":"evidence_withdrawn","data":{}}' * 20

    def bare() -> None:
        for _n in range(2000):
            client.post(url, content=body, headers={"Content-Type": "application/json"})

    alone = [2000 / seconds(bare)]
    connections.close_all()
    senders = [_fork.Process(target=_send) for _n in range(asked.workers)]
    began = time.perf_counter()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    took = time.perf_counter() - began
    alone.append(2000 / seconds(bare))
    yield Figure(
        "a kept httpx.Client that only posts, before and after", " and ".join(f"{it:,.0f}" for it in alone)
    )
    sent = Call.objects.filter(state=CallState.SENT).count()
    yield Figure("sent", f"{sent} of {owed}", "all", sent == owed)
    rate = sent / took
    yield Figure("claimed, signed, sent, settled", f"{rate:,.0f} a second", f">= {GOAL}", rate >= GOAL)
    yield ratio("against that client", rate / statistics.mean(alone), SHARE, at_most=False)
