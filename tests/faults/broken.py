"""The broken twins: the product with one defect put in, to show that the bench would see it.

`python -m tests.faults.broken DEFECT MODULE [ARGUMENT...]` starts a process of the product with that defect.
"""

from __future__ import annotations

import importlib
import os
import runpy
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any


def _room(name: str) -> Any:
    """A module of the product, to be changed."""
    return importlib.import_module(name)


DEFECTS: dict[str, Callable[[], None]] = {}


def defect(function: Callable[[], None]) -> Callable[[], None]:
    """Enters a defect under its function's name."""
    DEFECTS[function.__name__] = function
    return function


@defect
def marks_before_it_sends() -> None:
    """Each mail is settled as sent, then sent: a worker killed in between loses it."""
    delivering = _room("notifications.delivering")
    outbox = _room("notifications.outbox")
    from notifications.models import Outcome
    from notifications.outbox import Ended

    send, settle = delivering._send, outbox.settle

    def send_after_settling(parcel: Any, *rest: Any) -> Any:
        settle(parcel.claimed, Ended(Outcome.SENT, 250))
        return send(parcel, *rest)

    def start_the_next(it: Any, ended: Any, then: Any = None, _meanwhile: Any = None) -> tuple[bool, bool]:
        return True, bool(then and outbox.start(then))

    delivering._send = send_after_settling
    outbox.settle = start_the_next


@defect
def settles_by_the_batch() -> None:
    """Mails are settled together at the end of a batch: a kill sends the whole batch again."""
    delivering = _room("notifications.delivering")
    outbox = _room("notifications.outbox")

    carry, settle = delivering._carry, outbox.settle
    put_off: list[tuple[Any, Any]] = []

    def later(it: Any, ended: Any, then: Any = None, _meanwhile: Any = None) -> tuple[bool, bool]:
        put_off.append((it, ended))
        return True, bool(then and outbox.start(then))

    def carry_then_settle(*arguments: Any) -> None:
        carry(*arguments)
        while put_off:
            settle(*put_off.pop(0))

    delivering._carry = carry_then_settle
    outbox.settle = later


@defect
def keeps_its_place_in_redis() -> None:
    """How far fan_out has read stands in Redis instead of a table: emptying Redis skips what was not yet read."""
    import redis
    from django.conf import settings

    from commitments.log import head

    fanning = _room("notifications.fanning")
    from notifications.models import Bookmark

    path = settings.REDIS_URL.removeprefix("redis+socket://").split("?")[0]
    fan_out = fanning.fan_out

    def by_redis(seconds: float = 2.0) -> int:
        with redis.Redis(unix_socket_path=path) as store:
            place = store.get("place")
            Bookmark.objects.filter(name=fanning.FAN_OUT).update(seq=int(place) if place else head().seq)
            made = int(fan_out(seconds))
            store.set("place", Bookmark.objects.get(name=fanning.FAN_OUT).seq)
            return made

    fanning.fan_out = by_redis


@defect
def claims_nothing() -> None:
    """Workers take what is due without marking it theirs: two at once send the same."""
    from django.db import connection

    outbox = _room("notifications.outbox")
    from notifications.outbox import Claimed

    def look(limit: int = 100, avoid: Sequence[str] = ()) -> list[Claimed]:
        token = uuid.UUID(int=7)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE notifications_delivery SET state = 'claimed', is_open = false, token = %s,"
                " lease_until = statement_timestamp() + interval '60 s' WHERE id IN"
                " (SELECT id FROM notifications_delivery WHERE state IN ('waiting', 'claimed') LIMIT %s) RETURNING id",
                [token, limit],
            )
            return [Claimed(row[0], token) for row in cursor.fetchall()]

    outbox.claim = look


@defect
def asks_for_no_token() -> None:
    """Whoever has claimed goes on, however long it slept: nothing asks for token, lease or clock."""
    from django.db import connection

    delivering = _room("notifications.delivering")
    outbox = _room("notifications.outbox")

    carry = delivering._carry

    def start(it: Any) -> bool:
        return True

    def settle(it: Any, ended: Any, then: Any = None, _meanwhile: Any = None) -> tuple[bool, bool]:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE notifications_delivery SET state = 'sent', settled_at = statement_timestamp(), token = NULL,"
                " lease_until = NULL, started_at = NULL WHERE id = %s",
                [it.id],
            )
        return True, then is not None

    def carry_on(parcels: Any, post: Any, this: Any, _until: float, _stop: float) -> None:
        carry(parcels, post, this, float("inf"), float("inf"))

    delivering._carry = carry_on
    outbox.start = start
    outbox.settle = settle


@defect
def counts_no_crashes() -> None:
    """A poison mail is taken up for ever."""
    outbox = _room("notifications.outbox")

    outbox.CRASHES = 10**6
    outbox._RECOVER = outbox._RECOVER.replace("%(crashes)s::int", "1000000")
    outbox._SETTLE = outbox._SETTLE.replace("crashes + 1 >= 5", "crashes + 1 >= 1000000")


@defect
def gives_each_try_a_new_id() -> None:
    """The Message-ID is made when a mail is written, not when it is owed."""
    delivering = _room("notifications.delivering")

    assemble = delivering.assemble
    delivering.assemble = lambda letter, reader, delivery, *rest: assemble(
        letter, reader, uuid.uuid4(), *rest
    )


@defect
def never_doubts_the_line() -> None:
    """Every worker tries a dead mail server as often as it likes."""
    line = _room("notifications.line")

    line.may_try = lambda *_arguments: True


@defect
def looks_once() -> None:
    """Whether a mail is wanted is asked when it is claimed, not when it goes."""
    outbox = _room("notifications.outbox")

    outbox._START = outbox._START.replace(outbox.STILL_WANTED, "TRUE")
    outbox._SETTLE = outbox._SETTLE.replace(outbox.STILL_WANTED, "TRUE")
    outbox._SETTLE_PUT_OFF = outbox._SETTLE_PUT_OFF.replace(outbox.STILL_WANTED, "TRUE")


@defect
def never_asks_where_it_is() -> None:
    """A restored copy takes itself for the original."""
    home = _room("notifications.home")

    home.is_home = lambda: True


@defect
def ends_at_once() -> None:
    """SIGTERM ends the process in the middle of what it does."""
    import signal

    from celery.signals import worker_process_init, worker_ready

    def now(*_: Any, **__: Any) -> None:
        signal.signal(signal.SIGTERM, lambda *_arguments: os.killpg(0, signal.SIGKILL))

    worker_process_init.connect(now, weak=False)
    worker_ready.connect(now, weak=False)


@defect
def cuts_requests_off() -> None:
    """A web process that is replaced is killed, whatever it is about to answer."""
    worker = _room("granian.server.mp").WorkerProcess

    worker.terminate = worker.kill


@defect
def goes_anywhere() -> None:
    """The client of webhooks neither looks where an address leads nor stops at redirects."""
    outbound = _room("tracker.kit.outbound")

    request = outbound.Outbound.request
    outbound._may_reach = lambda *_arguments: True
    outbound._SAFE.add("POST")

    def follow(self: Any, *arguments: Any, **more: Any) -> Any:
        return request(self, *arguments, **{**more, "redirects": 3})

    outbound.Outbound.request = follow


@defect
def confirms_by_itself() -> None:
    """Whoever types an address in follows with it at once."""
    from django.utils import timezone

    from commitments.log import head
    from notifications.models import Subscriber, Subscription

    subscribing = _room("notifications.subscribing")

    sign_up = subscribing.sign_up

    def at_once(*arguments: Any, **more: Any) -> Any:
        answer = sign_up(*arguments, **more)
        Subscriber.objects.filter(state="pending").update(state="confirmed")
        Subscription.objects.filter(confirmed_at=None).update(
            confirmed_at=timezone.now(), starts_after=head().seq
        )
        return answer

    subscribing.sign_up = at_once


@defect
def says_all_is_well() -> None:
    """The health page never asks when the jobs last looked."""
    health = _room("tracker.health")

    readings = health.readings
    health.readings = lambda now: {**readings(now), "late": []}


def poison(address: str) -> None:
    """Not a defect but a load: mails to `poison-raise`, `poison-crash` and `poison-hang` addresses do just that."""
    if address.startswith("poison-raise"):
        raise RuntimeError("poison")
    if address.startswith("poison-crash"):
        os._exit(9)
    if address.startswith("poison-hang"):
        time.sleep(3600)


def poisoned() -> None:
    """Puts the poison in."""
    delivering = _room("notifications.delivering")

    assemble = delivering.assemble

    def write(letter: Any, reader: Any, *rest: Any) -> bytes:
        poison(reader.email)
        written: bytes = assemble(letter, reader, *rest)
        return written

    delivering.assemble = write


def main(arguments: Sequence[str]) -> None:
    """Puts the defects in (with commas between) and becomes the module."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
    import django

    django.setup()
    for name in arguments[0].split(","):
        (poisoned if name == "poisoned" else DEFECTS[name])()
    sys.argv = list(arguments[1:])
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
