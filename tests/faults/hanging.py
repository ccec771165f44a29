"""W2: many receivers that hang, round after round, while one worker goes on."""

from __future__ import annotations

import time

from django.utils import timezone

from commitments.log import head
from notifications import endpoints
from notifications.models import Endpoint, Try
from tests.faults.ground import ground
from tests.faults.judging import Verdict
from tests.faults.receiving import wait_for
from tests.processes import wait_until
from tests.web_sinks import Hang, WebSink


def w2_many_that_hang(
    seed: int, size: int = 10, hanging: int = 12, rounds: int = 4, twin: str = ""
) -> Verdict:
    """Endpoints that answered yesterday and hang today, each of which takes sixteen calls at once: calls that outlive many
    rounds of a worker. The good one is in time."""
    verdict = Verdict()
    kind, silent = WebSink().start(), WebSink(Hang()).start()
    with ground(seed, twin, OUTBOUND_LOOPBACK_PORTS=f"{kind.port},{silent.port}") as it:
        try:
            it.people(1, size)
            good = kind.visits
            now = timezone.now()
            Endpoint.objects.create(
                name="good", url=kind.url, created_at=now, changed_at=now, told_up_to=head().seq, at_once=4
            )
            endpoints.rotate(Endpoint.objects.get())
            it.worker()
            it.beat()
            news = it.commitments[0]
            it.news([news])
            wait_until(lambda: it.all_well() and good, 60, "the worker calls")
            now = timezone.now()
            Endpoint.objects.bulk_create(
                Endpoint(name=f"hangs {n}", url=silent.url, created_at=now, changed_at=now, answered_at=now,
                         told_up_to=head().seq, format="chat", at_once=16)
                for n in range(hanging)
            )  # fmt: skip
            for _n in range(16):
                it.news([news])
            wait_for(lambda: len(silent.visits) >= hanging, 20)
            slowest, wanted = 0.0, 17
            for _n in range(rounds):
                began = time.monotonic()
                it.news()
                wanted += size
                wait_for(lambda wanted=wanted: len(good) >= wanted, 20)
                slowest = max(slowest, time.monotonic() - began)
                time.sleep(max(0.0, began + 3 - time.monotonic()))
            verdict.tried("calls that hang", len(silent.visits), len(silent.visits) >= hanging)
            verdict.claim("the good one's slowest among them", f"{slowest:.1f} s", slowest < 8)
            failing = Endpoint.objects.filter(name__startswith="hangs ", failures__gt=0)
            found = wait_for(lambda: failing.count() >= hanging // 2, 60)
            verdict.claim("those that hang are found out", failing.count(), found)
            crashes = Try.objects.filter(outcome="crashed").count()
            verdict.claim("calls taken for crashes", crashes, crashes == 0)
            ids = {visit.headers["webhook-id"] for visit in good}
            said = f"{len(ids)} of {wanted}, {len(good) - len(ids)} twice"
            verdict.claim("told to the good one", said, len(good) == len(ids) == wanted)
            it.judge_processes(verdict)
        finally:
            kind.stop()
            silent.stop()
    return verdict
