"""R1 to R3, R5 and R6: workers, their children and Redis that die or hang."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections.abc import Iterable

import httpx
from django.utils import timezone

from commitments.models import Accord
from notifications.models import Delivery, State
from tests.faults.ground import Ground, Verdict, ground
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
    give_up = time.monotonic() + (15 if it.twin else 60)
    while len(it.sink.mails) < before + more and it.lost() and time.monotonic() < give_up:
        time.sleep(0.05)


def r1_workers_killed(seed: int, size: int = 200, kills: int = 4, twin: str = "") -> Verdict:
    """`kill -9` of whole workers while they send."""
    verdict = Verdict()
    with ground(seed, twin) as it:
        load(it, size)
        it.sink.delay = 0.02 if size <= 1000 else 0.002
        it.news()
        it.beat()
        workers: list[Child] = [it.worker(), it.worker()]
        some_mail(it)
        for number in range(kills):
            some_mail(it, 1)
            time.sleep(it.dice.random() * 0.2)
            it.kill(workers.pop(0))
            if it.lost():
                workers.append(it.worker())
            elif number:
                break
        took = it.wait_until_told(60 + size / 50 if not twin else 25)
        time.sleep(2)
        verdict.claim("kills", it.kills, it.kills >= (min(kills, 2) if kills < 20 else kills * 9 // 10))
        it.judge_mails(verdict, excused=it.kills)
        # A minute for the leases of the dead, and what is left has to be sent.
        verdict.claim("done after the last kill", f"{took:.0f} s", took <= 60 + size / 100)
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
                os.kill(it.dice.choice(it.talking_to_the_sink(children) or children), signal.SIGKILL)
                it.kills += 1
        it.sink.delay = 0.0 if kills > 10 else 0.08
        took = it.wait_until_told(60 + size / 50 if not twin else 25)
        verdict.claim("kills", it.kills, it.kills >= (min(kills, 2) if kills < 20 else kills * 9 // 10))
        it.judge_mails(verdict, excused=it.kills)
        verdict.claim("done after the last kill", f"{took:.0f} s", took <= 60 + size / 100)
    return verdict


def r3_redis(
    seed: int,
    size: int = 200,
    flushes: int = 3,
    restarts: int = 1,
    hung: float = 6,
    save: float = 5.0,
    twin: str = "",
) -> Verdict:
    """Redis emptied, killed and restarted empty, hung, absent: latency changes, the outcome does not."""
    verdict = Verdict()
    with ground(seed, twin) as it:
        rounds = flushes + restarts + 2
        it.people(max(2, size // (rounds * 4)), rounds * 4)
        parts = [it.commitments[n::rounds] for n in range(rounds)]
        it.beat()
        it.worker()
        it.news(parts[0])
        some_mail(it)
        saves: list[float] = []

        def news(part: int) -> None:
            for commitment in parts[part]:
                began = time.monotonic()
                it.news([commitment])
                saves.append(time.monotonic() - began)

        for n in range(flushes):
            it.product.empty_redis()
            news(n + 1)
            it.product.empty_redis()
            some_mail(it)
        for n in range(restarts):
            it.kill_redis()
            news(flushes + n + 1)
            it.product.valkey.start()
            some_mail(it)
        redis = it.redis_pid()
        os.kill(redis, signal.SIGSTOP)
        news(rounds - 1)
        time.sleep(hung)
        os.kill(redis, signal.SIGCONT)
        took = it.wait_until_told(90 if not twin else 20)
        faults = flushes * 2 + restarts + 1
        verdict.claim("faults", faults, len(saves) >= faults)
        it.judge_mails(verdict)
        slow = sorted(saves)[int(len(saves) * 0.99)]
        verdict.claim(f"p99 of {len(saves)} saves while Redis was ill", f"{slow * 1000:.0f} ms", slow <= save)
        verdict.claim("done after the last fault", f"{took:.0f} s", took <= 90)
        it.kill_redis()
        it.news(it.commitments[:1])
        before = len(it.sink.mails)
        ended = it.tick().process.wait(60)
        verdict.claim("manage.py tick without Redis", f"exit {ended}", ended == 0)
        told = len(it.sink.mails) - before
        verdict.claim("told by it", told, told == len(it.readers))
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
        time.sleep(9.5)
        other = it.tick(seconds=60)
        some_mail(it, 5)
        os.kill(sleeper.pid, signal.SIGCONT)
        codes = {sleeper.process.wait(90), other.process.wait(90)}
        time.sleep(1)
        if it.lost():
            it.tick(seconds=30).process.wait(60)
        it.judge_mails(verdict, excused=1)
        verdict.claim("exit codes", codes, codes == {0})
    return verdict


def r6_poison(
    seed: int,
    size: int = 60,
    twin: str = "",
    seconds: float = 240,
    delay: float = 0.0,
    held_up: float = 0.0,
) -> Verdict:
    """Some mails raise, crash the child or never end (one in a hundred, at least six): they are put aside, the others
    go out.

    `held_up`: the others may take so many times as long as they take without the poison, which is tried first;
    `delay`: seconds that the mail server takes for a mail.
    """
    verdict = Verdict()
    alone = 0.0
    if held_up:
        with _quick_lease(seed, "") as it:
            alone = _told_by_two(it, size, delay)
    with _quick_lease(seed, ",".join(filter(None, ["poisoned", twin]))) as it:
        poison = ("raise", "crash", "hang")
        took = _told_by_two(it, size, delay, [f"poison-{kind}@example.org" for kind in poison])
        verdict.claim("healthy mails done", f"{took:.0f} s", not it.lost())
        if held_up:
            verdict.claim("against the same without poison", f"{took / alone:.2f}x", took <= held_up * alone)
        bad = len(poison) * len({code for _address, code in it.ledger})
        aside = _put_aside(it, bad, seconds)
        it.judge_mails(verdict)
        verdict.claim("in quarantine", f"{aside} of {bad}", aside == bad)
    return verdict


def _quick_lease(seed: int, twin: str) -> contextlib.AbstractContextManager[Ground]:
    return ground(seed, twin, EMAIL_TIMEOUT="1", METRICS_LOOPBACK="true")


def _told_by_two(it: Ground, size: int, delay: float, strangers: Iterable[str] = ()) -> float:
    """News, told by a worker with two children, also to `strangers` to the ledger; seconds until nothing was lost."""
    load(it, size)
    for address in strangers:
        a_reader(address, Accord.objects.get())
    it.sink.delay = delay
    it.beat()
    it.worker(children=2)
    it.news(it.commitments if size >= 1000 else it.commitments[:2])
    return it.wait_until_told(60 + size / 10)


def _put_aside(it: Ground, bad: int, seconds: float) -> int:
    """How many mails are in quarantine, as `/metrics` says, once there are so many or the time is over."""
    it.web()
    end = time.monotonic() + seconds
    while True:
        # The pauses between the claims are shortened: their length is not what is tried here.
        Delivery.objects.filter(state=State.WAITING, crashes__gt=0).update(next_attempt_at=timezone.now())
        gauges = httpx.get(f"{it.product.url}/metrics", trust_env=False, timeout=20).text
        (aside,) = re.findall(r'accord_mails{state="quarantined"} ([0-9.]+)', gauges)
        if float(aside) >= bad or time.monotonic() > end:
            return int(float(aside))
        time.sleep(0.5)
