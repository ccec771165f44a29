"""W1: receivers of webhooks that behave badly."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from commitments.log import head
from notifications import endpoints
from notifications.models import Endpoint, Try
from tests import world
from tests.faults.ground import Ground, Verdict, ground
from tests.processes import wait_until
from tests.web_sinks import Drip, Flood, Hang, Say, WebSink

# Calls that hang outlive many rounds of a worker; each of these endpoints takes sixteen at once.
HANGING, ROUNDS = 12, 4


def _many_that_hang(it: Ground, sinks: Mapping[str, WebSink], verdict: Verdict) -> None:
    """Endpoints that answered yesterday and hang today, round after round of one worker: the good one is in time."""
    good = sinks["good"].visits
    it.worker()
    it.beat()
    it.news(it.commitments[:1])
    before = len(good) + 1
    wait_until(lambda: len(good) >= before, 60, "the worker calls")
    now = timezone.now()
    Endpoint.objects.bulk_create(
        Endpoint(name=f"hangs {n}", url=sinks["hangs"].url, created_at=now, changed_at=now, answered_at=now,
                 told_up_to=head().seq, format="chat", at_once=16)
        for n in range(HANGING)
    )  # fmt: skip
    for _n in range(16):
        it.news(it.commitments[:1])
    slowest, wanted = 0.0, before + 16

    def is_told() -> bool:
        return len(good) >= wanted

    for _n in range(ROUNDS):
        began = time.monotonic()
        it.news()
        wanted += len(it.commitments)
        wait_until(is_told, 60, "the good one is told")
        slowest = max(slowest, good[wanted - 1].at - began)
        time.sleep(max(0.0, began + 3 - time.monotonic()))
    verdict.claim("among many that hang the good one's slowest", f"{slowest:.1f} s", slowest < 8)
    wait_until(lambda: Endpoint.objects.filter(name__startswith="hangs ", failures__gt=0).count() >= HANGING // 2,
               60, "those that hang are found out")  # fmt: skip
    crashes = Try.objects.filter(outcome="crashed").count()
    verdict.claim("calls taken for crashes", crashes, crashes == 0)
    ids = {visit.headers["webhook-id"] for visit in good}
    verdict.claim("told to the good one twice", len(good) - len(ids), len(good) == len(ids))


def w1_bad_receivers(seed: int, size: int = 10, twin: str = "") -> Verdict:
    """Receivers that hang, drip, flood, redirect inside, are gone, ask for patience or fail; and a good one."""
    verdict = Verdict()
    inside = WebSink().start()
    manners: dict[str, Any] = {
        "good": Say(),
        "hangs": Hang(),
        "drips": Drip(),
        "floods": Flood(),
        "redirects": Say(307, {"Location": inside.url}),
        "gone": Say(410),
        "patience": Say(429, {"Retry-After": "3600"}),
        "fails": Say(500),
    }
    sinks = {name: WebSink(manner).start() for name, manner in manners.items()}
    ports = ",".join(str(sink.port) for sink in sinks.values())
    with ground(seed, twin, OUTBOUND_LOOPBACK_PORTS=ports) as it:
        try:
            it.people(1, size)
            owner = world.a_person("administrator", email="owner@example.org")
            now = timezone.now()
            addresses = {name: sink.url for name, sink in sinks.items()}
            addresses["inside by name"] = inside.url.replace("127.0.0.1", "localhost")
            # Written past the verb, which would refuse them: the client must refuse them again.
            Endpoint.objects.bulk_create(
                Endpoint(name=name, url=url, owner=owner, created_at=now, changed_at=now, told_up_to=head().seq,
                         format="chat" if name != "good" else "standard", at_once=1 if name == "floods" else 4)
                for name, url in addresses.items()
            )  # fmt: skip
            endpoints.rotate(Endpoint.objects.get(name="good"))
            it.news()
            began = time.monotonic()
            it.tick(seconds=20).process.wait(120)
            took = time.monotonic() - began
            visits = {name: len(sink.visits) for name, sink in sinks.items()}
            good = sinks["good"].visits
            ids = {visit.headers.get("webhook-id") for visit in good}
            verdict.claim("taken by the good one", f"{len(ids)} of {size}", len(ids) == len(good) == size)
            last = max((visit.at for visit in good), default=began) - began
            verdict.claim("the good one's last after", f"{last:.1f} s", last < 14)
            verdict.claim("requests to the internal listener", len(inside.visits), not inside.visits)
            verdict.claim("calls to the one that is gone", visits["gone"], visits["gone"] <= 4)
            verdict.claim(
                "calls to the one that asked for patience", visits["patience"], visits["patience"] <= 4
            )
            hung = visits["hangs"] + visits["drips"]
            verdict.claim("calls to those that hang and drip", hung, 2 <= hung <= 10)
            read = sinks["floods"].sent / max(visits["floods"], 1) / 1e6
            verdict.claim("megabytes drawn per flood", f"{read:.1f}", read < 20)
            verdict.claim("the round took", f"{took:.0f} s", took < 60)
            told = [mail for mail in it.sink.mails if mail.recipients == ("owner@example.org",)]
            verdict.claim("mails to the owner", len(told), len(told) == 1)
            _many_that_hang(it, sinks, verdict)
        finally:
            for sink in [*sinks.values(), inside]:
                sink.stop()
    return verdict
