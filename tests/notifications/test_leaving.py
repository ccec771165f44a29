"""Leaving: one click is enough, a look is not, and whoever is erased is found in no row."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client

from commitments.verifying import verify
from notifications import delivering, domains, fanning, links, outbox, subscribing
from notifications.channels.smtp import scrubbed
from notifications.models import (
    Attempt,
    Delivery,
    DomainPause,
    Notice,
    Outcome,
    State,
    Subscriber,
    Subscription,
    Why,
)
from notifications.outbox import Ended
from tests import world
from tests.notifications.readers import a_reader, link, one_round
from tests.sinks import SmtpSink


def unsubscribe_address(mail: Any) -> str:
    """The path in the List-Unsubscribe header."""
    value = str(mail.message["List-Unsubscribe"])
    assert value.startswith("<http://testserver/")
    assert value.endswith(">")
    return value[len("<http://testserver") : -1]


def test_one_click_ends_what_brought_the_mail_and_a_look_does_not(
    db: None, client: Client, smtp_sink: SmtpSink
) -> None:
    accord = world.an_accord()
    commitment, other = world.a_commitment(accord), world.a_commitment(accord, "TST-2")
    reader = a_reader("reader@example.org", accord, commitment)
    a_reader("reader@example.org", accord, other)
    world.some_evidence(commitment)
    one_round()
    (mail,) = smtp_sink.mails
    assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = unsubscribe_address(mail)
    for look in (client.get, client.head, client.options):
        look(path)
        assert Subscription.objects.confirmed().count() == 2
    # As a mail program posts it: no cookie, no CSRF token, another origin.
    strict = Client(enforce_csrf_checks=True, headers={"origin": "https://mail.example"})
    for _again in range(2):
        answer = strict.post(path, {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
        assert not answer.cookies
    assert list(reader.subscriptions.confirmed().values_list("commitment__code", flat=True)) == ["TST-2"]
    assert link(mail, "leave") == path


def test_what_waits_for_somebody_who_left_is_not_sent(db: None, client: Client, smtp_sink: SmtpSink) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    for name in ("stays", "leaves"):
        a_reader(f"{name}@example.org", accord)
    world.some_evidence(commitment)
    fanning.fan_out()
    leaver = Subscriber.objects.get(email="leaves@example.org")
    client.post(f"/leave/{links.sign(links.LEAVE, leaver.uuid, leaver.subscriptions.get().pk)}/")
    assert delivering.deliver().sent == 1
    assert [mail.recipients for mail in smtp_sink.mails] == [("stays@example.org",)]
    assert Delivery.objects.get(subscriber=leaver).why == Why.UNWANTED


def test_somebody_who_leaves_while_the_worker_holds_their_mail_is_not_sent_it(
    db: None, smtp_sink: SmtpSink, monkeypatch: Any
) -> None:
    accord = world.an_accord()
    readers = [a_reader(f"r{n}@example.org", accord) for n in range(5)]
    world.some_evidence(world.a_commitment(accord))
    fanning.fan_out()
    send = delivering._send

    def and_all_leave(*args: Any) -> Any:
        """While the first mail is on the wire everybody presses the button."""
        for reader in readers:
            subscribing.end(reader.uuid, subscribing.everything())
        return send(*args)

    monkeypatch.setattr(delivering, "_send", and_all_leave)
    this = delivering.deliver()
    assert (this.sent, this.dropped) == (1, 4)
    assert len(smtp_sink.mails) == 1


def test_one_page_ends_one_ends_all_and_changes_the_language(db: None, client: Client) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    reader = a_reader("reader@example.org", accord)
    a_reader("reader@example.org", accord, commitment)
    somebody = a_reader("somebody@example.org", accord)
    path = f"/manage/{links.sign(links.MANAGE, reader.uuid)}/"
    page = client.get(path)
    assert b"r\xe2\x80\xa6@example.org" in page.content
    assert b"reader@example.org" not in page.content, (
        "whoever gets a forwarded link does not learn the address"
    )
    assert page["Cache-Control"] == "no-store"
    assert page.content.count(b'<option value="ja"') == 1
    foreign = somebody.subscriptions.get()
    client.post(path, {"end": str(foreign.pk)})
    assert somebody.subscriptions.confirmed().exists(), "a link ends only its own subscriptions"
    client.post(path, {"end": str(reader.subscriptions.get(commitment=commitment).pk)})
    assert [wish.commitment for wish in reader.subscriptions.confirmed()] == [None]
    assert client.post(path, {"language": "ja"})["Content-Language"] == "ja"
    for nonsense in ({"language": "xx"}, {"end": "9" * 40}, {"end": "x"}, {}):
        assert client.post(path, nonsense).status_code == 400
    assert Subscriber.objects.get(pk=reader.pk).language == "ja"
    client.post(path, {"end": "all"})
    assert not reader.subscriptions.live().exists()


def again(page: Any) -> dict[str, str]:
    """The order behind the button that takes an end back."""
    (value,) = re.findall(r'name="again" value="([^"]*)"', page.content.decode())
    return {"again": value}


def test_whoever_pressed_the_wrong_button_takes_it_back_and_is_told_of_what_comes_after(
    db: None, client: Client
) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    reader = a_reader("reader@example.org", accord)
    a_reader("reader@example.org", commitment, rhythm="daily", kinds=["money"])
    somebody = a_reader("somebody@example.org", accord)
    path = f"/manage/{links.sign(links.MANAGE, reader.uuid)}/"
    leave = (
        f"/leave/{links.sign(links.LEAVE, reader.uuid, *reader.subscriptions.values_list('pk', flat=True))}/"
    )
    orders: list[tuple[str, dict[str, str]]] = [(path, {"end": "all"}), (leave, {})]
    for address, order in orders:
        left = client.post(address, order)
        assert commitment.code in left.content.decode(), "what is followed no longer is told"
        assert not reader.subscriptions.live().exists()
        world.some_evidence(commitment)
        for _twice in range(2):
            client.post(path, again(left))
            rows = reader.subscriptions.confirmed().order_by("pk")
            assert [(row.rhythm, row.kinds) for row in rows] == [("instantly", []), ("daily", ["money"])]
    fanning.fan_out()
    assert not Notice.objects.filter(subscriber=reader).exists(), "what happened in between is not told"
    subscribing.end(somebody.uuid, subscribing.everything())
    client.post(path, {"again": str(somebody.subscriptions.get().pk)})
    assert not somebody.subscriptions.live().exists(), "a link takes back only its own"


def test_what_nobody_confirmed_is_not_taken_back_nor_what_is_asked_anew(db: None, client: Client) -> None:
    accord = world.an_accord()
    reader = a_reader("reader@example.org", accord)
    path = f"/manage/{links.sign(links.MANAGE, reader.uuid)}/"
    subscribing.sign_up("reader@example.org", "en", None, network="n")
    every = {"again": " ".join(str(row.pk) for row in reader.subscriptions.all())}
    subscribing.end(reader.uuid, subscribing.everything())
    subscribing.sign_up("reader@example.org", "en", accord, network="n")
    client.post(path, every)
    assert not reader.subscriptions.confirmed().exists()


def test_a_link_that_was_used_says_what_is_no_longer_followed(db: None, client: Client) -> None:
    reader = a_reader("reader@example.org", world.an_accord())
    path = f"/leave/{links.sign(links.LEAVE, reader.uuid, reader.subscriptions.get().pk)}/"
    client.post(path)
    for page in (client.get(path), client.post(path)):
        assert "You no longer follow this" in page.content.decode()
        assert again(page)
    assert not reader.subscriptions.live().exists()


def everything_in_the_database() -> str:
    """The text of every row of every table."""
    found = []
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            cursor.execute(f'SELECT t::text FROM "{model._meta.db_table}" t')
            found += [row[0] for row in cursor.fetchall()]
    return "\n".join(found)


def test_whoever_is_erased_is_in_no_row_and_gets_nothing_more(
    db: None, client: Client, smtp_sink: SmtpSink
) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    reader = a_reader("private.person@example.org", accord)
    smtp_sink.refusals["private.person@example.org"] = "450 4.2.1 <private.person@example.org> try later"
    world.some_evidence(commitment)
    one_round()
    assert Attempt.objects.get().reply == "4.2.1 <address> try later"
    world.some_evidence(commitment)
    fanning.fan_out()
    assert "private.person" in everything_in_the_database()
    path = f"/erase/{links.sign(links.ERASE, reader.uuid)}/"
    client.get(path)
    assert Subscriber.objects.exists(), "a look changes nothing"
    assert client.post(path).status_code == 200
    assert "private.person" not in everything_in_the_database()
    ended = Delivery.objects.filter(state=State.DROPPED, why=Why.ERASED, subscriber=None)
    assert ended.count() == Delivery.objects.count() == 2
    assert not Notice.objects.exists()
    smtp_sink.refusals.clear()
    one_round()
    assert not smtp_sink.mails
    assert client.get(path).status_code == 410
    assert client.post(path).status_code == 200
    assert verify()[1] is None


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("User private.person unknown", "User <address> unknown"),
        ("private.person: no such user here", "<address>: no such user here"),
        ("No such user (private.person=40example.org)", "No such user (<address>)"),
        ("Recipient 'Private.Person' rejected", "Recipient '<address>' rejected"),
        ("rfc822;private.person+news@example.org is full", "<address> is full"),
        ("private.person+news, or private.person", "<address>, or <address>"),
        (
            "privateXperson is another, so is aprivate.person",
            "privateXperson is another, so is aprivate.person",
        ),
    ],
)
def test_what_a_server_says_is_kept_without_the_name_of_the_reader(said: str, kept: str) -> None:
    assert scrubbed(f"5.1.1 {said}".encode(), "private.person+news@example.org") == f"5.1.1 {kept}"
    assert scrubbed(b"5.1.1 nobody", "5.1.1@example.org") == "5.1.1 nobody", "the code is no name"


def test_what_servers_said_of_whoever_is_erased_goes_with_them_and_so_does_their_domain(
    db: None, smtp_sink: SmtpSink
) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    reader = a_reader("me@private-person.example", accord)
    a_reader("other@example.org", accord)
    smtp_sink.refusals["me@private-person.example"] = "450 4.2.1 private-person.example is unknown here"
    world.some_evidence(commitment)
    one_round()
    domains.rest("private-person.example", "4.2.1 wait")
    domains.rest("example.org", "4.2.1 wait")
    subscribing.erase(reader.uuid)
    assert "private-person" not in everything_in_the_database()
    assert DomainPause.objects.count() == 1
    assert Attempt.objects.filter(delivery__subscriber__isnull=False).exclude(reply="").exists()


def test_of_a_mail_whose_reader_was_erased_while_it_was_on_the_wire_the_answer_is_not_kept(
    db: None, smtp_sink: SmtpSink, monkeypatch: Any
) -> None:
    accord = world.an_accord()
    reader = a_reader("me@private-person.example", accord)
    smtp_sink.refusals["me@private-person.example"] = "550 5.1.2 private-person.example is unknown here"
    world.some_evidence(world.a_commitment(accord))
    send = delivering._send

    def and_they_are_erased(*args: Any) -> Any:
        """While the mail is on the wire its reader is erased."""
        subscribing.erase(reader.uuid)
        return send(*args)

    monkeypatch.setattr(delivering, "_send", and_they_are_erased)
    one_round()
    assert Attempt.objects.get().code == 550
    assert "private-person" not in everything_in_the_database()


def test_whoever_is_erased_while_their_mail_is_put_off_is_in_no_row(fresh_db: Any) -> None:
    accord = world.an_accord()
    reader = a_reader("reader@example.org", accord)
    world.some_evidence(world.a_commitment(accord))
    fanning.fan_out()
    (it,) = outbox.claim()
    assert outbox.start(it)
    settling: list[threading.Thread] = []

    def settle() -> None:
        outbox.settle(it, Ended(Outcome.RETRY, 451, "later"))
        connection.close()

    def between(execute: Any, sql: str, *given: Any) -> Any:
        found = execute(sql, *given)
        if not settling and sql.startswith('UPDATE "notifications_delivery" SET "state"'):
            settling.append(threading.Thread(target=settle))
            settling[0].start()
            settling[0].join(0.5)
        return found

    with connection.execute_wrapper(between):
        assert subscribing.erase(reader.uuid)
    settling[0].join()
    row = Delivery.objects.get()
    assert (row.subscriber_id, row.state, row.why) == (None, State.DROPPED, Why.ERASED)


def test_what_a_server_says_while_its_reader_is_being_erased_goes_with_them(fresh_db: Any) -> None:
    accord = world.an_accord()
    reader = a_reader("me@private-person.example", accord)
    world.some_evidence(world.a_commitment(accord))
    fanning.fan_out()
    (it,) = outbox.claim()
    assert outbox.start(it)
    settled: list[tuple[bool, bool]] = []

    def settle() -> None:
        settled.append(
            outbox.settle(it, Ended(Outcome.FAILED, 550, "5.1.2 private-person.example is unknown"))
        )
        connection.close()

    def before_the_lock(execute: Any, sql: str, *given: Any) -> Any:
        if not settled and sql.startswith('DELETE FROM "notifications_subscription"'):
            worker = threading.Thread(target=settle)
            worker.start()
            worker.join(10)
        return execute(sql, *given)

    with connection.execute_wrapper(before_the_lock):
        assert subscribing.erase(reader.uuid)
    assert settled == [(True, False)]
    assert Attempt.objects.get().reply == ""
