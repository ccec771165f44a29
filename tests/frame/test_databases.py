"""The run's own servers: what a test may rest on."""

from __future__ import annotations

import os
import smtplib
import threading

import psycopg
import pytest
import redis
from django.core.mail import send_mail
from django.db import IntegrityError, connection, transaction

from commitments.models import Party
from tests.servers import FreshDatabase
from tests.sinks import SmtpSink


@pytest.mark.django_db
@pytest.mark.parametrize("turn", [1, 2])
def test_a_test_finds_the_database_empty_and_leaves_it_so(turn: int) -> None:
    assert not Party.objects.exists()
    Party.objects.create(code="XA", name={"en": "Exland"})
    assert Party.objects.count() == 1


def test_a_fresh_database_really_commits_and_other_threads_see_it(fresh_db: FreshDatabase) -> None:
    with transaction.atomic(durable=True):
        Party.objects.create(code="XA", name={"en": "Exland"})
    seen: list[int] = []

    def look() -> None:
        seen.append(Party.objects.count())
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    with psycopg.connect(fresh_db.url) as other:
        row = other.execute("SELECT count(*) FROM commitments_party").fetchone()
    assert (seen, row) == ([1], (1,))


@pytest.mark.django_db
def test_the_cluster_is_utf8_under_the_builtin_locale_and_holds_real_triggers() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_encoding_to_char(encoding), datlocale FROM pg_database "
            "WHERE datname = current_database()"
        )
        assert cursor.fetchone() == ("UTF8", "C.UTF-8")
        cursor.execute("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'pgtrigger%'")
        row = cursor.fetchone()
    assert row is not None
    assert row[0] > 0


@pytest.mark.django_db
def test_constraints_are_kept_by_the_database() -> None:
    Party.objects.create(code="XA", name={"en": "Exland"})
    with pytest.raises(IntegrityError), transaction.atomic():
        Party.objects.create(code="XA", name={"en": "Exland"})


def test_the_redis_database_is_empty_and_ours(redis_url: str) -> None:
    path, _, number = redis_url.removeprefix("redis+socket://").partition("?virtual_host=")
    client = redis.Redis(unix_socket_path=path, db=int(number))
    assert client.dbsize() == 0
    client.set("left", "behind")
    assert path.startswith(os.environ["ACCORD_TEST_HOME"])


def test_the_sink_takes_real_mail_and_refuses_whom_it_shall(smtp_sink: SmtpSink) -> None:
    send_mail("Grüße, 様", "text", "a@example.org", ["b@example.org"], html_message="<p>html</p>")
    (mail,) = smtp_sink.wait_for(1)
    assert (mail.subject, mail.text.strip(), mail.html.strip()) == ("Grüße, 様", "text", "<p>html</p>")
    smtp_sink.refusals["nobody@example.org"] = "550 5.1.1 no such user"
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send_mail("s", "t", "a@example.org", ["nobody@example.org"])
    assert smtp_sink.to("nobody@example.org") == []
