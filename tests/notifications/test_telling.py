"""From the log to what is owed: who hears of what, once, and what is nobody's news."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pytest

from commitments import operations
from commitments.actors import loader
from commitments.announcing import audience
from commitments.log import head
from commitments.models import Commitment, Event, Heartbeat
from commitments.words import EventKind
from notifications import fanning, outbox, scopes
from notifications.fanning import fan_out
from notifications.models import Bookmark, Delivery, Kind, Notice, State, Subscriber, Unfinished
from tests import world
from tests.notifications.readers import a_reader, make_due

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def told() -> Counter[str]:
    """How often each kind of event is owed."""
    kinds = dict(Event.objects.values_list("seq", "kind"))
    return Counter(kinds[number] for number in Notice.objects.values_list("number", flat=True))


def test_whoever_follows_an_accord_and_its_commitment_hears_once(db: None) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("both@example.org", accord)
    a_reader("both@example.org", accord, commitment)
    a_reader("one@example.org", accord, commitment)
    assert audience(commitment) == 2
    world.some_evidence(commitment)
    assert fan_out() == 2
    assert Delivery.objects.count() == Notice.objects.count() == 2
    assert fan_out() == 0
    # Even from a bookmark that was put back, as after a restore, nobody is told twice.
    Bookmark.objects.update(seq=0)
    assert fan_out() == 0
    assert Heartbeat.objects.get(name="fan_out").found == {"made": 0}


def test_a_new_reader_hears_only_of_what_comes_after_the_confirmation(db: None) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("early@example.org", accord)
    world.some_evidence(commitment)
    late = a_reader("late@example.org", accord)
    assert late.subscriptions.get().starts_after == head().seq
    assert fan_out() == 1
    world.some_evidence(commitment)
    assert fan_out() == 2


def test_those_who_did_not_confirm_or_follow_something_else_hear_nothing(db: None) -> None:
    from notifications import subscribing

    accord, other = world.an_accord(), world.an_accord("OTH-2024")
    commitment, neighbour = world.a_commitment(accord), world.a_commitment(accord, "TST-2")
    subscribing.sign_up("pending@example.org", "en", accord, network="n")
    a_reader("neighbour@example.org", accord, neighbour)
    a_reader("elsewhere@example.org", other)
    assert audience(commitment) == 0
    world.some_evidence(commitment)
    assert fan_out() == 0


def test_history_and_our_own_clock_are_nobodys_news(db: None) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    reviewed = world.a_commitment(accord, "TST-2", kind="continuing")
    a_reader("reader@example.org", accord)
    world.some_evidence(commitment, origin="backfill")
    world.a_deadline(commitment, "2025-01", type="review", clock="tracker", authority="editorial")
    world.a_deadline(reviewed, "2025-02", type="review", clock="tracker", authority="editorial")
    assert operations.scan(NOW) == 2
    ours = {EventKind.VERDICT_BECAME_DUE, EventKind.REVIEW_BECAME_DUE}
    assert set(Event.objects.news().values_list("kind", flat=True)) >= ours
    assert fan_out() == 0


def test_a_passed_date_is_told_and_one_of_the_press_never_as_late(db: None) -> None:
    accord = world.an_accord()
    a_reader("reader@example.org", accord)
    world.a_deadline(world.a_commitment(accord), "2025-01")
    world.a_deadline(world.a_commitment(accord, "TST-2"), "2025-01", authority="press")
    operations.scan(NOW)
    operations.scan(NOW)
    fan_out()
    assert told() == {"became_overdue": 1, "fell_behind_target": 1}


def test_new_evidence_of_a_published_status_is_told_by_the_status_alone(db: None) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("reader@example.org", accord)
    with_it = operations.NewEvidence(
        commitment=commitment.code, act="outcome", bearing="supports", nature="official", source="ministry",
        happened="2024-08-01",
    )  # fmt: skip
    draft = world.submitted(commitment, "fulfilled", world.actor("editor"), new_evidence=[with_it])
    operations.publish_assessments([draft.code], actor=world.actor("reviewer"))
    assert set(Event.objects.news().values_list("kind", flat=True)) >= {"evidence_added", "status_published"}
    fan_out()
    assert told() == {"status_published": 1}
    world.some_evidence(commitment)
    fan_out()
    assert told() == {"status_published": 1, "evidence_added": 1}


def test_every_told_kind_reaches_its_reader(db: None) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("reader@example.org", accord)
    everything_happens_to(commitment)
    fan_out()
    assert told() == {
        "evidence_added": 2,
        "evidence_withdrawn": 1,
        "status_published": 1,
        "status_retracted": 1,
        "deadline_moved": 1,
        "became_overdue": 1,
        "fell_behind_target": 1,
        "deadline_met": 1,
        "contribution_recorded": 2,
        "contribution_withdrawn": 1,
        "position_stated": 1,
        "position_resolved": 1,
    }


def everything_happens_to(commitment: Commitment) -> None:
    """One of each kind that people are mailed about."""
    evidence, spare = world.some_evidence(commitment), world.some_evidence(commitment)
    operations.withdraw_evidence([spare.code], actor=loader(), why="It was about something else.")
    judged = world.published(commitment, "fulfilled", [evidence])
    operations.retract_assessments([judged.code], actor=world.actor("reviewer"), why="It was too early.")
    date_of_text = world.a_deadline(commitment, "2025-01")
    world.a_deadline(commitment, "2025-02", authority="press")
    operations.scan(NOW)
    operations.move_deadlines(
        {date_of_text.code: "2025-03"}, actor=loader(), why="Agreed so.", authority="agreed"
    )
    operations.meet_deadlines({date_of_text.code: date(2025, 4, 1)}, actor=loader(), why="It was done.")
    paid = operations.record_contributions([world.money(commitment), world.money(commitment)], actor=loader())
    operations.withdraw_contributions([paid[1].code], actor=loader(), why="Counted twice.")
    (said,) = operations.state_positions([world.a_position(commitment)], actor=loader())
    operations.resolve_positions({said.code: operations.Resolution("kept", "Confirmed.")}, actor=loader())


def test_many_recipients_are_told_in_batches_and_nobody_is_left_out(db: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(fanning, "BATCH", 3)
    monkeypatch.setattr(fanning, "FIRST", 2)
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    for n in range(10):
        a_reader(f"r{n}@example.org", accord, commitment if n % 2 else None)
    world.some_evidence(commitment)
    world.some_evidence(commitment)
    assert fan_out(seconds=0) == 2, "time-boxed: the first two readers of the first event"
    assert Bookmark.objects.get().seq == Event.objects.order_by("-seq").values_list("seq", flat=True)[1]
    assert fan_out(seconds=0) == 2, "and of the second"
    assert Bookmark.objects.get().seq == Event.objects.order_by("-seq").values_list("seq", flat=True)[0]
    first, second = Unfinished.objects.order_by("number")
    told = {
        it.number: Notice.objects.filter(number=it.number).order_by("subscriber") for it in (first, second)
    }
    assert [row.subscriber_id for row in told[first.number]][-1] == first.recipient
    assert [row.subscriber_id for row in told[second.number]][-1] == second.recipient
    made = 4
    while done := fan_out(seconds=0):
        assert done <= 3
        made += done
    assert made == 20
    assert not Unfinished.objects.exists()
    per_reader = Counter(Notice.objects.values_list("subscriber", flat=True))
    assert per_reader == dict.fromkeys(Subscriber.objects.values_list("pk", flat=True), 2)
    kinds = Counter(Delivery.objects.values_list("kind", flat=True))
    assert kinds == {"alert": 4, "many": 16}, "the first readers' mails go before those of the many"


def test_a_filter_that_fitted_when_the_news_was_read_is_told_to_its_last_reader(
    db: None, monkeypatch: Any
) -> None:
    monkeypatch.setattr(fanning, "BATCH", 2)
    monkeypatch.setattr(fanning, "FIRST", 2)
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    for n in range(5):
        a_reader(f"r{n}@example.org", scopes.a_filter(accord, {"standing": "kept"}))
    proof = world.some_evidence(commitment)
    judged = world.published(commitment, "fulfilled", [proof])
    status = Event.objects.get(kind=EventKind.STATUS_PUBLISHED).seq
    while Bookmark.objects.filter(seq__gte=status).count() == 0:
        fan_out(seconds=0)
    assert Notice.objects.filter(number=status).count() == 2
    operations.retract_assessments([judged.code], actor=world.actor("reviewer"), why="Too early.")
    while fan_out(seconds=0):
        pass
    assert Notice.objects.filter(number=status).count() == 5


def test_what_few_wait_for_is_not_kept_behind_what_many_are_told(db: None, monkeypatch: Any) -> None:
    monkeypatch.setattr(fanning, "BATCH", 4)
    monkeypatch.setattr(fanning, "FIRST", 2)
    accord = world.an_accord()
    popular, quiet = world.a_commitment(accord, "TST-1"), world.a_commitment(accord, "TST-2")
    for n in range(30):
        a_reader(f"r{n}@example.org", accord, popular)
    a_reader("few@example.org", accord, quiet)
    world.some_evidence(popular)
    assert fan_out(seconds=0) == 2 + 4
    world.some_evidence(quiet)
    assert fan_out(seconds=0) == 1 + 4, "news first, then the many"
    assert Delivery.objects.get(subscriber__email="few@example.org").kind == Kind.ALERT
    make_due()
    claimed = {it.id for it in outbox.claim(limit=4)}
    assert Delivery.objects.get(subscriber__email="few@example.org").pk in claimed
    assert Delivery.objects.filter(kind=Kind.MANY, state=State.WAITING).count() == 7
    while fan_out(seconds=0):
        pass
    assert Notice.objects.count() == 31


@pytest.mark.parametrize("workers", [4])
def test_many_workers_at_once_tell_everybody_once(fresh_db: Any, workers: int) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connection

    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    for n in range(20):
        a_reader(f"r{n}@example.org", accord)

    def work(n: int) -> int:
        try:
            if n == 0:
                for _event in range(10):
                    world.some_evidence(commitment)
                return 0
            return sum(fan_out(seconds=0.2) for _turn in range(5))
        finally:
            connection.close()

    with ThreadPoolExecutor(workers) as pool:
        made = sum(pool.map(work, range(workers)))
    assert made + fan_out() == 200
    assert Notice.objects.count() == 200
