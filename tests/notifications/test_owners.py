"""The owner of an endpoint that was given up is told of it once, and one who cannot be told is not tried for ever."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from notifications import endpoints, owners
from notifications.channels.smtp import Post
from notifications.letters import Letter
from notifications.models import Endpoint, EndpointState, Line
from tests import world
from tests.notifications.callers import an_endpoint
from tests.sinks import SmtpSink
from tests.web_sinks import WebSink


def given_up(sink: WebSink, name: str = "Desk", email: str = "owner@example.org") -> Endpoint:
    """An endpoint that failed for days, and its owner's address."""
    owner = world.a_person("administrator", name, email=email)
    endpoint, _secret = an_endpoint(sink, name, owner=owner)
    Endpoint.objects.filter(pk=endpoint.pk).update(state="disabled", why="failing")
    return endpoint


def let_an_hour_pass() -> None:
    """Lets the pause between two tries be over."""
    Endpoint.objects.update(owner_next_try_at=timezone.now())


@pytest.mark.parametrize(
    ("language", "word"), [("en", "News is not kept"), ("uk", "вимкнено"), ("ja", "無効")]
)
def test_the_owners_mail_is_one_like_all_others(
    db: None, sink: WebSink, smtp_sink: SmtpSink, language: str, word: str
) -> None:
    owner = world.a_person("administrator", email="owner@example.org")
    endpoint, _secret = an_endpoint(sink, owner=owner, name="Новини «наживо» " * 5, language=language)
    Endpoint.objects.update(state="disabled", why="failing")
    assert owners.tell() == 1
    (mail,) = smtp_sink.mails
    assert mail.content.isascii()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", mail.content)
    assert max(map(len, mail.content.partition(b"\r\n\r\n")[2].split(b"\r\n"))) <= 76
    for part in (mail.text, mail.html):
        assert word in part
        assert f"/admin/notifications/endpoint/{endpoint.pk}/change/" in part
        assert "Новини «наживо»" in part
    assert mail.message["Auto-Submitted"] == "auto-generated"
    assert mail.message["List-Unsubscribe"] is None
    assert re.fullmatch(r"<[0-9a-f-]{36}@testserver>", mail.message["Message-ID"])
    assert re.search(r" \d\d:\d\d:\d\d \+0000$", mail.message["Date"])


def test_an_owner_is_told_when_the_mail_server_is_back(
    db: None, sink: WebSink, smtp_sink: SmtpSink, settings: Any
) -> None:
    owner = world.a_person("administrator", email="owner@example.org")
    endpoint, _secret = an_endpoint(sink, owner=owner)
    Endpoint.objects.update(state="disabled", why="failing")
    settings.EMAIL_PORT, port = 1, settings.EMAIL_PORT
    assert owners.tell() == 0
    settings.EMAIL_PORT = port
    line = Line.objects.get(name="email")
    assert (line.down_since is not None, line.tries) == (True, 1)
    Line.objects.update(try_again_at=timezone.now() + timedelta(hours=1))
    assert owners.tell() == 0, "a server that is down is not asked"
    Line.objects.update(try_again_at=timezone.now())
    assert owners.tell() == 1
    line.refresh_from_db()
    assert line.down_since is None
    endpoint.refresh_from_db()
    assert endpoint.owner_told_at is not None


def test_an_endpoint_that_is_enabled_while_its_owner_is_told_tells_of_the_next_time(
    db: None, sink: WebSink, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = world.a_person("administrator", email="owner@example.org")
    endpoint, _secret = an_endpoint(sink, owner=owner)
    Endpoint.objects.update(state="disabled", why="failing")
    letter = owners.letter

    def meanwhile(row: Endpoint, language: str) -> Letter:
        endpoints.set_state(row, EndpointState.LIVE)
        return letter(row, language)

    monkeypatch.setattr(owners, "letter", meanwhile)
    assert owners.tell() == 1
    monkeypatch.undo()
    endpoint.refresh_from_db()
    assert endpoint.owner_told_at is None
    Endpoint.objects.update(state="disabled", why="gone", changed_at=timezone.now())
    assert owners.tell() == 1


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "could not be told on"),
        ("uk", "не вдалося повідомити"),
        ("ja", "知らせることができませんでした"),
    ],
)
def test_an_owner_whose_address_refuses_is_not_tried_again_and_staff_see_why(
    db: None, client: Client, sink: WebSink, smtp_sink: SmtpSink, language: str, said: str
) -> None:
    endpoint = given_up(sink)
    smtp_sink.refusals["owner@example.org"] = "550 5.1.1 <owner@example.org> is not here"
    assert owners.tell() == 0
    smtp_sink.refusals.clear()
    let_an_hour_pass()
    assert owners.tell() == 0
    assert smtp_sink.mails == []
    client.force_login(world.a_person("administrator", "looker"))
    client.cookies["django_language"] = language
    page = client.get(f"/admin/notifications/endpoint/{endpoint.pk}/change/").content.decode()
    assert said in page
    assert "550 5.1.1 &lt;address&gt; is not here" in page
    endpoints.set_state(endpoint, EndpointState.LIVE)
    Endpoint.objects.update(state="disabled", why="gone", changed_at=timezone.now())
    assert owners.tell() == 1, "of the next time they are told"


def test_an_owner_who_is_put_off_is_tried_each_hour_for_days(
    db: None, sink: WebSink, smtp_sink: SmtpSink
) -> None:
    endpoint = given_up(sink)
    smtp_sink.refusals["owner@example.org"] = "452 4.2.2 come again"
    for _hour in range(3):
        assert owners.tell() == 0
        endpoint.refresh_from_db()
        assert endpoint.owner_told_at is None
        let_an_hour_pass()
    Endpoint.objects.update(changed_at=timezone.now() - owners.PATIENCE - timedelta(hours=1))
    assert owners.tell() == 0
    endpoint.refresh_from_db()
    assert endpoint.owner_told_at is not None
    assert endpoint.owner_said == "452 4.2.2 come again"


def test_one_owner_who_refuses_keeps_no_other_from_being_told(
    db: None, sink: WebSink, smtp_sink: SmtpSink
) -> None:
    for number in range(4):
        given_up(sink, f"Desk {number}", f"owner{number}@example.org")
    smtp_sink.refusals["owner0@example.org"] = "550 5.1.1 no"
    smtp_sink.refusals["owner1@example.org"] = "451 4.3.0 later"
    assert owners.tell(0) == 0, "no time, no mail"
    assert owners.tell() == 2
    assert {mail.recipients for mail in smtp_sink.mails} == {("owner2@example.org",), ("owner3@example.org",)}
    assert owners.tell() == 0
    assert Endpoint.objects.get(owner_told_at=None).name == "Desk 1"


def test_a_server_that_is_down_is_found_out_once_however_many_wait(
    db: None, sink: WebSink, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        given_up(sink, f"Desk {number}", f"owner{number}@example.org")
    settings.EMAIL_PORT = 1
    tries = []
    opened = Post.open

    def counted(post: Post) -> None:
        tries.append(post)
        opened(post)

    monkeypatch.setattr(Post, "open", counted)
    assert owners.tell() == 0
    assert len(tries) == 1
    assert Endpoint.objects.filter(owner_next_try_at=None).count() == 4, "nobody waits an hour for that"
