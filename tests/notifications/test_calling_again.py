"""Calls sent again, paused and pinged; what registering refuses; a restored copy, and what is pruned."""

from __future__ import annotations

import socket
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from standardwebhooks import Webhook

from commitments.models import Event
from notifications import call_box, calling, endpoints, home, pruning
from notifications.endpoint_forms import EndpointForm
from notifications.endpoints import Refusal
from notifications.models import (
    Call,
    Endpoint,
    EndpointState,
    Home,
    Try,
)
from tests import world
from tests.notifications.callers import a_world, an_endpoint, make_due, one_round, states
from tests.web_sinks import Say, WebSink, web_sink


def test_sent_again_keeps_its_id_and_a_range_brings_what_was_missed(db: None, sink: WebSink) -> None:
    _accord, commitment = a_world()
    world.some_evidence(commitment)
    before = Event.objects.get(kind="evidence_added").seq
    endpoint, _secret = an_endpoint(sink, kinds=["evidence_added"])
    world.some_evidence(commitment)
    one_round()
    call = Call.objects.get()
    assert endpoints.send_again([call.pk]) == 1
    one_round()
    assert [visit.headers["webhook-id"] for visit in sink.visits] == [str(call.pk)] * 2
    assert endpoints.send_range(endpoint, 1, 1000) == 2
    assert one_round().sent == 2
    assert {visit.json["data"]["seq"] for visit in sink.visits} == {before, call.number}
    for first, last in ((0, 5), (5, 4), (1, 20_000)):
        with pytest.raises(Refusal):
            endpoints.send_range(endpoint, first, last)


def test_a_paused_endpoint_gets_its_news_later_and_a_disabled_one_begins_anew(
    db: None, sink: WebSink
) -> None:
    _accord, commitment = a_world()
    endpoint, _secret = an_endpoint(sink)
    endpoints.set_state(endpoint, EndpointState.PAUSED)
    world.some_evidence(commitment)
    assert one_round().sent == 0
    endpoints.set_state(endpoint, EndpointState.LIVE)
    assert one_round().sent == 1
    endpoints.set_state(endpoint, EndpointState.DISABLED)
    world.some_evidence(commitment)
    assert one_round().sent == 0
    assert endpoints.set_state(endpoint, EndpointState.LIVE)
    assert not endpoints.set_state(endpoint, EndpointState.LIVE)
    assert one_round().sent == 0
    world.some_evidence(commitment)
    assert one_round().sent == 1


@pytest.mark.parametrize("by", ["staff", "answer"])
def test_what_waits_when_an_endpoint_is_disabled_is_given_up_and_a_range_brings_it_back(
    db: None, sink: WebSink, by: str
) -> None:
    _accord, commitment = a_world()
    endpoint, _secret = an_endpoint(sink, at_once=1)
    for _n in range(4):
        world.some_evidence(commitment)
    sink.manner = Say(410 if by == "answer" else 503)
    one_round()
    if by == "staff":
        endpoints.set_state(endpoint, EndpointState.DISABLED)
    one_round()
    assert states() == {"failed": 4}
    sink.manner = Say()
    endpoints.set_state(endpoint, EndpointState.LIVE)
    make_due()
    assert one_round().sent == 0
    assert endpoints.send_range(endpoint, 1, 1000) >= 4
    one_round()
    assert Call.objects.filter(state="sent", attempts=1).count() >= 4


def test_enabled_before_the_next_round_it_begins_anew_all_the_same(db: None, sink: WebSink) -> None:
    _accord, commitment = a_world()
    endpoint, _secret = an_endpoint(sink, at_once=1)
    for _n in range(3):
        world.some_evidence(commitment)
    sink.manner = Say(410)
    one_round()
    assert states()["waiting"] == 2
    sink.manner = Say()
    endpoints.set_state(endpoint, EndpointState.LIVE)
    assert one_round().sent == 0
    assert states() == {"failed": 3}


def test_what_waits_for_a_day_goes_at_once_when_it_is_sent_again(db: None, sink: WebSink) -> None:
    _accord, commitment = a_world()
    an_endpoint(sink, at_once=1)
    for _n in range(2):
        world.some_evidence(commitment)
    sink.manner = Say(503, {"Retry-After": "72000"})
    one_round()
    assert states() == {"waiting": 2}
    sink.manner = Say()
    assert one_round().sent == 0
    assert endpoints.send_again([Call.objects.get(attempts=1).pk]) == 1
    assert one_round().sent == 2, "the other was held up by the rest alone"


def test_nothing_is_sent_again_to_an_endpoint_that_is_disabled(db: None, sink: WebSink) -> None:
    _accord, commitment = a_world()
    endpoint, _secret = an_endpoint(sink)
    world.some_evidence(commitment)
    one_round()
    endpoints.set_state(endpoint, EndpointState.DISABLED)
    with pytest.raises(Refusal, match="“Desk” is disabled"):
        endpoints.send_again([Call.objects.get().pk])
    assert states() == {"sent": 1}


def test_a_ping_goes_also_to_a_paused_endpoint_and_is_not_repeated(db: None, sink: WebSink) -> None:
    endpoint, secret = an_endpoint(sink)
    endpoints.set_state(endpoint, EndpointState.PAUSED)
    endpoints.ping(endpoint)
    assert one_round().sent == 1
    assert Webhook(secret).verify(sink.visits[0].body, sink.visits[0].headers)["type"] == "ping"
    sink.manner = Say(500)
    endpoints.ping(endpoint)
    assert one_round().failed == 1
    chat, _none = an_endpoint(sink, "chat", format="chat")
    sink.manner = Say()
    endpoints.ping(chat)
    assert one_round().sent == 1
    assert "works" in sink.visits[-1].json["text"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"url": "http://127.0.0.1:1/"}, "url"),
        ({"url": "http://169.254.169.254/latest"}, "url"),
        ({"url": "http://user@example.org/"}, "url"),
        ({"url": "gopher://example.org/"}, "url"),
        ({"url": "http://0x7f.1/"}, "url"),
        ({"url": "https://example.org/" + "a" * 2048}, "url"),
        ({"name": ""}, "name"),
        ({"format": "fax"}, "format"),
        ({"language": "xx"}, "language"),
        ({"kinds": ["no_such_kind"]}, "kinds"),
        ({"at_once": 0}, "at_once"),
        ({"at_once": 99}, "at_once"),
    ],
)
def test_a_bad_endpoint_is_refused_by_the_field_and_nothing_is_saved(
    db: None, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refusal) as refused:
        endpoints.register({"name": "Desk", "url": "https://hooks.example/", **values})
    assert list(refused.value.message_dict) == [field]
    assert not Endpoint.objects.exists()


def test_the_scheme_of_an_address_may_be_written_in_capitals(db: None) -> None:
    row, _secret = endpoints.register({"name": "Desk", "url": "HTTPS://Hooks.example/A"})
    assert row.url == "https://Hooks.example/A"
    form = EndpointForm(
        {"name": "x", "format": "chat", "url": "Http://hooks.example/", "language": "en", "at_once": "1"}
    )
    assert form.is_valid(), form.errors


def test_a_name_that_leads_inside_is_refused_when_it_is_called(
    db: None, sink: WebSink, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.OUTBOUND_LOOPBACK_PORTS = frozenset()
    _accord, commitment = a_world()
    real = socket.getaddrinfo

    def told(host: str, *rest: Any, **named: Any) -> Any:
        return real("127.0.0.1" if host == "hooks.example" else host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", told)
    endpoints.register({"name": "Desk", "url": f"http://hooks.example:{sink.port}/"})
    world.some_evidence(commitment)
    one_round()
    assert sink.visits == []
    assert Try.objects.get().error == "inside"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8443", "app.localhost", "nas.local", "db.internal"])
def test_a_name_that_means_this_machine_or_its_network_is_refused_when_it_is_written_down(
    db: None, host: str
) -> None:
    with pytest.raises(Refusal, match="not public"):
        endpoints.register({"name": "Desk", "url": f"https://{host}/hook"})
    assert not Endpoint.objects.exists()


def test_a_restored_copy_sends_nothing_until_it_is_resumed(db: None, sink: WebSink, capsys: Any) -> None:
    _accord, commitment = a_world()
    an_endpoint(sink)
    world.some_evidence(commitment)
    one_round()
    Home.objects.update(place="another server/1/testserver")
    world.some_evidence(commitment)
    assert home.is_stranger()
    assert one_round().sent == 0
    assert len(sink.visits) == 1
    call_command("resume_sending")
    assert "1 webhooks" in capsys.readouterr().out
    assert one_round().sent == 1
    Home.objects.update(place="another server/1/testserver")
    world.some_evidence(commitment)
    calling.fan_out()
    call_command("resume_sending", drop_waiting=True)
    assert one_round().sent == 0
    assert states() == {"sent": 2, "dropped": 1}


def test_old_calls_go_with_their_tries(db: None, sink: WebSink) -> None:
    _accord, commitment = a_world()
    an_endpoint(sink)
    for _n in range(2):
        world.some_evidence(commitment)
    one_round()
    old = Call.objects.earliest("number")
    Call.objects.filter(pk=old.pk).update(settled_at=timezone.now() - timedelta(days=91))
    pruning.prune()
    assert [call.pk for call in Call.objects.all()] != [old.pk]
    assert (Call.objects.count(), Try.objects.count()) == (1, 1)


def test_of_a_new_address_nothing_is_known_whatever_the_former_one_answers_yet(
    db: None, sink: WebSink, settings: Any
) -> None:
    _accord, commitment = a_world()
    endpoint, _secret = an_endpoint(sink)
    world.some_evidence(commitment)
    one_round()
    endpoint.refresh_from_db()
    assert endpoint.answered_at is not None
    endpoints.change(endpoint, {"name": "Other desk"})
    endpoint.refresh_from_db()
    assert endpoint.answered_at is not None
    with web_sink() as other:
        settings.OUTBOUND_LOOPBACK_PORTS = frozenset({sink.port, other.port})
        # A worker holds it still, and hears from the former address afterwards.
        world.some_evidence(commitment)
        calling.fan_out()
        token = uuid.uuid4()
        (held,) = call_box.hold(token, 10, 2)
        endpoints.change(endpoint, {"url": other.url})
        call_box.let_go(token, [held.id], [held.id])
        endpoint.refresh_from_db()
        assert [endpoint.answered_at, endpoint.holder] == [None, None]
        assert one_round().sent == 1
        assert len(other.visits) == 1
