"""Questions: what a stranger can make us say to somebody's address, how often, and what the answer to one begins."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from notifications import delivering, limits, offices, scopes, subscribing
from notifications.models import Audience, Delivery, SavedFilter, Subscriber, Subscription
from notifications.pruning import prune
from tests import world
from tests.notifications.readers import NETWORK, a_reader, link, make_due
from tests.sinks import SmtpSink


def follow(client: Client, email: str, **more: str) -> Any:
    """Presses the button of the form."""
    return client.post("/follow/", {"email": email, "language": "en", "accord": world.ACCORD, **more})


@pytest.mark.parametrize("language", ["en", "uk", "ja"])
@pytest.mark.parametrize("is_reader", [False, True])
def test_no_word_of_a_stranger_is_mailed_before_the_owner_has_confirmed_it(
    db: None, client: Client, smtp_sink: SmtpSink, language: str, is_reader: bool
) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    if is_reader:
        a_reader("victim@example.org", accord, commitment, language)
    typed = "You won 5000 EUR at https://evil.example/claim"
    follow(client, "victim@example.org", q=typed, standing="late", language=language)
    delivering.deliver()
    (mail,) = smtp_sink.mails
    whole = "\n".join([str(mail.message["Subject"]), mail.text, mail.html, str(mail.message["References"])])
    for word in ("won", "5000", "evil", "claim"):
        assert word not in whole.lower()
    assert "standing=late" in whole, "what was chosen is told"
    path = link(mail, "confirm")
    assert typed in client.get(path).content.decode(), "the page shows all of it, before the button"
    client.post(path)
    follow(client, "victim@example.org", q=typed, standing="late", language=language)
    Delivery.objects.update(created_at="2020-01-01T00:00Z")
    follow(client, "victim@example.org", q=typed, standing="late", language=language)
    delivering.deliver()
    assert typed in smtp_sink.mails[-1].text, "by now they are the reader's own words"


@pytest.mark.parametrize("typed", ["two\nlines", "two\r\nlines", "a\x07bell", "next\u2028line", "x\x85y"])
def test_words_to_follow_stand_in_one_line(db: None, client: Client, typed: str) -> None:
    world.a_commitment(world.an_accord())
    answer = follow(client, "a@example.org", q=typed)
    assert answer.status_code == 400
    assert b"Words to look for:" in answer.content
    assert not SavedFilter.objects.exists()


def test_whatever_is_asked_a_strangers_address_gets_few_questions_a_day_and_a_readers_too(
    db: None, client: Client, smtp_sink: SmtpSink, settings: Any
) -> None:
    settings.SIGNUPS_PER_NETWORK = 100
    accord = world.an_accord()
    a_reader("reader@example.org", accord)
    answers = set()
    for n in range(20):
        for email in ("reader@example.org", "stranger@example.org"):
            answer = follow(client, email, q=f"word{n}")
            answers.add((answer.status_code, answer["Location"]))
    assert len(answers) == 1, "the answer does not tell that the address has had enough"
    delivering.deliver()
    assert len(smtp_sink.to("stranger@example.org")) == limits.PER_STRANGER
    assert len(smtp_sink.to("reader@example.org")) == limits.PER_READER
    assert SavedFilter.objects.count() == limits.PER_READER, "what is not asked is not kept"


def test_whoever_confirms_what_they_asked_for_may_go_on_asking(
    db: None, client: Client, smtp_sink: SmtpSink
) -> None:
    accord = world.an_accord()
    for n in range(2 * limits.PER_READER):
        world.a_commitment(accord, f"TST-{n}")
        follow(client, "reader@example.org", commitment=f"TST-{n}")
        delivering.deliver()
        assert client.post(link(smtp_sink.mails[-1], "confirm")).status_code == 200
    assert Subscription.objects.active().count() == 2 * limits.PER_READER


def test_of_many_filters_asked_for_a_reader_at_once_few_become_questions(fresh_db: Any) -> None:
    accord = world.an_accord()
    a_reader("reader@example.org", accord)

    def sign_up(n: int) -> None:
        try:
            saved = scopes.a_filter(accord, {"q": f"word{n % 9}"})
            subscribing.sign_up("reader@example.org", "en", saved, network=f"{NETWORK}-{n}")
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(sign_up, range(36)))
    assert 0 < Delivery.objects.filter(subscriber=Subscriber.objects.get()).count() <= limits.PER_READER


def test_a_stranger_cannot_change_the_language_and_the_zone_of_an_officer(db: None, client: Client) -> None:
    accord = world.an_accord()
    world.a_person("editor", email="officer@example.org")
    (officer,) = offices.subscribers(accord.pk, Audience.OFFICER, timezone.now(), language="uk")
    follow(client, "officer@example.org", language="ja")
    officer.refresh_from_db()
    assert (officer.language, officer.zone) == ("uk", "UTC")
    assert Delivery.objects.get().subscriber == officer, "they are asked like everybody"


@pytest.mark.parametrize("put_off", [timedelta(0), timedelta(days=4)])
def test_the_link_of_a_second_question_works_for_seven_days_as_well(
    db: None, client: Client, smtp_sink: SmtpSink, put_off: timedelta
) -> None:
    world.an_accord()
    began = timezone.now()
    with time_machine.travel(began - timedelta(days=13) - put_off):
        follow(client, "a@example.org")
        delivering.deliver()
    Delivery.objects.update(settled_at=began - timedelta(days=13))
    with time_machine.travel(began - timedelta(days=6, hours=22) - put_off):
        follow(client, "a@example.org")
    make_due()
    with time_machine.travel(began - timedelta(days=6, hours=22)):
        delivering.deliver()
    Delivery.objects.filter(settled_at__gt=began).update(settled_at=began - timedelta(days=6, hours=22))
    first, second = smtp_sink.mails
    prune(began)
    assert client.post(link(first, "confirm")).status_code == 404
    assert client.post(link(second, "confirm")).status_code == 200
    assert Subscription.objects.active().count() == 1
    prune(began + timedelta(days=20))
    assert Subscriber.objects.exists()
