"""Workers and others who want the same rows in another order: whoever loses does it again, and no round ends for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from notifications import delivering, fanning, outbox, subscribing
from notifications.models import Delivery, State, Why
from notifications.outbox import Claimed
from tests import world
from tests.notifications.readers import a_reader, make_due, some_owed, states
from tests.servers import FreshDatabase

_LOCK = "SELECT 1 FROM notifications_delivery WHERE id = %s FOR NO KEY UPDATE"


def in_a_circle(
    database: FreshDatabase, first: Any, last: Any, verb: Callable[[], object]
) -> list[Exception]:
    """Somebody holds the row `last`, the verb comes to wait for it, and then they want the row `first`, which the verb
    holds; what the verb raised, whichever of the two the database has let lose."""
    raised = list[Exception]()

    def work() -> None:
        try:
            verb()
        except Exception as error:  # noqa: BLE001  (the finding of the test)
            raised.append(error)
        connection.close()

    with psycopg.connect(database.url) as other:
        # The one who looks for a circle first is the one who loses: that shall be the verb.
        other.execute("SET deadlock_timeout = '10 s'")
        other.execute(_LOCK, [last])
        worker = threading.Thread(target=work)
        worker.start()
        time.sleep(0.5)
        other.execute(_LOCK, [first])
        other.rollback()
    worker.join(20)
    return raised


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (lambda them: outbox.drop(them, Why.UNWANTED), {"dropped": 2}),
        (outbox.release, {"waiting": 2}),
        (outbox.renew, {"claimed": 2}),
    ],
)
def test_a_claim_is_changed_though_another_wants_its_rows(
    fresh_db: FreshDatabase, change: Callable[[list[Claimed]], int], left: dict[str, int]
) -> None:
    some_owed(readers=2)
    claim = outbox.claim()
    first, last = sorted(it.id for it in claim)
    changed = list[int]()
    assert not in_a_circle(fresh_db, first, last, lambda: changed.append(change(claim[::-1])))
    assert changed == [2]
    assert states() == left


def test_what_a_pause_holds_back_is_kept_though_another_wants_the_next_digests(
    fresh_db: FreshDatabase, smtp_sink: Any
) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    readers = [a_reader(f"r{n}@example.org", accord, rhythm="daily") for n in range(2)]
    world.some_evidence(commitment)
    fanning.fan_out()
    make_due()
    held = outbox.claim()
    world.some_evidence(commitment)
    fanning.fan_out()  # the next ones, which take what is kept
    outbox.release(held)
    for reader in readers:
        subscribing.pause(reader.uuid, subscribing.everything())
    first, last = Delivery.objects.filter(is_open=True).order_by("subscriber").values_list("pk", flat=True)
    assert Delivery.objects.filter(is_open=False, next_attempt_at__lte=timezone.now()).count() == 2
    assert not in_a_circle(fresh_db, first, last, lambda: delivering.deliver(seconds=5))
    assert states() == {"dropped": 2, "waiting": 2}
    waiting = Delivery.objects.filter(state=State.WAITING)
    assert {row.notices.count() for row in waiting} == {2}
