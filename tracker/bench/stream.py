"""`bench stream`: a list of any length as NDJSON over loopback, and the memory of the process that writes it."""

from __future__ import annotations

import http.client
import re
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

from django.db import connection

from tracker.bench import data
from tracker.bench.measuring import Figure
from tracker.bench.serving import free_port, started
from tracker.embedded.family import Family

PATH = "/api/v1/commitments/?format=ndjson"
# In kB: no process that writes a list may hold more of it.
MOST = 200_000
PIECE = 1 << 20


def arguments(parser: ArgumentParser) -> None:
    """What may be asked."""
    parser.add_argument("--rows", type=int, default=20_000, help="commitments (default: 20,000)")


def _memory(family: str) -> int:
    """The largest proportional memory (kB) among the processes of a web server, by their command."""
    found = [0]
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if family in (entry / "cmdline").read_bytes().decode(errors="replace"):
                rollup = (entry / "smaps_rollup").read_text()
                found.append(int(re.findall(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[0]))
        except (OSError, IndexError):
            continue
    return max(found)


def _by_the_database() -> float:
    """Seconds for PostgreSQL to write the rows of the one table as JSON to this process: the least there is."""
    begun = time.perf_counter()
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY (SELECT to_json(c) FROM commitments_commitment c) TO STDOUT") as rows,
    ):
        for _row in rows:
            pass
    return time.perf_counter() - begun


def figures(asked: Namespace) -> Iterator[Figure]:
    """How long it takes, and what it holds."""
    data.an_accord()
    data.attach_to_pattern()
    data.spread(asked.rows)
    with tempfile.TemporaryDirectory(prefix="accord-stream-", dir="/tmp") as place, Family() as family:
        port = free_port()
        started(family, "granian", port, Path(place))
        server = http.client.HTTPConnection("127.0.0.1", port, timeout=900)
        server.request("GET", "/api/v1/", headers={"Host": "bench.example"})
        server.getresponse().read()
        before, begun = _memory(f"--port\0{port}"), time.perf_counter()
        server.request("GET", PATH, headers={"Host": "bench.example"})
        answer = server.getresponse()
        lines, size, peak, looked_at = 0, 0, before, begun
        first = 0.0
        while piece := answer.read(PIECE):
            first = first or time.perf_counter() - begun
            lines, size, end = lines + piece.count(b"\n"), size + len(piece), piece
            if time.perf_counter() - looked_at > 0.25:
                peak, looked_at = max(peak, _memory(f"--port\0{port}")), time.perf_counter()
        taken = time.perf_counter() - begun
        if lines != asked.rows + 1 or b'"about"' not in end:
            raise RuntimeError(f"{lines} lines of {asked.rows + 1} arrived")
    yield Figure("rows, and MB of the file", f"{asked.rows:,}, {size / 1e6:,.0f}")
    yield Figure("rows a second", f"{asked.rows / taken:,.0f}")
    yield Figure("the first piece after", f"{first:.2f} s")
    yield Figure("against to_json of the bare table", f"{taken / _by_the_database():.1f}x")
    yield Figure("memory of the writing process before it", f"{before / 1000:.0f} MB")
    yield Figure(
        "memory of the writing process at its peak", f"{peak / 1000:.0f} MB", "< 200 MB", peak < MOST
    )
