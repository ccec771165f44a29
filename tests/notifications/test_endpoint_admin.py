"""The staff's pages of webhooks: secrets are shown once, orders are given by POST, and only by administrators."""

from __future__ import annotations

import re
import socket
from typing import Any

import pytest
from django.test import Client
from standardwebhooks import Webhook

from commitments import wire
from commitments.models import Topic
from notifications import calling
from notifications.channels import chat
from notifications.models import Call, Endpoint
from tests import world
from tests.web_sinks import Say, WebSink, web_sink

TERMS = {"name": "Desk", "format": "standard", "language": "en", "at_once": "4"}
ADD = "/admin/notifications/endpoint/add/"


@pytest.fixture
def administrator(db: None, client: Client) -> Client:
    client.force_login(world.a_person("administrator"))
    return client


def terms(sink: WebSink, **changes: Any) -> dict[str, Any]:
    return {**TERMS, "url": sink.url, **changes}


def orders(endpoint: Endpoint) -> str:
    return f"/admin/notifications/endpoint/{endpoint.pk}/orders/"


def test_an_endpoint_is_registered_and_its_secret_is_shown_this_once(
    administrator: Client, sink: WebSink
) -> None:
    commitment = world.a_commitment(world.an_accord())
    assert administrator.get(ADD).status_code == 200
    answer = administrator.post(ADD, terms(sink, commitment="TST-1", kinds=["evidence_added"]))
    assert answer.status_code == 200
    found = re.search(r"whsec_[A-Za-z0-9+/=]+", answer.content.decode())
    assert found
    assert "no-store" in answer.headers["Cache-Control"]
    endpoint = Endpoint.objects.get()
    assert (endpoint.commitment, endpoint.accord, endpoint.kinds) == (
        commitment,
        commitment.accord,
        ["evidence_added"],
    )
    for page in (
        f"/admin/notifications/endpoint/{endpoint.pk}/change/",
        orders(endpoint),
        "/admin/notifications/endpoint/",
    ):
        shown = administrator.get(page)
        assert shown.status_code == 200
        assert "whsec_" not in shown.content.decode()
    world.some_evidence(commitment)
    calling.fan_out()
    assert calling.deliver(20).sent == 1
    Webhook(found[0]).verify(sink.visits[0].body, sink.visits[0].headers)
    call = Call.objects.get()
    log = administrator.get(f"/admin/notifications/call/{call.pk}/change/").content.decode()
    assert "evidence_added" in log
    assert "webhook-signature" in log
    assert "sent another text" not in log
    assert administrator.get("/admin/notifications/call/").status_code == 200


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": "http://169.254.169.254/"}, "not public"),
        ({"url": "http://a@example.org/"}, "user name"),
        ({"url": ""}, "required"),
        ({"name": ""}, "required"),
        ({"commitment": "NONE-1"}, "no commitment with this code"),
        ({"kinds": ["nonsense"]}, "nonsense"),
        ({"at_once": "17"}, "16"),
        ({"at_once": "many"}, "whole number"),
        ({"name": "a\x00b"}, "Null characters"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_saved(
    administrator: Client, sink: WebSink, changes: dict[str, Any], said: str
) -> None:
    answer = administrator.post(ADD, terms(sink, **changes))
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert not Endpoint.objects.exists()


def test_orders_are_carried_out(administrator: Client, sink: WebSink) -> None:
    commitment = world.a_commitment(world.an_accord())
    administrator.post(ADD, terms(sink))
    endpoint = Endpoint.objects.get()
    page = orders(endpoint)
    administrator.get(page)
    assert not Call.objects.exists(), "looking orders nothing"
    administrator.post(page, {"order": "ping"})
    calling.deliver(20)
    assert sink.visits[0].json["type"] == "ping"
    for order, state in (
        ("pause", "paused"),
        ("enable", "live"),
        ("disable", "disabled"),
        ("enable", "live"),
    ):
        assert administrator.post(page, {"order": order}).status_code == 302
        endpoint.refresh_from_db()
        assert endpoint.state == state
    assert b"whsec_" in administrator.post(page, {"order": "rotate"}).content
    assert endpoint.secrets.count() == 2
    world.some_evidence(commitment)
    assert administrator.post(page, {"order": "range", "first": "1", "last": "1000"}).status_code == 302
    calling.fan_out()
    assert calling.deliver(20).sent == 1
    bad = administrator.post(page, {"order": "range", "first": "9", "last": "1"})
    assert bad.status_code == 400
    assert "must not be before the first" in bad.content.decode()
    assert administrator.post(page, {"order": "range", "first": "x", "last": ""}).status_code == 400
    assert administrator.post(page, {"order": "nonsense"}).status_code == 302
    calls = Call.objects.filter(number__isnull=False)
    chosen = {"action": "send_again", "_selected_action": [str(call.pk) for call in calls]}
    administrator.post("/admin/notifications/call/", chosen)
    assert calling.deliver(20).sent == 1
    administrator.post(page, {"order": "disable"})
    said = administrator.post("/admin/notifications/call/", chosen, follow=True).content.decode()
    assert "“Desk” is disabled: enable it first." in said
    assert calling.deliver(20).sent == 0


def test_terms_are_changed_and_what_waits_goes_to_the_new_address(
    administrator: Client, sink: WebSink, settings: Any
) -> None:
    commitment = world.a_commitment(world.an_accord())
    administrator.post(ADD, terms(sink))
    endpoint = Endpoint.objects.get()
    sink.manner = Say(500)
    world.some_evidence(commitment)
    calling.fan_out()
    calling.deliver(20)
    with web_sink() as other:
        settings.OUTBOUND_LOOPBACK_PORTS = frozenset({sink.port, other.port})
        page = f"/admin/notifications/endpoint/{endpoint.pk}/change/"
        assert administrator.post(page, terms(other, name="New desk", format="chat")).status_code == 302
        endpoint.refresh_from_db()
        assert (endpoint.name, endpoint.format, endpoint.failures) == ("New desk", "standard", 0)
        Call.objects.update(next_attempt_at=endpoint.created_at)
        assert calling.deliver(20).sent == 1
        assert len(other.visits) == 1


def test_a_page_of_a_secret_that_is_loaded_again_makes_no_other(administrator: Client, sink: WebSink) -> None:
    administrator.post(ADD, terms(sink))
    endpoint = Endpoint.objects.get()
    assert b"whsec_" in administrator.post(orders(endpoint), {"order": "rotate"}).content
    again = administrator.post(orders(endpoint), {"order": "rotate"}, follow=True).content.decode()
    assert "whsec_" not in again
    assert "A former secret signs until" in again
    assert endpoint.secrets.count() == 2


@pytest.mark.parametrize("form", ["standard", "chat"])
def test_the_page_of_a_call_that_cannot_be_written_says_so(
    administrator: Client, sink: WebSink, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    commitment = world.a_commitment(world.an_accord())
    administrator.post(ADD, terms(sink, format=form))
    world.some_evidence(commitment)
    calling.fan_out()

    def broken(*_arguments: Any) -> Any:
        raise RuntimeError("cannot be written")

    monkeypatch.setattr(chat, "message", broken)
    monkeypatch.setattr(wire, "events", broken)
    shown = administrator.get(f"/admin/notifications/call/{Call.objects.get().pk}/change/")
    assert shown.status_code == 200
    assert "It cannot be written: RuntimeError." in shown.content.decode()


@pytest.mark.parametrize("role", ["viewer", "editor", "reviewer"])
def test_nobody_else_may(db: None, client: Client, sink: WebSink, role: str) -> None:
    from notifications import endpoints

    endpoint, _secret = endpoints.register({"name": "Desk", "url": sink.url})
    client.force_login(world.a_person(role))
    for page in ("/admin/notifications/endpoint/", ADD, "/admin/notifications/call/", orders(endpoint)):
        assert client.get(page).status_code == 403
    assert client.post(orders(endpoint), {"order": "rotate"}).status_code == 403
    assert client.post(ADD, terms(sink, name="Other")).status_code == 403
    assert Endpoint.objects.count() == 1
    client.logout()
    assert client.post(orders(endpoint), {"order": "ping"}).status_code == 302
    assert not Call.objects.exists()


def test_an_endpoint_takes_the_address_of_a_filtered_list(administrator: Client, sink: WebSink) -> None:
    accord = world.an_accord()
    other = world.an_accord("OTH-2025")
    world.a_commitment(accord, topics=["demining"])
    page = f"/accords/{accord.slug}/"
    for given, said in (
        ("/nowhere/", "not the address of an accord"),
        ("/accords/none/?kind=financial", "not the address of an accord"),
        (page, "filters nothing"),
        (f"{page}?kind=", "filters nothing"),
        (f"https://[half{page}?kind=financial", "not the address of an accord"),
        (f"/api/v1/accords/{accord.slug}/?kind=financial", "not the address of an accord"),
        (f"{page}?kind=unheard", "not one of the choices"),
        (f"{page}?colour=red", "no filter “colour”"),
        (f"{page}?kind=%00", "a character that no text has"),
    ):
        answer = administrator.post(ADD, terms(sink, saved=given))
        assert answer.status_code == 200
        assert said in answer.context["adminform"].form.errors["saved"][0], given
    answer = administrator.post(ADD, terms(sink, saved=f"{page}?kind=financial", accord=other.pk))
    assert "another accord" in answer.context["adminform"].form.errors["saved"][0]
    assert not Endpoint.objects.exists()
    given = f"https://tracker.example{page}?topic=demining&kind=financial&page=2&lang=uk#list"
    assert administrator.post(ADD, terms(sink, saved=given)).status_code == 200
    endpoint = Endpoint.objects.get()
    assert endpoint.saved is not None
    assert (endpoint.accord, endpoint.saved.asked) == (accord, {"topic": "demining", "kind": "financial"})
    change = f"/admin/notifications/endpoint/{endpoint.pk}/change/"
    shown = administrator.get(change).content.decode()
    assert (
        f"{page}?topic=demining&amp;kind=financial#list" in shown
        or f"{page}?kind=financial&amp;topic=demining#list" in shown
    )
    assert administrator.post(change, terms(sink, saved=f"{page}?part=B")).status_code == 302
    endpoint.refresh_from_db()
    assert endpoint.saved.asked == {"part": "B"}
    assert administrator.post(change, terms(sink)).status_code == 302
    endpoint.refresh_from_db()
    assert endpoint.saved is None


def test_the_page_of_orders_says_in_words_why_there_was_no_answer(
    administrator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_asked: Any, **_named: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    administrator.post(ADD, {**TERMS, "url": "https://hooks.example/"})
    endpoint = Endpoint.objects.get()
    administrator.post(orders(endpoint), {"order": "ping"})
    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", unknown)
        calling.deliver(20)
    said = "The name of its host is not known."
    assert said in administrator.get(orders(endpoint)).content.decode()
    call = Call.objects.get()
    assert said in administrator.get(f"/admin/notifications/call/{call.pk}/change/").content.decode()


def test_topics_are_offered_by_their_names(administrator: Client) -> None:
    for code, name in (("a-1", "Water"), ("b-2", "air"), ("c-3", "Bridges")):
        Topic.objects.create(code=code, label={"en": name})
    shown = administrator.get(ADD).context["adminform"].form["topic"].field.choices
    assert [label for _key, label in shown][1:] == ["air", "Bridges", "Water"]
