"""Chat rooms: what they read, what is held for them, and what they are not told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from commitments import operations
from notifications import calling, endpoints
from notifications.models import Call, EndpointState
from tests import world
from tests.notifications.callers import a_world, an_endpoint, make_due, one_round, states
from tests.web_sinks import Say, WebSink


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


def test_a_long_title_is_shortened_and_the_sentence_stays(db: None, sink: WebSink) -> None:
    commitment = world.a_commitment(world.an_accord(), title={"en": "long <&> " * 1000, "uk": "x"})
    an_endpoint(sink, format="chat")
    world.some_evidence(commitment)
    one_round()
    about, sentence = sink.visits[0].json["text"].split("\n")
    assert about.count("<") == about.count(">") == 1
    assert about.endswith("…>")
    assert len(about) < 2000
    assert "vidence" in sentence


def test_a_chat_room_hears_neither_what_was_taken_back_nor_that_it_was_but_a_machine_gets_both(
    db: None, sink: WebSink
) -> None:
    _accord, commitment = a_world()
    an_endpoint(sink, "chat", format="chat")
    an_endpoint(sink, "machine")
    evidence = world.some_evidence(commitment)
    operations.withdraw_evidence([evidence.code], actor=world.actor("reviewer"), why="A copy.")
    tally = one_round()
    assert (tally.sent, tally.dropped) == (2, 2)
    assert set(Call.objects.filter(endpoint__name="chat").values_list("state", flat=True)) == {"dropped"}


def test_a_chat_room_that_was_told_or_may_have_been_hears_of_the_retraction(db: None, sink: WebSink) -> None:
    _accord, commitment = a_world()
    an_endpoint(sink, format="chat")
    for manner in (Say(), Say(503)):
        evidence = world.some_evidence(commitment)
        sink.manner = manner
        one_round()
        before = len(sink.visits)
        sink.manner = Say()
        operations.withdraw_evidence([evidence.code], actor=world.actor("reviewer"), why="A copy.")
        make_due()
        one_round()
        assert len(sink.visits) == before + 1
        assert "withdr" in sink.visits[-1].json["text"]


def test_what_staff_publish_is_held_for_a_chat_room_and_not_for_a_machine(
    db: None, sink: WebSink, settings: Any
) -> None:
    settings.ALERT_HOLD = timedelta(minutes=2)
    _accord, commitment = a_world()
    an_endpoint(sink, "chat", format="chat")
    an_endpoint(sink, "machine")
    evidence = world.some_evidence(commitment)
    assert one_round().sent == 1
    held = Call.objects.get(state="waiting")
    assert 110 < (held.next_attempt_at - timezone.now()).total_seconds() < 121
    operations.withdraw_evidence([evidence.code], actor=world.actor("reviewer"), why="A copy.")
    assert one_round().sent == 1
    make_due()
    assert one_round().dropped == 2
    assert states() == {"sent": 2, "dropped": 2}
    assert {visit.json["type"] for visit in sink.visits} == {"evidence_added", "evidence_withdrawn"}


def test_what_the_clock_says_is_told_to_a_chat_room_at_once(db: None, sink: WebSink, settings: Any) -> None:
    settings.ALERT_HOLD = timedelta(hours=1)
    accord = world.an_accord()
    world.a_deadline(world.a_commitment(accord), "2025-01")
    an_endpoint(sink, format="chat")
    operations.scan(timezone.now())
    calling.fan_out()
    assert calling.deliver(20).sent == 1


def test_a_message_that_takes_back_what_was_given_up_untried_is_not_told(db: None, sink: WebSink) -> None:
    _accord, commitment = a_world()
    room, _none = an_endpoint(sink, format="chat")
    evidence = world.some_evidence(commitment)
    calling.fan_out()
    endpoints.set_state(room, EndpointState.DISABLED)
    endpoints.set_state(room, EndpointState.LIVE)
    operations.withdraw_evidence([evidence.code], actor=world.actor("reviewer"), why="A copy.")
    assert one_round().dropped == 1
    assert sink.visits == []
