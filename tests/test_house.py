"""The house keeps its word: what the prose says of events, beats and rooms is what the code does."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.utils import timezone, translation

from commitments import operations
from commitments.actors import loader
from commitments.agreement import differences
from commitments.models import (
    Accord,
    Commitment,
    Event,
)
from commitments.operations import NewPause, NewTrigger
from commitments.replay import FOLDS, SILENT
from commitments.sentences import SENTENCES, facts_of, sentence
from commitments.words import EventKind
from tests import world

ROOT = Path(__file__).resolve().parent.parent


def everything_happens() -> None:
    """A world in which every kind of event that a verb can append is appended."""
    accord = world.an_accord()
    one = world.a_commitment(accord)
    first = world.a_deadline(one, "2024-12")
    second = world.a_deadline(one, "2024-09")
    world.a_deadline(one, "2024-10", authority="press")
    world.a_deadline(one, "2024-11", type="review", authority="editorial", clock="tracker")
    lasting = world.a_commitment(accord, "TST-2", kind="continuing")
    world.a_deadline(lasting, "2024-11", type="review", authority="editorial", clock="tracker")
    operations.meet_deadlines({second.code: date(2024, 8, 1)}, actor=world.actor("reviewer"))
    operations.scan(datetime(2025, 6, 1, tzinfo=UTC))
    operations.move_deadlines({first.code: "2999"}, actor=world.actor("reviewer"), why="Agreed.")
    done = world.some_evidence(one)
    spare = world.some_evidence(one, bearing="context")
    operations.withdraw_evidence([spare.code], actor=world.actor("reviewer"), why="A copy.")
    judged = world.published(one, "fulfilled", [done])
    operations.retract_assessments([judged.code], actor=world.actor("reviewer"), why="Too early.")
    operations.correct_commitments(
        {one.code: {"title": {"en": "Do it well"}}}, actor=world.actor("reviewer"), why="A typing error."
    )
    paid = operations.record_contributions([world.money(one), world.money(one)], actor=loader())
    operations.withdraw_contributions([paid[1].code], actor=world.actor("reviewer"), why="Counted twice.")
    said = operations.state_positions([world.a_position(one), world.a_position(lasting)], actor=loader())
    operations.resolve_positions(
        {said[0].code: operations.Resolution("kept", "The ministry confirmed it.")},
        actor=world.actor("reviewer"),
    )
    _clocks_run(accord, one)
    noted = Event.objects.exclude(note_digest="").order_by("-seq").first()
    assert noted is not None
    operations.redact_note(noted.seq, actor=loader(), why_code="personal-data")
    entered = Event.objects.filter(kind=EventKind.COMMITMENT_REGISTERED, commitment=one).get()
    operations.redact_wording(entered.seq, actor=loader(), why_code="copyright")


def _clocks_run(accord: Accord, one: Commitment) -> None:
    """Triggers, pauses, a waiver, and evidence that somebody compared with its source."""
    reviewer = world.actor("reviewer")
    ready = world.a_commitment(
        accord,
        "TST-3",
        kind="conditional",
        details={"trigger": {"facts": [{"code": "request", "text": "A request"}]}},
    )
    world.a_deadline(ready, "", type="clock", duration="PT24H")
    request = NewTrigger(ready.code, "request", datetime(2025, 3, 29, 18, tzinfo=UTC))
    (fact,) = operations.record_triggers([request], actor=reviewer)
    operations.withdraw_triggers([fact.code], actor=reviewer, why="It was not a request.")
    (pause,) = operations.pause_commitments(
        [NewPause(one.code, date(2025, 1, 1), "Both agreed.")], actor=reviewer
    )
    operations.resume_commitments({pause.code: date(2025, 2, 1)}, actor=reviewer, why="Both agreed.")
    given_up = world.a_deadline(one, "2030")
    operations.waive_deadlines([given_up.code], actor=reviewer, why="Given up.")
    operations.verify_evidence([world.some_evidence(one).code], actor=reviewer)


@pytest.mark.django_db
def test_every_kind_of_event_happens_and_has_a_sentence_in_three_languages_and_a_line_in_the_docs() -> None:
    everything_happens()
    happened = {event.kind: event for event in Event.objects.all()}
    assert set(happened) == set(EventKind.values) == set(SENTENCES)
    docs = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    for kind, event in happened.items():
        said = {}
        for language in ("en", "uk", "ja"):
            with translation.override(language):
                said[language] = sentence(kind, facts_of(event.body))
        assert len(set(said.values())) == 3, f"{kind} is not translated: {said}"
        line = next((line for line in docs.splitlines() if line.startswith(f"| `{kind}`")), "")
        assert line, f"docs/events.md has no line for {kind}"
        if "as above" not in line:
            named = set(re.findall(r"`([a-z_]+)`", line.split("|")[3]))
            assert set(facts_of(event.body)) == named, f"{kind}: {set(facts_of(event.body)) ^ named}"


@pytest.mark.django_db
def test_replaying_the_log_gives_the_rows() -> None:
    everything_happens()
    assert set(FOLDS) | SILENT | {"accord_registered", "commitment_registered"} == set(EventKind.values)
    for moment in (datetime(2024, 12, 1, tzinfo=UTC), timezone.now(), datetime(2031, 1, 1, tzinfo=UTC)):
        assert [str(found) for found in differences(moment)] == []


def test_every_beat_entry_has_its_task() -> None:
    from tracker.celery import app

    app.loader.import_default_modules()
    for name, entry in app.conf.beat_schedule.items():
        assert entry["task"] in app.tasks, name
        assert entry["options"]["expires"] == 60, name


def test_the_readme_shows_commands_that_exist() -> None:
    from django.core.management import get_commands

    known = set(get_commands()) | {"demo", "test", "faults", "bench"}
    for document in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for command in re.findall(r"manage\.py ([a-z_]+)", document.read_text(encoding="utf-8")):
            assert command in known, f"{document.name} shows manage.py {command}"
