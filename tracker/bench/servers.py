"""`bench servers`: the product behind granian and behind gunicorn's threads, asked over loopback in one run."""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

from tracker.bench import data
from tracker.bench.measuring import Figure
from tracker.bench.serving import commands, free_port, started
from tracker.embedded.family import Family

CALLERS = 8
# How long each address is asked for before it is measured (seconds).
WARM = 2.0
ADDRESSES = {
    "a kept page": ("/api/v1/commitments/?limit=50", False),
    "304": ("/api/v1/commitments/?limit=50", True),
    "a page of the site": ("/", False),
}


def arguments(parser: ArgumentParser) -> None:
    """What may be asked."""
    parser.add_argument("--rows", type=int, default=1000, help="commitments (default: 1,000)")
    parser.add_argument("--seconds", type=float, default=3.0, help="each address, in each round (default: 3)")
    parser.add_argument("--rounds", type=int, default=3, help="alternating rounds (default: 3)")


async def _ask(port: int, request: bytes, until: float) -> tuple[int, set[int]]:
    """One caller on one kept connection: how many answers it got, and their codes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**21)
    number, codes = 0, set()
    while time.perf_counter() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        codes.add(int(head[9:12]))
        lower = head.lower()
        if b"content-length:" in lower:
            await reader.readexactly(int(lower.split(b"content-length:")[1].split(b"\r\n")[0]))
        elif b"chunked" in lower:
            while (size := int(await reader.readline(), 16)) > 0:
                await reader.readexactly(size + 2)
            await reader.readline()
        number += 1
    writer.close()
    return number, codes


def _rate(port: int, request: bytes, seconds: float, code: int) -> float:
    """Answers a second to some callers at once."""

    async def everybody() -> list[tuple[int, set[int]]]:
        until = time.perf_counter() + seconds
        return await asyncio.gather(*(_ask(port, request, until) for _n in range(CALLERS)))

    told = asyncio.run(everybody())
    codes = set().union(*(found for _number, found in told))
    if codes - {code, 200}:
        raise RuntimeError(f"answered {codes}")
    return sum(number for number, _codes in told) / seconds


def _request(path: str, etag: str = "") -> bytes:
    condition = f"If-None-Match: {etag}\r\n" if etag else ""
    return f"GET {path} HTTP/1.1\r\nHost: bench.example\r\n{condition}\r\n".encode()


async def _etag(port: int, path: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_request(path))
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    writer.close()
    return next(line[6:] for line in head.split("\r\n") if line.lower().startswith("etag: "))


def figures(asked: Namespace) -> Iterator[Figure]:
    """Requests a second behind each server; which is used is decided in docs/decisions/http-server.md."""
    data.an_accord()
    data.attach_to_pattern()
    data.spread(asked.rows)
    os.environ["API_PER_MINUTE"] = "100000000"
    taken: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="accord-servers-", dir="/tmp") as place, Family() as family:
        for _round in range(asked.rounds):
            for name in commands(0):
                port = free_port()
                child = started(family, name, port, Path(place))
                for what, (path, is_known) in ADDRESSES.items():
                    tag = asyncio.run(_etag(port, path)) if is_known else ""
                    code, request = 304 if is_known else 200, _request(path, tag)
                    # Once before it counts: every process has its code, its connection and its answer.
                    _rate(port, request, min(asked.seconds, WARM), code)
                    rate = _rate(port, request, asked.seconds, code)
                    taken.setdefault((name, what), []).append(rate)
                child.process.terminate()
                child.process.wait(30)
                family.forget(child)
    for what in ADDRESSES:
        ours, other = (statistics.median(taken[name, what]) for name in ("granian", "gunicorn"))
        yield Figure(f"requests a second, {what}: granian, gunicorn", f"{ours:,.0f}, {other:,.0f}")
        yield Figure(f"granian against gunicorn, {what}", f"{ours / other:.2f}x", ">= 1x", ours >= other)
