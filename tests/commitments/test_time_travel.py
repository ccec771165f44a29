"""The past: what stood on a day, and what had been told by an instant; nothing dated later shines through."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
import yaml
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from commitments import operations
from commitments.actors import loader
from commitments.agreement import differences
from commitments.importing import load_accord
from commitments.models import Accord, Commitment, Event, Wording
from commitments.operations import NewPause, NewTrigger
from commitments.past import Moment, standing_of, standing_of_accord, standings, stood
from commitments.refusals import Refused
from tests import world
from tests.commitments.histories import (
    LAST,
    THE_END,
    a_day,
    bodies,
    brute_force,
    days,
    ends,
    histories,
    told_at,
    told_by,
)
from tracker.kit.answers import shelf

ROOT = Path(__file__).resolve().parent.parent.parent


def get(address: str, status: int = 200) -> Any:
    response = Client(raise_request_exception=True).get(address)
    assert response.status_code == status, (address, response.status_code, response.content[:400])
    return response.json()


@settings(max_examples=400, deadline=None)
@given(
    histories(),
    st.sampled_from(["deliverable", "continuing", "conditional"]),
    st.lists(st.tuples(st.one_of(st.none(), days), days), min_size=1, max_size=8),
)
def test_the_past_is_what_a_reader_of_then_would_work_out_from_the_facts_of_then(
    facts: list[dict[str, Any]], kind: str, asked: list[tuple[int | None, int]]
) -> None:
    events = bodies(facts, kind)
    edges = [(fact["on"] + step, fact["at"]) for fact in facts for step in (-1, 0) if fact["on"] + step >= 0]
    for as_of, known in [*asked, *edges]:
        moment = Moment(THE_END, None if as_of is None else a_day(as_of), told_at(known))
        found = stood(told_by(events, known), None, moment)
        assert found is not None
        instant = told_at(known) if as_of is None else ends(a_day(as_of)) - timedelta(microseconds=1)
        assert found.instant == instant
        said = (found.standing.status, found.standing.timeliness, found.standing.upkeep)
        assert said == brute_force(facts, kind, as_of, known, instant), (as_of, known)


@settings(max_examples=200, deadline=None)
@given(histories(), days, days)
def test_what_is_written_later_changes_no_answer_about_what_was_known(
    facts: list[dict[str, Any]], as_of: int, known: int
) -> None:
    moment = Moment(THE_END, a_day(as_of), told_at(known))
    whole = bodies(facts, "deliverable")
    early = bodies([fact for fact in facts if fact["at"] <= known], "deliverable")
    then, now = stood(told_by(early, LAST), None, moment), stood(told_by(whole, known), None, moment)
    assert then is not None and now is not None
    assert (then.standing, then.dates.keys()) == (now.standing, now.dates.keys())


@pytest.mark.django_db
def test_a_retraction_belongs_to_the_log_and_what_was_known_before_it_stays_readable() -> None:
    with time_machine.travel(datetime(2025, 1, 10, 12, tzinfo=UTC)):
        one = world.a_commitment(world.an_accord())
        begun = world.some_evidence(one, act="action", happened="2024-06-20")
        first = world.published(one, "in_progress", [begun], effective_on=date(2024, 7, 1))
        second = world.published(one, "fulfilled", [world.some_evidence(one)])
    with time_machine.travel(datetime(2025, 3, 1, 12, tzinfo=UTC)):
        operations.retract_assessments([second.code], actor=world.actor("reviewer"), why="Too early.")

    def status(as_of: date | None, known_at: datetime | None) -> str | None:
        past = standing_of(one, as_of, known_at, now=timezone.now())
        return past.standing.status if past else None

    before, after = datetime(2025, 2, 1, tzinfo=UTC), datetime(2025, 4, 1, tzinfo=UTC)
    assert status(date(2024, 11, 17), before) == "fulfilled"
    assert status(date(2024, 11, 17), after) == "in_progress"
    assert status(date(2024, 11, 17), None) == "in_progress"
    assert status(date(2024, 7, 15), before) == "in_progress"
    assert status(date(2024, 6, 20), before) == "not_assessed"
    assert status(date(2024, 1, 1), before) is None, "it had not begun"
    assert status(None, datetime(2025, 1, 1, tzinfo=UTC)) is None, "it was not on record"
    row = get(f"/api/v1/commitments/{one.code}/?known_at=2025-02-01")
    assert row["status"] == "fulfilled"
    assert [(a["code"], a["review"], a["retracted_why"]) for a in row["assessments"]] == [
        (second.code, "published", None),
        (first.code, "published", None),
    ]
    assert row["known_at"] == "2025-02-01T23:59:59.999999Z"
    row = get(f"/api/v1/commitments/{one.code}/?as_of=2024-11-17")
    assert [(a["code"], a["review"]) for a in row["assessments"]] == [
        (second.code, "retracted"),
        (first.code, "published"),
    ]
    assert row["assessment"]["code"] == first.code


@pytest.mark.django_db
def test_a_date_moved_met_or_waived_later_stands_as_it_stood() -> None:
    with time_machine.travel(datetime(2024, 7, 1, 12, tzinfo=UTC)):
        one = world.a_commitment(world.an_accord())
        due = world.a_deadline(one, "2024-10")
    with time_machine.travel(datetime(2025, 2, 1, 12, tzinfo=UTC)):
        operations.move_deadlines({due.code: "2025-06"}, actor=world.actor("reviewer"), why="Agreed.")
    with time_machine.travel(datetime(2025, 9, 1, 12, tzinfo=UTC)):
        operations.meet_deadlines({due.code: date(2025, 5, 5)}, actor=world.actor("reviewer"))

    def row(as_of: str) -> tuple[str, str | None, str | None, bool]:
        found = get(f"/api/v1/commitments/{one.code}/?as_of={as_of}")
        (deadline,) = found["deadlines"]
        return found["timeliness"], deadline["edtf"], deadline["met_on"], deadline["open"]

    assert row("2024-09-15") == ("scheduled", "2024-10", None, True)
    # The last instant of a day in Kyiv lies in the next day in Tokyo, where the window opens first.
    assert row("2024-09-30") == ("in_window", "2024-10", None, True)
    assert row("2024-10-31") == ("in_window", "2024-10", None, True), (
        "its last day has not passed on that day"
    )
    assert row("2024-11-01") == ("overdue", "2024-10", None, True)
    assert row("2025-01-31") == ("overdue", "2024-10", None, True)
    assert row("2025-02-01")[:2] == ("scheduled", "2025-06")
    assert row("2025-05-04")[2:] == (None, True)
    assert row("2025-05-05") == ("met_on_time", "2025-06", "2025-05-05", False)
    known = get(f"/api/v1/commitments/{one.code}/?as_of=2025-05-05&known_at=2025-06-01")
    assert (known["timeliness"], known["deadlines"][0]["open"]) == ("scheduled", True)


@pytest.mark.django_db
def test_evidence_steps_money_and_positions_dated_later_do_not_shine_through() -> None:
    one = world.a_commitment(
        world.an_accord(),
        steps=[{"label": {"en": "Signed"}, "on": "2024-09"}, {"label": {"en": "Ratified"}, "on": "2025-04"}],
    )
    world.some_evidence(one)
    world.some_evidence(one, source="press", happened="2024-12-24")
    withdrawn = world.some_evidence(one, bearing="context")
    operations.withdraw_evidence([withdrawn.code], actor=world.actor("reviewer"), why="A copy.")
    operations.record_contributions(
        [world.money(one), world.money(one, day="2025-01", amount="7")], actor=loader()
    )
    operations.state_positions(
        [world.a_position(one), world.a_position(one, stated_on=date(2025, 5, 1))], actor=loader()
    )
    row = get(f"/api/v1/commitments/{one.code}/?as_of=2024-11-17")
    assert [item["code"] for item in row["evidence"]] == ["TST-1-E1", "TST-1-E3"]
    assert row["evidence"][1]["withdrawn_at"] is not None, "a withdrawal is a correction"
    assert [step["on"] for step in row["steps"]] == ["2024-09", None]
    assert [money["code"] for money in row["contributions"]] == ["TST-1-C1"]
    assert [stage["low"] for stage in row["money"]["stages"]] == ["1500000000"]
    accords = [get(f"/api/v1/accords/{world.ACCORD}/{query}")["money"] for query in ("", "?as_of=2024-11-17")]
    assert [accord[0]["low"] for accord in accords] == ["1500000007", "1500000000"]
    assert get(f"/api/v1/accords/{world.ACCORD}/?as_of=2024-07-31")["money"] == []
    assert [said["code"] for said in row["positions"]] == ["TST-1-S1"]
    assert row["contested"] == "contested"
    assert get(f"/api/v1/commitments/{one.code}/?as_of=2024-08-31")["contested"] == "none"
    # Published on 2024-08-01 and on 2024-07-01; a fact of August is not seen in July.
    assert get(f"/api/v1/commitments/{one.code}/?as_of=2024-07-31")["evidence"] == []


@pytest.mark.django_db
def test_clocks_pauses_and_ends_of_the_world_stand_by_their_own_days() -> None:
    accord, reviewer = world.an_accord(), world.actor("reviewer")
    ready = world.a_commitment(
        accord,
        "TST-1",
        kind="conditional",
        details={"trigger": {"facts": [{"code": "request", "text": "A request"}]}},
    )
    world.a_deadline(ready, "", type="clock", duration="PT24H")
    operations.record_triggers(
        [NewTrigger(ready.code, "request", datetime(2025, 3, 29, 18, tzinfo=UTC))], actor=reviewer
    )
    lasting = world.a_commitment(accord, "TST-2", kind="continuing", ends={"condition": "until it is paid"})
    operations.pause_commitments(
        [NewPause(lasting.code, date(2025, 1, 1), "Agreed.", until_on=date(2025, 3, 1))], actor=reviewer
    )
    operations.record_triggers(
        [NewTrigger(lasting.code, "paid", datetime(2025, 9, 1, 9, tzinfo=UTC), effect="ends")], actor=reviewer
    )

    def timeliness(as_of: date) -> tuple[str, str]:
        found = standing_of_accord(accord, Moment(timezone.now(), as_of))
        return found["TST-1"].standing.timeliness, found["TST-2"].standing.timeliness

    assert timeliness(date(2024, 12, 31)) == ("dormant", "awaiting_anchor")
    assert timeliness(date(2025, 1, 1)) == ("dormant", "paused")
    assert timeliness(date(2025, 2, 28)) == ("dormant", "paused")
    assert timeliness(date(2025, 3, 1)) == ("dormant", "awaiting_anchor")
    assert timeliness(date(2025, 3, 29)) == ("running", "awaiting_anchor")
    assert timeliness(date(2025, 3, 30)) == ("overdue", "awaiting_anchor")
    assert timeliness(date(2025, 8, 31)) == ("overdue", "awaiting_anchor")
    assert timeliness(date(2025, 9, 1))[1] == "no_deadline", "its last day is not over"
    assert timeliness(date(2025, 9, 2))[1] == "ended"
    row = get("/api/v1/commitments/TST-1/?as_of=2025-03-01")
    assert [deadline["duration"] for deadline in row["deadlines"]] == ["PT24H"], "no clock ran"
    assert get("/api/v1/commitments/TST-2/?as_of=2025-03-01")["ends_on"] is None


@pytest.fixture
def the_accord_itself(db: None) -> Accord:
    load_accord(ROOT / "fixtures" / "japan-ukraine-2024.yaml", today=timezone.localdate())
    return Accord.objects.get(is_example=False)


def test_the_loaded_accord_reads_back_through_history_and_was_unknown_before_its_load(
    the_accord_itself: Accord,
) -> None:
    file = yaml.safe_load((ROOT / "fixtures" / "japan-ukraine-2024.yaml").read_text(encoding="utf-8"))
    for day in (
        date(2024, 6, 13),
        date(2024, 11, 15),
        date(2024, 11, 17),
        date(2025, 7, 1),
        date(2026, 1, 1),
    ):
        expected = {}
        for entry in file["commitments"]:
            starts_on = entry.get("starts_on") or file["accord"]["signed_on"]
            if str(starts_on) > day.isoformat():
                continue
            judged = [
                (str(item["effective_on"]), place, item["status"])
                for place, item in enumerate(entry.get("assessments") or ())
                if str(item["effective_on"]) <= day.isoformat() and not item.get("retracted")
            ]
            expected[entry["code"]] = max(judged)[2] if judged else "not_assessed"
        here = f"accord={the_accord_itself.code}&as_of={day}&include=assessment&limit=40"
        rows, address = [], f"/api/v1/commitments/?{here}"
        while address:
            answer = get(address)
            rows += answer["results"]
            address = (answer["next"] or "").removeprefix("http://testserver")
        assert {row["code"]: row["status"] for row in rows} == expected
        for row in rows:
            dated = [item["happened_on"] for item in row["evidence"]] + [
                item["source"]["published_on"] for item in row["evidence"]
            ]
            assert all(one is None or one <= day.isoformat() for one in dated), row["code"]
            assert all(one["effective_on"] <= day.isoformat() for one in [row["assessment"]] if one)
        accord = get(f"/api/v1/accords/{the_accord_itself.code}/?as_of={day}")["commitments"]
        assert accord["total"] == len(expected)
        assert accord["by_status"] == Counter(expected.values())
    assert get("/api/v1/accords/?known_at=2024-12-31T00:00:00Z")["results"] == []
    assert get("/api/v1/accords/?as_of=2024-06-12")["results"] == []
    get(f"/api/v1/accords/{the_accord_itself.code}/?as_of=2024-06-12", 404)
    assert get("/api/v1/accords/?as_of=x", 400)["errors"][0]["name"] == "as_of"
    assert get("/api/v1/commitments/?known_at=2024-12-31T00:00:00Z")["results"] == []
    get(f"/api/v1/commitments/{next(iter(expected))}/?known_at=2024-12-31", 404)


def test_the_whole_accord_is_read_in_the_same_few_queries_as_one_commitment(
    the_accord_itself: Accord,
) -> None:
    counts = []
    for found in (
        Commitment.objects.filter(code="JUA-B07"),
        Commitment.objects.filter(accord=the_accord_itself),
    ):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            standings(found, Moment(timezone.now(), date(2024, 11, 17)))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 3


@pytest.mark.django_db
def test_filters_fit_the_standing_of_then(monkeypatch: pytest.MonkeyPatch) -> None:
    accord = world.an_accord()
    for number in range(1, 8):
        one = world.a_commitment(accord, f"TST-{number}")
        world.a_deadline(one, "2024-09" if number % 2 else "2025-09")
        if number < 5:
            day = date(2024, 8, number)
            world.published(one, "fulfilled", [world.some_evidence(one)], effective_on=day)

    def codes(query: str) -> list[int]:
        found, address = [], f"/api/v1/commitments/?{query}"
        while address:
            answer = get(address)
            found += [int(row["code"][4:]) for row in answer["results"]]
            address = (answer["next"] or "").removeprefix("http://testserver")
        return found

    assert codes("as_of=2024-08-02&status=fulfilled") == [1, 2]
    assert codes("as_of=2024-08-02&status=not_assessed&limit=2") == [3, 4, 5, 6, 7]
    assert codes("as_of=2024-08-31&status=fulfilled,not_assessed&kind=deliverable&limit=3") == list(
        range(1, 8)
    )
    assert codes("as_of=2024-10-01&timeliness=overdue") == [5, 7]
    assert codes("as_of=2024-09-30&timeliness=overdue") == []
    assert codes("as_of=2024-10-01&upkeep=verdict_due&limit=1") == [5, 7]
    assert codes("as_of=2024-06-12") == []
    assert codes("as_of=2024-10-01&party=UKR&role=beneficiary&limit=1") == list(range(1, 8))
    # A page looks at a few only, may be empty, and always says where to go on.
    monkeypatch.setattr("commitments.api.moments.CHUNK", 2)
    monkeypatch.setattr("commitments.api.moments.MOST_LOOKED_AT", 2)
    shelf.clear()
    first = get("/api/v1/commitments/?as_of=2024-10-01&timeliness=overdue")
    assert first["results"] == [] and first["next"]
    assert codes("as_of=2024-10-01&timeliness=overdue") == [5, 7]
    assert codes("as_of=2024-08-02&status=not_assessed&limit=1") == [3, 4, 5, 6, 7]
    assert codes("as_of=2024-08-02&limit=3") == list(range(1, 8))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("as_of=soon", "as_of"),
        ("as_of=2024-13-01", "as_of"),
        ("as_of=2023-02-29", "as_of"),
        ("as_of=20241117", "as_of"),
        ("as_of=2999-01-01", "as_of"),
        ("as_of=", "as_of"),
        ("as_of=2024-11-17&as_of=2024-11-18", "as_of"),
        ("as_of=2024-11-17T00:00:00Z", "as_of"),
        ("as_of=%00", "as_of"),
        ("known_at=yesterday", "known_at"),
        ("known_at=2025-01-01T00:00:00", "known_at"),
        ("known_at=2999-01-01", ""),
        ("known_at=2999-01-01T00:00:00Z", "known_at"),
        ("known_at=0001-01-01T00:00:00%2B14:00", "known_at"),
        ("as_of=2024-11-17&status=green", "status"),
        ("as_of=2024-11-17&colour=green", "colour"),
        ("as_of=2024-11-17&cursor=never", "cursor"),
    ],
)
def test_a_moment_that_cannot_be_asked_for_is_refused_by_name(query: str, name: str) -> None:
    world.a_commitment(world.an_accord())
    for address in ("/api/v1/commitments/", "/api/v1/commitments/TST-1/"):
        if address.endswith("TST-1/") and name in {"status", "colour", "cursor"}:
            continue
        if not name:
            get(f"{address}?{query}")
        else:
            answer = get(f"{address}?{query}", 400)
            assert answer["errors"][0]["name"] == name


@pytest.mark.django_db
def test_edges_of_the_calendar_and_codes_that_were_never_there() -> None:
    world.a_commitment(world.an_accord())
    assert get("/api/v1/commitments/?as_of=0001-01-01")["results"] == []
    assert "had not begun" in get("/api/v1/commitments/TST-1/?as_of=0001-01-01", 404)["detail"]
    get("/api/v1/commitments/NONE-1/?as_of=2024-11-17", 404)
    today = timezone.now().date().isoformat()
    assert get(f"/api/v1/commitments/?as_of={today}")["results"][0]["code"] == "TST-1"
    assert get("/api/v1/commitments/?known_at=2026-01-01T00:00:00+00:00")["results"] == []


@pytest.mark.django_db
def test_words_and_target_corrected_since_read_as_they_did_then() -> None:
    with time_machine.travel(datetime(2025, 1, 10, 12, tzinfo=UTC)):
        one = world.a_commitment(world.an_accord(), details={"cautions": ["Not a treaty."]})
    operations.correct_commitments(
        {
            one.code: {
                "title": {"en": "Do it well"},
                "strength": "intent",
                "cautions": [],
                "amount": {"value": "100", "currency": "EUR", "bound": "exact"},
            }
        },
        actor=world.actor("reviewer"),
        why="Misread.",
    )
    first = Commitment.objects.get(code="TST-1").wordings.exclude(words__title={"en": "Do it well"}).get()
    words = first.words or {}
    then = get("/api/v1/commitments/TST-1/?known_at=2025-02-01")
    assert (then["corrected_since"], then["strength"]) == (True, "firm")
    assert (then["title"], then["cautions"], then["amount"]) == (
        words["title"],
        ["Not a treaty."],
        None,
    )
    assert then["money"] is None
    now = get("/api/v1/commitments/TST-1/?as_of=2025-02-01")
    assert (now["corrected_since"], now["strength"]) == (False, "intent")
    assert (now["title"], now["money"]["target"]["value"]) == ({"en": "Do it well"}, "100")
    listed = "/api/v1/commitments/?known_at=2025-02-01&strength="
    assert [row["title"] for row in get(f"{listed}firm")["results"]] == [words["title"]]
    assert get(f"{listed}intent")["results"] == []
    assert get("/api/v1/commitments/?known_at=2025-02-01&q=well", 400)["errors"][0]["name"] == "q"
    assert not list(differences(timezone.now()))

    # An earlier wording can be taken down; that of today cannot, and nobody changes one unseen.
    registered, corrected = Event.objects.filter(commitment=one).order_by("seq").values_list("seq", flat=True)
    with pytest.raises(Refused, match="correct them first"):
        operations.redact_wording(corrected, actor=loader(), why_code="personal-data")
    Wording.objects.filter(pk=first.pk).update(words={**words, "title": {"en": "Another"}})
    assert [found.field for found in differences(timezone.now())] == ["wording"]
    Wording.objects.filter(pk=first.pk).update(words=None)
    assert [found.field for found in differences(timezone.now())] == ["wording"]
    Wording.objects.filter(pk=first.pk).update(words=first.words)
    operations.redact_wording(registered, actor=loader(), why_code="personal-data")
    gone = get("/api/v1/commitments/TST-1/?known_at=2025-02-01")
    assert (gone["title"], gone["summary"], gone["cautions"]) == ({"en": "[removed]"}, {}, [])
    assert Event.objects.filter(kind="wording_redacted").count() == 1
    operations.redact_wording(registered, actor=loader(), why_code="personal-data")
    assert Event.objects.filter(kind="wording_redacted").count() == 1
    assert not list(differences(timezone.now()))
