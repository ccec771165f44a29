"""Endpoints for the tests of webhooks, and one round of calling."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from commitments.models import Accord, Commitment
from notifications import calling, endpoints
from notifications.models import (
    Call,
    CallState,
    Endpoint,
)
from tests import world
from tests.web_sinks import WebSink


def an_endpoint(sink: WebSink, name: str = "Desk", **values: Any) -> tuple[Endpoint, str]:
    """A registered endpoint at a sink, with its secret."""
    return endpoints.register({"name": name, "url": sink.url, **values})


def a_world() -> tuple[Accord, Commitment]:
    accord = world.an_accord()
    return accord, world.a_commitment(accord)


def make_due() -> None:
    """Lets every pause be over."""
    Call.objects.filter(state=CallState.WAITING).update(next_attempt_at=timezone.now())
    Endpoint.objects.filter(rest_until__gt=timezone.now()).update(rest_until=timezone.now())


def one_round(seconds: float = 20) -> calling.Tally:
    """What beat does."""
    calling.fan_out()
    return calling.deliver(seconds)


def states() -> dict[str, int]:
    found: dict[str, int] = {}
    for state in Call.objects.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found
