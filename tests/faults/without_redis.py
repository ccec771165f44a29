"""R3: Redis emptied, killed, hung, absent, while members of staff save all the time."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
from django.conf import settings
from django.db import connections
from django.test import Client
from django.urls import reverse

from commitments.models import Commitment
from tests import world
from tests.commitments.writers import EVIDENCE, writer
from tests.faults.crashing import some_mail
from tests.faults.ground import Ground, ground
from tests.faults.judging import Verdict

HIDDEN = r'name="{}" value="([^"]*)"'


@dataclass
class Staff:
    """An editor at the admin and a program at the write API, both at the product's own web server, whose Redis is the one
    that is ill. Each saves evidence of an accord that nobody follows, again and again, on a connection of its own."""

    url: str
    saves: list[tuple[str, float, float]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> None:
        """Signs both in; from now on they save."""
        accord = world.an_accord("STF-2024")
        by_hand, by_program = (world.a_commitment(accord, f"STF-{n}") for n in (1, 2))
        editor = Client()
        editor.force_login(world.a_person("editor"))
        session = editor.cookies[settings.SESSION_COOKIE_NAME].value
        token = writer("editor").token
        page = reverse("admin:commitments_attach_evidence", args=[by_hand.pk])
        connections.close_all()
        self._threads = [
            threading.Thread(target=self._save, args=("admin", self._at_the_admin, (page, session))),
            threading.Thread(target=self._save, args=("API", self._over_the_api, (by_program, token))),
        ]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Sends them home."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def within(self, door: str, began: float, ended: float) -> int:
        """How many saves through a door were under way while something lasted."""
        return sum(name == door and at < ended and at + took > began for name, at, took in self.saves)

    def _save(
        self, door: str, prepare: Callable[..., Iterator[httpx.Request]], what: tuple[object, ...]
    ) -> None:
        with httpx.Client(trust_env=False, timeout=60, base_url=self.url) as browser:
            try:
                for request in prepare(browser, *what):
                    began = time.monotonic()
                    answer = browser.send(request)
                    self.saves.append((door, began, time.monotonic() - began))
                    if answer.status_code not in (201, 302):
                        self.failures.append(f"{door}: {answer.status_code}")
                    if self._stop.wait(0.1):
                        return
            except (httpx.HTTPError, LookupError) as error:
                self.failures.append(f"{door}: {type(error).__name__}: {error}")

    def _at_the_admin(self, browser: httpx.Client, page: str, session: str) -> Iterator[httpx.Request]:
        """Opens the form, fills it in, presses the button; only the press is timed."""
        browser.cookies.set(settings.SESSION_COOKIE_NAME, session)
        for n in range(1_000_000):
            form = browser.get(page).text
            hidden = {
                name: re.findall(HIDDEN.format(name), form)[0] for name in ("csrfmiddlewaretoken", "version")
            }
            told = {**EVIDENCE, "happened": "2024-08-01", "locator": f"p. {n}", **hidden}
            yield browser.build_request("POST", page, data=told, headers={"Referer": f"{self.url}{page}"})

    def _over_the_api(self, browser: httpx.Client, row: Commitment, token: str) -> Iterator[httpx.Request]:
        """Reads the version, posts the order with a new key; only the order is timed."""
        for n in range(1_000_000):
            path = f"/api/v1/commitments/{row.code}"
            headers = {
                "Authorization": f"Bearer {token}",
                "If-Match": browser.get(f"{path}/").headers["Commitment-Version"],
                "Idempotency-Key": f'"{uuid.uuid4()}"',
            }
            yield browser.build_request(
                "POST", f"{path}/evidence/", json={**EVIDENCE, "locator": f"p. {n}"}, headers=headers
            )


@contextlib.contextmanager
def _at_work(url: str) -> Iterator[Staff]:
    staff = Staff(url)
    staff.begin()
    try:
        yield staff
    finally:
        staff.end()


def r3_redis(
    seed: int,
    size: int = 200,
    flushes: int = 3,
    restarts: int = 1,
    hung: float = 6,
    save: float = 0.3,
    twin: str = "",
) -> Verdict:
    """Redis emptied, killed and restarted empty, hung, absent: latency changes, the outcome does not."""
    verdict = Verdict()
    with ground(seed, twin) as it:
        rounds = flushes + restarts + 2
        it.people(max(2, size // (rounds * 4)), rounds * 4 + 1)
        *others, last = it.commitments
        parts = [others[n::rounds] for n in range(rounds)]
        _ = it.web() if twin else it.server()
        it.beat()
        it.worker()
        it.news(parts[0])
        some_mail(it)
        with _at_work(it.product.url) as staff:
            began = time.monotonic()
            hang = _ill(it, parts[1:], flushes, restarts, hung)
            took = it.wait_until_told(90)
            it.kill_redis()
            absent = time.monotonic()
            it.news([last])
            before = len(it.sink.mails)
            code = it.ended(it.tick(), 60)
            told = len(it.sink.mails) - before
            ended = time.monotonic()
        verdict.claim("manage.py tick without Redis", f"exit {code}", code == 0)
        verdict.claim("told by it", told, told == len(it.readers))
        least = min(
            staff.within(door, *times) for door in ("admin", "API") for times in (hang, (absent, ended))
        )
        verdict.tried("saves while it hung, and while it was absent, at each door", least, least >= 1)
        verdict.claim("saves that failed", staff.failures[:2] or "none", not staff.failures)
        seconds = sorted(took for _door, at, took in staff.saves if began <= at < ended)
        slow = seconds[int(len(seconds) * 0.99)]
        verdict.claim(
            "saves while Redis was ill, p99", f"{slow * 1000:.0f} ms of {len(seconds)}", slow <= save
        )
        verdict.claim("done after the last fault", f"{took:.0f} s", took <= 90)
        it.judge_mails(verdict)
    return verdict


def _ill(
    it: Ground, parts: list[list[Commitment]], flushes: int, restarts: int, hung: float
) -> tuple[float, float]:
    """Every fault but the absence, with news in each; when it hung, from and to."""
    for n in range(flushes):
        it.product.empty_redis()
        it.news(parts[n])
        it.product.empty_redis()
        some_mail(it)
    for n in range(restarts):
        it.kill_redis()
        it.news(parts[flushes + n])
        it.product.valkey.start()
        some_mail(it)
    redis, began = it.redis_pid(), time.monotonic()
    os.kill(redis, signal.SIGSTOP)
    it.news(parts[-1])
    time.sleep(hung)
    ended = time.monotonic()
    os.kill(redis, signal.SIGCONT)
    return began, ended
