"""The ground a scenario stands on: a database of its own, sinks, the product's processes, and the ledger of what is owed.

Judged is only what can be seen from outside: the ledger (written while the world is made), what the sinks accepted, and
what clients were answered. *lost* is in the ledger and was never accepted, *phantom* was accepted and is not in the
ledger, *duplicate* was accepted more than once.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, connections

from commitments.models import Commitment
from tests import servers, world
from tests.notifications.readers import a_reader
from tests.processes import Product, product, wait_until
from tests.servers import FreshDatabase
from tests.sinks import Mail, SmtpSink
from tracker.embedded.family import Child

Owed = tuple[str, str]


@dataclass
class Verdict:
    """What a scenario found: every claim with its figure, and whether it holds."""

    claims: list[tuple[str, str, bool]] = field(default_factory=list)

    def claim(self, what: str, figure: object, holds: bool) -> None:
        """Adds a claim."""
        self.claims.append((what, str(figure), holds))

    @property
    def is_green(self) -> bool:
        """Whether everything holds, and anything was looked at."""
        return bool(self.claims) and all(holds for _what, _figure, holds in self.claims)

    @property
    def broken(self) -> list[str]:
        """The claims that do not hold."""
        return [f"{what}: {figure}" for what, figure, holds in self.claims if not holds]

    def __str__(self) -> str:
        return ", ".join(
            f"{what} {figure}{'' if holds else ' (BROKEN)'}" for what, figure, holds in self.claims
        )


@dataclass
class Ground:
    """One scenario's world. `twin` names the defect that the processes are started with; empty: the product as it is."""

    database: FreshDatabase
    sink: SmtpSink
    product: Product
    dice: random.Random
    twin: str = ""
    ledger: set[Owed] = field(default_factory=set)
    commitments: list[Commitment] = field(default_factory=list)
    kills: int = 0
    _count: int = 0
    _read: list[tuple[Owed, Mail]] = field(default_factory=list)
    _told: set[Owed] = field(default_factory=set)
    _missing: set[Owed] = field(default_factory=set)
    _ledger_length: int = 0

    def people(self, readers: int, commitments: int) -> None:
        """Readers who follow a whole accord, and its commitments."""
        accord = world.an_accord()
        self.commitments = [world.a_commitment(accord, f"TST-{n}") for n in range(commitments)]
        self.readers = [f"reader{n}@example.org" for n in range(readers)]
        for address in self.readers:
            a_reader(address, accord)

    def news(self, commitments: Iterable[Commitment] | None = None) -> None:
        """One piece of news about each commitment, owed to every reader."""
        for commitment in commitments if commitments is not None else self.commitments:
            world.some_evidence(commitment)
            self.ledger |= {(address, commitment.code) for address in self.readers}

    def start(self, *command: str, **environment: str) -> Child:
        """A process of the product, with the twin's defect in it."""
        self._count += 1
        wrapped = ("tests.faults.broken", self.twin, *command) if self.twin else command
        before = dict(self.product.environment)
        self.product.environment.update(environment)
        try:
            return self.product.start(f"{command[0]}-{self._count}", *wrapped)
        finally:
            self.product.environment.clear()
            self.product.environment.update(before)

    def worker(self, children: int = 1) -> Child:
        """A Celery worker with that many children."""
        return self.start(
            "celery", "-A", "tracker.celery:app", "worker", "--pool", "prefork", "--concurrency", str(children),
            "--loglevel", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat",
        )  # fmt: skip

    def beat(self) -> Child:
        """A Celery beat."""
        return self.start(
            "celery", "-A", "tracker.celery:app", "beat", "--loglevel", "ERROR"
        )  # fmt: skip

    def server(self) -> Child:
        """The web server as it is run for real, in two processes, and waits until it answers."""
        server = self.start(
            "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(self.product.port), "--workers", "2",
            "--blocking-threads", "2", "--no-ws", "--respawn-interval", "8", "--log-level", "warning",
            "tracker.wsgi:application",
        )  # fmt: skip
        wait_until(self.product._answers, 60, "the web server answers")
        return server

    def web(self) -> Child:
        """A web server in one process (so that a twin's defect is in it), and waits until it answers."""
        web = self.start("django", "runserver", "--noreload", f"127.0.0.1:{self.product.port}")
        wait_until(self.product._answers, 60, "the web server answers")
        return web

    def tick(self, seconds: float = 20) -> Child:
        """One `manage.py tick`, without Celery or Redis."""
        return self.start("django", "tick", "--seconds", str(seconds))

    def kill(self, child: Child) -> None:
        """`kill -9` of a process and of everything it started."""
        self.kills += 1
        self.product.kill(child)

    def kill_redis(self) -> None:
        """`kill -9` of Redis."""
        child = self.product.valkey.child
        assert child is not None
        self.product.kill(child)

    def redis_pid(self) -> int:
        """The process of Redis."""
        child = self.product.valkey.child
        assert child is not None
        return child.pid

    def end(self, child: Child, seconds: float = 30) -> int:
        """SIGTERM, and its exit code."""
        child.process.send_signal(signal.SIGTERM)
        code = child.process.wait(seconds)
        self.product.family.forget(child)
        return int(code)

    def children_of(self, child: Child) -> list[int]:
        """The processes that a process has started."""
        with contextlib.suppress(FileNotFoundError):
            return [int(pid) for pid in open(f"/proc/{child.pid}/task/{child.pid}/children").read().split()]
        return []

    def talking_to_the_sink(self, pids: Iterable[int]) -> list[int]:
        """Those processes that have a connection to the mail sink."""
        with open("/proc/net/tcp") as table:
            rows = [line.split() for line in table.readlines()[1:]]
        inodes = {
            row[9] for row in rows if int(row[2].partition(":")[2], 16) == self.sink.port and row[3] == "01"
        }
        found = []
        for pid in pids:
            with contextlib.suppress(OSError):
                handles = [os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")]
                if any(f"socket:[{inode}]" in handles for inode in inodes):
                    found.append(pid)
        return found

    def accepted(self) -> list[tuple[Owed, Mail]]:
        """What the mail sink took: to whom, about which commitment. Each mail is read once."""
        self._look()
        return list(self._read)

    def _look(self) -> None:
        for mail in self.sink.mails[len(self._read) :]:
            owed = (mail.recipients[0], mail.subject.split(":")[0])
            self._read.append((owed, mail))
            self._told.add(owed)
            self._missing.discard(owed)

    def lost(self) -> set[Owed]:
        """What is owed and has not been accepted."""
        self._look()
        if (
            len(self.ledger) != self._ledger_length
        ):  # asked for often, so a hundred thousand are subtracted once
            self._ledger_length = len(self.ledger)
            self._missing = self.ledger - self._told
        return self._missing

    def wait_until_told(self, seconds: float) -> float:
        """Waits until nothing is lost, at most so long; the seconds it took."""
        began = time.monotonic()
        while self.lost() and time.monotonic() - began < seconds:
            time.sleep(0.2)
        return time.monotonic() - began

    def judge_mails(self, verdict: Verdict, excused: int = 0) -> None:
        """lost, phantom, duplicates (as many as were on the wire at a kill are excused, with the same Message-ID)."""
        counted: Counter[Owed] = Counter()
        ids: dict[Owed, set[str]] = {}
        for owed, mail in self.accepted():
            counted[owed] += 1
            ids.setdefault(owed, set()).add(str(mail.headers["Message-ID"]))
        lost = self.ledger - set(counted)
        phantom = set(counted) - self.ledger
        again = sum(number - 1 for number in counted.values())
        verdict.claim("owed", len(self.ledger), len(self.ledger) > 0)
        verdict.claim("lost", len(lost), not lost)
        verdict.claim("phantom", len(phantom), not phantom)
        verdict.claim("duplicates", f"{again} (excused at most {excused})", again <= excused)
        verdict.claim("most copies", max(counted.values(), default=0), max(counted.values(), default=0) <= 3)
        differing = sum(len(found) > 1 for found in ids.values())
        verdict.claim("copies with another Message-ID", differing, differing == 0)


def _switch(name: str) -> str:
    connections.close_all()
    before = str(connection.settings_dict["NAME"])
    connection.settings_dict["NAME"] = name
    return before


@contextlib.contextmanager
def ground(seed: int, twin: str = "", **environment: str) -> Iterator[Ground]:
    """A fresh ground; nothing of it is left afterwards. The caller may speak to its database with the models."""
    sink = SmtpSink()
    sink.start()
    before_url = os.environ.get("DATABASE_URL", "")
    with servers.clone("fault") as database, contextlib.ExitStack() as ends:
        ends.callback(sink.stop)
        before = _switch(database.name)
        ends.callback(_switch, before)
        with product(database, sink) as running:
            running.environment.update(
                {"EMAIL_TIMEOUT": "2", "ALERT_HOLD_SECONDS": "0", "LOG_LEVEL": "ERROR", **environment}
            )
            try:
                yield Ground(database, sink, running, random.Random(seed), twin)  # noqa: S311
            finally:
                connections.close_all()
                os.environ["DATABASE_URL"] = before_url


def figures(rows: Iterable[Any]) -> str:
    """A few numbers in one line."""
    return " ".join(str(row) for row in rows)
