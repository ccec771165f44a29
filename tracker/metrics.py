"""`/metrics` for Prometheus: gauges that are read from the database at each call, so that every process says the same.

Answers whoever brings METRICS_TOKEN, or this machine where METRICS_LOOPBACK is set; for anybody else there is no such
page.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from commitments.log import head
from commitments.models import Heartbeat
from notifications import home
from notifications.models import (
    Call,
    CallState,
    Delivery,
    Endpoint,
    EndpointState,
    Line,
    State,
    Subscriber,
    SubscriberState,
)
from notifications.outbox import oldest_waiting

OPEN = (State.WAITING, State.CLAIMED, State.QUARANTINED)


def may(request: HttpRequest) -> bool:
    """Whether this request may read the gauges."""
    said = request.headers.get("Authorization", "")
    if settings.METRICS_TOKEN and secrets.compare_digest(
        said.encode(), f"Bearer {settings.METRICS_TOKEN}".encode()
    ):
        return True
    if not settings.METRICS_LOOPBACK or "X-Forwarded-For" in request.headers:
        return False
    try:
        return ipaddress.ip_address(str(request.META.get("REMOTE_ADDR", ""))).is_loopback
    except ValueError:
        return False


def answer(request: HttpRequest) -> HttpResponse:
    """The gauges; 404 for strangers, 503 while the database is out of reach."""
    if not may(request):
        return HttpResponse("Not found\n", status=404, content_type="text/plain; charset=utf-8")
    registry = CollectorRegistry()
    try:
        # Registering reads the gauges once for their names.
        registry.register(_Gauges())
        body = generate_latest(registry)
    except DatabaseError:
        connection.close()
        return HttpResponse(status=503, headers={"Retry-After": "5"})
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


class _Gauges(Collector):
    """Everything that a monitor may want to wake somebody for."""

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        now = timezone.now()
        looked = GaugeMetricFamily(
            "accord_last_look_seconds", "Seconds since each job last looked.", labels=["job"]
        )
        for name, at in Heartbeat.objects.order_by("name").values_list("name", "at"):
            looked.add_metric([name], _age(at, now))
        yield looked
        yield from self._owed(now)
        down = set(Line.objects.filter(down_since__isnull=False).values_list("name", flat=True))
        yield GaugeMetricFamily(
            "accord_mail_server_down", "1 while the mail server cannot be reached.", "email" in down
        )
        yield GaugeMetricFamily(
            "accord_bounce_mailbox_down", "1 while the mailbox of bounces cannot be read.", "mailbox" in down
        )
        yield GaugeMetricFamily(
            "accord_sending_held_back", "1 where this is a copy that sends nothing.", home.is_stranger()
        )
        yield GaugeMetricFamily("accord_log_events", "Events in the log.", head().seq)
        readers = GaugeMetricFamily("accord_subscribers", "Addresses by what they said.", labels=["state"])
        counted = Subscriber.objects.values("state").annotate(number=Count("pk")).order_by()
        _fill(readers, dict(counted.values_list("state", "number")), SubscriberState.values)
        yield readers

    def _owed(self, now: datetime) -> Iterator[Metric]:
        """What waits, is on its way, or needs a person: states with partial indexes, so that history costs nothing."""
        mails = GaugeMetricFamily("accord_mails", "Mails that are not over, by state.", labels=["state"])
        _fill(mails, {state: Delivery.objects.filter(state=state).count() for state in OPEN}, OPEN)
        yield mails
        since = oldest_waiting()
        yield GaugeMetricFamily(
            "accord_oldest_mail_seconds",
            "Since when the longest waiting mail has been due.",
            _age(since, now) if since and since <= now else 0.0,
        )
        calls = GaugeMetricFamily(
            "accord_webhooks", "Webhooks that are not over, by state.", labels=["state"]
        )
        states = (CallState.WAITING, CallState.CLAIMED, CallState.QUARANTINED)
        _fill(calls, {state: Call.objects.filter(state=state).count() for state in states}, states)
        yield calls
        first = Call.objects.filter(
            state=CallState.WAITING, endpoint__state=EndpointState.LIVE, next_attempt_at__lte=now
        ).aggregate(first=Min("next_attempt_at"))["first"]
        yield GaugeMetricFamily(
            "accord_oldest_webhook_seconds",
            "Since when the longest waiting webhook of a live endpoint has been due.",
            _age(first, now) if first else 0.0,
        )
        endpoints = GaugeMetricFamily("accord_endpoints", "Endpoints by state.", labels=["state"])
        counted = Endpoint.objects.values("state").annotate(number=Count("pk")).order_by()
        _fill(endpoints, dict(counted.values_list("state", "number")), EndpointState.values)
        yield endpoints


def _fill(family: GaugeMetricFamily, counts: dict[str, int], states: object) -> None:
    """A value for every state, so that a gauge never disappears."""
    assert isinstance(states, list | tuple)
    for state in states:
        family.add_metric([str(state)], counts.get(state, 0))


def _age(since: datetime, now: datetime) -> float:
    return max((now - since).total_seconds(), 0.0)
