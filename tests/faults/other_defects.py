"""The broken twins of webhooks, web pages, and processes; see putting_in.py and broken.py."""

from __future__ import annotations

import os
from typing import Any

from tests.faults.putting_in import defect, reword, room, swap


@defect
def never_asks_where_it_is() -> None:
    """A restored copy takes itself for the original."""
    swap(room("notifications.home"), "is_home", lambda: True)


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
    worker = room("granian.server.mp").WorkerProcess

    swap(worker, "terminate", worker.kill)


@defect
def goes_anywhere() -> None:
    """The client of webhooks neither looks where an address leads nor stops at redirects."""
    outbound = room("tracker.kit.outbound")

    request = outbound.Outbound.request
    swap(outbound, "_may_reach", lambda *_arguments: True)
    outbound._SAFE.add("POST")

    def follow(self: Any, *arguments: Any, **more: Any) -> Any:
        return request(self, *arguments, **{**more, "redirects": 3})

    swap(outbound.Outbound, "request", follow)


@defect
def confirms_by_itself() -> None:
    """Whoever types an address in follows with it at once."""
    from django.utils import timezone

    from commitments.log import head
    from notifications.models import Subscriber, Subscription

    subscribing = room("notifications.subscribing")

    sign_up = subscribing.sign_up

    def at_once(*arguments: Any, **more: Any) -> Any:
        answer = sign_up(*arguments, **more)
        Subscriber.objects.filter(state="pending").update(state="confirmed")
        Subscription.objects.filter(confirmed_at=None).update(
            confirmed_at=timezone.now(), starts_after=head().seq
        )
        return answer

    swap(subscribing, "sign_up", at_once)


@defect
def says_all_is_well() -> None:
    """The health page never asks when the jobs last looked."""
    health = room("tracker.health")

    readings = health.readings
    swap(health, "readings", lambda now: {**readings(now), "late": []})


@defect
def publishes_on_save() -> None:
    """Whoever saves something tells the broker at once."""
    handler = room("django.core.handlers.base").BaseHandler
    from tracker.celery import app

    answer = handler.get_response

    def tell(self: Any, request: Any) -> Any:
        response = answer(self, request)
        if request.method == "POST":
            app.send_task("notifications.fan_out", expires=60)
        return response

    swap(handler, "get_response", tell)


@defect
def leaves_by_get() -> None:
    """Who opens the link to leave has left."""
    handler = room("django.core.handlers.base").BaseHandler

    answer = handler.get_response

    def press(self: Any, request: Any) -> Any:
        if request.method == "GET" and request.path.startswith("/leave/"):
            request.method = "POST"
        return answer(self, request)

    swap(handler, "get_response", press)


@defect
def calls_nobody() -> None:
    """Webhooks are written down and never made."""
    swap(room("notifications.call_box"), "hold", lambda *_arguments: [])


@defect
def hears_no_retry_after() -> None:
    """A receiver may ask for patience, and gets none."""
    swap(room("notifications.channels.webhook"), "patience", lambda *_arguments: None)


@defect
def hears_all_of_retry_after() -> None:
    """A receiver may ask for as much patience as it likes."""
    webhook = room("notifications.channels.webhook")

    webhook.LONGEST_PATIENCE  # noqa: B018  (raises when it is gone)
    webhook.LONGEST_PATIENCE = 1e9


@defect
def reads_all_of_it() -> None:
    """An answer is read to its end, however long."""
    outbound = room("tracker.kit.outbound")

    outbound.READ_AT_MOST  # noqa: B018  (raises when it is gone)
    outbound.READ_AT_MOST = 10**9


@defect
def starts_the_clock_anew() -> None:
    """Each step of an answer has the whole time, so a byte a second goes on for ever."""
    outbound = room("tracker.kit.outbound")

    swap(outbound, "_left", lambda _until: outbound.SECONDS)


@defect
def never_gives_up() -> None:
    """An endpoint that has failed for days is called on and on."""
    box = room("notifications.call_box")

    reword(box, "_CONDUCT", f"interval '{box.FAILING_DAYS} days'", "interval '5000 days'")


@defect
def tells_the_owner_again() -> None:
    """That an endpoint was given up is told with every round."""
    from notifications.models import Endpoint

    owners = room("notifications.owners")

    tell = owners.tell

    def again(*given: float) -> int:
        told = int(tell(*given))
        Endpoint.objects.filter(state="disabled").update(owner_told_at=None, owner_next_try_at=None)
        return told

    swap(owners, "tell", again)


@defect
def believes_what_answered_yesterday() -> None:
    """Endpoints that answered once get as many calls at once as they take, and every thread there is."""
    hands = room("notifications.call_hands")

    hands.KEPT_FREE  # noqa: B018  (raises when it is gone)
    hands.KEPT_FREE = 0
    swap(hands.Hands, "is_awake", lambda *_arguments: True)
