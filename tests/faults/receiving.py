"""W1: receivers of webhooks that behave badly, for a moment and for days."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import F, Max
from django.utils import timezone

from commitments.log import head
from notifications import endpoints
from notifications.models import Call, CallState, Endpoint
from tests import world
from tests.faults.ground import Ground, ground
from tests.faults.judging import Verdict
from tests.processes import wait_until
from tests.web_sinks import Drip, Flood, Hang, Say, WebSink

BLOCK = 16 * 1024
# By the standard: five seconds, five minutes .. a day after each try that failed; then the call is given up.
TRIES = 10
# And an endpoint at the first failure after so long, which comes a day later at most, and a tenth of it.
GIVEN_UP_AFTER = timedelta(days=5)


def w1_bad_receivers(seed: int, size: int = 10, twin: str = "") -> Verdict:
    """Receivers that hang, drip, flood, redirect inside, are gone, ask for patience or fail; and a good one."""
    verdict = Verdict()
    inside = WebSink().start()
    manners: dict[str, Any] = {
        "good": Say(),
        "hangs": Hang(),
        "drips": Drip(),
        "floods": Flood(BLOCK, 0.02),
        "redirects": Say(307, {"Location": inside.url}),
        "gone": Say(410),
        "an hour": Say(429, {"Retry-After": "3600"}),
        "ten days": Say(429, {"Retry-After": "864000"}),
        "fails": Say(500),
    }
    sinks = {name: WebSink(manner).start() for name, manner in manners.items()}
    ports = ",".join(str(sink.port) for sink in sinks.values())
    with ground(seed, twin, OUTBOUND_LOOPBACK_PORTS=ports) as it:
        try:
            it.people(1, size)
            failing = _Failing(it, sinks["fails"])
            _register({name: sink.url for name, sink in sinks.items()}, inside.url, failing)
            it.news()
            failing.news()
            began = time.monotonic()
            for _n in range(3):  # so that a round begins every third of a second
                it.beat()
            it.worker(children=3)
            good = sinks["good"].visits
            wait_until(lambda: it.all_well() and good, 60, "the good one is called")
            began = good[0].at
            wait_for(lambda: len(good) >= size, 14)
            _patience(verdict, sinks["an hour"], sinks["ten days"])
            failing.for_days(verdict)
            endless = [sinks["hangs"], sinks["drips"]]
            wait_for(lambda: all(sink.held for sink in endless), began + 25 - time.monotonic())
            ids = {visit.headers.get("webhook-id") for visit in good}
            verdict.claim("taken by the good one", f"{len(ids)} of {size}", len(ids) == len(good) == size)
            last = max((visit.at for visit in good), default=began) - began
            verdict.claim("the good one's last after its first", f"{last:.1f} s", last < 14)
            verdict.claim("requests to the internal listener", len(inside.visits), not inside.visits)
            gone = len(sinks["gone"].visits)
            verdict.claim("calls to the one that is gone", gone, 1 <= gone <= 4)
            held = [max(sink.held, default=-1.0) for sink in endless]
            said = " and ".join(f"{seconds:.1f} s" if seconds >= 0 else "no end" for seconds in held)
            verdict.claim("longest wait for an answer", said, all(0 <= seconds <= 16.5 for seconds in held))
            floods = sinks["floods"]
            drawn = floods.sent / max(len(floods.visits), 1) / 1024
            # What is read, and a few blocks in the pipe.
            verdict.claim("kilobytes drawn per flood", f"{drawn:.0f}", 0 < drawn <= 64 + 4 * BLOCK / 1024)
            told = Counter(
                mail.recipients[0] for mail in it.sink.mails if mail.recipients[0] not in it.readers
            )
            due = {"gone@example.org": 1, "fails@example.org": 1}
            verdict.claim("mails to the owners", dict(told), told == due)
            it.judge_processes(verdict)
        finally:
            for sink in [*sinks.values(), inside]:
                sink.stop()
    return verdict


def _register(addresses: dict[str, str], inside: str, failing: _Failing) -> None:
    """Written past the verb, which would refuse some of them: the client must refuse them again."""
    now = timezone.now()
    addresses = {**addresses, "inside by name": inside.replace("127.0.0.1", "localhost")}
    owners = {
        name: world.a_person("administrator", name, email=f"{name}@example.org") for name in ("gone", "fails")
    }
    Endpoint.objects.bulk_create(
        Endpoint(name=name, url=url, owner=owners.get(name), created_at=now, changed_at=now, told_up_to=head().seq,
                 format="standard" if name in ("good", "fails") else "chat", at_once=1 if name == "floods" else 4,
                 accord_id=failing.commitment.accord_id if name == "fails" else failing.others)
        for name, url in addresses.items()
    )  # fmt: skip
    for name in ("good", "fails"):
        endpoints.rotate(Endpoint.objects.get(name=name))


def wait_for(done: Any, seconds: float) -> bool:
    """Whether it was done within so many seconds."""
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _pass(name: str, time_that_passes: timedelta) -> None:
    """So much time passes for one endpoint: its rows are moved, not the clock."""
    Call.objects.filter(endpoint__name=name, state=CallState.WAITING).update(
        next_attempt_at=F("next_attempt_at") - time_that_passes
    )
    Endpoint.objects.filter(name=name).update(
        rest_until=F("rest_until") - time_that_passes,
        failing_since=F("failing_since") - time_that_passes,
        owner_next_try_at=F("owner_next_try_at") - time_that_passes,
    )


def _patience(verdict: Verdict, an_hour: WebSink, ten_days: WebSink) -> None:
    """Who asks for an hour gets it, who asks for ten days gets one."""
    wait_for(lambda: an_hour.visits and ten_days.visits, 20)
    time.sleep(1)
    first = len(an_hour.visits) + len(ten_days.visits)
    _pass("an hour", timedelta(minutes=54))
    _pass("ten days", timedelta(hours=23))
    time.sleep(2)
    early = len(an_hour.visits) + len(ten_days.visits) - first
    verdict.tried("calls that were put off", first, first >= 2)
    # Four at once go to each before it has said anything.
    before = max(0, first - 8) + early
    verdict.claim("called before the time asked", before, before == 0)
    hour, day = len(an_hour.visits), len(ten_days.visits)
    _pass("an hour", timedelta(minutes=8))
    _pass("ten days", timedelta(hours=2))
    came = wait_for(lambda: len(an_hour.visits) > hour, 10)
    verdict.claim("called after the hour", came, came)
    came = wait_for(lambda: len(ten_days.visits) > day, 10)
    verdict.claim("called after a day", came, came)


@dataclass
class _Failing:
    """An endpoint that answers 500 for days, and hears of an accord of its own, which has no other readers."""

    it: Ground
    sink: WebSink

    def __post_init__(self) -> None:
        self.others = self.it.commitments[0].accord_id
        self.commitment = world.a_commitment(world.an_accord("FAI-2024"), "FAI-1")

    def news(self) -> None:
        """One call is owed to it."""
        world.some_evidence(self.commitment)

    def for_days(self, verdict: Verdict) -> None:
        """Try after try through the whole schedule, and again with the next news, until it is given up or a week is over."""
        passed = timedelta()
        while passed < timedelta(days=7) and not self._mails() and self.it.all_well():
            seen = len(self.sink.visits)
            waiting = Call.objects.filter(endpoint__name="fails", state=CallState.WAITING)
            due = waiting.aggregate(due=Max("next_attempt_at"))["due"]
            if due is None:
                self.news()
            else:
                # Whole calls: the pause of an endpoint that refuses is at most some minutes.
                later = max(due - timezone.now(), timedelta(minutes=5))
                passed += later
                _pass("fails", later)
            wait_for(lambda before=seen: len(self.sink.visits) > before or self._mails(), 5)
            wait_for(
                lambda: not Call.objects.filter(endpoint__name="fails", state=CallState.CLAIMED).exists(), 2
            )
            if passed > GIVEN_UP_AFTER:
                wait_for(self._mails, 3)
        tries = Counter(visit.headers.get("webhook-id") for visit in self.sink.visits)
        whole = max(tries.values(), default=0)
        verdict.claim("tries of a call that fails", whole, whole == TRIES)
        _pass("fails", timedelta(hours=2))
        seen = len(self.sink.visits)
        self.news()
        time.sleep(2)
        after = len(self.sink.visits) - seen
        said = f"after {passed / timedelta(days=1):.1f} days, {after} calls later"
        given_up = (
            bool(self._mails())
            and GIVEN_UP_AFTER < passed < GIVEN_UP_AFTER + timedelta(days=1.2)
            and after == 0
        )
        verdict.claim("the one that fails is given up", said, given_up)

    def _mails(self) -> int:
        return sum(mail.recipients == ("fails@example.org",) for mail in self.it.sink.mails)
