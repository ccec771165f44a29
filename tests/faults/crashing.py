"""R1, R2, R5 and R6: workers and their children that die or sleep, mails that do not let themselves be written."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import httpx
from django.conf import settings
from django.test import Client
from django.utils import timezone

from commitments.models import Accord
from notifications.models import Delivery, State
from tests import world
from tests.faults.ground import Ground, ground
from tests.faults.judging import Verdict
from tests.notifications.readers import a_reader
from tests.processes import wait_until
from tracker.embedded.family import Child


def load(it: Ground, size: int) -> None:
    """About `size` deliveries: readers times commitments."""
    readers = max(10, size // 20)
    it.people(readers, max(1, size // readers))


def some_mail(it: Ground, more: int = 1) -> None:
    """Waits until mail flows. That it does not is judged at the end, not here."""
    before = len(it.sink.mails)
    give_up = time.monotonic() + 40
    looked = time.monotonic()
    while len(it.sink.mails) < before + more and it.lost() and time.monotonic() < give_up and it.all_well():
        time.sleep(0.05)
        if time.monotonic() - looked > 2:
            looked = time.monotonic()
            if it.is_idle():
                return


def _in_time(left: int, size: int) -> float:
    """Seconds after the last kill in which everything must be told. Of a thousand that are owed: a minute, for the leases
    of the dead. Where more are owed than that, one more for each hundred that are left then: they have to be sent."""
    return 60 + (left / 100 if size > 1000 else 0)


def _judge_kills(it: Ground, verdict: Verdict, kills: int) -> None:
    """That there were as many as asked, and at least half of them in the middle of a conversation."""
    talking = len(it.doubts)
    verdict.tried(
        "kills", f"{it.kills} of {kills}, {talking} while sending", it.kills == kills and talking * 2 >= kills
    )


def r1_workers_killed(seed: int, size: int = 200, kills: int = 4, twin: str = "") -> Verdict:
    """`kill -9` of whole workers while they send."""
    verdict = Verdict()
    with ground(seed, twin) as it:
        load(it, size)
        it.sink.delay = 0.05 if size <= 1000 else 0.002
        it.news()
        it.beat()
        workers: list[Child] = [it.worker(), it.worker()]
        some_mail(it)
        for _n in range(kills):
            some_mail(it, 1)
            time.sleep(it.dice.random() * 0.2)
            victim = next((one for one in workers if it.talking_to_the_sink(it.all_of(one))), workers[0])
            workers.remove(victim)
            it.kill(victim)
            if not it.lost():
                break
            workers.append(it.worker())
        left = len(it.lost())
        took = it.wait_until_told(60 + size / 50)
        time.sleep(2)
        _judge_kills(it, verdict, kills)
        it.judge_mails(verdict)
        verdict.claim(
            "done after the last kill", f"{took:.0f} s, {left} were left", took <= _in_time(left, size)
        )
    return verdict


def r2_children_killed(seed: int, size: int = 200, kills: int = 4, twin: str = "") -> Verdict:
    """`kill -9` of one pool child; its worker replaces it."""
    verdict = Verdict()
    with ground(seed, twin) as it:
        load(it, size)
        it.news()
        it.beat()
        worker = it.worker(children=2)
        for _n in range(kills):
            # Quick until the kill, which should find a mail on the wire.
            it.sink.delay = 0.0
            some_mail(it, size // (3 * kills))
            it.sink.delay = 0.08
            some_mail(it, 3)
            time.sleep(it.dice.random() * it.sink.delay)
            if not it.lost():
                break
            children = wait_until(lambda: it.children_of(worker), 20, "the worker has children")
            with contextlib.suppress(ProcessLookupError):
                it.kill_one(it.dice.choice(it.talking_to_the_sink(children) or children))
        it.sink.delay = 0.0 if kills > 10 else 0.08
        left = len(it.lost())
        took = it.wait_until_told(60 + size / 50)
        _judge_kills(it, verdict, kills)
        it.judge_mails(verdict)
        verdict.claim(
            "done after the last kill", f"{took:.0f} s, {left} were left", took <= _in_time(left, size)
        )
    return verdict


def r5_a_worker_sleeps(seed: int, size: int = 120, twin: str = "") -> Verdict:
    """A worker is stopped beyond its lease, another one takes over, then the first goes on."""
    verdict = Verdict()
    with ground(seed, twin, EMAIL_TIMEOUT="1") as it:
        load(it, size)
        it.sink.delay = 0.05
        it.news()
        sleeper = it.tick(seconds=60)
        some_mail(it, 5)
        os.kill(sleeper.pid, signal.SIGSTOP)
        it.note([sleeper.pid])
        time.sleep(9.5)
        other = it.tick(seconds=60)
        some_mail(it, 5)
        verdict.tried("told by another meanwhile", len(it.sink.mails), len(it.lost()) > 0)
        os.kill(sleeper.pid, signal.SIGCONT)
        codes = [it.ended(sleeper, 90), it.ended(other, 90)]
        time.sleep(1)
        if it.lost():
            codes.append(it.ended(it.tick(seconds=30), 60))
        it.judge_mails(verdict)
        verdict.tried("exit codes", codes, not any(codes))
    return verdict


def r6_poison(
    seed: int,
    size: int = 60,
    twin: str = "",
    seconds: float = 240,
    delay: float = 0.0,
    held_up: float = 0.0,
) -> Verdict:
    """Some mails raise, crash the child or never end (one in a hundred, at least three): they are put aside after five
    claims, the others go out.

    `held_up`: the others may take so many times as long as they take without the poison, which is tried first;
    `delay`: seconds that the mail server takes for a mail.
    """
    verdict = Verdict()
    alone = 0.0
    if held_up:
        with _quick_lease(seed, "") as it:
            alone = _told_by_two(it, size, delay)
    with _quick_lease(seed, twin) as it:
        poison = ("raise", "crash", "hang")
        took = _told_by_two(it, size, delay, [f"poison-{kind}@example.org" for kind in poison])
        verdict.claim("healthy mails not told", f"{len(it.lost())} after {took:.0f} s", not it.lost())
        if held_up:
            verdict.claim("against the same without poison", f"{took / alone:.2f}x", took <= held_up * alone)
        bad = len(poison) * len({code for _address, code in it.ledger})
        aside = _put_aside(it, bad, seconds)
        verdict.claim("in quarantine", f"{aside} of {bad}", aside == bad)
        tries = _tries_as_staff_see_them(it)
        verdict.claim("claims before it", sorted(tries.items()), set(tries) <= {5} and tries.total() == aside)
        it.judge_mails(verdict)
    return verdict


def _quick_lease(seed: int, twin: str) -> contextlib.AbstractContextManager[Ground]:
    return ground(seed, twin, EMAIL_TIMEOUT="1", METRICS_LOOPBACK="true")


def _told_by_two(it: Ground, size: int, delay: float, strangers: Sequence[str] = ()) -> float:
    """News, told by a worker with two children, also to `strangers` to the ledger; seconds until nothing was lost."""
    load(it, size)
    for address in strangers:
        a_reader(address, Accord.objects.get())
    it.sink.delay = delay
    it.beat()
    it.worker(children=2, load="poisoned" if strangers else "")
    # A handful of commitments at most, so that one in a hundred is poison, or a few of a small number.
    it.news(it.commitments if size >= 1000 else it.commitments[: max(1, size // 30)])
    return it.wait_until_told(60 + size / 10)


def _put_aside(it: Ground, bad: int, seconds: float) -> int:
    """How many mails are in quarantine, as `/metrics` says, once there are so many or the time is over."""
    it.web()
    end = time.monotonic() + seconds
    while True:
        # The pauses between the claims are shortened, and the leases of what nobody can be at any more (a mail has two
        # seconds here, and one to be written): their length is not what is tried.
        now = timezone.now()
        Delivery.objects.filter(state=State.WAITING, crashes__gt=0).update(next_attempt_at=now)
        over = Delivery.objects.filter(state=State.CLAIMED, started_at__lt=now - timedelta(seconds=4))
        over.update(lease_until=now - timedelta(seconds=1))
        gauges = httpx.get(f"{it.product.url}/metrics", trust_env=False, timeout=20).text
        (aside,) = re.findall(r'accord_mails{state="quarantined"} ([0-9.]+)', gauges)
        if float(aside) >= bad or time.monotonic() > end:
            return int(float(aside))
        time.sleep(0.5)


def _tries_as_staff_see_them(it: Ground) -> Counter[int]:
    """How many mails in quarantine were tried how often, as the staff's pages of them say."""
    somebody = Client()
    somebody.force_login(world.a_person("administrator"))
    session = somebody.cookies[settings.SESSION_COOKIE_NAME].value
    found: Counter[int] = Counter()
    with httpx.Client(trust_env=False, timeout=60, base_url=it.product.url) as browser:
        browser.cookies.set(settings.SESSION_COOKIE_NAME, session)
        listed = browser.get("/admin/notifications/delivery/?state__exact=quarantined").text
        for path in sorted(set(re.findall(r"/admin/notifications/delivery/[0-9a-f-]{36}/change/", listed))):
            page = browser.get(path).text
            (tries,) = re.findall(r'name="[a-z_]+-TOTAL_FORMS" value="([0-9]+)"', page)
            found[int(tries)] += 1
    return found
