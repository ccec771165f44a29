"""Readers for the tests: people who follow, made through the verbs, and the links in the mails they got."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.utils import timezone

from commitments.models import Accord, Commitment
from notifications import delivering, fanning, scopes, subscribing
from notifications.models import Delivery, State, Subscriber, Subscription
from notifications.scopes import Followed
from tests import world
from tests.sinks import Mail

NETWORK = "192.0.2.1"


def a_reader(
    email: str,
    accord: Followed | None,
    commitment: Commitment | None = None,
    language: str = "en",
    rhythm: str = "instantly",
    kinds: Sequence[str] = (),
) -> Subscriber:
    """Somebody who signed up for a target (the commitment, when there is one) and confirmed; the confirmation mail
    counts as sent."""
    before = set(Delivery.objects.values_list("pk", flat=True))
    target = scopes.kept(commitment or accord)
    subscribing.sign_up(email, language, target, rhythm=rhythm, kinds=kinds, network=f"reader-{email}")
    subscriber = Subscriber.objects.get(email=email)
    wish = Subscription.objects.live().get(subscriber=subscriber, scope=scopes.scope_of(target))
    assert subscribing.confirm(subscriber.uuid, wish.pk) is not None
    Delivery.objects.exclude(pk__in=before).delete()
    return subscriber


def make_due() -> None:
    """Lets the pause of everything that waits be over."""
    Delivery.objects.filter(state=State.WAITING).update(next_attempt_at=timezone.now())


def one_round() -> delivering.Round:
    """What beat does: from the log to the mail server."""
    fanning.fan_out()
    return delivering.deliver(seconds=20)


def link(mail: Mail, purpose: str) -> str:
    """The path of a signed link in the text of a mail."""
    found = re.search(rf"http://testserver(/{purpose}/\S+)", mail.text)
    assert found, mail.text
    return found[1]


def message_id(mail: Mail) -> str:
    """The Message-ID of a mail."""
    return str(mail.message["Message-ID"])


def some_owed(readers: int = 1, events: int = 1) -> tuple[Accord, Commitment]:
    """Readers of one commitment, and events that they are owed mails about."""
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    for n in range(readers):
        a_reader(f"r{n}@example.org", accord, commitment)
    for _event in range(events):
        world.some_evidence(commitment)
    assert fanning.fan_out() == readers * events
    return accord, commitment


def states() -> dict[str, int]:
    """How many deliveries stand where."""
    found: dict[str, int] = {}
    for state in Delivery.objects.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found
