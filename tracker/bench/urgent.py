"""`bench urgent`: one mail to one reader while a million others are being told of something else.

The product's own processes do it (beat and a Celery worker with two children, a Redis-protocol server between them); a
mail server that counts takes what they send. Measured from outside: when the urgent mail was accepted, and how much
memory each process had at its peak.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from pathlib import Path

from django.db.models import Max

from notifications.models import Delivery, Notice, State, Unfinished
from tracker.bench import data, readers
from tracker.bench.mail import sink
from tracker.bench.measuring import Figure
from tracker.bootstrap import ROOT
from tracker.embedded.family import Family
from tracker.embedded.valkey import Valkey

WITHIN = 30.0
SMALL = 300.0  # MB
CELERY = ("-m", "celery", "-A", "tracker.celery:app")
QUIET = ("--loglevel", "ERROR")


def arguments(parser: ArgumentParser) -> None:
    """What may be asked."""
    parser.add_argument("--readers", type=int, default=1_000_000, help="how many follow (default: 1,000,000)")


def figures(asked: Namespace) -> Iterator[Figure]:
    """The goals of the fan-out to many beside what few wait for."""
    accord = data.an_accord()
    readers.follow(accord, asked.readers, "B-0")
    reader = readers.one_more(accord)
    with (
        tempfile.TemporaryDirectory(prefix="accord-urgent-", dir="/tmp") as place,
        Family() as family,
        sink() as port,
    ):
        home = Path(place)
        valkey = Valkey(home / "vk", family)
        valkey.start()
        environment = {
            **os.environ,
            "REDIS_URL": valkey.url,
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": str(port),
            "ALERT_HOLD_SECONDS": "0",
        }

        def start(name: str, *command: str) -> int:
            line = [sys.executable, *CELERY, *command, *QUIET]
            return family.start(name, line, home / f"{name}.log", environment=environment, directory=ROOT).pid

        readers.an_event()
        worker = start("worker", "worker", "--pool", "prefork", "--concurrency", "2", "--without-gossip")
        beat = start("beat", "beat")
        memory: dict[int, float] = {}
        began = time.perf_counter()
        _wait_for(lambda: _last_told() > asked.readers // 10, memory, worker, beat)
        published = time.perf_counter()
        readers.news_of("B-1")
        _wait_for(lambda: _is_sent(reader), memory, worker, beat)
        took = time.perf_counter() - published
        still = asked.readers + 1 - Notice.objects.count()
        yield Figure("the urgent mail left after", f"{took:.1f} s", f"<= {WITHIN:.0f} s", took <= WITHIN)
        yield Figure("readers of the other event who were not told yet then", f"{still:,}", "> 0", still > 0)
        _wait_for(lambda: not Unfinished.objects.exists(), memory, worker, beat)
        took = time.perf_counter() - began
        told = Notice.objects.count()
        yield Figure(
            "readers told in the end", f"{told:,}", f"{asked.readers + 1:,}", told == asked.readers + 1
        )
        yield Figure(f"{asked.readers:,} readers told within", f"{took:.0f} s")
        peak = max(memory.values())
        yield Figure(
            f"the most memory of one of {len(memory)} processes",
            f"{peak:.0f} MB",
            f"< {SMALL:.0f} MB",
            peak < SMALL,
        )


def _last_told() -> int:
    """The key of the last reader who was told; keys count from one."""
    found: int | None = Notice.objects.aggregate(last=Max("subscriber"))["last"]
    return found or 0


def _is_sent(reader: int) -> bool:
    return Delivery.objects.filter(subscriber=reader, state=State.SENT).exists()


def _wait_for(condition: Callable[[], bool], memory: dict[int, float], *processes: int) -> None:
    """Waits, and looks at the memory of the processes and of their children."""
    give_up = time.monotonic() + 1800
    while not condition():
        for process in processes:
            _look_at(process, memory)
        if time.monotonic() > give_up:
            raise RuntimeError("it did not come to an end within half an hour")
        time.sleep(0.1)


def _look_at(process: int, memory: dict[int, float]) -> None:
    """The most memory (MB) that a process and its children ever had in use, as the kernel says."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        said = Path(f"/proc/{process}/status").read_text()
        if found := re.search(r"VmHWM:\s+(\d+) kB", said):
            memory[process] = int(found[1]) / 1024
        for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
            _look_at(int(child), memory)
