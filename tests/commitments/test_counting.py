"""The two numbers: every one beside its denominator, what is left out by its reason, and the course over time."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from commitments import operations
from commitments.counting import (
    Entry,
    count,
    day_ends,
    entries_of,
    group,
    months,
    over_time,
    points,
    share,
    statistics,
)
from commitments.importing import load_accord
from commitments.models import Accord
from commitments.operations import NewTrigger
from commitments.past import Moment, standing_of_accord
from commitments.words import KEPT, QUARTERS, Status, Uncounted
from tests import world

ROOT = Path(__file__).resolve().parent.parent.parent
START = date(2024, 6, 13)


def get(address: str, status: int = 200) -> Any:
    response = Client(raise_request_exception=True).get(address)
    assert response.status_code == status, (address, response.status_code, response.content[:400])
    return response.json()


def an_entry(code: str = "A-1", *judged: tuple[date, str], **changes: Any) -> Entry:
    terms: dict[str, Any] = {
        "kind": "deliverable", "strength": "firm", "is_verifiable": True, "bound": ("JPN", "UKR"),
        "section": "A", "starts_on": START, "judged": judged, **changes,
    }  # fmt: skip
    return Entry(code, **terms)


def numbers_on(day: date, *entries: Entry) -> Any:
    return count(entries, day, day_ends(day, ["UTC"]))


def test_each_number_stands_beside_its_denominator() -> None:
    day = date(2025, 1, 1)
    said = numbers_on(
        day,
        an_entry("A-1", (date(2024, 8, 1), "fulfilled")),
        an_entry("A-2", (date(2024, 8, 1), "upheld"), kind="continuing"),
        an_entry("A-3", (date(2024, 8, 1), "in_progress")),
        an_entry("A-4", (date(2024, 8, 1), "partly_fulfilled")),
        an_entry("A-5", (date(2024, 8, 1), "stalled")),
        an_entry("A-6", (date(2024, 8, 1), "not_fulfilled")),
        an_entry("A-7", (date(2024, 8, 1), "superseded")),
        an_entry("A-8"),
        an_entry("A-9", (date(2025, 1, 2), "fulfilled")),
        an_entry("A-10", starts_on=date(2025, 1, 2)),
    )
    assert (said.total, said.counted, said.fulfilled, said.assessed) == (9, 9, 2, 7)
    assert points(said.quarters) == "3"
    assert (share(said.fulfilled, said.counted), share(said.quarters, 36)) == ("0.2222", "0.3333")
    assert share(0, 0) is None
    assert points(13) == "3.25"


def test_what_is_left_out_is_counted_by_the_first_reason_that_applies() -> None:
    entries = [
        an_entry("A-1", kind="baseline", bound=()),
        an_entry("A-2", bound=(), is_verifiable=False),
        an_entry("A-3", is_verifiable=False, strength="exploratory"),
        an_entry("A-4", strength="exploratory"),
        an_entry("A-5", strength="declaratory"),
        an_entry("A-6", kind="conditional"),
        an_entry("A-7", kind="conditional", triggered_at=datetime(2025, 1, 1, 23, 59, tzinfo=UTC)),
        an_entry("A-8", kind="conditional", triggered_at=datetime(2025, 1, 2, tzinfo=UTC)),
        an_entry("A-9"),
    ]
    said = numbers_on(date(2025, 1, 1), *entries)
    assert said.excluded == {
        "baseline": 1, "unbound": 1, "unverifiable": 1, "exploratory": 1, "declaratory": 1, "dormant": 2,
    }  # fmt: skip
    assert set(said.excluded) == set(Uncounted.values)
    assert (said.total, said.counted) == (9, 2)


def test_a_partys_numbers_take_its_own_share_where_that_was_judged() -> None:
    one = an_entry(
        "A-1", (date(2024, 8, 1), "in_progress"), shares={"JPN": ((date(2024, 9, 1), "fulfilled"),)}
    )
    day = date(2024, 10, 1)
    by = group([one], day, day_ends(day, []))
    assert by["parties"]["JPN"].by_status == {"fulfilled": 1}
    assert by["parties"]["UKR"].by_status == {"in_progress": 1}
    assert by["kinds"]["deliverable"].by_status == {"in_progress": 1}
    assert count([one], date(2024, 8, 31), day_ends(day, []), "JPN").by_status == {"in_progress": 1}


def test_months_end_on_their_last_day_and_the_last_point_is_the_day_itself() -> None:
    assert months(date(2023, 12, 31), date(2024, 2, 10)) == [
        date(2023, 12, 31), date(2024, 1, 31), date(2024, 2, 10),
    ]  # fmt: skip
    assert months(date(2024, 2, 29), date(2024, 2, 29)) == [date(2024, 2, 29)]
    assert months(date(2024, 3, 1), date(2024, 2, 29)) == []
    assert len(months(date(1950, 1, 1), date(2024, 2, 29))) == 240
    assert months(date(1, 1, 1), date(1, 2, 1)) == [date(1, 1, 31), date(1, 2, 1)]


days = st.dates(date(2023, 1, 1), date(2026, 12, 31))
courses = st.lists(st.tuples(days, st.sampled_from(Status.values)), max_size=5).map(
    lambda found: tuple(sorted(found, key=lambda one: one[0]))
)
entries_at_random = st.builds(
    Entry,
    code=st.just("A-1"),
    kind=st.sampled_from(["deliverable", "conditional", "baseline", "continuing"]),
    strength=st.sampled_from(["firm", "exploratory", "intent"]),
    is_verifiable=st.booleans(),
    bound=st.sampled_from([(), ("JPN",)]),
    section=st.just("A"),
    starts_on=days,
    triggered_at=st.one_of(
        st.none(),
        st.datetimes(datetime(2023, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    ),
    judged=courses,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(entries_at_random, max_size=8), days, days)
def test_the_course_says_on_every_day_what_counting_that_day_says(
    entries: list[Entry], first: date, last: date
) -> None:
    zones = ["Asia/Tokyo", "Europe/Kyiv"]
    for point in over_time(entries, months(first, last), zones):
        said = count(entries, point.on, day_ends(point.on, zones))
        assert (point.counted, point.assessed, point.fulfilled, point.quarters) == (
            said.counted,
            said.assessed,
            said.fulfilled,
            said.quarters,
        ), point.on


@pytest.fixture
def the_accord_itself(db: None) -> Accord:
    load_accord(ROOT / "fixtures" / "japan-ukraine-2024.yaml", today=timezone.localdate())
    return Accord.objects.get(is_example=False)


def test_the_numbers_of_the_accord_agree_with_where_its_commitments_stood(the_accord_itself: Accord) -> None:
    for day in (date(2024, 6, 13), date(2024, 11, 17), date(2026, 1, 1)):
        past = standing_of_accord(the_accord_itself, Moment(timezone.now(), day))
        counting = [
            one for one in past.values() if one.told.is_counted and one.standing.timeliness != "dormant"
        ]
        statuses = Counter(one.standing.status for one in counting)
        said = statistics(the_accord_itself, day)
        assert said.whole.total == len(past)
        assert said.whole.counted == len(counting) == said.whole.total - sum(said.whole.excluded.values())
        assert said.whole.by_status == statuses
        assert said.whole.fulfilled == sum(statuses[status] for status in KEPT)
        assert said.whole.quarters == sum(QUARTERS[status] * number for status, number in statuses.items())
        by_party = Counter(party for one in counting for party in one.told.bound)
        assert {code: one.counted for code, one in said.groups["parties"].items() if one.counted} == by_party
        assert sum(one.total for one in said.groups["sections"].values()) == said.whole.total
        assert sum(one.counted for one in said.groups["kinds"].values()) == said.whole.counted
        assert said.series[-1].on == day
        assert said.series[-1].counted == said.whole.counted
        assert said.series[-1].quarters == said.whole.quarters
    assert entries_of(the_accord_itself.pk) == entries_of(the_accord_itself.pk, timezone.now())


def test_numbers_by_what_was_known_and_by_the_day_of_the_world(db: None) -> None:
    with time_machine.travel(datetime(2025, 1, 10, 12, tzinfo=UTC)):
        accord = world.an_accord()
        one = world.a_commitment(accord, "TST-1")
        world.a_commitment(accord, "TST-2", strength="declaratory")
        done = world.published(one, "fulfilled", [world.some_evidence(one)])
    with time_machine.travel(datetime(2025, 3, 1, 12, tzinfo=UTC)):
        operations.retract_assessments([done.code], actor=world.actor("reviewer"), why="Too early.")
        ready = world.a_commitment(
            accord,
            "TST-3",
            kind="conditional",
            details={"trigger": {"facts": [{"code": "request", "text": "A request"}]}},
        )
        operations.record_triggers(
            [NewTrigger(ready.code, "request", datetime(2025, 2, 1, 12, tzinfo=UTC))],
            actor=world.actor("reviewer"),
        )

    def said(query: str) -> Any:
        (row,) = get(f"/api/v1/statistics/?accord={accord.code}&{query}")["results"]
        return row

    row = said("as_of=2024-11-17&known_at=2025-02-01")
    assert row["fulfilled"] == {"number": 1, "of": 1, "share": "1.0000"}
    assert row["excluded"] == [{"reason": "declaratory", "number": 1}]
    assert row["progress"] == {"points": "1", "of": 1, "share": "1.0000"}
    assert row["weights"]["partly_fulfilled"] == "0.5"
    row = said("as_of=2024-11-17")
    assert (row["fulfilled"]["number"], row["assessed"], row["total"]) == (0, 0, 3)
    assert {one["reason"]: one["number"] for one in row["excluded"]} == {"declaratory": 1, "dormant": 1}
    assert said("as_of=2025-02-01")["counted"] == 2
    assert [point["on"] for point in said("as_of=2024-08-10")["series"]] == [
        "2024-06-30", "2024-07-31", "2024-08-10",
    ]  # fmt: skip
    assert get("/api/v1/statistics/?as_of=2024-06-12")["results"] == []
    assert get("/api/v1/statistics/?known_at=2024-12-31")["results"] == []
    assert get("/api/v1/statistics/?accord=NONE", 400)["errors"][0]["name"] == "accord"
    assert get("/api/v1/statistics/?as_of=never", 400)["errors"][0]["name"] == "as_of"
    # What moved is seen at once: the answer is kept only while the log stands still.
    again = world.published(one, "fulfilled", [world.some_evidence(one)], effective_on=date(2024, 9, 1))
    assert said("as_of=2024-11-17")["fulfilled"]["number"] == 1
    assert again.status == "fulfilled"


def test_statistics_go_on_page_by_page(db: None) -> None:
    for number in range(3):
        world.an_accord(f"TST-{number}")
    first = get("/api/v1/statistics/?limit=2")
    rest = get(first["next"].removeprefix("http://testserver"))
    assert [row["accord"] for row in first["results"] + rest["results"]] == ["TST-0", "TST-1", "TST-2"]
    assert rest["next"] is None
    assert first["results"][0]["fulfilled"] == {"number": 0, "of": 0, "share": None}


def test_weights_rise_with_the_result() -> None:
    assert QUARTERS.keys() == set(Status.values)
    order = ["not_assessed", "in_progress", "partly_fulfilled", "fulfilled"]
    assert [Decimal(points(QUARTERS[status])) for status in order] == [0, Decimal("0.25"), Decimal("0.5"), 1]
    assert day_ends(date(2025, 6, 30), ["Asia/Tokyo", "Europe/Kyiv"]) == datetime(2025, 6, 30, 21, tzinfo=UTC)
    assert day_ends(date.max, ["UTC"]) - timedelta(0) == datetime(9999, 12, 31, tzinfo=UTC)


def the_page(address: str, status: int = 200) -> str:
    response = Client(raise_request_exception=True).get(address)
    assert response.status_code == status
    return response.content.decode()


def test_the_page_of_an_accord_shows_both_numbers_with_denominators_and_their_course(
    the_accord_itself: Accord,
) -> None:
    page = the_page(f"/accords/{the_accord_itself.slug}/")
    said = statistics(the_accord_itself, timezone.now().date()).whole
    assert f"<b>{said.fulfilled}</b> of {said.counted}" in page
    assert f"<b>{points(said.quarters)}</b> of {said.counted}" in page
    assert 'role="img" aria-labelledby="course-title course-said"' in page
    for label in ("fully fulfilled", "progress", "judged", "count"):
        assert f">{label} " in page
    series = statistics(the_accord_itself, timezone.now().date()).series
    assert page.count('<tr><th scope="row">') >= len(series), "every point stands in the table"
    assert "context, not a promise" in page
    japan = statistics(the_accord_itself, timezone.now().date()).groups["parties"]["JPN"]
    row = f'<th scope="row">Japan</th><td data-label="Fully fulfilled">{japan.fulfilled} of {japan.counted}</td>'
    assert row in page
    for language in ("uk", "ja"):
        assert "course-title" in the_page(f"/accords/{the_accord_itself.slug}/?lang={language}")


def test_the_page_of_an_accord_looks_back(the_accord_itself: Accord) -> None:
    page = the_page(f"/accords/{the_accord_itself.slug}/?as_of=2024-11-17")
    assert "As of 17 November 2024." in page and "Show the present" in page
    past = standing_of_accord(the_accord_itself, Moment(timezone.now(), date(2024, 11, 17)))
    judged = [code for code, one in past.items() if one.standing.status == "upheld"]
    for code in judged:
        assert f"/{code}/?as_of=2024-11-17" in page
    narrowed = the_page(f"/accords/{the_accord_itself.slug}/?as_of=2024-11-17&status=upheld")
    assert f"{len(judged)} of {len(past)} shown." in narrowed
    assert 'name="as_of" value="2024-11-17"' in narrowed
    assert "0 of 0 shown." in the_page(f"/accords/{the_accord_itself.slug}/?as_of=1999-06-12")
    for bad in ("soon", "2999-01-01", "2024-02-30"):
        assert "<code>as_of</code>" in the_page(f"/accords/{the_accord_itself.slug}/?as_of={bad}", 400)

    # The filters of the past say what the database says of the present.
    today = timezone.now().date()
    for query in (
        "standing=kept", "standing=not_judged&party=JPN", "status=in_progress", "timeliness=no_deadline&part=A",
        "upkeep=awaiting", "upkeep=current&kind=continuing", "counts=yes", "counts=no", "contested=none", "q=mine",
    ):  # fmt: skip
        now = the_page(f"/accords/{the_accord_itself.slug}/?{query}")
        then = the_page(f"/accords/{the_accord_itself.slug}/?{query}&as_of={today}")
        found = next(line for line in now.splitlines() if "shown." in line).split("shown.")[0]
        assert found in then, query


def test_a_page_of_the_past_that_would_read_too_much_points_to_the_data(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    accord = world.an_accord()
    for number in (1, 2, 3):
        world.a_commitment(accord, f"TST-{number}")
    monkeypatch.setattr("commitments.pages.MOST_STOOD", 2)
    page = the_page(f"/accords/{accord.slug}/?as_of=2024-11-17", 400)
    assert "This accord has more than 2 commitments" in page and "3 of 3 shown." in page
    assert "more than" not in the_page(f"/accords/{accord.slug}/")
    monkeypatch.setattr("commitments.pages.MOST_STOOD", 3)
    assert "As of 17 November 2024." in the_page(f"/accords/{accord.slug}/?as_of=2024-11-17")


def test_the_vocabulary_publishes_weights_and_reasons(db: None) -> None:
    page = the_page("/vocabulary/")
    assert 'id="weights"' in page
    for weight in ("0.25", "0.5"):
        assert f">{weight}</td>" in page
    for reason in Uncounted.values:
        assert f"<code>{reason}</code>" in page
