"""O1 and O2: a copy that is started beside the original, and processes that die without a word."""

from __future__ import annotations

import re
import time
from datetime import timedelta

import httpx
from django.db import connection, connections
from django.utils import timezone
from psycopg import sql

from commitments.log import head
from commitments.models import Heartbeat
from commitments.verifying import verify
from notifications.models import Delivery, Endpoint, State
from tests import servers, world
from tests.faults.ground import Verdict, ground
from tests.processes import wait_until
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
            it.tick().process.wait(90)
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
                it.start("django", "tick", "--seconds", "20", DATABASE_URL=copy.url).process.wait(90)
                left = (len(it.sink.mails) - sent, len(hook.visits) - called)
                verdict.claim("mails and webhooks that left the copy", left, left == (0, 0))
                connection.settings_dict |= other
                try:
                    waiting = Delivery.objects.filter(state=State.WAITING).count()
                finally:
                    connections.close_all()
                    connection.settings_dict |= original
                verdict.claim("mails that wait in it", waiting, waiting == size // 2)
                it.start("django", "resume_sending", DATABASE_URL=copy.url).process.wait(60)
                it.start("django", "tick", "--seconds", "20", DATABASE_URL=copy.url).process.wait(90)
            it.wait_until_told(5)
            it.judge_mails(verdict)
            verdict.claim("webhooks after resuming", len(hook.visits), len(hook.visits) == called * 2)
        finally:
            hook.stop()
    return verdict


def _seen_by_staff(web: httpx.Client) -> str:
    """The admin's first page, as somebody who has signed in sees it."""
    from django.conf import settings
    from django.test import Client

    somebody = Client()
    somebody.force_login(world.a_person("viewer"))
    session = somebody.cookies[settings.SESSION_COOKIE_NAME].value
    return web.get("/admin/", headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}"}).text


def o2_silent_deaths(seed: int, twin: str = "", wait: bool = False) -> Verdict:
    """The clock or the sender dies without a word: `/readyz` says so, pages keep answering."""
    verdict = Verdict()
    with ground(seed, twin, METRICS_LOOPBACK="true") as it:
        it.people(1, 1)
        it.web()
        beat, worker = it.beat(), it.worker()
        with httpx.Client(trust_env=False, timeout=20, base_url=it.product.url) as monitor:

            def late() -> list[str]:
                return list(monitor.get("/readyz").json()["late"])

            if not twin:
                wait_until(lambda: not QUICK & set(late()), 60, "everything that is quick looks")
            it.kill(beat)
            it.kill(worker)
            killed = time.monotonic()
            if not wait:  # the clock is moved instead of waited for
                for row in Heartbeat.objects.all():
                    Heartbeat.objects.filter(pk=row.pk).update(at=row.at - timedelta(seconds=61))
            while not set(late()) >= QUICK and time.monotonic() - killed < (300 if wait else 5):
                time.sleep(1)
            said, took = late(), time.monotonic() - killed
            ready, page = monitor.get("/readyz"), monitor.get("/")
            desk = _seen_by_staff(monitor)
            gauges = monitor.get("/metrics").text
        verdict.claim("late, says /readyz", sorted(said), set(said) >= QUICK)
        banner = re.search(r"Something stands still\.[^<]*", desk)
        verdict.claim("the banner of the admin", bool(banner), banner is not None)
        verdict.claim("after", f"{took:.0f} s", took < 300)
        verdict.claim(
            "/readyz and a page answer", (ready.status_code, page.status_code), page.status_code == 200
        )
        ages = [float(age) for age in re.findall(r'accord_last_look_seconds{job="scan"} ([0-9.e+]+)', gauges)]
        verdict.claim("/metrics says", ages, bool(ages) and ages[0] > 60)
    return verdict
