"""O1 and O2: a copy that is started beside the original, and processes that die without a word."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx
from django.db import connection, connections
from django.db.models import F
from django.utils import timezone
from psycopg import sql

from commitments.log import head
from commitments.models import Heartbeat
from commitments.verifying import verify
from notifications.models import Delivery, Endpoint, State
from tests import servers, world
from tests.faults.ground import Ground, ground
from tests.faults.judging import Verdict
from tests.web_sinks import WebSink

# What beat ticks every second or few: late after a minute.
QUICK = {"scan", "publish_planned", "fan_out", "plan_reminders", "remind", "deliver", "call"}


def _everything() -> dict[str, str]:
    """A digest of the rows of every table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        names = [row[0] for row in cursor.fetchall()]
        found = {}
        for name in names:
            row = sql.SQL(
                "SELECT coalesce(md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))), '') FROM {} t"
            )
            cursor.execute(row.format(sql.Identifier(name)))
            found[name] = str(cursor.fetchone()[0])
    return found


def o1_a_copy(seed: int, size: int = 40, twin: str = "") -> Verdict:
    """A restored copy sends nothing until it is resumed; its rows and its chain are the original's."""
    verdict = Verdict()
    hook = WebSink().start()
    with ground(seed, twin, OUTBOUND_LOOPBACK_PORTS=str(hook.port)) as it:
        try:
            it.people(size // 2, 2)
            now = timezone.now()
            Endpoint.objects.create(
                name="hook",
                url=hook.url,
                format="chat",
                created_at=now,
                changed_at=now,
                told_up_to=head().seq,
            )
            it.news(it.commitments[:1])
            codes = [it.ended(it.tick(), 90)]
            it.news(it.commitments[1:])
            sent, called, there = len(it.sink.mails), len(hook.visits), _everything()
            connections.close_all()
            with servers.restored("copy", it.database.name) as copy:
                original = {name: connection.settings_dict[name] for name in ("NAME", "HOST")}
                other = {"NAME": copy.name, "HOST": copy.url.partition("?host=")[2]}
                connection.settings_dict |= other
                try:
                    here = _everything()
                    (held, fault), end = verify(), head().seq
                finally:
                    connections.close_all()
                    connection.settings_dict |= original
                same = [name for name in there if there[name] != here.get(name)]
                verdict.claim("tables that differ", same, not same and len(there) > 30)
                verdict.claim("the chain holds", held, fault is None and held == end)
                codes.append(_tick_there(it, copy.url))
                left = (len(it.sink.mails) - sent, len(hook.visits) - called)
                verdict.claim("mails and webhooks that left the copy", left, left == (0, 0))
                connection.settings_dict |= other
                try:
                    waiting = Delivery.objects.filter(state=State.WAITING).count()
                finally:
                    connections.close_all()
                    connection.settings_dict |= original
                verdict.claim("mails that wait in it", waiting, waiting == size // 2)
                codes.append(it.ended(it.start("django", "resume_sending", DATABASE_URL=copy.url), 60))
                codes.append(_tick_there(it, copy.url))
            it.judge_mails(verdict)
            verdict.tried("exit codes", codes, not any(codes))
            after = (called, len(hook.visits) - called)
            verdict.claim("webhooks before, and after resuming", after, after == (1, 1))
        finally:
            hook.stop()
    return verdict


def _tick_there(it: Ground, database: str) -> int:
    """`manage.py tick` on another database; its exit code."""
    return it.ended(it.start("django", "tick", "--seconds", "20", DATABASE_URL=database), 90)


def _seen_by_staff(web: httpx.Client) -> str:
    """The admin's first page, as somebody who has signed in sees it."""
    from django.conf import settings
    from django.test import Client

    somebody = Client()
    somebody.force_login(world.a_person("viewer"))
    session = somebody.cookies[settings.SESSION_COOKIE_NAME].value
    return web.get("/admin/", headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}"}).text


SCAN, SENDER = {"scan"}, {"deliver"}


def o2_silent_deaths(seed: int, twin: str = "", wait: bool = False) -> Verdict:
    """The scan, the sender, or everything that works dies without a word: it is told by `/readyz`, `/metrics` and the
    banner of the admin, and nothing else is; pages keep answering."""
    verdict = Verdict()
    with ground(seed, twin, METRICS_LOOPBACK="true") as it:
        it.people(1, 1)
        it.web()
        worker = it.worker()
        with httpx.Client(trust_env=False, timeout=20, base_url=it.product.url) as monitor:
            desk = _Desk(it, monitor, verdict, wait)
            beat = it.beat()
            looked = desk.wait_until(lambda: {row.name for row in Heartbeat.objects.all()} >= QUICK, 60)
            verdict.tried("everything that is quick has looked", looked, looked)
            # One job alone: beat goes on, and no longer asks for it.
            for name, load, job in (
                ("the scan", "without_scan", SCAN),
                ("the sender", "without_sender", SENDER),
            ):
                it.kill(beat)
                it.product.empty_redis()  # what the old one has asked for yet
                since = timezone.now() + timedelta(seconds=2)
                beat = it.beat(load=load)
                looked = desk.all_look(QUICK - job, since)
                verdict.tried(f"{name} dead, the others look", looked, looked)
                desk.judge(f"{name} dead", job, QUICK - job)
            it.kill(beat)
            it.kill(worker)
            desk.judge("both dead", QUICK, set())
        it.judge_processes(verdict)
    return verdict


class _Desk:
    """Whoever watches: a monitor, and somebody of the staff."""

    def __init__(self, it: Ground, monitor: httpx.Client, verdict: Verdict, wait: bool) -> None:
        self._it, self._monitor, self._verdict, self._wait = it, monitor, verdict, wait

    def late(self) -> set[str]:
        """What is late, says /readyz, of what is quick."""
        return set(self._monitor.get("/readyz").json()["late"]) & QUICK

    def all_look(self, jobs: set[str], since: datetime) -> bool:
        """Whether all of these look again after an instant, within a minute."""
        rows = Heartbeat.objects.filter(name__in=jobs, at__gt=since)
        return self.wait_until(lambda: rows.count() == len(jobs), 60)

    def wait_until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Whether it was done within so many seconds."""
        until = time.monotonic() + seconds
        while not done():
            if time.monotonic() > until:
                return False
            time.sleep(0.2)
        return True

    def judge(self, name: str, dead: set[str], alive: set[str]) -> None:
        """That these are told of within five minutes, and those that live are not."""
        began = time.monotonic()
        if not self._wait:  # the clock is moved instead of waited for; who lives looks again at once
            Heartbeat.objects.update(at=F("at") - timedelta(seconds=61))
        patience = 300 if self._wait else 15
        self.wait_until(lambda: self.late() == dead, patience)
        said, took = self.late(), time.monotonic() - began
        ready, page = self._monitor.get("/readyz"), self._monitor.get("/")
        desk, gauges = _seen_by_staff(self._monitor), self._monitor.get("/metrics").text
        claim = self._verdict.claim
        claim(f"{name}, says /readyz", f"{sorted(said)} after {took:.0f} s", said == dead and took < 300)
        answered = (ready.status_code, page.status_code)
        claim(f"{name}: /readyz and a page answer", answered, answered == (200, 200))
        banner = re.search(r"Something stands still\.[^<]*", desk)
        claim(f"{name}, says the banner of the admin", bool(banner), banner is not None)
        found = re.findall(r'accord_last_look_seconds{job="([a-z_]+)"} ([0-9.e+]+)', gauges)
        ages = {job: float(age) for job, age in found}
        old = {job for job in dead | alive if ages.get(job, 0.0) > 60}
        claim(f"{name}, says /metrics", sorted(old), old == dead)
