"""The database goes away between the server's answer and the line that remembers it: nobody gets a mail twice."""

from __future__ import annotations

import time
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from notifications import bouncing, delivering, domains, outbox, prepared
from notifications.channels.smtp import Post
from notifications.models import Bounce, DomainPause, Line, Subscriber, SubscriberState
from tests.notifications.readers import message_id, some_owed, states
from tests.servers import FreshDatabase
from tests.sinks import SmtpSink


def cut_all(database: FreshDatabase) -> None:
    """Ends every connection to a database from outside."""
    with psycopg.connect(database.url, autocommit=True) as beside:
        beside.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    time.sleep(0.2)


@pytest.fixture
def cut_after(fresh_db: FreshDatabase, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Cuts the connections once, right after the server's answer about the mail of that number."""

    def cut(which: int) -> None:
        send, sent = Post.send, list[str]()

        def send_and_cut(self: Any, address: str, *given: Any) -> Any:
            ended = send(self, address, *given)
            sent.append(address)
            if len(sent) == which:
                cut_all(fresh_db)
            return ended

        monkeypatch.setattr(Post, "send", send_and_cut)

    return cut


@pytest.mark.parametrize("which", [1, 2])
def test_a_database_that_goes_away_after_an_answer_has_no_mail_sent_twice(
    cut_after: Any, smtp_sink: SmtpSink, which: int
) -> None:
    some_owed(readers=4)
    cut_after(which)
    Line.objects.create(name="email", down_since=timezone.now(), try_again_at=timezone.now(), tries=3)
    assert delivering.deliver(seconds=20).sent == 4
    ids = [message_id(mail) for mail in smtp_sink.mails]
    assert len(ids) == len(set(ids)) == 4
    assert Line.objects.get().down_since is None


def test_a_mail_whose_settling_was_done_though_nobody_was_told_so_is_ours_and_the_next_one_goes(
    fresh_db: FreshDatabase, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    some_owed(readers=4)
    counts, settled = prepared.counts, list[int]()

    def answer_lost(*given: Any) -> Any:
        found = counts(*given)
        settled.append(1)
        if len(settled) == 1:
            raise OperationalError("server closed the connection")
        return found

    monkeypatch.setattr(outbox, "counts", answer_lost)
    assert delivering.deliver(seconds=20).sent == 4
    assert states() == {"sent": 4}
    assert len(smtp_sink.mails) == 4


def test_a_mailbox_that_is_not_there_is_remembered_though_the_database_goes_away(
    cut_after: Any, smtp_sink: SmtpSink
) -> None:
    some_owed(readers=2)
    smtp_sink.refusals["r0@example.org"] = "550 5.1.1 nobody of this name"
    cut_after(1)
    this = delivering.deliver(seconds=20)
    assert (this.sent, this.failed) == (1, 1)
    assert Bounce.objects.get().is_hard
    assert Subscriber.objects.get(email="r0@example.org").state == SubscriberState.SUPPRESSED


def test_a_worker_that_ends_before_a_refusal_was_settled_has_remembered_it(
    db: None, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    some_owed()
    smtp_sink.refusals["r0@example.org"] = "550 5.1.1 nobody of this name"

    def ends(*_given: Any) -> Any:
        raise SystemExit

    monkeypatch.setattr(outbox, "settle", ends)
    with pytest.raises(SystemExit):
        delivering.deliver()
    assert states() == {"claimed": 1}
    assert Bounce.objects.get().is_hard


def test_what_was_learnt_of_a_domain_is_written_down_when_the_database_is_back(
    fresh_db: FreshDatabase, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domains, "SECONDS", 0.0)
    some_owed(readers=domains.LIMIT + 1)
    for n in range(domains.LIMIT + 1):
        smtp_sink.refusals[f"r{n}@example.org"] = "451 4.7.1 come back later"
    rest, failures = domains.rest, [1]

    def fails_once(*given: Any) -> None:
        if failures:
            failures.pop()
            cut_all(fresh_db)
            connection.cursor().execute("SELECT 1")
        rest(*given)

    monkeypatch.setattr(domains, "rest", fails_once)
    delivering.deliver(seconds=20)
    assert not failures
    assert DomainPause.objects.get().domain == "example.org"


def test_a_database_that_stays_away_ends_the_round_and_says_so(
    fresh_db: FreshDatabase, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    some_owed()
    monkeypatch.setattr(delivering, "SETTLE_PAUSES", (0.0,))

    def away(*_given: Any) -> Any:
        raise OperationalError("the connection is closed")

    smtp_sink.refusals["r0@example.org"] = "550 5.1.1 nobody of this name"
    monkeypatch.setattr(bouncing, "record", away)
    with pytest.raises(OperationalError):
        delivering.deliver(seconds=20)
    assert states() == {"claimed": 1}, "it is asked again, and refused again"
