"""What counts against an address: what speaks of its mailbox, by days; never what speaks of our server."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from notifications import bouncing, delivering
from notifications.bouncing import Weight
from notifications.models import Bounce, BounceWay, Subscriber
from tests import world
from tests.notifications.readers import a_reader, one_round
from tests.notifications.test_bouncing import a_mail, another_mail, state
from tests.sinks import SmtpSink


@pytest.fixture(autouse=True)
def _address(settings: Any) -> None:
    settings.BOUNCE_ADDRESS = "bounces@tracker.example"


def came_back(at: datetime, weight: Weight, code: str, email: str = "reader@example.org") -> None:
    assert bouncing.record(another_mail(email).pk, weight, code, BounceWay.PROVIDER, at)


def test_soft_bounces_count_by_days_and_five_days_within_a_month_are_enough(
    db: None, smtp_sink: SmtpSink
) -> None:
    a_mail(smtp_sink)
    now = timezone.now()
    for days in (40, 4, 3, 2, 0, 0, 0, 0, 0):
        came_back(now - timedelta(days=days), Weight.SOFT, "4.2.2")
    assert state() == "confirmed", "four days; the first was too long ago"
    came_back(now - timedelta(days=1), Weight.SOFT, "4.2.2")
    assert state() == "suppressed"


def test_a_reply_without_a_status_counts_by_days_unless_others_at_the_domain_get_the_same(
    db: None, smtp_sink: SmtpSink
) -> None:
    accord = world.an_accord()
    now = timezone.now()
    alone, together = "reader@small.example", [f"r{number}@big.example" for number in range(4)]
    for email in (alone, *together):
        a_reader(email, accord)
    for days in range(6):
        for email in (alone, *together):
            came_back(now - timedelta(days=days), Weight.UNCLEAR, "550", email)
    states = dict(Subscriber.objects.values_list("email", "state"))
    assert states == {alone: "suppressed", **dict.fromkeys(together, "confirmed")}


@pytest.mark.parametrize(
    "reply",
    [
        "550 5.7.1 Service unavailable, client host [192.0.2.1] blocked using a list",
        "550 Client host 5.1.1.20 blocked",
        "554 your host is not welcome",
        "550 5.1.8 the domain of the sender is not found",
        "550 5.3.4 too large",
    ],
)
def test_a_block_of_our_own_server_suppresses_nobody_and_is_written_down(
    db: None, smtp_sink: SmtpSink, reply: str
) -> None:
    accord = world.an_accord()
    readers = [a_reader(f"r{number}@big.example", accord) for number in range(4)]
    for reader in readers:
        smtp_sink.refusals[reader.email] = reply
    for number in range(5):
        world.some_evidence(world.a_commitment(accord, f"TST-{number}"))
    assert one_round().failed == 20
    for row in Bounce.objects.all():  # five days, one mail on each
        of = list(
            Bounce.objects.filter(subscriber=row.subscriber).order_by("pk").values_list("pk", flat=True)
        )
        Bounce.objects.filter(pk=row.pk).update(at=timezone.now() - timedelta(days=of.index(row.pk)))
    for reader in readers:
        world.some_evidence(world.a_commitment(accord, f"TST-{10 + reader.pk}"))
    one_round()
    assert set(Subscriber.objects.values_list("state", flat=True)) == {"confirmed"}
    assert not Bounce.objects.filter(about="mailbox").exists()
    assert Bounce.objects.count() == 20 + 4 * 4


@pytest.mark.parametrize(
    ("reply", "expected", "about"),
    [
        ("550 5.1.1 <reader@example.org>: nobody", "suppressed", "mailbox"),
        ("550 sorry, no mailbox of that name (#5.1.1)", "suppressed", "mailbox"),
        ("552 5.2.2 full", "confirmed", "mailbox"),
        ("550 nobody of that name", "confirmed", "unclear"),
        ("550 5.4.1 Recipient address rejected", "confirmed", "unclear"),
        ("550 5.7.1 not from you", "confirmed", "other"),
        ("554 no", "confirmed", "other"),
    ],
)
def test_a_refusal_while_we_speak_counts_by_its_status(
    db: None, smtp_sink: SmtpSink, reply: str, expected: str, about: str
) -> None:
    accord = world.an_accord()
    a_reader("reader@example.org", accord)
    world.some_evidence(world.a_commitment(accord))
    smtp_sink.refusals["reader@example.org"] = reply
    assert one_round().failed == 1
    assert state() == expected
    assert (Bounce.objects.get().way, Bounce.objects.get().about) == ("smtp", about)
    assert delivering.deliver().sent == 0


def test_a_mail_that_is_refused_after_it_was_said_speaks_of_the_mail(db: None, smtp_sink: SmtpSink) -> None:
    accord = world.an_accord()
    a_reader("reader@example.org", accord)
    world.some_evidence(world.a_commitment(accord))
    smtp_sink.data_reply = "550 we do not like what it says"
    assert one_round().failed == 1
    assert Bounce.objects.get().about == "other"
