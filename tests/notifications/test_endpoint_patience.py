"""How long an endpoint that fails is borne with: rests that grow by steps, tests that count for nothing, the end."""

from __future__ import annotations

import time
from datetime import timedelta

from django.utils import timezone

from notifications import call_box, endpoints
from notifications.models import Call, DisabledWhy, Endpoint, EndpointState
from tests import world
from tests.notifications.callers import a_world, an_endpoint, make_due, one_round
from tests.servers import FreshDatabase
from tests.web_sinks import CutAfterRequest, Say, Visit, WebSink

LONG_AGO = timedelta(days=call_box.FAILING_DAYS, minutes=1)


def fail(times: int) -> None:
    """So many rounds in which what waits is tried."""
    for _n in range(times):
        one_round()
        make_due()


def test_failing_for_days_disables_and_one_success_forgives(db: None, sink: WebSink) -> None:
    _accord, commitment = a_world()
    endpoint, _secret = an_endpoint(sink)
    sink.manner = Say(500)
    world.some_evidence(commitment)
    fail(call_box.SEVERAL)
    Endpoint.objects.update(failing_since=timezone.now() - LONG_AGO)
    sink.manner = Say(200)
    assert one_round().sent == 1
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since, endpoint.state) == (0, None, "live")
    sink.manner = Say(500)
    world.some_evidence(commitment)
    fail(call_box.SEVERAL)
    endpoint.refresh_from_db()
    assert endpoint.state == EndpointState.LIVE
    Endpoint.objects.update(failing_since=timezone.now() - LONG_AGO)
    one_round()
    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.why) == (EndpointState.DISABLED, DisabledWhy.FAILING)


def test_two_tries_with_a_quiet_week_between_them_are_not_days_of_failing(db: None, sink: WebSink) -> None:
    _accord, commitment = a_world()
    endpoint, _secret = an_endpoint(sink)
    sink.manner = Say(503)
    world.some_evidence(commitment)
    fail(1)
    Endpoint.objects.update(failing_since=timezone.now() - LONG_AGO)
    fail(1)
    endpoint.refresh_from_db()
    assert endpoint.state == EndpointState.LIVE, "these are two failures"
    Endpoint.objects.update(failing_since=timezone.now())
    fail(call_box.SEVERAL)
    a_week_ago = timezone.now() - timedelta(days=7)
    Endpoint.objects.update(failing_since=a_week_ago, rest_until=a_week_ago)
    fail(2)
    endpoint.refresh_from_db()
    assert endpoint.state == EndpointState.LIVE, "a run that begins anew"
    assert endpoint.failing_since is not None
    assert endpoint.failing_since > timezone.now() - timedelta(minutes=5)


def test_a_test_that_fails_counts_for_nothing_and_one_that_is_taken_forgives(db: None, sink: WebSink) -> None:
    _accord, commitment = a_world()
    endpoint, _secret = an_endpoint(sink)
    sink.manner = Say(503)
    endpoints.ping(endpoint)
    assert one_round().failed == 1
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since, endpoint.rest_until) == (0, None, None)
    world.some_evidence(commitment)
    fail(1)
    sink.manner = Say()
    endpoints.ping(endpoint)
    Call.objects.filter(number__isnull=False).update(next_attempt_at=timezone.now() + timedelta(hours=1))
    assert one_round().sent == 1
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since) == (0, None)


def test_a_test_goes_to_an_endpoint_that_asked_for_patience_and_brings_nothing_along(
    db: None, sink: WebSink
) -> None:
    _accord, commitment = a_world()
    endpoint, _secret = an_endpoint(sink, at_once=1)
    for _n in range(4):
        world.some_evidence(commitment)
    sink.manner = Say(429, {"Retry-After": "3600"})
    one_round()
    assert len(sink.visits) == 1
    sink.manner = Say()
    endpoints.ping(endpoint)
    one_round()
    one_round()
    assert [visit.json["type"] for visit in sink.visits[1:]] == ["ping"]


def test_calls_that_fail_together_are_one_step(fresh_db: FreshDatabase, sink: WebSink) -> None:
    _accord, commitment = a_world()
    endpoint, _secret = an_endpoint(sink, at_once=4)
    for _n in range(9):
        world.some_evidence(commitment)

    def one_after_another(_visit: Visit) -> Say | CutAfterRequest:
        if len(sink.visits) == 1:
            return Say()
        time.sleep(0.1 * sink.at_once)
        return CutAfterRequest()

    sink.manner = one_after_another
    for step, rest in enumerate((2, 4, 8), 1):
        began = timezone.now()
        one_round(seconds=1)
        endpoint.refresh_from_db()
        assert endpoint.failures == step
        assert endpoint.rest_until is not None
        assert rest - 0.1 < (endpoint.rest_until - began).total_seconds() < rest + 1.9
        make_due()
    assert len(sink.visits) == 1 + 4 + 1 + 1
