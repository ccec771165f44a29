"""Webhooks over real HTTP: what an endpoint gets, and what its manners do to itself and to the others."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import Q
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from commitments import operations
from commitments.actors import loader
from commitments.log import head
from commitments.models import Accord, Commitment, Event, Party, Topic
from notifications import call_box, calling, endpoints, home, owners, pruning
from notifications.channels import chat, webhook
from notifications.endpoints import Refusal
from notifications.models import (
    Call,
    CallState,
    DisabledWhy,
    Endpoint,
    EndpointState,
    Home,
    SavedFilter,
    Try,
    TryOutcome,
)
from notifications.scopes import a_filter
from tests import world
from tests.servers import FreshDatabase
from tests.sinks import SmtpSink
from tests.web_sinks import CutAfterRequest, Drip, Flood, Hang, Say, Visit, WebSink, web_sink


@pytest.fixture
def sink(settings: Any) -> Iterator[WebSink]:
    with web_sink() as it:
        settings.OUTBOUND_LOOPBACK_PORTS = frozenset({it.port})
        yield it


def an_endpoint(sink: WebSink, name: str = "Desk", **values: Any) -> tuple[Endpoint, str]:
    """A registered endpoint at a sink, with its secret."""
    return endpoints.register({"name": name, "url": sink.url, **values})


def a_world() -> tuple[Accord, Commitment]:
    accord = world.an_accord()
    return accord, world.a_commitment(accord)


def make_due() -> None:
    """Lets every pause be over."""
    Call.objects.filter(state=CallState.WAITING).update(next_attempt_at=timezone.now())
    Endpoint.objects.update(rest_until=None)


def one_round(seconds: float = 20) -> calling.Tally:
    """What beat does."""
    calling.fan_out()
    return calling.deliver(seconds)


def states() -> dict[str, int]:
    found: dict[str, int] = {}
    for state in Call.objects.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


# What arrives.


def test_an_event_arrives_once_signed_as_the_standard_says(db: None, sink: WebSink) -> None:
    _accord, commitment = a_world()
    _endpoint, secret = an_endpoint(sink)
    evidence = world.some_evidence(commitment)
    assert one_round().sent == 1
    assert one_round().sent == 0
    assert calling.fan_out() == 0
    visit = sink.visits[0]
    said = Webhook(secret).verify(visit.body, visit.headers)
    call = Call.objects.get()
    event = Event.objects.get(kind="evidence_added")
    assert visit.headers["webhook-id"] == str(call.pk)
    assert said["type"] == "evidence_added"
    assert datetime.fromisoformat(said["timestamp"]) == event.at
    assert (said["data"]["seq"], said["data"]["body"], said["data"]["hash"]) == (
        event.seq,
        event.body,
        event.hash,
    )
    assert evidence.code in said["data"]["body"]
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(visit.body + b" ", visit.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoints.new_secret()).verify(visit.body, visit.headers)


def test_only_what_was_asked_for_and_nothing_from_before_or_from_history(db: None, sink: WebSink) -> None:
    accord, one = a_world()
    two = world.a_commitment(accord, "TST-2")
    other = world.an_accord("OTH-2025")
    third = world.a_commitment(other, "OTH-1")
    world.some_evidence(one)
    scopes: dict[str, dict[str, Any]] = {
        "all": {},
        "accord": {"accord": accord},
        "commitment": {"commitment": two},
        "kinds": {"kinds": ["evidence_withdrawn"]},
    }
    for name, values in scopes.items():
        an_endpoint(sink, name, **values)
    items = [world.some_evidence(it) for it in (one, two, third)]
    world.some_evidence(one, origin="backfill")
    operations.withdraw_evidence([items[0].code], actor=world.actor("reviewer"), why="A copy.")
    one_round()
    got = {
        name: list(
            Call.objects.filter(endpoint__name=name).order_by("number").values_list("number", flat=True)
        )
        for name in ("all", "accord", "commitment", "kinds")
    }
    first, second, last = (
        Event.objects.get(body__contains=f'"{it.code}"', kind="evidence_added").seq for it in items
    )
    gone = Event.objects.get(kind="evidence_withdrawn").seq
    assert got == {
        "all": [first, second, last, gone],
        "accord": [first, second, gone],
        "commitment": [second],
        "kinds": [gone],
    }
    assert states() == {"sent": 9}


def test_parts_parties_and_topics_are_filters_as_well(db: None, sink: WebSink) -> None:
    accord, one = a_world()
    two = world.a_commitment(
        accord, "TST-2", section="B", topics=[], provisions=["III.1"], roles={"bound": ["JPN"]}
    )
    parts = {section.code: section for section in accord.sections.all()}
    made: dict[str, dict[str, Any]] = {
        "part": {"section": parts["B"]},
        "party": {"party": Party.objects.get(code="UKR")},
        "topic": {"topic": Topic.objects.get(code="demining")},
        "nothing": {"section": parts["B"], "topic": Topic.objects.get(code="demining")},
    }
    registered = {name: an_endpoint(sink, name, **values)[0] for name, values in made.items()}
    assert registered["part"].accord == accord
    for commitment in (one, two):
        world.some_evidence(commitment)
    one_round()
    got = {
        name: [Event.objects.get(pk=call.number).commitment for call in row.calls.all() if call.number]
        for name, row in registered.items()
    }
    assert got == {"part": [two], "party": [one], "topic": [one], "nothing": []}
    again = {name: endpoints.send_range(row, 1, 1000) for name, row in registered.items()}
    assert again == {"part": 1, "party": 1, "topic": 1, "nothing": 0}
    other = world.an_accord("OTH-2025")
    with pytest.raises(Refusal, match="another accord"):
        endpoints.register({"name": "x", "url": sink.url, "accord": other, "section": parts["B"]})


def test_two_secrets_sign_while_one_is_changed_and_never_three(db: None, sink: WebSink) -> None:
    _accord, commitment = a_world()
    endpoint, first = an_endpoint(sink)
    second = endpoints.rotate(endpoint)
    world.some_evidence(commitment)
    one_round()
    for secret in (first, second):
        Webhook(secret).verify(sink.visits[0].body, sink.visits[0].headers)
    third = endpoints.rotate(endpoint)
    world.some_evidence(commitment)
    one_round()
    assert len(sink.visits[1].headers["webhook-signature"].split()) == 2
    for secret in (second, third):
        Webhook(secret).verify(sink.visits[1].body, sink.visits[1].headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(first).verify(sink.visits[1].body, sink.visits[1].headers)
    endpoint.secrets.filter(ends_at__isnull=False).update(ends_at=timezone.now() - timedelta(seconds=1))
    world.some_evidence(commitment)
    one_round()
    assert len(sink.visits[2].headers["webhook-signature"].split()) == 1


def test_no_secret_lies_in_the_tables_and_another_site_key_sends_nothing_unsigned(
    db: None, sink: WebSink, settings: Any
) -> None:
    _accord, commitment = a_world()
    endpoint, secret = an_endpoint(sink)
    assert secret.removeprefix("whsec_") not in endpoint.secrets.get().sealed
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    world.some_evidence(commitment)
    settings.SECRET_KEY, former = "another key " * 6, settings.SECRET_KEY
    one_round()
    assert sink.visits == []
    assert Try.objects.get().outcome == TryOutcome.ERROR
    settings.SECRET_KEY_FALLBACKS = [former]
    make_due()
    assert one_round().sent == 1


def test_a_chat_room_reads_the_sentence_and_no_markup_of_ours_becomes_its_own(
    db: None, sink: WebSink
) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord, title={"en": "Do <!channel> & *all*|more", "uk": "Зробити"})
    an_endpoint(sink, format="chat", language="en")
    an_endpoint(sink, "Українською", format="chat", language="uk")
    world.some_evidence(commitment)
    one_round()
    texts = {visit.json["text"] for visit in sink.visits}
    english = next(text for text in texts if "lang=en" in text)
    assert english.startswith("<http://testserver/")
    assert "<!channel>" not in english
    assert "&lt;!channel&gt; &amp;" in english
    assert english.count("<") == english.count(">") == english.count("|") == 1 or "|" in english.split(">")[0]
    assert "*all*" not in english
    assert any("Зробити" in text for text in texts)
    assert "webhook-signature" not in sink.visits[0].headers


def test_a_chat_room_is_not_told_what_is_no_longer_true_but_a_machine_gets_every_event(
    db: None, sink: WebSink
) -> None:
    _accord, commitment = a_world()
    an_endpoint(sink, "chat", format="chat")
    an_endpoint(sink, "machine")
    evidence = world.some_evidence(commitment)
    operations.withdraw_evidence([evidence.code], actor=world.actor("reviewer"), why="A copy.")
    tally = one_round()
    assert (tally.sent, tally.dropped) == (3, 1)
    assert (
        Call.objects.filter(endpoint__name="chat").order_by("number").values_list("state", flat=True)[0]
        == "dropped"
    )


# Manners.


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


def test_an_owner_is_told_when_the_mail_server_is_back(
    db: None, sink: WebSink, smtp_sink: SmtpSink, settings: Any
) -> None:
    owner = world.a_person("administrator", email="owner@example.org")
    endpoint, _secret = an_endpoint(sink, owner=owner)
    Endpoint.objects.update(state="disabled", why="failing")
    settings.EMAIL_PORT, port = 1, settings.EMAIL_PORT
    assert owners.tell() == 0
    settings.EMAIL_PORT = port
    assert owners.tell() == 0, "not within the hour"
    Endpoint.objects.update(owner_next_try_at=timezone.now())
    assert owners.tell() == 1
    endpoint.refresh_from_db()
    assert endpoint.owner_told_at is not None


def test_failing_for_days_disables_and_one_success_forgives(db: None, sink: WebSink) -> None:
    _accord, commitment = a_world()
    endpoint, _secret = an_endpoint(sink)
    long_ago = timezone.now() - timedelta(days=call_box.FAILING_DAYS, minutes=1)
    sink.manner = Say(500)
    world.some_evidence(commitment)
    one_round()
    Endpoint.objects.update(failing_since=long_ago)
    sink.manner = Say(200)
    make_due()
    assert one_round().sent == 1
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since, endpoint.state) == (0, None, "live")
    sink.manner = Say(500)
    world.some_evidence(commitment)
    one_round()
    Endpoint.objects.update(failing_since=long_ago)
    make_due()
    one_round()
    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.why) == (EndpointState.DISABLED, DisabledWhy.FAILING)


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


# Again.


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


# Registering.


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


def test_a_name_that_leads_inside_is_refused_when_it_is_called(
    db: None, sink: WebSink, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.OUTBOUND_LOOPBACK_PORTS = frozenset()
    _accord, commitment = a_world()
    endpoints.register({"name": "Desk", "url": f"http://localhost:{sink.port}/"})
    world.some_evidence(commitment)
    one_round()
    assert sink.visits == []
    assert Try.objects.get().error == "inside"


# A copy.


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


def test_a_filter_of_the_list_is_a_filter_of_an_endpoint(db: None, sink: WebSink) -> None:
    accord, one = a_world()
    two = world.a_commitment(accord, "TST-2", kind="continuing")
    saved = a_filter(accord, {"kind": "continuing", "q": "Hold"})
    late = a_filter(accord, {"standing": "kept"})
    nothing = a_filter(accord, {"topic": "demining", "kind": "financial"})
    rows = {
        name: an_endpoint(sink, name, saved=it)[0]
        for name, it in {"kind": saved, "kept": late, "nothing": nothing, "same": saved}.items()
    }
    assert SavedFilter.objects.count() == 3
    assert rows["kind"].accord == accord
    operations.correct_commitments(
        {two.code: {"title": {"en": "Hold talks"}}}, actor=loader(), why="Shorter."
    )
    begun = head().seq
    for commitment in (one, two):
        world.some_evidence(commitment)
    world.published(one, "fulfilled", [world.some_evidence(one)])
    one_round()

    def got(name: str) -> list[tuple[str, str]]:
        calls = rows[name].calls.filter(number__gt=begun).order_by("number").values_list("number", flat=True)
        events = Event.objects.filter(pk__in=[number for number in calls if number]).order_by("pk")
        return [(event.kind, event.commitment.code) for event in events if event.commitment]

    assert got("kind") == got("same") == [("evidence_added", "TST-2")]
    # As it stands after what happened: the whole turn in which it was kept, and what came before in the same round.
    assert {code for _kind, code in got("kept")} == {"TST-1"}
    assert ("status_published", "TST-1") in got("kept")
    assert got("nothing") == []
    assert endpoints.send_range(rows["kept"], begun + 1, head().seq) == len(got("kept"))
    assert calling.fan_out() == 0
    pruning.prune()
    assert SavedFilter.objects.count() == 3
    other = world.an_accord("OTH-2025")
    with pytest.raises(Refusal, match="another accord"):
        endpoints.register(
            {"name": "x", "url": sink.url, "accord": other, "saved": a_filter(accord, {"kind": "baseline"})}
        )
