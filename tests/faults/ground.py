"""The ground a scenario stands on: a database of its own, sinks, the product's processes, and the ledger of what is owed.

Judged is what can be seen from outside: the ledger (written while the world is made), what the sinks accepted, what
clients and staff were answered, how processes ended and what stands in their logs. *lost* is in the ledger and was never
accepted, *phantom* was accepted and is not in the ledger, *duplicate* was accepted more than once; excused is one for
each conversation that was broken off, and of the mail that was on the wire there. From the database comes only how long
to wait: whether anything is still to be done.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.db import connection, connections

from commitments.log import head
from commitments.models import Commitment
from notifications.models import Bookmark, Delivery, State, Unfinished
from tests import servers, world
from tests.faults.judging import Verdict
from tests.notifications.readers import a_reader
from tests.processes import Product, product, wait_until
from tests.servers import FreshDatabase
from tests.sinks import Conversation, Mail, SmtpSink
from tracker.embedded.family import Child

Owed = tuple[str, str]


# Errors of code that was changed under the bench, as the logs of the processes tell them.
_OUR_ERRORS = re.compile(
    r"\b(TypeError|AttributeError|NameError|UnboundLocalError|ImportError|ModuleNotFoundError|SyntaxError"
    r"|ProgrammingError)\b[^\n]{0,120}"
)
_LISTED = re.compile(r"/commitments/(TST-\d+)/")


def owed_by(mail: Mail) -> list[Owed]:
    """To whom a mail was, about which commitments: the one in its subject, or all that a mail about one act lists."""
    about = [mail.subject.split(":")[0]]
    if "pieces of news" in mail.subject:
        about = list(dict.fromkeys(_LISTED.findall(mail.text)))
    return [(address, code) for address in mail.recipients for code in about]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A conversation that was broken off, and how many mails had been said on it to the end.

    The product says the end of a mail only when the one before it is settled, so the last of them is the one that may
    be sent again; or the next, whose end was still in the pipe, or is said by a process that wakes up.
    """

    conversation: Conversation
    said: int

    def suspects(self) -> set[Owed]:
        """What may have arrived without its sender having learned it."""
        these = self.conversation.ended[max(self.said - 1, 0) : self.said + 1]
        return {owed for mail in these for owed in owed_by(mail)}


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
    children: list[Child] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    _count: int = 0
    _seen: int = 0
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

    def start(self, *command: str, load: str = "", **environment: str) -> Child:
        """A process of the product, with the twin's defect in it, and a load of tests.faults.broken."""
        self._count += 1
        put_in = ",".join(filter(None, (self.twin, load)))
        wrapped = ("tests.faults.broken", put_in, *command) if put_in else command
        before = dict(self.product.environment)
        self.product.environment.update(environment)
        try:
            child = self.product.start(f"{command[0]}-{self._count}", *wrapped)
            self.children.append(child)
            return child
        finally:
            self.product.environment.clear()
            self.product.environment.update(before)

    def worker(self, children: int = 1, load: str = "") -> Child:
        """A Celery worker with that many children."""
        return self.start(
            "celery", "-A", "tracker.celery:app", "worker", "--pool", "prefork", "--concurrency", str(children),
            "--loglevel", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat", load=load,
        )  # fmt: skip

    def beat(self, load: str = "") -> Child:
        """A Celery beat."""
        return self.start(
            "celery", "-A", "tracker.celery:app", "beat", "--loglevel", "ERROR", load=load
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
        with self._noting(self.all_of(child)):
            self.product.kill(child)
        self.forget(child)

    def kill_one(self, pid: int) -> None:
        """`kill -9` of one process that a process of ours has started; raises ProcessLookupError where it is gone."""
        with self._noting([pid]):
            os.kill(pid, signal.SIGKILL)

    @contextlib.contextmanager
    def _noting(self, pids: Iterable[int]) -> Iterator[None]:
        """Notes what processes have on the wire that are killed in this block: whose conversations are theirs is seen
        before, without holding them up, and what had been said on them after. One that began in between may be theirs."""
        before = {id(conversation) for conversation in self.sink.conversations.values()}
        theirs = self._lines_of(pids)
        yield
        self.kills += 1
        for port, conversation in list(self.sink.conversations.items()):
            if port in theirs or id(conversation) not in before:
                self.doubts.append(Doubt(conversation, len(conversation.ended)))

    def note(self, pids: Iterable[int]) -> None:
        """Notes what processes that stand still have on the wire: no duplicate of anything else is excused."""
        for port in self._lines_of(pids):
            if conversation := self.sink.conversations.get(port):
                self.doubts.append(Doubt(conversation, len(conversation.ended)))

    def forget(self, child: Child) -> None:
        """How this one ends is judged elsewhere."""
        self.children.remove(child)

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
        return self.ended(child, seconds)

    def ended(self, child: Child, seconds: float) -> int:
        """Waits until it ends by itself; its exit code, which the caller judges."""
        code = child.process.wait(seconds)
        self.forget(child)
        self.product.family.forget(child)
        return int(code)

    def all_well(self) -> bool:
        """True while no process has broken that should be at work; else raises AssertionError, as nothing is proved then."""
        for child in self.children:
            assert not child.process.poll(), f"{child.name} broke: {child.last_words()}"
        return True

    def children_of(self, child: Child) -> list[int]:
        """The processes that a process has started."""
        return _children(child.pid)

    def all_of(self, child: Child) -> list[int]:
        """A process, those that it has started, and theirs."""
        found = [child.pid]
        for pid in found:
            found += _children(pid)
        return found

    def talking_to_the_sink(self, pids: Iterable[int]) -> list[int]:
        """Those processes that have a connection to the mail sink."""
        return [pid for pid in pids if self._lines_of([pid])]

    def _lines_of(self, pids: Iterable[int]) -> list[int]:
        """The ports from which processes speak to the mail sink."""
        with open("/proc/net/tcp") as table:
            rows = [line.split() for line in table.readlines()[1:]]
        ports = {
            f"socket:[{row[9]}]": int(row[1].partition(":")[2], 16)
            for row in rows
            if int(row[2].partition(":")[2], 16) == self.sink.port and row[3] == "01"
        }
        found = []
        for pid in pids:
            with contextlib.suppress(OSError):
                handles = {os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}
                found += [port for handle, port in ports.items() if handle in handles]
        return found

    def accepted(self) -> list[tuple[Owed, Mail]]:
        """What the mail sink took: to whom, about which commitment. Each mail is read once."""
        self._look()
        return list(self._read)

    def _look(self) -> None:
        fresh = self.sink.mails[self._seen :]
        self._seen += len(fresh)
        for mail in fresh:
            for owed in owed_by(mail):
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

    def wait_until_told(self, seconds: float, even_idle: bool = False) -> float:
        """Waits until nothing is lost, at most so long; and no longer than mails are to be made or sent, unless those
        that are owed may still come of something else (`even_idle`). The seconds it took."""
        began = time.monotonic()
        while self.lost() and time.monotonic() - began < seconds and (even_idle or not self.is_idle()):
            self.all_well()
            time.sleep(0.2)
        return time.monotonic() - began

    def is_idle(self) -> bool:
        """Whether the product has nothing left to do, as its tables say: who waits for what never comes need not wait on."""
        for _time in range(2):
            open_ones = Delivery.objects.filter(state__in=[State.WAITING, State.CLAIMED]).exists()
            read = Bookmark.objects.filter(name="fan_out").values_list("seq", flat=True).first() or 0
            if open_ones or Unfinished.objects.exists() or read < head().seq:
                return False
            time.sleep(0.5)
        return True

    def judge_mails(self, verdict: Verdict, most: int = 3) -> None:
        """lost, phantom, duplicates (excused where they were on the wire, with the same Message-ID); and the processes."""
        counted: Counter[Owed] = Counter()
        ids: dict[Owed, set[str]] = {}
        for owed, mail in self.accepted():
            counted[owed] += 1
            ids.setdefault(owed, set()).add(str(mail.headers["Message-ID"]))
        lost = self.ledger - set(counted)
        phantom = set(counted) - self.ledger
        again = Counter({owed: number - 1 for owed, number in counted.items() if number > 1})
        without = self._without_excuse(again)
        verdict.tried("owed", len(self.ledger), len(self.ledger) > 0)
        verdict.claim("lost", len(lost), not lost)
        verdict.claim("phantom", len(phantom), not phantom)
        said = f"{again.total()}, without an excuse {without}, broken conversations {len(self.doubts)}"
        verdict.claim("duplicates", said, without == 0)
        copies = max(counted.values(), default=0)
        verdict.claim("most copies", copies, copies <= most)
        differing = sum(len(found) > 1 for found in ids.values())
        verdict.claim("copies with another Message-ID", differing, differing == 0)
        self.judge_processes(verdict)

    def _without_excuse(self, again: Counter[Owed]) -> int:
        """How many further copies were not on the wire where a conversation was broken off; each excuses one."""
        left = sorted((doubt.suspects() for doubt in self.doubts), key=len)
        without = 0
        for owed in again.elements():
            excuse = next((suspects for suspects in left if owed in suspects), None)
            if excuse is None:
                without += 1
            else:
                left.remove(excuse)
        return without

    def judge_processes(self, verdict: Verdict) -> None:
        """That every process did what it was started for: none ended badly but those that were killed, no code broke."""
        codes = {child.name: child.process.poll() for child in self.children}
        bad = {name: code for name, code in codes.items() if code}
        verdict.tried("processes that broke", bad or "none", not bad)
        logs = (path.read_text(errors="replace") for path in self.product.home.glob("*.log"))
        errors = sorted({found[0] for text in logs for found in _OUR_ERRORS.finditer(text)})
        verdict.tried("errors of code in the logs", errors[:2] or "none", not errors)


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{pid}/children") as listed:
        return [int(child) for child in listed.read().split()]
    return []


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
