"""Mails as bytes and the conversation that carries them: long links in both encodings, and a server that pipelines."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from notifications import delivering, fanning, subscribing
from notifications.channels.email import Reader, assemble
from notifications.channels.smtp import Post, Trouble
from notifications.letters import LEAVE_HERE, MANAGE_HERE, PLACES, Letter, heard_here
from notifications.models import Attempt, Delivery, Outcome, Subscription
from notifications.outbox import Ended, claim, settle, start
from notifications.prepared import counts, rows
from tests import world
from tests.notifications.readers import a_reader, make_due
from tests.servers import FreshDatabase
from tests.sinks import SmtpSink

READER = Reader(uuid.uuid4(), "reader@example.org", wishes=tuple(range(10_000, 10_030)), reminders=(7,))


@pytest.mark.parametrize(
    "words", ["plain words", "Слова українською мовою, довгі й короткі", "日本語の長い文章です。"]
)
def test_links_of_any_length_arrive_whole_in_both_encodings(words: str) -> None:
    text = f"{words}\n.\n{words} {MANAGE_HERE}\n{LEAVE_HERE}{words}\n\n= {heard_here(7)} =\n" + words * 30
    letter = Letter(
        "s", text, f'<a href="{LEAVE_HERE}">{words}</a> <a href="{heard_here(7)}">x</a>', "t", "l"
    )
    for _twice in range(2):
        raw = assemble(letter, READER, uuid.uuid4())
        assert raw.isascii()
        assert max(len(row) for row in raw.split(b"\r\n\r\n", 1)[1].split(b"\r\n")) <= 78
        mail: Any = message_from_bytes(raw, policy=policy.default)
        got = mail.get_body(("plain",)).get_content().replace("\r\n", "\n")
        leave = str(mail["List-Unsubscribe"]).strip("<>")
        assert len(leave) > 200
        assert f"{leave}{words}\n\n= http://testserver/heard/" in got
        assert got.startswith(f"{words}\n.\n{words} http://testserver/manage/")
        assert got.rstrip("\n").endswith(words * 30)
        assert f'<a href="{leave}">{words}</a>' in mail.get_body(("html",)).get_content()
        assert not PLACES.search(got)


BROKEN = "One report names two figures, the other one. " * 60 + "x" * 1200


@pytest.mark.parametrize("language", ["en", "uk", "ja"])
@pytest.mark.parametrize(
    "reason", [BROKEN, "Слова. " * 300, "\r理由\u2028です。\n" * 90, f"a\r\r\n{BROKEN}\x0b\x85 "]
)
def test_every_line_on_the_wire_ends_with_both_its_signs(
    db: None, smtp_sink: SmtpSink, language: str, reason: str
) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("reader@example.org", accord, language=language)
    a_reader("week@example.org", accord, language=language, rhythm="daily")
    subscribing.sign_up("new@example.org", language, accord, network="192.0.2.1")
    world.published(
        commitment, "in_progress", [world.some_evidence(commitment, origin="backfill")], reason=reason
    )
    fanning.fan_out()
    make_due()
    assert delivering.deliver().sent == len(smtp_sink.mails) == 3
    for mail in smtp_sink.mails:
        assert not re.search(rb"(?<!\r)\n|\r(?!\n)", mail.content)
        assert max(len(row) for row in mail.content.partition(b"\r\n\r\n")[2].split(b"\r\n")) <= 78


class Pipelines:
    """A server that offers PIPELINING, refuses whom it is told to, and says 354 to DATA whatever came before."""

    def __init__(self) -> None:
        self.kept, self.most_at_once = list[bytes](), 0
        self.readers, self.connections = list[bytes](), 0
        self.when_kept: Callable[[], object] = lambda: None
        self.refused_sender = ""
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.socket.getsockname()[1])
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        """One connection after the other."""
        while True:
            try:
                peer, _address = self.socket.accept()
            except OSError:
                return
            with peer, contextlib.suppress(ConnectionError):
                self.talk(peer)

    def talk(self, peer: socket.socket) -> None:
        """Reads whole segments, to see how many commands come at once."""
        self.connections += 1
        reader = b""
        peer.sendall(b"220 here\r\n")
        rest, in_data = b"", False
        while got := peer.recv(65536):
            rest += got
            self.most_at_once = max(self.most_at_once, 0 if in_data else rest.count(b"\r\n"))
            while True:
                if in_data:
                    end = 0 if rest.startswith(b".\r\n") else rest.find(b"\r\n.\r\n") + 2
                    if end == 1:
                        break
                    content, rest = rest[:end], rest[end + 3 :]
                    in_data = False
                    if content:
                        self.kept.append(content)
                        self.readers.append(reader)
                        self.when_kept()
                    peer.sendall(b"250 kept\r\n" if content else b"554 no valid recipients\r\n")
                line, found, after = rest.partition(b"\r\n")
                if not found:
                    break
                rest = after
                in_data = line.upper() == b"DATA"
                if line.upper().startswith(b"RCPT TO:"):
                    reader = line[9:-1]
                peer.sendall(self.answer(line))

    def answer(self, line: bytes) -> bytes:
        """The reply to one command."""
        if line.upper().startswith(b"EHLO"):
            return b"250-here\r\n250 PIPELINING\r\n"
        if line.upper() == b"DATA":
            return b"354 go on\r\n"
        if b"nobody@" in line:
            return b"550 5.1.1 nobody of this name\r\n"
        if line.upper().startswith(b"MAIL") and self.refused_sender and self.refused_sender.encode() in line:
            return b"451 4.3.0 not now\r\n"
        return b"250 ok\r\n"


@pytest.fixture
def server(settings: Any) -> Iterator[Pipelines]:
    """The server, with this process's settings pointing at it."""
    found = Pipelines()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", found.port
    yield found
    found.socket.close()


def test_a_server_that_pipelines_gets_the_envelope_at_once_and_a_refusal_hurts_nobody_else(
    server: Pipelines,
) -> None:
    with Post() as post:
        assert post.send("a@example.org", b"Subject: 1\r\n\r\n.dot\r\n").outcome == Outcome.SENT
        refused = post.send("nobody@example.org", b"Subject: 2\r\n\r\nx\r\n")
        assert (refused.outcome, refused.code) == (Outcome.FAILED, 550)
        assert post.send("b@example.org", b"Subject: 3\r\n\r\nx\r\n").outcome == Outcome.SENT
    assert server.most_at_once == 3
    assert server.kept == [b"Subject: 1\r\n\r\n..dot\r\n", b"Subject: 3\r\n\r\nx\r\n"]


def test_a_server_that_pipelines_and_does_not_take_the_sender_is_doubted_and_takes_nothing(
    server: Pipelines,
) -> None:
    server.refused_sender = "someone@example.org"
    with Post() as post, pytest.raises(Trouble, match="451"):
        post.send("a@example.org", b"Subject: 1\r\n\r\nx\r\n", "someone@example.org")
    assert server.kept == []


def test_a_mail_that_was_begun_goes_to_its_reader_alone_or_to_nobody(server: Pipelines) -> None:
    mails = [b"Subject: %d\r\n\r\nx\r\n" % n for n in range(5)]
    with Post() as post:
        post.begin("a@example.org", mails[1])
        assert server.kept == []
        assert post.send("a@example.org", mails[1]).outcome == Outcome.SENT
        assert server.connections == 1
        post.begin("a@example.org", mails[1])
        post.take_back()
        assert post.send("b@example.org", mails[2]).outcome == Outcome.SENT
        post.begin("a@example.org", mails[3])
        assert post.send("c@example.org", mails[3]).outcome == Outcome.SENT
        post.begin("d@example.org", mails[3])
        assert post.send("d@example.org", mails[4]).outcome == Outcome.SENT
        assert server.connections == 4
        # One that was refused is over: nothing waits for its end, and it is not refused twice.
        post.begin("nobody@example.org", mails[4])
        assert post.send("nobody@example.org", mails[4]).code == 550
        post.begin("nobody@example.org", mails[4])
        post.take_back()
        assert server.connections == 4
        post.begin("a@example.org", mails[1])
    assert server.readers == [b"a@example.org", b"b@example.org", b"c@example.org", b"d@example.org"]
    assert server.kept == mails[1:]


def test_what_breaks_a_mail_that_was_begun_is_told_when_it_is_sent(server: Pipelines) -> None:
    server.refused_sender = "someone@example.org"
    with Post() as post:
        post.begin("a@example.org", b"Subject: 1\r\n\r\nx\r\n", "someone@example.org")
        with pytest.raises(Trouble, match="451"):
            post.send("a@example.org", b"Subject: 1\r\n\r\nx\r\n", "someone@example.org")
        post.begin("a@example.org", b"Subject: 1\r\n\r\nx\r\n", "someone@example.org")
        post.take_back()
        assert post.send("a@example.org", b"Subject: 2\r\n\r\nx\r\n").outcome == Outcome.SENT
    assert server.kept == [b"Subject: 2\r\n\r\nx\r\n"]


def test_who_leaves_while_their_mail_is_begun_gets_nothing_and_the_others_get_theirs(
    fresh_db: FreshDatabase, server: Pipelines
) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    for n in range(6):
        a_reader(f"r{n}@example.org", accord, commitment)
    world.some_evidence(commitment)
    assert fanning.fan_out() == 6

    def leave() -> None:
        """The second mail has arrived: whoever is next in the claim is named already, or about to be."""
        if len(server.kept) != 2:
            return
        told = {it.decode() for it in server.readers}
        Subscription.objects.exclude(subscriber__email__in=told).update(ended_at="2026-01-01T00:00Z")
        connection.close()

    server.when_kept = leave
    this = delivering.deliver()
    assert (this.sent, this.dropped) == (2, 4)
    assert len(set(server.readers)) == len(server.kept) == Attempt.objects.count() == 2
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent", "dropped"}


def test_a_statement_that_was_planned_is_planned_anew_on_another_connection_and_says_what_is_wrong(
    fresh_db: FreshDatabase,
) -> None:
    done: list[str] = []
    ask = "SELECT %(a)s::int + 1, %(b)s::int"
    for n in range(3):
        assert counts(ask, {"a": str(n), "b": None}, lambda: done.append("x")) == (n + 1, 0)
        connection.close()
    assert len(done) == 3
    with pytest.raises(DataError):
        counts(ask, {"a": "x", "b": "1"})
    assert counts(ask, {"a": "1", "b": "2"}) == (2, 2)
    assert claim() == []


def test_a_rollback_that_makes_the_server_forget_its_plans_does_not_keep_a_mail_from_being_settled(
    fresh_db: FreshDatabase,
) -> None:
    accord = world.an_accord()
    for n in range(2):
        a_reader(f"r{n}@example.org", accord)
    world.some_evidence(world.a_commitment(accord))
    fanning.fan_out()
    first, second = claim()
    assert start(first)
    assert settle(first, Ended(Outcome.RETRY, 450, "later"), second) == (True, True)
    # psycopg prepares statements of its own after some repetitions, and a rollback drops all that were planned.
    for _often in range(2):
        with contextlib.suppress(IntegrityError), transaction.atomic():
            rows("SELECT 1 WHERE %(a)s::int = 1", {"a": 1})
            raise IntegrityError
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_prepared_statements")
            assert cursor.fetchone()[0] == 0
    done: list[str] = []
    assert settle(second, Ended(Outcome.SENT, 250, "kept"), None, lambda: done.append("x")) == (True, False)
    assert done == ["x"]
    assert sorted(Attempt.objects.values_list("outcome", "code")) == [("retry", 450), ("sent", 250)]
