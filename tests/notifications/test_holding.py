"""What is held until it may no longer be taken back, and the digests whose hour comes meanwhile."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import time_machine
from django.db import connection, transaction
from django.utils import timezone

from commitments import operations
from commitments.models import Event
from notifications import fanning, outbox, subscribing
from notifications.models import Delivery, Notice
from tests import world
from tests.notifications.readers import a_reader

HOLD, MINUTE = timedelta(minutes=2), timedelta(minutes=1)


def goes_in(wait: timedelta) -> None:
    """Lets the hour of every digest strike then."""
    Delivery.objects.update(next_attempt_at=timezone.now() + wait)


def test_a_digest_whose_hour_comes_while_news_in_it_is_held_goes_when_the_hold_ends(
    db: None, settings: Any
) -> None:
    settings.ALERT_HOLD = HOLD
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("reader@example.org", accord, rhythm="weekly")
    world.some_evidence(commitment)
    fanning.fan_out()
    goes_in(MINUTE)
    world.some_evidence(commitment)
    fanning.fan_out()
    held = Event.objects.latest("seq").at + HOLD
    assert Delivery.objects.get().next_attempt_at == held, "not with what may be taken back, nor a week later"
    world.a_deadline(commitment, "2025-01")
    operations.scan(timezone.now())
    fanning.fan_out()
    digest = Delivery.objects.get()
    assert (digest.notices.count(), digest.next_attempt_at) == (3, held), "what the clock says goes along"
    goes_in(-MINUTE)
    world.some_evidence(commitment)
    fanning.fan_out()
    assert outbox.claim() == [], "one that is due, too, waits for what is held"


def test_what_is_not_held_keeps_the_place_of_a_digest_that_is_due(db: None, settings: Any) -> None:
    settings.ALERT_HOLD = HOLD
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("reader@example.org", accord, rhythm="weekly")
    world.some_evidence(commitment)
    fanning.fan_out()
    goes_in(-MINUTE)
    since = Delivery.objects.get().next_attempt_at
    world.a_deadline(commitment, "2025-01")
    operations.scan(timezone.now())
    fanning.fan_out()
    digest = Delivery.objects.get()
    assert (digest.notices.count(), digest.next_attempt_at) == (2, since)


def test_the_first_line_of_a_digest_waits_for_the_hold_and_not_for_the_hour_after_it(
    db: None, settings: Any
) -> None:
    settings.ALERT_HOLD = timedelta(hours=1)
    accord = world.an_accord()
    reader = a_reader("reader@example.org", accord, rhythm="weekly")
    world.some_evidence(world.a_commitment(accord))
    held = Event.objects.latest("seq").at + settings.ALERT_HOLD
    subscribing.change_hours(reader.uuid, "UTC", held.hour, held.isoweekday())
    fanning.fan_out()
    assert Delivery.objects.get().next_attempt_at == held


def test_hours_that_are_saved_unchanged_move_no_digest(db: None, settings: Any) -> None:
    settings.ALERT_HOLD = timedelta(hours=1)
    accord = world.an_accord()
    reader = a_reader("reader@example.org", accord, rhythm="weekly")
    strikes = timezone.now() + timedelta(hours=1)
    subscribing.change_hours(reader.uuid, "UTC", strikes.hour, strikes.isoweekday())
    world.some_evidence(world.a_commitment(accord))
    fanning.fan_out()
    goes_in(MINUTE)  # noted long ago: nothing in it is held any more
    before = Delivery.objects.get().next_attempt_at
    subscribing.change_hours(reader.uuid, "UTC", strikes.hour, strikes.isoweekday())
    assert Delivery.objects.get().next_attempt_at == before


def test_a_digest_whose_hour_has_struck_and_that_waits_for_a_hold_is_put_off_by_no_new_hour(
    db: None, settings: Any
) -> None:
    settings.ALERT_HOLD = HOLD
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    reader = a_reader("reader@example.org", accord, rhythm="weekly")
    world.some_evidence(commitment)
    fanning.fan_out()
    goes_in(-MINUTE)
    world.some_evidence(commitment)
    fanning.fan_out()
    held = Event.objects.latest("seq").at + HOLD
    assert Delivery.objects.get().next_attempt_at == held
    later = timezone.now() + timedelta(days=3)
    subscribing.change_hours(reader.uuid, "UTC", later.hour, later.isoweekday())
    assert Delivery.objects.get().next_attempt_at == held


def test_a_new_hour_that_is_near_lets_no_digest_go_with_what_is_held(db: None, settings: Any) -> None:
    settings.ALERT_HOLD = timedelta(hours=1)
    accord = world.an_accord()
    reader = a_reader("reader@example.org", accord, rhythm="weekly")
    world.some_evidence(world.a_commitment(accord))
    fanning.fan_out()
    strikes = timezone.now() + timedelta(hours=1)
    subscribing.change_hours(reader.uuid, "UTC", strikes.hour, strikes.isoweekday())
    wait = Delivery.objects.get().next_attempt_at - timezone.now()
    assert timedelta(minutes=59) < wait <= timedelta(hours=1)


def test_a_clock_that_ran_ahead_once_keeps_no_mail_longer_than_the_hold(db: None, settings: Any) -> None:
    settings.ALERT_HOLD = HOLD
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("at-once@example.org", accord)
    a_reader("daily@example.org", accord, rhythm="daily")
    with time_machine.travel(timezone.now() + timedelta(days=3)):
        world.some_evidence(commitment)
    world.some_evidence(commitment)
    assert Event.objects.latest("seq").at > timezone.now() + timedelta(days=2), (
        "never before the one before it"
    )
    fanning.fan_out()
    assert Notice.objects.count() == 4
    waits = [at - timezone.now() for at in Delivery.objects.values_list("next_attempt_at", flat=True)]
    assert sorted(wait > HOLD for wait in waits) in ([False, False, False], [False, False, True])
    assert max(waits) <= timedelta(days=1)


def test_a_telling_that_loses_a_deadlock_is_done_again(fresh_db: Any) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    first = a_reader("first@example.org", accord, rhythm="weekly")
    last = a_reader("last@example.org", accord, rhythm="weekly")
    world.some_evidence(commitment)
    fanning.fan_out()
    world.some_evidence(commitment)
    holds, failures = threading.Event(), list[BaseException]()

    def digest_of(reader: Any) -> None:
        list(Delivery.objects.filter(subscriber=reader).select_for_update())

    def the_other_way_round() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    "SET LOCAL deadlock_timeout = '1min'"
                )  # so that the telling is the one that loses
                digest_of(last)
                holds.set()
                waiting, until = 0, time.monotonic() + 20
                while not waiting and time.monotonic() < until:
                    cursor.execute(
                        "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
                    )
                    waiting = cursor.fetchone()[0]
                digest_of(first)
        except BaseException as error:  # the test must see whatever went wrong in a thread
            failures.append(error)
        finally:
            connection.close()

    other = threading.Thread(target=the_other_way_round)
    other.start()
    assert holds.wait(20)
    assert fanning.fan_out() == 2
    other.join()
    assert not failures
    assert {digest.notices.count() for digest in Delivery.objects.all()} == {2}
