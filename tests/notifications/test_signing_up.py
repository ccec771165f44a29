"""Signing up: one answer for everybody, limits that hold, and nothing before the owner of the address said yes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from notifications import delivering, limits, links, subscribing
from notifications.models import Delivery, Subscriber, SubscriberState, Subscription
from tests import world
from tests.notifications.readers import NETWORK, a_reader, link
from tests.sinks import SmtpSink


def follow(client: Client, email: str, **more: str) -> Any:
    """Presses the button of the form."""
    return client.post("/follow/", {"email": email, "language": "en", "accord": world.ACCORD, **more})


def test_the_answer_is_the_same_for_known_unknown_and_suppressed_addresses(
    db: None, client: Client, smtp_sink: SmtpSink
) -> None:
    accord = world.an_accord()
    a_reader("known@example.org", accord)
    a_reader("never@example.org", accord)
    Subscriber.objects.filter(email="never@example.org").update(state=SubscriberState.SUPPRESSED)
    answers = []
    for email in ("known@example.org", "new@example.org", "never@example.org"):
        answer = follow(client, email)
        page = client.get(answer["Location"])
        answers.append(
            (answer.status_code, answer["Location"], answer.content, sorted(answer.cookies), page.content)
        )
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 303
    assert smtp_sink.sessions == 0, "nothing is sent while somebody waits for a page"
    delivering.deliver()
    assert sorted(mail.recipients[0] for mail in smtp_sink.mails) == ["known@example.org", "new@example.org"]
    assert "You already follow" in smtp_sink.to("known@example.org")[0].subject
    assert "Please confirm" in smtp_sink.to("new@example.org")[0].subject


def test_pressing_the_button_often_sends_one_confirmation(
    db: None, client: Client, smtp_sink: SmtpSink
) -> None:
    world.an_accord()
    for _again in range(6):
        assert follow(client, "stranger@example.org").status_code == 303
        delivering.deliver()
    assert len(smtp_sink.mails) == 1


def test_a_stranger_in_one_language_cannot_change_that_of_a_reader(db: None, client: Client) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("reader@example.org", accord, language="uk")
    follow(client, "reader@example.org", accord="", commitment=commitment.code, language="ja")
    assert Subscriber.objects.get().language == "uk"


def test_of_many_signups_at_once_exactly_the_allowed_number_gets_through(fresh_db: Any) -> None:
    accord = world.an_accord()
    commitments = [world.a_commitment(accord, f"TST-{n}") for n in range(8)]

    def sign_up(n: int) -> str:
        try:
            # Eight wishes of one stranger's address, and forty addresses from one network, all at once.
            if n < 8:
                subscribing.sign_up("victim@example.org", "en", commitments[n], network="192.0.2.200")
            else:
                subscribing.sign_up(f"a{n}@example.org", "en", accord, network="192.0.2.201")
            return "taken"
        except subscribing.TooMany:
            return "too many"
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        said = list(pool.map(sign_up, range(48)))
    assert said[:8] == ["taken"] * 8, "the answer does not tell that the address has had enough"
    assert Delivery.objects.filter(subscriber__email="victim@example.org").count() == limits.PER_STRANGER
    assert said[8:].count("taken") == 30
    assert Subscriber.objects.filter(email__startswith="a").count() == 30


def test_a_network_that_asks_too_often_is_told_to_wait(db: None, client: Client, settings: Any) -> None:
    world.an_accord()
    settings.SIGNUPS_PER_NETWORK = 2
    assert [follow(client, f"a{n}@example.org").status_code for n in range(3)] == [303, 303, 429]
    assert int(follow(client, "b@example.org")["Retry-After"]) > 0


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"email": ""}, "email"),
        ({"email": "no address"}, "email"),
        ({"email": "a@example.org\nBcc: b@example.org"}, "email"),
        ({"email": "a@example.org\r\nBcc: b@example.org"}, "email"),
        ({"email": '"a b"@example.org'}, "email"),
        ({"email": f"{'a' * 250}@example.org"}, "email"),
        ({"email": f"{'a' * 65}@example.org"}, "email"),
        ({"email": "root@localhost"}, "email"),
        ({"email": "root@mail.localhost"}, "email"),
        ({"email": "a@printer.local"}, "email"),
        ({"email": "a@[127.0.0.1]"}, "email"),
        ({"email": "a@[IPv6:::1]"}, "email"),
        ({"email": "a@127.0.0.10"}, "email"),
        ({"email": "a@org"}, "email"),
        ({"email": "a@xn--.de"}, "email"),
        ({"email": "a@example。org"}, "email"),
        ({"email": "ａ@example.org"}, "email"),
        ({"language": "xx"}, "language"),
        ({"accord": "NONE"}, "accord"),
        ({"accord": ""}, "accord"),
        ({"accord": "TST\x00"}, "accord"),
        ({"commitment": "NONE"}, "commitment"),
    ],
)
def test_bad_input_is_answered_with_the_field_and_changes_nothing(
    db: None, client: Client, said: dict[str, str], field: str
) -> None:
    world.an_accord()
    answer = follow(client, **{"email": "a@example.org", **said})
    assert answer.status_code == 400
    assert field in answer.context["form"].errors
    assert not Subscriber.objects.exists()
    assert not Delivery.objects.exists()


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Reader@Example.ORG", "reader@example.org"),
        ("reader@straße.de", "reader@xn--strae-oqa.de"),
        ("reader@пошта.укр", "reader@xn--80a1acn3a.xn--j1amh"),
        ("reader@例え.jp", "reader@xn--r8jz45g.jp"),
        (f"{'a' * 64}@example.org", f"{'a' * 64}@example.org"),
    ],
)
def test_a_domain_in_other_letters_is_the_one_that_its_owner_has(
    db: None, client: Client, typed: str, kept: str
) -> None:
    world.an_accord()
    assert follow(client, typed).status_code == 303
    assert Subscriber.objects.get().email == kept


def test_the_database_itself_refuses_an_address_that_could_make_a_header(db: None) -> None:
    now = timezone.now()
    for bad in ("a@b\r\nBcc: c@d", "Upper@example.org", "a b@example.org", "<a@example.org>", "nobody"):
        with pytest.raises(IntegrityError), transaction.atomic():
            Subscriber.objects.create(email=bad, created_at=now, changed_at=now)


def test_reading_the_confirmation_link_changes_nothing_and_pressing_the_button_does(
    db: None, client: Client, smtp_sink: SmtpSink
) -> None:
    world.an_accord()
    follow(client, "Reader@Example.org")
    delivering.deliver()
    (mail,) = smtp_sink.mails
    assert mail.recipients == ("reader@example.org",)
    path = link(mail, "confirm")
    for look in (client.get, client.head):
        assert look(path).status_code == 200
        assert not Subscription.objects.confirmed().exists()
    assert client.post(path).status_code == 200
    begun = Subscription.objects.confirmed().get()
    assert client.post(path).status_code == 200, "twice is harmless"
    assert Subscription.objects.confirmed().get().confirmed_at == begun.confirmed_at
    assert client.put(path).status_code == 405


def test_a_confirmation_link_works_for_seven_days_and_for_nothing_else(db: None, client: Client) -> None:
    accord = world.an_accord()
    subscribing.sign_up("a@example.org", "en", accord, network=NETWORK)
    who, wish = Subscriber.objects.get(), Subscription.objects.get()
    token = links.sign(links.CONFIRM, who.uuid, wish.pk)
    for purpose in ("manage", "leave", "erase"):
        assert client.post(f"/{purpose}/{token}/").status_code == 404
    assert client.post(f"/confirm/{links.sign(links.MANAGE, who.uuid)}/").status_code == 404
    assert client.post(f"/confirm/{token[:-1]}x/").status_code == 404
    with time_machine.travel(datetime.now(UTC) + timedelta(days=7, seconds=2)):
        assert client.post(f"/confirm/{token}/").status_code == 404
    assert not Subscription.objects.confirmed().exists()
    assert client.post(f"/confirm/{token}/").status_code == 200


def test_only_as_many_forwarded_addresses_are_believed_as_proxies_stand_in_front(settings: Any) -> None:
    request = HttpRequest()
    request.META = {"REMOTE_ADDR": "192.0.2.9", "HTTP_X_FORWARDED_FOR": "198.51.100.1, 203.0.113.5"}
    assert limits.network_of(request) == "192.0.2.9"
    settings.TRUSTED_PROXIES = 1
    assert limits.network_of(request) == "203.0.113.5"
    settings.TRUSTED_PROXIES = 2
    assert limits.network_of(request) == "198.51.100.1"
    request.META["HTTP_X_FORWARDED_FOR"] = "2001:db8:1:2:3:4:5:6"
    assert limits.network_of(request) == "2001:db8:1:2::/64"
    request.META["HTTP_X_FORWARDED_FOR"] = "nonsense"
    assert limits.network_of(request) == "unknown"
