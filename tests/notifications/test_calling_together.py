"""Many endpoints and rounds in one process: who hangs keeps nobody waiting, and no answer is lost on its way to a table."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from commitments import wire
from commitments.models import Event
from notifications import call_box, calling, endpoints
from notifications.call_hands import KEPT_FREE, SHARE, THREADS, Hands, Trust
from notifications.channels import chat
from notifications.models import Call, Endpoint, Try
from tests import world
from tests.notifications.callers import a_world, an_endpoint, make_due, one_round, states
from tests.servers import FreshDatabase
from tests.web_sinks import Hang, Say, Visit, WebSink, web_sink


@pytest.mark.processes
def test_endpoints_that_hang_round_after_round_keep_nobody_waiting_and_count_as_no_crash(
    fresh_db: FreshDatabase, sink: WebSink, settings: Any
) -> None:
    _accord, commitment = a_world()
    an_endpoint(sink, "good")
    with web_sink(Hang()) as hangs:
        settings.OUTBOUND_LOOPBACK_PORTS = frozenset({sink.port, hangs.port})
        for n in range(6):
            an_endpoint(hangs, f"answered yesterday {n}", at_once=16)
        Endpoint.objects.update(answered_at=timezone.now())
        for n in range(20):
            an_endpoint(hangs, f"new {n}", at_once=16)
        for _n in range(16):
            world.some_evidence(commitment)
        one_round(seconds=1)
        began = time.monotonic()
        while time.monotonic() - began < 17:
            told_at = time.monotonic()
            world.some_evidence(commitment)
            one_round(seconds=1)
            arrived = [visit.at - told_at for visit in sink.visits[-1:]]
            assert arrived, "nothing has arrived"
            assert 0 < arrived[0] < 3
            if time.monotonic() - began < 12:
                assert len(hangs.visits) <= THREADS, "what has no thread is not begun"
            time.sleep(max(0.0, told_at + 2 - time.monotonic()))
        calling.finish()
        assert hangs.visits
        hung = Endpoint.objects.filter(failures__gt=0)
        assert hung.count() >= 20
        assert not hung.filter(rest_until=None).exists()
        assert not Call.objects.filter(state="claimed").exists()
    assert set(Try.objects.values_list("outcome", flat=True)) == {"sent", "retry"}
    assert not Call.objects.filter(endpoint__name="good").exclude(state="sent").exists()
    ids = [visit.headers["webhook-id"] for visit in sink.visits]
    assert len(ids) == len(set(ids))


def test_who_has_answered_is_given_back_while_others_still_hang(
    fresh_db: FreshDatabase, sink: WebSink, settings: Any
) -> None:
    _accord, commitment = a_world()
    answer, end = threading.Event(), threading.Event()

    def when_told(_visit: Visit) -> Say:
        answer.wait(30)
        return Say()

    def at_the_end(_visit: Visit) -> Say:
        end.wait(30)
        return Say()

    sink.manner = when_told
    with web_sink(at_the_end) as hangs:
        settings.OUTBOUND_LOOPBACK_PORTS = frozenset({sink.port, hangs.port})
        an_endpoint(sink, "good")
        an_endpoint(hangs, "hangs")
        for _n in range(3):
            world.some_evidence(commitment)
        assert one_round(seconds=0.3).left_to_tail == 2
        answer.set()
        holders = {"good": True}
        while holders["good"]:
            time.sleep(0.02)
            holders = {row.name: row.holder is not None for row in Endpoint.objects.all()}
            assert holders["hangs"], "nobody is kept as long as the slowest"
        assert one_round().sent == 2
        end.set()
        calling.finish()
    assert not Endpoint.objects.exclude(holder=None).exists()
    assert len({visit.headers["webhook-id"] for visit in sink.visits}) == len(sink.visits) == 3


def test_those_that_may_hang_leave_threads_to_those_that_answer() -> None:
    hands = Hands()
    for trust in (Trust.FAILING, Trust.NEW):
        assert sum(hands.take(trust, is_first=True) for _n in range(THREADS)) == SHARE[trust]
    left = THREADS - SHARE[Trust.FAILING] - SHARE[Trust.NEW]
    assert sum(hands.take(Trust.PROVEN, is_first=False) for _n in range(THREADS)) == left - KEPT_FREE > 0
    assert sum(hands.take(Trust.PROVEN, is_first=True) for _n in range(THREADS)) == KEPT_FREE
    hands.give_back(Trust.NEW)
    assert hands.take(Trust.PROVEN, is_first=True)


def test_an_endpoint_that_is_not_known_gets_one_call_and_all_that_it_takes_once_it_has_answered(
    fresh_db: FreshDatabase, sink: WebSink
) -> None:
    _accord, commitment = a_world()
    endpoint, _secret = an_endpoint(sink, at_once=5)
    for _n in range(15):
        world.some_evidence(commitment)
    together: list[int] = []

    def slowly(_visit: Visit) -> Say:
        together.append(sink.at_once)
        time.sleep(0.05)
        return Say()

    sink.manner = slowly
    one_round()
    assert together[:2] == [1, 1]
    assert sink.most_at_once == 5
    endpoint.refresh_from_db()
    assert endpoint.answered_at is not None
    sink.most_at_once = 0
    for _n in range(10):
        world.some_evidence(commitment)
    one_round()
    assert sink.most_at_once == 5, "it is known in the next round, too"


@pytest.mark.parametrize("form", ["standard", "chat"])
def test_an_event_that_cannot_be_written_is_put_aside_alone(
    db: None, sink: WebSink, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    _accord, commitment = a_world()
    an_endpoint(sink, format=form)
    an_endpoint(sink, "Other", format=form)
    world.some_evidence(commitment)
    poison = world.some_evidence(commitment)
    world.some_evidence(commitment)
    envelopes, message = wire.events, chat.message

    def events(rows: Any) -> Any:
        if any(poison.code in row.body for row in rows):
            raise RuntimeError("cannot be written")
        return envelopes(rows)

    def say(event: Event, language: str) -> bytes:
        if poison.code in event.body:
            raise RuntimeError("cannot be written")
        return message(event, language)

    monkeypatch.setattr(wire, "events", events)
    monkeypatch.setattr(chat, "message", say)
    assert one_round().sent == 4
    for _n in range(call_box.CRASHES - 1):
        make_due()
        one_round()
    assert states() == {"sent": 4, "quarantined": 2}
    assert set(Try.objects.filter(outcome="error").values_list("error", flat=True)) == {"RuntimeError"}
    monkeypatch.undo()
    assert endpoints.send_again([call.pk for call in Call.objects.filter(state="quarantined")]) == 2
    assert one_round().sent == 2


def test_a_database_that_is_away_for_a_moment_repeats_no_call(
    fresh_db: FreshDatabase, sink: WebSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    _accord, commitment = a_world()
    an_endpoint(sink)
    for _n in range(4):
        world.some_evidence(commitment)
    settle, tries = call_box.settle, []

    def at_first_not(*arguments: Any) -> Any:
        tries.append(arguments)
        if len(tries) < 3:
            raise OperationalError("deadlock detected")
        return settle(*arguments)

    monkeypatch.setattr(call_box, "settle", at_first_not)
    assert one_round().sent == 4
    assert len(tries) > 2
    assert states() == {"sent": 4}
    assert len(sink.visits) == 4


def test_a_round_that_breaks_leaves_its_answers_to_the_tail(
    fresh_db: FreshDatabase, sink: WebSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    _accord, commitment = a_world()
    an_endpoint(sink)
    for _n in range(6):
        world.some_evidence(commitment)

    def slowly(_visit: Visit) -> Say:
        time.sleep(0.3)
        return Say()

    sink.manner = slowly
    settle, tries = call_box.settle, []

    def broken_once(*arguments: Any) -> Any:
        tries.append(arguments)
        if len(tries) == 2:
            raise RuntimeError("whatever")
        return settle(*arguments)

    monkeypatch.setattr(call_box, "settle", broken_once)
    with pytest.raises(RuntimeError):
        one_round()
    calling.finish()
    assert Call.objects.filter(state="sent").count() == len(sink.visits) >= 2
    assert not Call.objects.filter(state="claimed").exists()
    assert not Endpoint.objects.exclude(holder=None).exists()
    one_round()
    assert states() == {"sent": 6}
    assert len({visit.headers["webhook-id"] for visit in sink.visits}) == len(sink.visits) == 6
