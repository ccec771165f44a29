"""Standing: the table of the vocabulary, and PostgreSQL agreeing with it at every instant."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commitments import standing
from commitments.models import Commitment
from commitments.operations.keeping import set_course
from commitments.standing import DeadlineFacts, Judgement, Pause, Terms, plain, timeliness, upkeep
from tests import world

NOW = datetime(2025, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def a_date(days: int, **changes: object) -> DeadlineFacts:
    """A one-day party deadline of the text, due that many days after NOW."""
    due = NOW + days * DAY
    facts: dict[str, object] = {
        "key": "1",
        "type": "target",
        "authority": "text",
        "clock": "party",
        "opens_at": due - DAY,
        "due_at": due,
        "last_on": (due - DAY).date(),
        **changes,
    }
    return DeadlineFacts(**facts)  # type: ignore[arg-type]


def code(*deadlines: DeadlineFacts, status: str = "not_assessed", **terms: object) -> str:
    return timeliness(Terms(**{"kind": "deliverable", **terms}), deadlines, Judgement(status), NOW)[0]  # type: ignore[arg-type]


def test_each_code_of_the_table_in_its_order() -> None:
    late = a_date(-1)
    assert code(late, status="superseded") == "ended"
    assert code(late, ends_at=NOW - DAY) == "ended"
    assert code(late, kind="conditional") == "dormant"
    assert code(late, kind="conditional", triggered_at=NOW - 9 * DAY) == "overdue"
    assert code(late, kind="conditional", triggered_at=NOW + DAY) == "dormant", "it is triggered later"
    assert code(late) == "overdue"
    assert code(a_date(0)) == "overdue", "due at this very instant is past"
    assert code(a_date(-1, authority="agreed")) == "overdue"
    assert code(a_date(1, type="clock")) == "running"
    assert code(a_date(90, opens_at=NOW - DAY, is_day=False)) == "in_window"
    assert code(a_date(90, opens_at=NOW + DAY, is_day=False)) == "scheduled"
    assert code(a_date(30)) == "due_soon"
    assert code(a_date(31)) == "scheduled"
    assert code(a_date(-1, authority="press")) == "behind_target"
    assert code(a_date(-1, authority="editorial"), a_date(60, key="2")) == "scheduled"
    assert code(awaits_event=True) == "awaiting_anchor"
    assert code(a_date(-1, closed_as="met", met_on=date(2025, 5, 30))) == "met_on_time"
    assert code(a_date(-1, closed_as="met", met_on=date(2025, 6, 1))) == "met_late"
    assert code() == "no_deadline"


def test_only_the_text_or_an_agreement_makes_a_party_late() -> None:
    for authority in ("press", "editorial"):
        assert code(a_date(-400, authority=authority)) != "overdue"
    assert code(a_date(-400, clock="tracker", type="review")) == "no_deadline"


def test_upkeep_is_ours() -> None:
    review = a_date(-10, clock="tracker", type="review", anchor_at=NOW - 110 * DAY)
    assert upkeep(Terms("continuing"), [review], Judgement(), NOW)[0] == "review_due"
    assert upkeep(Terms("continuing"), [review], Judgement(), NOW + 89 * DAY)[0] == "review_due"
    assert upkeep(Terms("continuing"), [review], Judgement(), NOW + 90 * DAY)[0] == "evidence_stale"
    assert upkeep(Terms("financial"), [review], Judgement(), NOW)[0] == "verdict_due"
    assert upkeep(Terms("deliverable"), [a_date(-1)], Judgement(), NOW)[0] == "verdict_due"
    judged = Judgement("not_fulfilled", date(2025, 6, 1))
    assert upkeep(Terms("deliverable"), [a_date(-1)], judged, NOW)[0] == "current"
    assert upkeep(Terms("conditional"), [a_date(-1)], Judgement(), NOW)[0] == "current"
    assert upkeep(Terms("baseline"), [review], Judgement(), NOW)[0] == "current"


def test_plain_words_never_accuse() -> None:
    assert plain("not_assessed", "behind_target", "deliverable") == "not_judged"
    assert plain("in_progress", "behind_target", "deliverable") == "under_way"
    assert plain("stalled", "overdue", "deliverable") == "late"
    assert plain("fulfilled", "met_late", "deliverable") == "kept"
    assert plain("not_assessed", "dormant", "conditional") == "standby"
    assert plain("superseded", "ended", "deliverable") == "closed"


instants = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def deadlines(draw: st.DrawFn) -> DeadlineFacts:
    due = draw(st.one_of(st.none(), instants))
    length = draw(st.integers(1, 400))
    closed = draw(st.sampled_from(["", "", "", "met", "waived", "ended"]))
    return DeadlineFacts(
        key=str(draw(st.integers(1, 9))),
        type=draw(st.sampled_from(["target", "milestone", "occurrence", "clock", "review"])),
        authority=draw(st.sampled_from(["text", "agreed", "press", "editorial"])),
        clock=draw(st.sampled_from(["party", "tracker"])),
        opens_at=due - length * DAY if due and draw(st.booleans()) else None,
        due_at=due,
        last_on=(due - DAY).date() if due else None,
        anchor_at=draw(st.one_of(st.none(), instants)),
        closed_as=closed,
        met_on=draw(st.dates(date(2020, 1, 1), date(2030, 1, 1))) if closed == "met" else None,
        is_day=length == 1,
    )


@st.composite
def pauses(draw: st.DrawFn) -> Pause:
    begins = draw(instants)
    return Pause(
        begins, draw(st.one_of(st.none(), st.integers(1, 500).map(lambda days: begins + days * DAY)))
    )


@pytest.mark.django_db
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(deadlines(), max_size=5),
    st.sampled_from(["deliverable", "continuing", "conditional", "financial", "baseline"]),
    st.sampled_from(["not_assessed", "in_progress", "fulfilled", "not_fulfilled", "superseded"]),
    st.one_of(st.none(), st.dates(date(2020, 1, 1), date(2030, 1, 1))),
    st.one_of(st.none(), instants),
    st.booleans(),
    st.lists(pauses(), max_size=2),
    st.lists(instants, min_size=1, max_size=6),
)
def test_postgresql_says_what_the_rules_say_at_every_instant(
    db: None,
    facts: list[DeadlineFacts],
    kind: str,
    status: str,
    since: date | None,
    triggered: datetime | None,
    awaits: bool,
    paused: list[Pause],
    moments: list[datetime],
) -> None:
    row = Commitment.objects.filter(code="TST-1").first() or world.a_commitment(world.an_accord())
    row.kind, row.triggered_at, row.awaits_event, row.ends_on = kind, triggered, awaits, date(2029, 1, 1)
    judgement = Judgement(status if kind != "baseline" else "not_assessed", since)
    set_course(row, facts, judgement, ["Asia/Tokyo"], tuple(paused))
    row.save()
    terms = Terms(kind, datetime(2029, 1, 1, 15, tzinfo=UTC), awaits, triggered, tuple(paused))
    edges = [d.due_at for d in facts if d.due_at] + [pause.from_at for pause in paused]
    for moment in [*moments, *edges, *(edge - timedelta(microseconds=1) for edge in edges)]:
        found: Any = Commitment.objects.standing_at(moment).get(pk=row.pk)
        said = (found.timeliness, found.upkeep)
        rules = standing.standing(terms, facts, judgement, moment)
        assert said == (rules.timeliness, rules.upkeep), moment
