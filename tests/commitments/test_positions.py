"""Positions of the parties: each guard refuses by name, and whether a commitment is contested follows from them."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from commitments import operations
from commitments.actors import Actor, loader
from commitments.models import Accord, Commitment, Event, Party, Position, Source
from commitments.naming import party_name
from commitments.operations import NewPosition, Resolution
from commitments.operations.positions import contested_by
from commitments.past import standing_of
from commitments.refusals import NotAllowed, Refused, Stale
from commitments.sentences import facts_of, sentence
from notifications.truth import untrue
from tests import world
from tests.servers import FreshDatabase

KEPT = Resolution("kept", "The ministry confirmed what we say.")


@pytest.fixture
def accord(db: None) -> Accord:
    return world.an_accord()


@pytest.fixture
def commitment(accord: Accord) -> Commitment:
    return world.a_commitment(accord)


def stated(commitment: Commitment, *, actor: Actor | None = None, **changes: Any) -> Position:
    return operations.state_positions([world.a_position(commitment, **changes)], actor=actor or loader())[0]


def resolved(position: Position, how: Resolution = KEPT) -> None:
    operations.resolve_positions({position.code: how}, actor=world.actor("reviewer"))


def contested(commitment: Commitment) -> str:
    commitment.refresh_from_db()
    return commitment.contested


def test_a_position_stands_in_the_log_with_its_text_as_an_erasable_note(commitment: Commitment) -> None:
    judged = world.published(commitment, "fulfilled", [world.some_evidence(commitment)])
    row = stated(commitment, assessment=judged.number, text="Це не так.", language="uk", locator="L4")
    assert (row.code, row.is_open, row.assessment) == ("TST-1-S1", True, judged)
    event = Event.objects.latest("seq")
    assert (event.kind, event.happened_on) == ("position_stated", date(2024, 9, 1))
    assert facts_of(event.body) == {
        "position": "TST-1-S1",
        "party": "UKR",
        "stance": "disputes",
        "source": "ministry",
        "stated_on": "2024-09-01",
        "assessment": "TST-1-A1",
        "contested": {"before": "none", "after": "contested"},
    }
    assert "Це не так." not in event.body
    assert sentence(event.kind, facts_of(event.body)) == "Ukraine disputes this"
    operations.redact_note(event.seq, actor=loader(), why_code="court-order")
    row.refresh_from_db()
    assert row.text == "[removed]"


def test_contested_follows_the_positions_that_dispute(commitment: Commitment) -> None:
    assert contested(commitment) == "none"
    stated(commitment, stance="explains")
    stated(commitment, stance="accepts", party="JPN")
    assert contested(commitment) == "none"
    first = stated(commitment)
    second = stated(commitment, party="JPN")
    assert contested(commitment) == "contested"
    resolved(first)
    assert contested(commitment) == "contested"
    resolved(second, Resolution("withdrawn", "The ministry took it back."))
    assert contested(commitment) == "resolved"
    told = [facts_of(event.body) for event in Event.objects.filter(kind="position_resolved").order_by("seq")]
    assert [facts["contested"]["after"] for facts in told] == ["contested", "resolved"]
    assert sentence("position_resolved", told[1]) == (
        "The position of Japan is resolved: the party withdrew it"
    )
    stated(commitment)
    assert contested(commitment) == "contested"


def test_sentences_name_a_party_as_it_is_called_now_and_one_that_is_not_on_record_by_its_code(
    accord: Accord,
) -> None:
    assert party_name("UKR") == "Ukraine"
    party = Party.objects.get(code="UKR")
    party.name = {"en": "Ukraine", "uk": "Україна"}
    party.save()
    with translation.override("uk"):
        assert party_name("UKR") == "Україна"
    assert party_name("ATL") == "ATL"


def test_a_position_entered_by_mistake_was_never_a_dispute(commitment: Commitment) -> None:
    row = stated(commitment)
    resolved(row, Resolution("mistaken", "It was about another entry."))
    assert contested(commitment) == "none"
    facts = facts_of(Event.objects.latest("seq").body)
    assert facts["contested"] == {"before": "contested", "after": "none"}
    past = standing_of(commitment, date(2024, 10, 1), None, now=timezone.now())
    assert past is not None and past.contested == "none"
    page = Client().get("/commitments/TST-1/").content.decode()
    assert "<s>Ukraine disputes this</s>" in page and 'class="contested"' not in page
    assert untrue(Event.objects.filter(kind="position_stated")) == {
        Event.objects.get(kind="position_stated").seq
    }
    resolved(stated(commitment))
    assert contested(commitment) == "resolved"


@given(st.lists(st.tuples(st.sampled_from(("disputes", "accepts", "explains")), st.booleans()), max_size=8))
def test_contested_is_none_contested_or_resolved_by_disputes_alone(rows: list[tuple[str, bool]]) -> None:
    at = datetime(2025, 1, 1, tzinfo=UTC)
    said = contested_by(
        Position(stance=stance, resolved_at=at if is_closed else None) for stance, is_closed in rows
    )
    open_disputes = [row for row in rows if row == ("disputes", False)]
    closed_disputes = [row for row in rows if row == ("disputes", True)]
    assert said == ("contested" if open_disputes else "resolved" if closed_disputes else "none")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"stance": "denies"}, ("stance", "unknown")),
        ({"language": "french"}, ("language", "unknown")),
        ({"text": "  "}, ("text", "required")),
        ({"text": "x" * 20_001}, ("text", "length")),
        ({"locator": "x" * 81}, ("locator", "length")),
        ({"stated_on": date(2999, 1, 1)}, ("stated_on", "future")),
        ({"stated_on": date(2024, 6, 12)}, ("stated_on", "before_start")),
        ({"party": "FRA"}, ("party", "unknown")),
        ({"source": "nobody"}, ("source", "unknown")),
        ({"source": None}, ("source", "required")),
        ({"assessment": 3}, ("assessment", "unknown")),
    ],
)
def test_bad_input_is_refused_by_field_and_rule(
    commitment: Commitment, changes: dict[str, Any], expected: tuple[str, str]
) -> None:
    before = (Position.objects.count(), Source.objects.count(), Event.objects.count())
    with pytest.raises(Refused) as refusal:
        stated(commitment, **changes)
    (problem,) = refusal.value.problems
    assert (problem.field, problem.code) == expected
    assert problem.message
    assert (Position.objects.count(), Source.objects.count(), Event.objects.count()) == before
    assert contested(commitment) == "none"


def test_a_draft_is_nothing_to_speak_of(commitment: Commitment) -> None:
    draft = world.a_draft(commitment, "superseded", world.actor("editor"))
    with pytest.raises(Refused) as refusal:
        stated(commitment, assessment=draft.number)
    assert refusal.value.problems[0].field == "assessment"


def test_the_first_and_the_last_day_on_which_a_position_can_be_stated(commitment: Commitment) -> None:
    today = (datetime.now(UTC) + timedelta(hours=14)).date()
    assert stated(commitment, stated_on=today).stated_on == today
    assert stated(commitment, stated_on=date(2024, 6, 13)).number == 2


def test_resolving_needs_a_known_word_a_reason_and_a_reviewer_and_is_safe_to_repeat(
    commitment: Commitment,
) -> None:
    row = stated(commitment)
    reviewer = world.actor("reviewer")
    for how, field in (
        (Resolution("won", "Because."), "resolved_as"),
        (Resolution("kept", " "), "why"),
    ):
        with pytest.raises(Refused) as refusal:
            operations.resolve_positions({row.code: how}, actor=reviewer)
        assert refusal.value.problems[0].field == field
    for code in ("TST-1-S9", "TST-1-S", "TST-1", "nonsense"):
        with pytest.raises(Refused):
            operations.resolve_positions({code: KEPT}, actor=reviewer)
    with pytest.raises(NotAllowed):
        operations.resolve_positions({row.code: KEPT}, actor=world.actor("editor"))
    with pytest.raises(Stale):
        operations.resolve_positions({row.code: KEPT}, actor=reviewer, version=1)
    assert operations.resolve_positions({row.code: KEPT}, actor=reviewer) == [row]
    assert operations.resolve_positions({row.code: KEPT}, actor=reviewer) == []
    assert Event.objects.filter(kind="position_resolved").count() == 1


def test_a_viewer_states_nothing_and_an_old_version_is_noticed(commitment: Commitment) -> None:
    with pytest.raises(NotAllowed):
        stated(commitment, actor=world.actor("viewer"))
    stated(commitment, actor=world.actor("editor"))
    with pytest.raises(Stale):
        operations.state_positions([world.a_position(commitment)], actor=world.actor("editor"), version=1)


def test_one_order_may_hold_several_positions_and_fails_as_a_whole(commitment: Commitment) -> None:
    good = world.a_position(commitment)
    bad: NewPosition = replace(good, party="FRA")
    with pytest.raises(Refused):
        operations.state_positions([good, bad], actor=loader())
    assert not Position.objects.exists()
    both = operations.state_positions([good, replace(good, party="JPN", stance="accepts")], actor=loader())
    assert [row.number for row in both] == [1, 2]


def test_two_parties_speaking_at_once_are_both_heard(fresh_db: FreshDatabase) -> None:
    commitment = world.a_commitment(world.an_accord())
    actors = {party: world.actor("editor", f"editor-{party}") for party in ("JPN", "UKR")}
    gate, failures = threading.Barrier(2), []

    def speak(party: str) -> None:
        try:
            gate.wait(10)
            for _turn in range(5):
                stated(commitment, actor=actors[party], party=party)
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=speak, args=(party,)) for party in actors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert [row.number for row in Position.objects.order_by("number")] == list(range(1, 11))
    assert contested(commitment) == "contested"


def test_the_feed_tells_positions_beside_the_judgement_and_the_events_what_changed(
    commitment: Commitment,
) -> None:
    judged = world.published(commitment, "fulfilled", [world.some_evidence(commitment)])
    row = stated(commitment, assessment=judged.number)
    told = Client().get("/api/v1/commitments/TST-1/").json()
    assert (told["status"], told["contested"]) == ("fulfilled", "contested")
    (position,) = told["positions"]
    assert (position["code"], position["party"], position["stance"]) == ("TST-1-S1", "UKR", "disputes")
    assert (position["text"], position["assessment"], position["open"]) == (row.text, judged.code, True)
    assert position["source"]["address"] == "https://ministry.example/notice"
    resolved(row)
    told = Client().get("/api/v1/commitments/TST-1/").json()
    assert (told["contested"], told["positions"][0]["resolved_as"]) == ("resolved", "kept")
    events = Client().get("/api/v1/events/?kind=position_stated,position_resolved").json()["results"]
    assert [(event["before"], event["after"], event["note"]) for event in events] == [
        ("none", "contested", "We see this differently."),
        ("contested", "resolved", "The ministry confirmed what we say."),
    ]
    for query, codes in (("contested=resolved", ["TST-1"]), ("contested=contested", [])):
        found = Client().get(f"/api/v1/commitments/?{query}").json()["results"]
        assert [one["code"] for one in found] == codes
    assert Client().get("/api/v1/commitments/?contested=yes").status_code == 400
