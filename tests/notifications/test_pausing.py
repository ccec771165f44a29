"""Pauses over the hour of a digest: what had been collected before is kept, and what happens meanwhile is not."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from commitments import operations
from notifications import delivering, fanning, links, outbox, parcels, subscribing
from notifications.models import Delivery, Kind, Notice, Outcome, State, Subscriber
from notifications.outbox import Ended
from tests import world
from tests.notifications.readers import a_reader, make_due, one_round
from tests.sinks import SmtpSink


def an_hour_strikes() -> delivering.Round:
    """The digest's hour comes, and with it the sender."""
    make_due()
    return delivering.deliver(seconds=20)


@pytest.mark.parametrize("rhythm", ["daily", "weekly"])
def test_what_was_collected_before_a_pause_goes_with_the_first_digest_after_it(
    db: None, smtp_sink: SmtpSink, rhythm: str
) -> None:
    accord = world.an_accord()
    before, during, after = (world.a_commitment(accord, f"TST-{n}") for n in (1, 2, 3))
    reader = a_reader("reader@example.org", accord, rhythm=rhythm)
    world.some_evidence(before)
    fanning.fan_out()
    subscribing.pause(reader.uuid, subscribing.everything())
    for _hour in range(3):
        assert an_hour_strikes().sent == 0
    world.some_evidence(during)
    assert fanning.fan_out() == 0
    subscribing.resume(reader.uuid, subscribing.everything())
    assert delivering.deliver().sent == 0, "at its hour, not at once"
    world.some_evidence(after)
    fanning.fan_out()
    assert an_hour_strikes().sent == 1, "one mail, with what came before and after"
    (mail,) = smtp_sink.mails
    assert "/TST-1/" in mail.text
    assert "/TST-3/" in mail.text
    assert "/TST-2/" not in mail.text
    assert an_hour_strikes().sent == 0


def test_a_pause_of_one_of_two_holds_back_its_news_only(db: None, smtp_sink: SmtpSink) -> None:
    accord = world.an_accord()
    one, two = world.a_commitment(accord), world.a_commitment(accord, "TST-2")
    reader = a_reader("reader@example.org", accord, one, rhythm="weekly")
    a_reader("reader@example.org", accord, two, rhythm="weekly")
    for commitment in (one, two):
        world.some_evidence(commitment)
    fanning.fan_out()
    held = subscribing.one(reader.subscriptions.get(commitment=one).pk)
    subscribing.pause(reader.uuid, held)
    assert an_hour_strikes().sent == 1
    assert "/TST-1/" not in smtp_sink.mails[0].text
    assert "/TST-2/" in smtp_sink.mails[0].text
    subscribing.resume(reader.uuid, held)
    assert an_hour_strikes().sent == 1
    assert "/TST-1/" in smtp_sink.mails[1].text
    assert "/TST-2/" not in smtp_sink.mails[1].text


def test_what_a_pause_has_kept_goes_when_the_subscription_is_ended_or_its_reader_erased(
    db: None, smtp_sink: SmtpSink
) -> None:
    accord = world.an_accord()
    readers = [a_reader(f"r{n}@example.org", accord, rhythm="weekly") for n in range(2)]
    world.some_evidence(world.a_commitment(accord))
    fanning.fan_out()
    for reader in readers:
        subscribing.pause(reader.uuid, subscribing.everything())
    an_hour_strikes()
    assert Delivery.objects.filter(is_open=True).count() == 2
    subscribing.end(readers[0].uuid, subscribing.everything())
    subscribing.erase(readers[1].uuid)
    assert an_hour_strikes().sent == 0
    assert not Delivery.objects.filter(state=State.WAITING).exists()
    assert not Notice.objects.filter(delivery__state=State.WAITING).exists()
    one_round()
    assert not smtp_sink.mails


def test_whoever_pauses_while_the_worker_holds_their_digest_gets_it_after_the_pause(
    db: None, smtp_sink: SmtpSink, monkeypatch: Any
) -> None:
    accord = world.an_accord()
    readers = [a_reader(f"r{n}@example.org", accord, rhythm="daily") for n in range(3)]
    world.some_evidence(world.a_commitment(accord))
    fanning.fan_out()
    send = delivering._send

    def and_all_pause(*args: Any) -> Any:
        """While the first mail is on the wire everybody presses the button."""
        for reader in readers:
            subscribing.pause(reader.uuid, subscribing.everything())
        return send(*args)

    monkeypatch.setattr(delivering, "_send", and_all_pause)
    assert an_hour_strikes().sent == 1
    monkeypatch.undo()
    for reader in readers:
        subscribing.resume(reader.uuid, subscribing.everything())
    assert an_hour_strikes().sent == 2
    assert len({mail.recipients for mail in smtp_sink.mails}) == 3


def a_digest_that_was_tried(*scopes: Any) -> tuple[Subscriber, Delivery, str]:
    """A reader's digest about a status, at which the conversation broke: it may have arrived. And the judgement's code."""
    for scope in scopes:
        reader = a_reader("reader@example.org", scope, rhythm="daily")
    commitment = scopes[0]
    judged = world.published(commitment, "fulfilled", [world.some_evidence(commitment, origin="backfill")])
    fanning.fan_out()
    make_due()
    (it,) = outbox.claim()
    assert outbox.start(it)
    outbox.settle(it, Ended(Outcome.RETRY, None, "the line broke"))
    return reader, Delivery.objects.get(pk=it.id), judged.code


def test_a_digest_that_was_tried_stays_the_same_mail_over_a_pause(db: None, smtp_sink: SmtpSink) -> None:
    reader, digest, _judged = a_digest_that_was_tried(world.a_commitment(world.an_accord()))
    subscribing.pause(reader.uuid, subscribing.everything())
    for _hour in range(3):
        assert an_hour_strikes().sent == 0
    waits = Delivery.objects.get()
    assert (waits.pk, waits.state, waits.attempts) == (digest.pk, State.WAITING, 1)
    assert waits.next_attempt_at > timezone.now(), "it is not looked at again and again"
    subscribing.resume(reader.uuid, subscribing.everything())
    assert an_hour_strikes().sent == 1
    assert str(digest.pk) in str(smtp_sink.mails[0].message["Message-ID"])


def test_what_takes_back_a_digest_that_may_have_arrived_before_a_pause_is_told(
    db: None, smtp_sink: SmtpSink
) -> None:
    reader, _digest, judged = a_digest_that_was_tried(world.a_commitment(world.an_accord()))
    subscribing.pause(reader.uuid, subscribing.everything())
    an_hour_strikes()
    subscribing.resume(reader.uuid, subscribing.everything())
    operations.retract_assessments([judged], actor=world.actor("reviewer"), why="Too early.")
    fanning.fan_out()
    assert an_hour_strikes().sent == 1
    assert "retract" in smtp_sink.mails[0].text.lower()


def test_what_a_pause_holds_back_of_a_digest_that_was_tried_counts_as_tried_and_goes_after_it(
    db: None, smtp_sink: SmtpSink
) -> None:
    accord = world.an_accord()
    held, goes = world.a_commitment(accord), world.a_commitment(accord, "TST-2")
    world.some_evidence(goes, origin="backfill")
    reader = a_reader("reader@example.org", goes, rhythm="daily")
    world.some_evidence(goes)
    _reader, digest, judged = a_digest_that_was_tried(held)
    wish = subscribing.one(reader.subscriptions.get(commitment=held).pk)
    subscribing.pause(reader.uuid, wish)
    assert an_hour_strikes().sent == 1
    assert str(digest.pk) in str(smtp_sink.mails[0].message["Message-ID"])
    assert "/TST-2/" in smtp_sink.mails[0].text
    waits = Delivery.objects.get(state=State.WAITING)
    assert (waits.kind, waits.is_open, waits.attempts) == (Kind.DIGEST, False, 1)
    assert an_hour_strikes().sent == 0
    subscribing.resume(reader.uuid, wish)
    operations.retract_assessments([judged], actor=world.actor("reviewer"), why="Too early.")
    fanning.fan_out()
    assert an_hour_strikes().sent == 1, "the retraction: the status may have been told"


def test_what_cannot_be_read_when_its_reader_has_just_paused_counts_alone_and_ends_no_round(
    db: None, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    accord = world.an_accord()
    readers = [a_reader(f"r{n}@example.org", accord, rhythm="daily") for n in range(3)]
    world.some_evidence(world.a_commitment(accord))
    fanning.fan_out()
    pack, looks = parcels.pack, list[int]()

    def first_look_only(*given: Any) -> parcels.Packed:
        looks.append(1)
        if len(looks) == 2:
            raise RuntimeError("cannot be read")
        packed = pack(*given)
        subscribing.pause(readers[0].uuid, subscribing.everything())
        return packed

    monkeypatch.setattr(parcels, "pack", first_look_only)
    assert an_hour_strikes().sent == 2
    assert Delivery.objects.get(state=State.WAITING).crashes == 1


def test_the_page_names_no_next_digest_while_nothing_in_it_is_active(db: None, client: Client) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    reader = a_reader("reader@example.org", accord, rhythm="weekly")
    a_reader("reader@example.org", accord, world.a_commitment(accord, "TST-2"))
    world.some_evidence(commitment)
    fanning.fan_out()
    path = f"/manage/{links.sign(links.MANAGE, reader.uuid)}/"
    wide = str(reader.subscriptions.get(accord=accord).pk)
    said = "Your next digest comes on"
    assert said in client.get(path).content.decode()
    assert said not in client.post(path, {"pause": wide}).content.decode()
    assert said in client.post(path, {"resume": wide}).content.decode()
    assert said not in client.post(path, {"pause": "all"}).content.decode()
