"""The log: complete, in order, chained, append-only; the scan marks once and tells the true instant."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from django.db import ProgrammingError, connection, connections, transaction

from commitments import operations
from commitments.actors import loader
from commitments.log import FEW, NotInTurn, append, canonical, chain, head, operation
from commitments.models import Event, Note
from commitments.verifying import Fault, verify
from commitments.words import EventKind
from tests import world
from tests.commitments.racing import race


@pytest.mark.django_db
def test_numbers_have_no_gaps_and_every_hash_follows_the_one_before() -> None:
    commitment = world.a_commitment(world.an_accord())
    done = world.some_evidence(commitment)
    world.published(commitment, "fulfilled", [done])
    events = list(Event.objects.order_by("seq"))
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    previous = "0" * 64
    for event in events:
        assert event.prev_hash == previous
        previous = event.hash
        assert chain(event.prev_hash, event.body) == event.hash
    assert verify() == (len(events), None)


@pytest.mark.django_db
@pytest.mark.parametrize("number", [1, FEW, FEW + 1])
def test_few_events_and_many_are_written_the_same_way(number: int) -> None:
    accord = world.an_accord()

    @operation
    def say() -> None:
        for place in range(number):
            facts = {"part": f"'%s{place}\\\" 日本 \u2028", "zone": None, "at": {"seq": place}}
            append(EventKind.ACCORD_REGISTERED, accord, facts=facts, note="Ї" * place)

    before = head()
    say()
    events = list(Event.objects.after(before.seq))
    assert [event.seq for event in events] == list(range(before.seq + 1, before.seq + number + 1))
    for event in events:
        assert canonical(orjson.loads(event.body)) == event.body
    assert verify() == (before.seq + number, None)


@pytest.mark.django_db
def test_a_failed_verb_leaves_no_event_and_a_failed_part_takes_only_its_own() -> None:
    accord = world.an_accord()

    @operation
    def part(fails: bool) -> None:
        append(EventKind.ACCORD_REGISTERED, accord, facts={"part": str(fails)})
        if fails:
            raise ValueError

    @operation
    def whole() -> None:
        part(False)
        with pytest.raises(ValueError):
            part(True)

    seq = head().seq
    whole()
    assert head().seq == seq + 1
    with pytest.raises(ValueError):
        part(True)
    assert head().seq == seq + 1
    with pytest.raises(NotInTurn):
        append(EventKind.ACCORD_REGISTERED, accord)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE commitments_event SET body = 'x' WHERE seq = 1",
        "DELETE FROM commitments_event WHERE seq = 1",
        "TRUNCATE commitments_event CASCADE",
    ],
)
def test_the_database_refuses_to_change_the_past(tampering: str) -> None:
    world.an_accord()
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(tampering)


@pytest.mark.django_db
def test_tampering_by_a_superuser_is_found_and_the_first_bad_row_named() -> None:
    commitment = world.a_commitment(world.an_accord())
    for number in range(8):
        world.some_evidence(commitment, quote=f"{number}")
    world.published(commitment, "fulfilled", list(commitment.evidence.all()))
    last = head().seq
    assert verify() == (last, None)
    tamperings: list[Callable[[int], str]] = [
        lambda n: (
            f"UPDATE commitments_event SET body = replace(body, 'supports', 'contradicts') || ' ' WHERE seq = {n}"
        ),
        lambda n: f"UPDATE commitments_event SET at = at + interval '1 second' WHERE seq = {n}",
        lambda n: f"UPDATE commitments_event SET kind = 'note_redacted' WHERE seq = {n}",
        lambda n: f"UPDATE commitments_event SET hash = md5(hash) || md5(hash) WHERE seq = {n}",
        lambda n: f"DELETE FROM commitments_event WHERE seq = {n}",
        lambda n: f"UPDATE commitments_event SET by = 'somebody-else' WHERE seq = {n}",
    ]
    dice = random.Random(7)
    for tamper in tamperings * 4:
        row = dice.randint(1, last - 1)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("ALTER TABLE commitments_event DISABLE TRIGGER ALL")
            cursor.execute(tamper(row))
            held, fault = verify()
            cursor.execute("ALTER TABLE commitments_event ENABLE TRIGGER ALL")
            transaction.set_rollback(True)
        assert fault is not None and fault.seq in (row, row + 1) and held == fault.seq - 1, tamper(row)


@pytest.mark.django_db
def test_a_changed_note_is_found_and_an_erased_one_is_no_fault_where_the_log_says_so() -> None:
    commitment = world.a_commitment(world.an_accord())
    world.published(commitment, "stalled", reason="The talks were put off.")
    note = Note.objects.get()
    Note.objects.update(text="The talks went well.")
    assert "note was changed" in str(verify()[1])
    Note.objects.filter(pk=note.pk).update(text="", salt="", redacted_at=datetime.now(UTC))
    said = Event.objects.get(note_digest=note.pk)
    assert verify() == (said.seq - 1, Fault(said.seq, "its note was erased, and no event says so"))
    Note.objects.filter(pk=note.pk).update(text=note.text, salt=note.salt, redacted_at=None)
    operations.redact_note(said.seq, actor=loader(), why_code="personal-data")
    assert verify() == (head().seq, None)


@pytest.mark.django_db
def test_a_scan_after_a_long_outage_still_flags_it_and_flags_it_once() -> None:
    accord = world.an_accord()
    late = world.a_commitment(accord, "TST-1")
    world.a_deadline(late, "2024-07")
    world.a_deadline(late, "2024-08", authority="press")
    review = world.a_commitment(accord, "TST-2", kind="continuing")
    world.a_deadline(review, "2024-09", type="review", authority="editorial", clock="tracker")
    verdict = world.a_commitment(accord, "TST-3", kind="financial")
    world.a_deadline(verdict, "2024", type="review", authority="press", clock="tracker")
    world.a_deadline(verdict, "2030")
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert operations.scan(now) == 4
    assert operations.scan(now + timedelta(days=1)) == 0
    events = Event.objects.filter(crossed_at__isnull=False).order_by("seq")
    assert [(event.kind, event.crossed_at) for event in events] == [
        ("became_overdue", datetime(2024, 7, 31, 21, tzinfo=UTC)),
        ("fell_behind_target", datetime(2024, 8, 31, 21, tzinfo=UTC)),
        ("review_became_due", datetime(2024, 9, 30, 21, tzinfo=UTC)),
        ("verdict_became_due", datetime(2024, 12, 31, 22, tzinfo=UTC)),
    ]
    assert {event.by for event in events} == {""}


@pytest.mark.django_db
def test_a_dormant_duty_is_never_overdue() -> None:
    asleep = world.a_commitment(world.an_accord(), kind="conditional")
    world.a_deadline(asleep, "2024-07")
    operations.scan(datetime(2026, 1, 1, tzinfo=UTC))
    assert not Event.objects.filter(kind="became_overdue").exists()


def test_a_polling_reader_misses_nothing_while_writers_race_and_nothing_deadlocks(fresh_db: Any) -> None:
    accord = world.an_accord()
    codes = [world.a_commitment(accord, f"TST-{number}").code for number in range(6)]
    sources = accord.sources.count()
    assert sources
    start, each = head().seq, 20
    writing, failures = race(codes, each)
    written, done = threading.Event(), threading.Event()

    seen: list[int] = []

    def read() -> None:
        last = start
        try:
            while True:
                finished = done.is_set()
                new = list(Event.objects.after(last).values_list("seq", flat=True)[:50])
                seen.extend(new)
                if new:
                    last = new[-1]
                elif finished:
                    return
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    def scan() -> None:
        try:
            while not written.is_set():
                operations.scan(datetime.now(UTC))
                time.sleep(0.01)
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    reader, clock = threading.Thread(target=read), threading.Thread(target=scan)
    for thread in [reader, clock, *writing]:
        thread.start()
    for thread in writing:
        thread.join()
    written.set()
    clock.join()
    # Only now is everything said: the reader's last look may end.
    done.set()
    reader.join()
    assert not failures, failures
    end = head().seq
    assert end > start + each
    assert seen == list(range(start + 1, end + 1)), "missed, repeated or out of order"
    assert verify() == (end, None)
