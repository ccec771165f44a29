"""The page of a reminder: noted, or put off."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from commitments import operations
from commitments.actors import loader
from commitments.models import Commitment
from notifications import delivering, links, planning
from notifications.models import (
    Audience,
    Hush,
    Reminder,
    Subscriber,
)
from tests import world
from tests.commitments.test_clocks import TERMS
from tests.notifications.readers import a_reader, link
from tests.notifications.test_reminding import a_desk, fire, in_days
from tests.sinks import SmtpSink


def noted(commitment: Commitment, smtp_sink: SmtpSink) -> str:
    """The path of the link in the officer's reminder."""
    planning.plan()
    fire("d7")
    delivering.deliver(seconds=20)
    return link(smtp_sink.to("editor@desk.example")[-1], "heard")


def test_one_who_has_noted_it_hears_no_more_until_the_date_moves(
    db: None, client: Client, smtp_sink: SmtpSink
) -> None:
    a_desk()
    commitment = world.a_commitment(world.an_accord())
    deadline = world.a_deadline(commitment, in_days(8))
    path = noted(commitment, smtp_sink)
    for look in (client.get, client.head):
        assert look(path).status_code == 200
    assert not Hush.objects.exists(), "a look changes nothing"
    assert client.post(path, {"later": ""}).status_code == 200
    assert fire("d1") == 0
    operations.move_deadlines({deadline.code: in_days(30)}, actor=loader(), why="Agreed.")
    planning.plan()
    assert fire("d7") == 1


def offered(client: Client, path: str) -> list[str]:
    """After how many hours one may be reminded again, as the page of a reminder offers it."""
    return re.findall(r'<option value="(\d+)"', client.get(path).content.decode())


def test_of_a_clock_of_hours_one_may_be_reminded_again_within_hours(
    db: None, client: Client, smtp_sink: SmtpSink
) -> None:
    commitment = world.a_commitment(world.an_accord(), kind="conditional", details={"trigger": TERMS})
    world.a_deadline(commitment, "", type="clock", duration="PT24H", label={"en": "Consult"})
    a_reader("reader@example.org", commitment)
    for fact in ("attack", "request"):
        asked = timezone.now() - timedelta(hours=18)
        operations.record_triggers([operations.NewTrigger(commitment.code, fact, asked)], actor=loader())
    planning.plan()
    row = Reminder.objects.planned().get(rung="h2", audience="watchers")
    path = f"/heard/{links.sign(links.HEARD, Subscriber.objects.get().uuid, row.pk)}/"
    assert offered(client, path) == ["1", "4"]
    assert client.post(path, {"later": "4"}).status_code == 200
    later = Reminder.objects.get(audience=Audience.ONE)
    assert timedelta(hours=3, minutes=58) < later.due_at - timezone.now() < timedelta(hours=4, minutes=1)
    with time_machine.travel(asked + timedelta(hours=23, minutes=30)):
        assert offered(client, path) == []
    with time_machine.travel(asked + timedelta(hours=25)):
        assert offered(client, path) == ["24", "72", "168", "720"]


@pytest.mark.parametrize("who", ["editor@desk.example", "reader@example.org"])
def test_one_who_wants_to_be_reminded_later_is(
    db: None, client: Client, smtp_sink: SmtpSink, who: str
) -> None:
    a_desk()
    commitment = world.a_commitment(world.an_accord())
    world.a_deadline(commitment, in_days(8))
    a_reader("reader@example.org", commitment)
    noted(commitment, smtp_sink)
    path = link(smtp_sink.to(who)[0], "heard")
    assert offered(client, path) == ["24", "72", "168"], "before the date ends, in eight days"
    for wrong in ("400", "1", "720", "-24", "x"):
        assert client.post(path, {"later": wrong}).status_code == 400
    assert not Hush.objects.exists()
    assert client.post(path, {"later": "72"}).status_code == 200
    later = Reminder.objects.get(audience=Audience.ONE)
    assert timedelta(days=2, hours=23) < later.due_at - timezone.now() < timedelta(days=3, minutes=1)
    fire(later.rung)
    assert delivering.deliver(seconds=20).sent == 1
    assert smtp_sink.mails[-1].recipients == (who,)


def test_a_link_of_another_purpose_or_for_a_reminder_that_is_gone_does_nothing(
    db: None, client: Client
) -> None:
    reader = a_reader("reader@example.org", world.an_accord())
    wrong = links.sign(links.MANAGE, reader.uuid)
    gone = links.sign(links.HEARD, reader.uuid, 999)
    assert client.post(f"/heard/{wrong}/").status_code == 404
    assert client.post(f"/heard/{gone}/", {"later": "1"}).status_code == 410
    assert not Hush.objects.exists()
