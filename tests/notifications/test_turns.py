"""What is held back, and who comes first: the hold, digests beside alerts, domains in turns, back-pressure."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from commitments import operations
from commitments.models import Event
from notifications import claiming, delivering, domains, fanning, outbox
from notifications.models import (
    Delivery,
    DomainPause,
    Kind,
    State,
    Subscriber,
)
from tests import world
from tests.notifications.readers import a_reader, make_due, one_round
from tests.sinks import SmtpSink


def test_a_retraction_within_the_hold_stops_the_mail(db: None, smtp_sink: SmtpSink, settings: Any) -> None:
    settings.ALERT_HOLD = timedelta(minutes=2)
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("reader@example.org", accord)
    proof = world.some_evidence(commitment, origin="backfill")
    judged = world.published(commitment, "fulfilled", [proof])
    assert one_round().sent == 0
    held = Delivery.objects.get().next_attempt_at - Event.objects.latest("seq").at
    assert held == timedelta(minutes=2)
    operations.retract_assessments([judged.code], actor=world.actor("reviewer"), why="Too early.")
    fanning.fan_out()
    make_due()
    assert delivering.deliver(seconds=20).sent == 0
    assert not smtp_sink.mails


def test_what_the_clock_says_is_not_held(db: None, settings: Any) -> None:
    settings.ALERT_HOLD = timedelta(hours=1)
    accord = world.an_accord()
    a_reader("reader@example.org", accord)
    world.a_deadline(world.a_commitment(accord), "2025-01")
    operations.scan(timezone.now())
    fanning.fan_out()
    assert Delivery.objects.get().next_attempt_at <= timezone.now()


def test_digests_get_their_share_while_alerts_wait_and_every_domain_its_turn(db: None) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    for n in range(20):
        a_reader(f"r{n}@large.example", accord)
    a_reader("late@small.example", accord)
    for n in range(4):
        a_reader(f"d{n}@large.example", accord, rhythm="daily")
    world.some_evidence(commitment)
    fanning.fan_out()
    make_due()
    Delivery.objects.filter(domain="small.example").update(next_attempt_at=timezone.now())
    Delivery.objects.filter(domain="large.example").update(
        next_attempt_at=timezone.now() - timedelta(minutes=1)
    )
    taken = Delivery.objects.filter(pk__in=[it.id for it in outbox.claim(limit=8)])
    assert taken.filter(kind=Kind.DIGEST).count() == 2
    assert taken.filter(domain="small.example").count() == 1


def test_a_domain_that_puts_everything_off_slowly_is_left_alone_and_the_others_go_on(
    db: None, smtp_sink: SmtpSink, monkeypatch: Any
) -> None:
    monkeypatch.setattr(domains, "SECONDS", 0.0)  # as if each answer had taken long
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    for n in range(30):
        a_reader(f"r{n}@slow.example", accord)
        smtp_sink.refusals[f"r{n}@slow.example"] = "451 4.7.1 come back later"
    for n in range(3):
        a_reader(f"r{n}@quick.example", accord)
    world.some_evidence(commitment)
    this = one_round()
    assert this.sent == 3
    assert this.put_off == 5
    pause = DomainPause.objects.get()
    assert (pause.domain, pause.tries) == ("slow.example", 1)
    assert Delivery.objects.filter(attempts=0, state=State.WAITING).count() == 25
    # After its pause some ask again; when one is taken, the rest follows.
    DomainPause.objects.update(until=timezone.now())
    assert delivering.deliver(seconds=20).put_off == 5
    assert DomainPause.objects.get().tries == 2
    smtp_sink.refusals.clear()
    DomainPause.objects.update(until=timezone.now())
    make_due()
    assert delivering.deliver(seconds=20).sent == 30
    assert not DomainPause.objects.exists()


def due_mails(domain: str, count: int, minutes: int, kind: str = Kind.ALERT) -> None:
    """Mails that have been due for so long, to readers whose subscriptions nobody asks about."""
    now = timezone.now()
    at = now - timedelta(minutes=minutes)
    reader, _new = Subscriber.objects.get_or_create(
        email="r@example.org", defaults={"created_at": now, "changed_at": now}
    )
    Delivery.objects.bulk_create(
        [
            Delivery(kind=kind, subscriber=reader, domain=domain, created_at=now, next_attempt_at=at)
            for _n in range(count)
        ]
    )


@pytest.fixture
def from_the_first_name(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has claimed nothing yet."""
    monkeypatch.setattr(claiming, "_named", {})


def taken(limit: int = 40) -> Counter[str]:
    """How many mails of each domain one claim takes."""
    keys = [it.id for it in outbox.claim(limit=limit)]
    return Counter(Delivery.objects.filter(pk__in=keys).values_list("domain", flat=True))


def test_a_domain_with_thousands_of_older_mails_keeps_no_other_waiting(from_the_first_name: None) -> None:
    due_mails("large.example", 500, minutes=10)
    for name in ("a", "s", "z"):
        due_mails(f"{name}.example", 3, minutes=1)
    assert taken() == {"large.example": 31, "a.example": 3, "s.example": 3, "z.example": 3}
    assert taken() == {"large.example": 40}


def test_of_very_many_domains_behind_a_large_one_each_gets_its_turn(from_the_first_name: None) -> None:
    due_mails("large.example", 500, minutes=10)
    for n in range(60):
        due_mails(f"d{n:02}.example", 2, minutes=1)
    seen = Counter[str]()
    for _time in range(7):
        found = taken()
        assert found["large.example"] >= 20
        seen += found
    assert len(seen) == 61, "also those whose names come late"


def test_a_domain_whose_mails_are_not_due_or_failed_us_before_gets_no_place(
    from_the_first_name: None,
) -> None:
    due_mails("large.example", 500, minutes=10)
    due_mails("later.example", 3, minutes=-10)
    due_mails("bad.example", 3, minutes=1)
    Delivery.objects.filter(domain="bad.example").update(crashes=1)
    assert taken() == {"large.example": 40, "bad.example": 1}


def test_a_domain_that_takes_mails_slowly_lets_the_others_go_first(
    db: None, smtp_sink: SmtpSink, monkeypatch: Any
) -> None:
    monkeypatch.setattr(domains, "SECONDS", 0.0)  # as if each answer had taken long
    accord = world.an_accord()
    for n in range(30):
        a_reader(f"r{n}@slow.example", accord)
    for n in range(3):
        a_reader(f"r{n}@quick.example", accord)
    world.some_evidence(world.a_commitment(accord))
    fanning.fan_out()
    make_due()
    Delivery.objects.filter(domain="slow.example").update(
        next_attempt_at=timezone.now() - timedelta(minutes=1)
    )
    assert delivering.deliver(seconds=20).sent == 33
    order = [mail.recipients[0].partition("@")[2] for mail in smtp_sink.mails]
    assert order[: domains.LIMIT + 3] == ["slow.example"] * domains.LIMIT + ["quick.example"] * 3
    assert not DomainPause.objects.exists()


def test_a_server_that_puts_each_address_off_once_and_says_so_quickly_is_asked_for_all_of_them(
    db: None, smtp_sink: SmtpSink, monkeypatch: Any
) -> None:
    monkeypatch.setattr(domains, "SECONDS", 60.0)  # however slow the machine
    accord = world.an_accord()
    for n in range(60):
        a_reader(f"r{n}@grey.example", accord)
        smtp_sink.refusals[f"r{n}@grey.example"] = "451 4.7.1 greylisted"
    world.some_evidence(world.a_commitment(accord))
    assert one_round().put_off == 60
    assert not DomainPause.objects.exists()
    assert Delivery.objects.filter(attempts=1, state=State.WAITING).count() == 60
    smtp_sink.refusals.clear()
    make_due()
    assert delivering.deliver(seconds=20).sent == 60


def test_when_too_much_waits_no_more_is_written_down(db: None, smtp_sink: SmtpSink, monkeypatch: Any) -> None:
    monkeypatch.setattr(fanning, "BACKLOG", 2)
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    for n in range(3):
        a_reader(f"r{n}@example.org", accord)
    world.some_evidence(commitment)
    world.some_evidence(commitment)
    monkeypatch.setattr(fanning, "BATCH", 2)
    monkeypatch.setattr(fanning, "FIRST", 1)
    assert fanning.fan_out(0) == 2, "the first reader of each"
    assert fanning.fan_out(0) == 0, "the sender has to catch up before the many are told"
    for _n in range(2):
        world.some_evidence(commitment)
    assert fanning.fan_out(0) == 2, "news are still read"
    world.some_evidence(commitment)
    assert fanning.fan_out(0) == 0, "at twice as many nothing new is read"
    sent = delivering.deliver(seconds=20).sent
    while fanning.fan_out(0) or sent < 15:
        sent += delivering.deliver(seconds=20).sent
    assert sent == 15
