"""A claim is looked through before anything of it goes: what nobody can read, and what takes back what was never told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from commitments import operations
from commitments.models import Commitment, Event
from notifications import delivering, fanning, outbox, parcels, truth
from notifications.models import Delivery, Kind, Outcome, State, Why
from notifications.outbox import Ended
from tests import world
from tests.notifications.readers import a_reader, make_due, some_owed, states
from tests.sinks import SmtpSink


@pytest.fixture
def unreadable(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the event that names a code one that nobody can read; counts the looks."""
    untrue, looks = truth.untrue, list[int]()

    def spoil(code: str) -> list[int]:
        def fails(events: Iterable[Event]) -> set[int]:
            events = list(events)
            looks.append(len(events))
            if any(code in event.body for event in events):
                raise RuntimeError("cannot be read")
            return untrue(events)

        monkeypatch.setattr(truth, "untrue", fails)
        return looks

    return spoil


def retracted(commitment: Commitment) -> None:
    """A status that was published and taken back before anybody was told."""
    judged = world.published(commitment, "fulfilled", [world.some_evidence(commitment, origin="backfill")])
    operations.retract_assessments([judged.code], actor=world.actor("reviewer"), why="Too early.")
    fanning.fan_out()
    make_due()


def test_an_event_that_nobody_can_read_keeps_no_other_from_its_readers(
    db: None, smtp_sink: SmtpSink, unreadable: Any
) -> None:
    _accord, commitment = some_owed(readers=3)
    bad = world.some_evidence(commitment)
    fanning.fan_out()
    unreadable(bad.code)
    delivering.deliver()
    assert len(smtp_sink.mails) == 3
    for _time in range(outbox.CRASHES):
        make_due()
        delivering.deliver()
    assert states() == {"sent": 3, "quarantined": 3}
    stuck = Delivery.objects.filter(state=State.QUARANTINED)[0]
    assert {it.outcome for it in stuck.tries.all()} == {Outcome.ERROR}
    assert len(smtp_sink.mails) == 3


def test_one_that_cannot_be_read_among_many_costs_few_looks_and_the_next_time_none_of_the_others(
    db: None, smtp_sink: SmtpSink, unreadable: Any
) -> None:
    accord, commitment = some_owed(readers=63)
    quiet = world.a_commitment(accord, "TST-2")
    a_reader("one@example.org", accord, quiet)
    bad = world.some_evidence(quiet)
    fanning.fan_out()
    looks = unreadable(bad.code)
    assert delivering.deliver().sent == 63
    assert len(looks) == 1 + 2 * 6, "halves of 64"
    looks.clear()
    world.some_evidence(commitment)
    fanning.fan_out()
    make_due()
    assert delivering.deliver().sent == 63
    assert len(looks) == 2, "what failed before is looked through apart"


def test_what_was_never_told_is_not_taken_back_though_the_claim_is_looked_through_in_parts(
    db: None, smtp_sink: SmtpSink, unreadable: Any
) -> None:
    accord = world.an_accord()
    a_reader("reader@example.org", accord)
    bad = world.some_evidence(world.a_commitment(accord, "TST-2"))
    unreadable(bad.code)
    retracted(world.a_commitment(accord))
    delivering.deliver()
    assert smtp_sink.mails == []
    assert states() == {"waiting": 1, "dropped": 2}


def test_what_takes_back_what_another_worker_holds_waits_for_what_becomes_of_it(
    db: None, smtp_sink: SmtpSink
) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("reader@example.org", accord)
    retracted(commitment)
    one = outbox.claim(limit=1)
    assert delivering.deliver().sent == 0
    (waits,) = Delivery.objects.filter(state=State.WAITING)
    assert waits.attempts == 0
    dropped = parcels.pack(one)
    assert [it.id for it in dropped.untrue] == [one[0].id]
    outbox.drop(dropped.untrue, Why.UNTRUE)
    make_due()
    delivering.deliver()
    assert smtp_sink.mails == []
    assert states() == {"dropped": 2}


def test_what_takes_back_what_another_worker_has_sent_meanwhile_is_told(
    db: None, smtp_sink: SmtpSink
) -> None:
    accord = world.an_accord()
    a_reader("reader@example.org", accord)
    retracted(world.a_commitment(accord))
    (one,) = outbox.claim(limit=1)
    assert delivering.deliver().sent == 0
    assert outbox.start(one)  # it was looked through before the status was taken back
    make_due()
    assert delivering.deliver().sent == 1, "it may have arrived"
    outbox.settle(one, Ended(Outcome.SENT, 250))
    assert states() == {"sent": 2}


def test_a_digest_that_takes_back_what_another_worker_holds_waits_as_a_whole(
    db: None, smtp_sink: SmtpSink
) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("reader@example.org", accord, rhythm="daily")
    judged = world.published(commitment, "fulfilled", [world.some_evidence(commitment, origin="backfill")])
    fanning.fan_out()
    make_due()
    (held,) = outbox.claim()
    operations.retract_assessments([judged.code], actor=world.actor("reviewer"), why="Too early.")
    world.some_evidence(commitment)
    fanning.fan_out()
    make_due()
    assert delivering.deliver().sent == 0
    outbox.release([held])
    make_due()
    assert delivering.deliver().sent == 1
    (mail,) = smtp_sink.mails
    assert Delivery.objects.filter(kind=Kind.DIGEST, state=State.DROPPED).count() == 1
    assert "retract" not in mail.text.lower()
