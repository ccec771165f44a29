"""What the manners of an endpoint do to itself and to the others: tries, patience, disabling, fairness, poison."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Q
from django.utils import timezone

from commitments.models import Event
from notifications import call_box, calling, endpoints, owners
from notifications.channels import chat, webhook
from notifications.models import (
    Call,
    CallState,
    DisabledWhy,
    Endpoint,
    EndpointState,
    Try,
    TryOutcome,
)
from tests import world
from tests.notifications.callers import a_world, an_endpoint, make_due, one_round, states
from tests.servers import FreshDatabase
from tests.sinks import SmtpSink
from tests.web_sinks import CutAfterRequest, Drip, Flood, Hang, Say, Visit, WebSink, web_sink


@pytest.mark.parametrize(
    ("manner", "code", "error"),
    [
        (Say(500, body=b"<b>oops\x00</b>"), 500, ""),
        (Say(404), 404, ""),
        (Say(302, {"Location": "http://127.0.0.1:9/"}), 302, ""),
        (CutAfterRequest(), None, "broken"),
    ],
)
def test_what_is_not_taken_is_tried_again_by_the_schedule_with_the_same_id(
    db: None, sink: WebSink, manner: Any, code: int | None, error: str
) -> None:
    _accord, commitment = a_world()
    an_endpoint(sink)
    world.some_evidence(commitment)
    sink.manner = manner
    for attempt, pause in enumerate(webhook.SCHEDULE):
        one_round()
        call = Call.objects.get()
        assert (call.state, call.attempts) == (CallState.WAITING, attempt + 1)
        left = (call.next_attempt_at - timezone.now()).total_seconds()
        assert 0.85 * pause - 3 < left < 1.11 * pause
        make_due()
    one_round()
    assert states() == {"failed": 1}
    assert len({visit.headers["webhook-id"] for visit in sink.visits}) == 1
    assert len(sink.visits) == len(webhook.SCHEDULE) + 1
    told = Try.objects.order_by("id")
    assert {(row.code, row.error) for row in told} == {(code, error)}
    assert [row.outcome for row in told] == ["retry"] * 9 + ["failed"]
    assert "\x00" not in told[0].answer
    assert told[0].request_headers["webhook-id"] == str(call.pk)
    assert told[0].request_bytes == len(sink.visits[0].body)
    make_due()
    assert one_round().sent == 0


def test_retry_after_is_honoured_within_bounds_and_for_the_whole_endpoint(db: None, sink: WebSink) -> None:
    _accord, commitment = a_world()
    endpoint, _secret = an_endpoint(sink, at_once=1)
    for _n in range(3):
        world.some_evidence(commitment)
    sink.manner = Say(429, {"Retry-After": "600"})
    one_round()
    assert len(sink.visits) == 1, "the others wait as well"
    endpoint.refresh_from_db()
    assert endpoint.rest_until is not None
    assert 590 < (endpoint.rest_until - timezone.now()).total_seconds() < 601
    put_off = Call.objects.get(attempts=1)
    assert 590 < (put_off.next_attempt_at - timezone.now()).total_seconds() < 601
    assert one_round().sent == 0
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert webhook.patience("99999999", now) == webhook.LONGEST_PATIENCE
    assert webhook.patience("9" * 400, now) == webhook.LONGEST_PATIENCE
    assert webhook.patience("Thu, 01 Jan 2026 00:01:00 GMT", now) == 60
    assert webhook.patience("Thu, 01 Jan 2015 00:01:00 GMT", now) == 0
    assert webhook.patience("-5", now) is None
    assert webhook.patience("soon", now) is None


def test_410_disables_and_the_owner_is_told_once(db: None, sink: WebSink, smtp_sink: SmtpSink) -> None:
    _accord, commitment = a_world()
    owner = world.a_person("administrator", email="owner@example.org")
    endpoint, _secret = an_endpoint(sink, owner=owner)
    world.some_evidence(commitment)
    sink.manner = Say(410)
    one_round()
    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.why) == (EndpointState.DISABLED, DisabledWhy.GONE)
    assert states() == {"failed": 1}
    assert [owners.tell() for _n in range(3)] == [1, 0, 0]
    mail = smtp_sink.mails[0]
    assert mail.recipients == ("owner@example.org",)
    assert "Desk" in mail.subject
    assert f"/admin/notifications/endpoint/{endpoint.pk}/change/" in mail.text
    world.some_evidence(commitment)
    assert one_round().sent == 0
    assert len(sink.visits) == 1


def test_an_endpoint_that_fails_is_called_ever_more_rarely_and_one_at_a_time(db: None, sink: WebSink) -> None:
    _accord, commitment = a_world()
    endpoint, _secret = an_endpoint(sink)
    sink.manner = Say(503)
    for _n in range(30):
        world.some_evidence(commitment)
    one_round()
    endpoint.refresh_from_db()
    assert len(sink.visits) <= 6
    assert endpoint.rest_until is not None
    assert endpoint.failures >= 3
    assert states() == {"waiting": 30}
    assert Call.objects.filter(attempts=0).count() >= 24


def test_never_more_at_once_than_the_endpoint_takes_also_with_four_workers(
    fresh_db: FreshDatabase, sink: WebSink
) -> None:
    _accord, commitment = a_world()
    an_endpoint(sink, at_once=3)

    def slowly(_visit: Visit) -> Say:
        time.sleep(0.02)
        return Say()

    sink.manner = slowly
    for _n in range(60):
        world.some_evidence(commitment)
    calling.fan_out()
    workers = [threading.Thread(target=_deliver_and_close) for _n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert states() == {"sent": 60}
    assert sink.most_at_once == 3
    assert len({visit.headers["webhook-id"] for visit in sink.visits}) == len(sink.visits) == 60


def _deliver_and_close() -> None:
    from django.db import connection

    try:
        calling.deliver(10)
    finally:
        connection.close()


def test_endpoints_that_hang_drip_or_flood_hold_up_neither_the_round_nor_the_others(
    fresh_db: FreshDatabase, sink: WebSink, settings: Any
) -> None:
    _accord, commitment = a_world()
    with web_sink(Hang()) as hangs, web_sink(Drip()) as drips, web_sink(Flood()) as floods:
        settings.OUTBOUND_LOOPBACK_PORTS = frozenset(it.port for it in (sink, hangs, drips, floods))
        an_endpoint(hangs, "hangs")
        an_endpoint(drips, "drips")
        an_endpoint(floods, "floods", at_once=1)
        an_endpoint(sink, "good")
        for _n in range(20):
            world.some_evidence(commitment)
        began = time.monotonic()
        one_round(seconds=2.0)
        assert time.monotonic() - began < 5
        assert Call.objects.filter(endpoint__name="good", state="sent").count() == 20
        assert floods.sent < 20 * 20_000_000
        calling.finish()
        ended = time.monotonic() - began
    assert 14 < ended < 21, "fifteen seconds for all of it"
    assert set(Try.objects.filter(endpoint_names("hangs", "drips")).values_list("error", flat=True)) == {
        "timeout"
    }
    assert not Call.objects.filter(state=CallState.CLAIMED).exists()
    assert not Endpoint.objects.filter(holder__isnull=False).exists()


def endpoint_names(*names: str) -> Q:
    """The attempts at these endpoints."""
    return Q(call__endpoint__name__in=names)


def test_a_call_that_cannot_be_written_is_put_aside_after_five_times_and_its_neighbours_go_out(
    db: None, sink: WebSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    _accord, commitment = a_world()
    an_endpoint(sink, format="chat")
    world.some_evidence(commitment)
    poison = world.some_evidence(commitment)
    write = chat.message

    def message(event: Event, language: str) -> bytes:
        if poison.code in event.body:
            raise RuntimeError("cannot be written")
        return write(event, language)

    monkeypatch.setattr(chat, "message", message)
    for _n in range(call_box.CRASHES):
        one_round()
        make_due()
    assert states() == {"sent": 1, "quarantined": 1}
    assert set(Try.objects.filter(outcome="error").values_list("error", flat=True)) == {"RuntimeError"}
    monkeypatch.undo()
    assert endpoints.send_again([Call.objects.get(state="quarantined").pk]) == 1
    assert one_round().sent == 1


def test_what_a_dead_worker_held_goes_on_after_its_lease_and_counts_a_crash_if_it_was_started(
    db: None, sink: WebSink
) -> None:
    _accord, commitment = a_world()
    endpoint, _secret = an_endpoint(sink)
    for _n in range(2):
        world.some_evidence(commitment)
    calling.fan_out()
    import uuid

    token = uuid.uuid4()
    held = call_box.hold(token, 10, 1)
    taken = call_box.claim(token, held, 10, 1)
    assert call_box.start(token, taken[:1]) == {taken[0].id}
    assert one_round().sent == 0, "it is held"
    ago = timezone.now() - timedelta(seconds=1)
    Call.objects.update(lease_until=ago)
    Endpoint.objects.update(held_until=ago)
    assert one_round().sent == 2
    assert list(Call.objects.order_by("number").values_list("crashes", flat=True)) == [1, 0]
    told = webhook.Told(TryOutcome.SENT, 200)
    assert call_box.settle(token, [(taken[0].id, told)]) == {}, "the dead worker's token settles nothing"
    assert endpoint.calls.filter(state="sent").count() == 2
