"""The house keeps its word: what the prose says of events, beats and rooms is what the code does."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.utils import translation

from commitments import operations
from commitments.actors import loader
from commitments.models import (
    Accord,
    Assessment,
    Commitment,
    Contribution,
    Deadline,
    Event,
    Evidence,
    Position,
)
from commitments.money import plain_text
from commitments.operations import NewPause, NewTrigger
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
    replica: dict[str, dict[str, Any]] = {
        "status": {}, "edtf": {}, "closed": {}, "standing": {}, "money": {}, "positions": {}, "contested": {},
    }  # fmt: skip
    for event in Event.objects.order_by("seq"):
        facts, code = facts_of(event.body), orjson.loads(event.body)["commitment"]
        if event.kind == EventKind.COMMITMENT_REGISTERED:
            replica["status"][code] = "not_assessed"
        elif event.kind in (EventKind.STATUS_PUBLISHED, EventKind.STATUS_RETRACTED):
            if facts["party"] is None:
                replica["status"][code] = facts["after"]
            for deadline in (*facts.get("closed", []), *facts.get("ended", [])):
                replica["closed"][deadline] = True
            for deadline in facts.get("reopened", []):
                replica["closed"][deadline] = False
        elif event.kind in (EventKind.DEADLINE_SET, EventKind.DEADLINE_MOVED):
            replica["edtf"][facts["deadline"]] = facts["edtf"] or ""
            replica["closed"].setdefault(facts["deadline"], False)
        elif event.kind in (EventKind.DEADLINE_MET, EventKind.DEADLINE_WAIVED):
            replica["closed"][facts["deadline"]] = True
        elif event.kind == EventKind.TRIGGER_WITHDRAWN:
            replica["closed"].update(dict.fromkeys(facts["ended"], True))
        elif event.kind == EventKind.EVIDENCE_ADDED:
            replica["standing"][facts["evidence"]] = True
        elif event.kind == EventKind.EVIDENCE_WITHDRAWN:
            replica["standing"][facts["evidence"]] = False
        elif event.kind == EventKind.CONTRIBUTION_RECORDED:
            replica["money"][facts["contribution"]] = (facts["stage"], facts["currency"], facts["amount_low"])
        elif event.kind == EventKind.CONTRIBUTION_WITHDRAWN:
            del replica["money"][facts["contribution"]]
        elif event.kind in (EventKind.POSITION_STATED, EventKind.POSITION_RESOLVED):
            replica["positions"][facts["position"]] = facts.get("resolved_as", "")
            replica["contested"][code] = facts["contested"]["after"]
    assert replica["money"] == {
        row.code: (row.stage, row.currency, plain_text(row.amount_low))
        for row in Contribution.objects.standing().select_related("commitment")
    }
    assert replica["positions"] == {
        row.code: row.resolved_as for row in Position.objects.select_related("commitment")
    }
    assert replica["contested"] == dict(
        Commitment.objects.exclude(contested="none").values_list("code", "contested")
    )
    deadlines = list(Deadline.objects.select_related("commitment"))
    assert replica["status"] == dict(Commitment.objects.values_list("code", "status"))
    assert replica["edtf"] == {row.code: row.edtf for row in deadlines}
    assert replica["closed"] == {row.code: row.closed_at is not None for row in deadlines}
    assert replica["standing"] == {
        row.code: row.withdrawn_at is None for row in Evidence.objects.public().select_related("commitment")
    }
    assert Assessment.objects.filter(review="retracted").count() == 1


def test_every_beat_entry_has_its_task() -> None:
    from tracker.celery import app

    app.loader.import_default_modules()
    for name, entry in app.conf.beat_schedule.items():
        assert entry["task"] in app.tasks, name
        assert entry["options"]["expires"] == 60, name


def test_the_readme_shows_commands_that_exist() -> None:
    from django.core.management import get_commands

    known = set(get_commands()) | {"demo", "test"}
    for document in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for command in re.findall(r"manage\.py ([a-z_]+)", document.read_text(encoding="utf-8")):
            assert command in known, f"{document.name} shows manage.py {command}"
