"""Webhooks over real HTTP: what an endpoint gets, and what it is never sent."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from commitments import operations
from commitments.actors import loader
from commitments.log import head
from commitments.models import Event, Party, Topic
from notifications import calling, endpoints, pruning
from notifications.endpoints import Refusal
from notifications.models import (
    Call,
    SavedFilter,
)
from notifications.scopes import a_filter
from tests import world
from tests.notifications.callers import a_world, an_endpoint, one_round, states
from tests.web_sinks import WebSink


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


def test_an_invented_accord_is_told_to_those_who_asked_for_it(db: None, sink: WebSink) -> None:
    accord, commitment = a_world()
    type(accord).objects.update(is_example=True)
    rows = {
        "all": an_endpoint(sink, "all")[0],
        "topic": an_endpoint(sink, "topic", topic=Topic.objects.get(code="demining"))[0],
        "party": an_endpoint(sink, "party", party=Party.objects.get(code="UKR"))[0],
        "accord": an_endpoint(sink, "accord", accord=accord)[0],
    }
    world.some_evidence(commitment)
    one_round()
    assert {name: row.calls.count() for name, row in rows.items()} == {
        "all": 0,
        "topic": 0,
        "party": 1,
        "accord": 1,
    }
    number = head().seq
    assert [endpoints.send_range(row, number, number) for row in rows.values()] == [0, 0, 1, 1]


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
