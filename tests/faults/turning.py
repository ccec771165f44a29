"""R4 and R8: everything several times at once, a clock that stood still for days, processes that are replaced."""

from __future__ import annotations

import signal
import socket
import threading
import time
from datetime import timedelta

import httpx
from celery import Celery
from django.db import connections
from django.db.models import F
from django.utils import timezone

from commitments import operations
from commitments.models import Event
from notifications import planning
from notifications.models import Reminder, ReminderState
from tests import world
from tests.faults.crashing import load, some_mail
from tests.faults.ground import Ground, ground
from tests.faults.judging import Verdict
from tracker.embedded.family import Child

THRICE = 3


def _ordered(it: Ground) -> tuple[threading.Event, threading.Thread]:
    """Sends every message that beat sends three times over, until it is told to stop."""
    from tracker.celery import app as product

    stop = threading.Event()
    app = Celery(broker=it.product.valkey.url)
    tasks = sorted({entry["task"] for entry in product.conf.beat_schedule.values()})

    def send() -> None:
        with app.connection_for_write() as connection:
            while not stop.wait(0.5):
                for name in tasks:
                    for _time in range(THRICE):
                        app.send_task(name, connection=connection, expires=60)

    thread = threading.Thread(target=send)
    thread.start()
    return stop, thread


def r4_many_beats(seed: int, size: int = 120, beats: int = 4, twin: str = "") -> Verdict:
    """Many beats and workers at once, after beat stood still for days; every message is there three times and more."""
    verdict = Verdict()
    with ground(seed, twin) as it:
        load(it, size)
        half = max(1, len(it.commitments) // 3)
        coming, passed = it.commitments[:half], it.commitments[half:]
        due = [world.a_deadline(commitment, "2025-01") for commitment in passed]
        soon = (timezone.now() + timedelta(days=10)).date().isoformat()
        for commitment in coming:
            world.a_deadline(commitment, soon)
        planning.plan(seconds=60)
        # Beat stood still: the rungs of seven days and of one day before have both gone by. The row is moved, not the
        # clock; the date itself is as far away as it was.
        planned = Reminder.objects.planned().filter(commitment__in=coming, rung__in=("d7", "d1"))
        late = planned.count()
        planned.update(due_at=F("due_at") - timedelta(days=10))
        connections.close_all()
        it.sink.delay = 0.01
        it.ledger = {(address, commitment.code) for address in it.readers for commitment in it.commitments}
        for _n in range(beats):
            it.beat()
        for _n in range(2):
            it.worker(children=2)
        stop, thread = _ordered(it)
        try:
            took = it.wait_until_told(90 + size / 10, even_idle=True)
            time.sleep(3)
        finally:
            stop.set()
            thread.join()
        it.judge_mails(verdict)
        crossed = list(Event.objects.filter(kind="became_overdue").values_list("crossed_at", flat=True))
        verdict.claim("dates passed", f"{len(crossed)} of {len(due)}", len(crossed) == len(due))
        true = all(at == row.due_at for at in set(crossed) for row in due)
        verdict.claim("with their true instant", true, true)
        merged = Reminder.objects.filter(commitment__in=coming, state=ReminderState.MERGED).count()
        verdict.claim("late reminders, and of these merged", f"{late}, {merged}", 0 < merged == late // 2)
        later = operations.scan(timezone.now())
        verdict.claim("a scan later finds", later, later == 0)
        verdict.claim("done", f"{took:.0f} s", took < 90 + size / 10)
    return verdict


class _Visitors:
    """People who open pages and read the feed without a break, each on a connection of its own every time.

    As a proxy does, they ask once more when a connection closes before it has brought a byte of an answer (RFC 9112,
    9.3.1): one that was made in the instant in which its process stopped taking any is closed before it is read.
    """

    def __init__(self, url: str) -> None:
        self.answers = self.again = 0
        self.failures: list[str] = []
        self._stop = threading.Event()
        paths = ("/", "/api/v1/commitments/?limit=5", "/livez")
        self.cut = self.written = 0
        self._threads = [threading.Thread(target=self._visit, args=(f"{url}{path}",)) for path in paths]
        self._threads.append(threading.Thread(target=self._write_slowly, args=(int(url.rpartition(":")[2]),)))
        for thread in self._threads:
            thread.start()

    def _visit(self, url: str) -> None:
        while not self._stop.wait(0.02):
            try:
                try:
                    answer = _get(url)
                except (httpx.RemoteProtocolError, httpx.ReadError):
                    self.again += 1
                    answer = _get(url)
                if answer.status_code != 200:
                    self.failures.append(f"{url}: {answer.status_code}")
                self.answers += 1
            except httpx.HTTPError as error:
                self.failures.append(f"{url}: {type(error).__name__}")

    def _write_slowly(self, port: int) -> None:
        """Somebody on a bad line, whose form takes a second to arrive: a process that is replaced must wait for it."""
        body = b"email=nobody&language=en"
        while not self._stop.wait(0.02):
            try:
                with socket.create_connection(("127.0.0.1", port), 30) as line:
                    line.sendall(
                        b"POST /follow/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                        b"Content-Type: application/x-www-form-urlencoded\r\n"
                        b"Content-Length: %d\r\n\r\n" % len(body) + body[:10]
                    )
                    time.sleep(1)
                    line.sendall(body[10:])
                    said = line.recv(12)
            except OSError:
                said = b""
            self.written += 1
            self.cut += not said.startswith(b"HTTP/1.1 4") and not said.startswith(b"HTTP/1.1 2")

    def stop(self) -> None:
        """Sends them home."""
        self._stop.set()
        for thread in self._threads:
            thread.join()


def _get(url: str) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=30) as browser:
        return browser.get(url)


class _Renewals:
    """A web server that gets new processes again and again (SIGHUP), one turn after the other."""

    def __init__(self, it: Ground, server: Child, number: int) -> None:
        self.done = 0
        self._thread = threading.Thread(target=self._renew, args=(it, server, number))
        self._thread.start()

    def _renew(self, it: Ground, server: Child, number: int) -> None:
        for _turn in range(number):
            before = set(it.children_of(server))
            server.process.send_signal(signal.SIGHUP)
            give_up = time.monotonic() + 120
            while before & set(it.children_of(server)):
                if time.monotonic() > give_up:
                    return
                time.sleep(0.2)
            self.done += 1

    def wait(self) -> None:
        """Until the last one is over."""
        self._thread.join()


def r8_rolling_restarts(seed: int, size: int = 200, restarts: int = 3, twin: str = "") -> Verdict:
    """SIGTERM while mails are on the wire, one new worker after the other; the web server takes new processes (SIGHUP)."""
    verdict = Verdict()
    with ground(seed, twin, API_PER_MINUTE="1000000") as it:
        load(it, size)
        it.sink.delay = 0.03
        server = it.server()
        visitors = _Visitors(it.product.url)
        try:
            # Each defect is looked for among its own: the one of the workers, the one of the web processes.
            turns = {"": restarts, "ends_at_once": 0}.get(twin, 3 * restarts)
            renewals = _Renewals(it, server, turns)
            it.news()
            it.beat()
            worker = it.worker()
            some_mail(it)
            codes: list[int] = []
            for _n in range(restarts):
                following = it.worker()
                some_mail(it, 3)
                if not it.lost():
                    break
                codes.append(it.end(worker))
                worker = following
            it.wait_until_told(60 + size / 10)
            time.sleep(1)
            renewals.wait()
        finally:
            visitors.stop()
        verdict.tried("restarts", f"{len(codes)} of {restarts}", len(codes) == restarts)
        it.judge_mails(verdict)
        clean = all(code == 0 for code in codes)
        verdict.claim("clean ends", codes, clean)
        verdict.tried("times that the web server got new processes", renewals.done, renewals.done == turns)
        failed = f"{len(visitors.failures)} of {visitors.answers} {visitors.failures[:2] or ''}".strip()
        verdict.claim("failed requests", failed, visitors.answers > 50 and not visitors.failures)
        verdict.tried("forms that came slowly", visitors.written, visitors.written > turns)
        verdict.claim("forms cut off", visitors.cut, visitors.cut == 0)
        verdict.claim("asked once more", visitors.again, visitors.again <= max(1, turns // 4))
    return verdict
