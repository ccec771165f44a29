"""What the pages and mails behind signed links say is so: an old mail, a pause, an address that gets nothing."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from commitments.models import Commitment
from notifications import delivering, fanning, links, subscribing
from notifications.channels.email import Reader, assemble
from notifications.letters import Letter
from notifications.models import Delivery, Subscriber, SubscriberState
from notifications.pruning import prune
from tests import world
from tests.notifications.readers import NETWORK, a_reader, link, make_due, one_round
from tests.notifications.test_leaving import unsubscribe_address
from tests.sinks import SmtpSink

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def test_an_old_mail_ends_what_is_followed_anew_of_the_same_and_nothing_else(
    db: None, client: Client, smtp_sink: SmtpSink
) -> None:
    accord = world.an_accord()
    commitment, other = world.a_commitment(accord), world.a_commitment(accord, "TST-2")
    reader = a_reader("reader@example.org", accord, commitment)
    somebody = a_reader("somebody@example.org", accord, commitment)
    world.some_evidence(commitment)
    one_round()
    old = link(smtp_sink.to("reader@example.org")[0], "leave")
    client.post(old)
    a_reader("reader@example.org", accord, commitment)
    a_reader("reader@example.org", accord, other)
    assert "Do TST-1" in client.get(old).content.decode(), "it is asked about what goes on"
    assert "No more of these mails come" in client.post(old, ONE_CLICK).content.decode()
    assert [wish.commitment for wish in reader.subscriptions.confirmed()] == [other]
    assert somebody.subscriptions.confirmed().count() == 1
    world.some_evidence(commitment)
    assert one_round().sent == 1


@pytest.mark.parametrize("number", [1, 60, 90, 2000])
def test_no_header_grows_too_long_whoever_many_subscriptions_brought_a_mail(db: None, number: int) -> None:
    wishes = tuple(range(10**9, 10**9 + number))
    reader = Reader(uuid.uuid4(), "reader@example.org", wishes)
    content = assemble(Letter("s", "t", "h", "x", "y"), reader, uuid.uuid4())
    assert max(map(len, content.split(b"\r\n"))) <= 998


def test_one_click_on_a_digest_of_very_many_ends_what_brought_it_and_later_all_digests(
    db: None, client: Client, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "LONGEST", 0)
    accord = world.an_accord()
    commitments = [world.a_commitment(accord, f"TST-{n}") for n in range(6)]

    def follow_all() -> Subscriber:
        for commitment in commitments:
            a_reader("reader@example.org", accord, commitment, rhythm="weekly")
        return a_reader("reader@example.org", accord, rhythm="instantly")

    def followed() -> set[Commitment | None]:
        return {wish.commitment for wish in reader.subscriptions.confirmed()}

    reader = follow_all()
    subscribing.pause(reader.uuid, subscribing.one(reader.subscriptions.get(accord=accord).pk))
    for commitment in commitments[:5]:
        world.some_evidence(commitment)
    fanning.fan_out()
    make_due()
    delivering.deliver()
    (mail,) = smtp_sink.mails
    path = unsubscribe_address(mail)
    assert len(path) <= 200
    client.get(path)
    assert len(followed()) == 7
    client.post(path, ONE_CLICK)
    assert followed() == {commitments[5], None}
    follow_all()
    prune(timezone.now() + timedelta(days=91))
    assert not Delivery.objects.exists()
    client.post(path, ONE_CLICK)
    assert followed() == {None}, "a mail that is not kept any more was a digest: that is all we know"


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "it is paused"), ("uk", "підписку призупинено"), ("ja", "一時停止しています")],
)
def test_whoever_has_paused_and_signs_up_again_is_told_how_to_go_on(
    db: None, client: Client, smtp_sink: SmtpSink, language: str, said: str
) -> None:
    accord = world.an_accord()
    reader = a_reader("reader@example.org", accord, language=language)
    subscribing.pause(reader.uuid, subscribing.everything())
    subscribing.sign_up("reader@example.org", language, accord, network=NETWORK)
    delivering.deliver()
    (mail,) = smtp_sink.mails
    assert said in mail.text
    assert said in mail.html
    assert "There is nothing to do" not in mail.text
    client.post(link(mail, "manage"), {"resume": "all"})
    assert reader.subscriptions.active().exists()


def test_an_address_that_gets_no_mails_is_told_so_on_its_page(db: None, client: Client) -> None:
    accord = world.an_accord()
    reader = a_reader("reader@example.org", accord, rhythm="daily")
    world.some_evidence(world.a_commitment(accord))
    fanning.fan_out()
    path = f"/manage/{links.sign(links.MANAGE, reader.uuid)}/"
    assert "Mails go to" in client.get(path).content.decode()
    Subscriber.objects.update(state=SubscriberState.SUPPRESSED)
    page = client.get(path).content.decode()
    assert "No mails go to r…@example.org" in page
    assert "Your next digest comes on" not in page
