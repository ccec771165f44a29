"""Why somebody got nothing: staff find the reader by a whole address, and see what was owed, tried, answered, came back."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from commitments.models import Topic
from notifications import admin as pages
from notifications import endpoints, fanning, reader_admin, scopes
from notifications.models import Attempt, Bounce, Delivery, State, Subscriber
from tests import world
from tests.notifications.readers import a_reader, one_round
from tests.sinks import SmtpSink
from tracker.kit import briefly

DELIVERIES, ATTEMPTS = "/admin/notifications/delivery/", "/admin/notifications/attempt/"
FIND = "/admin/notifications/subscriber/find/"


@pytest.fixture
def staff(db: None, client: Client) -> Client:
    """An administrator's browser."""
    client.force_login(world.a_person("administrator"))
    return client


def refused(sink: SmtpSink, email: str = "person@example.org", reply: str = "550 5.7.1 not from you") -> Any:
    """A reader whose mail was refused."""
    accord = world.an_accord()
    reader = a_reader(email, accord)
    sink.refusals[email] = reply
    world.some_evidence(world.a_commitment(accord, f"TST-{reader.pk}"))
    one_round()
    return reader


def test_a_delivery_says_to_whom_and_the_reader_says_what_became_of_it(
    staff: Client, smtp_sink: SmtpSink
) -> None:
    reader = refused(smtp_sink)
    mail = Delivery.objects.get()
    of = f"/admin/notifications/subscriber/{reader.pk}/change/"
    for page in (DELIVERIES, f"{DELIVERIES}{mail.pk}/change/", ATTEMPTS):
        shown = staff.get(page).content.decode()
        assert f'<a href="{of}">p…@example.org · {reader.pk}</a>' in shown, page
    shown = staff.get(of).content.decode()
    assert f"{DELIVERIES}{mail.pk}/change/" in shown
    assert "refused for good" in shown
    assert "550 5.7.1 not from you" in shown
    assert "our server, the mail, or the way" in shown
    assert "person@example.org" not in shown
    smtp_sink.refusals["person@example.org"] = "452 4.2.2 come again"
    world.some_evidence(world.a_commitment(world.an_accord("TST-2024-B"), "TST-9"))
    Delivery.objects.filter(pk=mail.pk).update(subscriber=None)
    assert "—" in staff.get(DELIVERIES).content.decode(), "erased"


def test_a_reader_is_found_by_a_whole_address_that_stands_in_no_address_of_a_page(
    staff: Client, smtp_sink: SmtpSink
) -> None:
    reader = refused(smtp_sink)
    for page in (DELIVERIES, ATTEMPTS, "/admin/notifications/subscriber/"):
        assert f'<form method="post" action="{FIND}"' in staff.get(page).content.decode()
    answer = staff.post(FIND, {"address": " Person@Example.org "})
    assert (answer.status_code, answer["Location"]) == (
        302,
        f"/admin/notifications/subscriber/{reader.pk}/change/",
    )
    for nobody in ("person@example.or", "%", "", "p\0", "x" * 5000):
        answer = staff.post(FIND, {"address": nobody}, follow=True)
        assert answer.redirect_chain == [("/admin/notifications/subscriber/", 302)]
        assert "No reader has this address" in answer.content.decode()
    assert staff.get(FIND, {"address": "person@example.org"}).status_code == 405


@pytest.mark.parametrize("role", ["viewer", "editor", "reviewer"])
def test_nobody_but_administrators_finds_a_reader(db: None, client: Client, role: str) -> None:
    reader = a_reader("person@example.org", world.an_accord())
    client.force_login(world.a_person(role))
    assert client.post(FIND, {"address": "person@example.org"}).status_code == 404
    for page in (ATTEMPTS, f"/admin/notifications/subscriber/{reader.pk}/change/"):
        assert client.get(page).status_code == 403
    client.logout()
    assert client.post(FIND, {"address": "person@example.org"})["Location"].startswith("/admin/login/")


def test_attempts_are_chosen_by_outcome_and_code_and_what_needs_a_person_is_ready(
    staff: Client, smtp_sink: SmtpSink
) -> None:
    refused(smtp_sink)
    refused(smtp_sink, "other@example.org", "452 4.2.2 full")
    a_reader("third@example.org", world.an_accord())
    world.some_evidence(world.a_commitment(world.an_accord(), "TST-0"))
    fanning.fan_out()
    aside = Delivery.objects.filter(state=State.WAITING, subscriber__email="third@example.org")
    aside.update(state=State.QUARANTINED, settled_at=timezone.now())

    def rows(page: str) -> int:
        return int(staff.get(page).context["cl"].result_count)

    assert rows(f"{ATTEMPTS}?code=550") == Attempt.objects.filter(code=550).count() > 0
    assert rows(f"{ATTEMPTS}?code=452") == Attempt.objects.filter(code=452).count() > 0
    assert rows(f"{ATTEMPTS}?outcome__exact=retry") == rows(f"{ATTEMPTS}?code=452")
    assert rows(f"{ATTEMPTS}?code=nonsense") == rows(f"{ATTEMPTS}?code=999") == 0
    assert '"?code=452"' in staff.get(ATTEMPTS).content.decode()
    assert rows(f"{DELIVERIES}?aside=quarantined") == 1
    assert rows(f"{DELIVERIES}?aside=nonsense") == rows(f"{DELIVERIES}?aside=%00") == 0
    assert rows(f"{DELIVERIES}?aside=failed") == Delivery.objects.filter(state=State.FAILED).count() > 0
    assert rows(f"{DELIVERIES}?aside=both") == 1 + rows(f"{DELIVERIES}?aside=failed")


def test_a_page_asks_as_much_for_many_rows_as_for_one(
    staff: Client, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kept in briefly._all:
        monkeypatch.setattr(
            kept, "seconds", 3600.0
        )  # what a process asks every few seconds, however slow the machine
    accord = world.an_accord()
    asked: list[list[int]] = []
    reader = a_reader("r@example.org", accord)
    staff.get(DELIVERIES)  # what a process asks once
    for number in range(6):
        a_reader(f"r{number}@example.org", accord)
        world.some_evidence(world.a_commitment(accord, f"TST-{number}"))
        one_round()
        if number in (0, 5):
            counts = []
            for page in (DELIVERIES, ATTEMPTS, f"/admin/notifications/subscriber/{reader.pk}/change/"):
                with CaptureQueriesContext(connection) as asking:
                    assert staff.get(page).status_code == 200
                counts.append(len(asking))
            asked.append(counts)
    assert asked[0] == asked[1]


def test_the_pages_of_a_reader_show_the_latest_and_the_way_to_all(
    staff: Client, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = refused(smtp_sink)
    monkeypatch.setattr(reader_admin, "LATEST", 1)
    page = f"/admin/notifications/subscriber/{reader.pk}/change/"
    way = f"{DELIVERIES}?subscriber__id__exact={reader.pk}"
    assert way in staff.get(page).content.decode()
    a_reader("other@example.org", world.an_accord())
    world.some_evidence(world.a_commitment(world.an_accord(), "TST-0"))
    one_round()
    assert staff.get(way).context["cl"].result_count == 2
    assert Subscriber.objects.count() == 2
    assert Bounce.objects.count() == 2
    for nowhere in ("0", "x", "99999999999999999999", "9" * 5000):
        answer = staff.get(f"/admin/notifications/subscriber/{nowhere}/change/", follow=True)
        assert "r…@" not in answer.content.decode()


@pytest.mark.parametrize(
    ("language", "everything"),
    [("en", "Everything in this register"), ("uk", "Усе в цьому реєстрі"), ("ja", "この台帳のすべて")],
)
def test_what_a_reader_follows_is_named_as_the_mails_name_it(
    staff: Client, language: str, everything: str
) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    reader = a_reader("person@example.org", accord)
    found = Topic.objects.get(code="demining")
    for target in (None, commitment, found):
        a_reader("person@example.org", target)
    staff.cookies["django_language"] = language
    shown = staff.get(f"/admin/notifications/subscriber/{reader.pk}/change/").content.decode()
    with translation.override(language):
        for followed in (None, accord, commitment, found):
            told = scopes.named(followed)
            assert f'<a href="{told["page"]}">{told["title"]}</a>' in shown
    assert everything in shown
    assert f"accord:{accord.pk}" not in shown


def plans(statements: list[str]) -> list[dict[str, Any]]:
    """Every step of the plans of these statements, as they were carried out."""
    found = []
    for sql in statements:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql.replace("%", "%%"))
            said = cursor.fetchone()[0]
        left = [(said if isinstance(said, list) else json.loads(said))[0]["Plan"]]
        while left:
            step = left.pop()
            found.append(step)
            left += step.get("Plans", [])
    return found


@pytest.mark.parametrize("table", ["delivery", "attempt", "call", "bounce"])
def test_a_list_of_very_many_rows_is_read_by_an_index_and_counted_no_further_than_pages_are_turned(
    staff: Client, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    """All of them written down in one instant, as a fan-out does."""
    many, counted = 30_000, 1_000
    monkeypatch.setattr(pages.Newest, "most", counted)
    reader = a_reader("reader@example.org", world.an_accord())
    endpoint, _secret = endpoints.register({"name": "Desk", "url": "https://receiver.example/hook"})
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO notifications_delivery (id, kind, state, why, domain, rhythm, is_open, created_at,"
            " next_attempt_at, settled_at, attempts, crashes) SELECT gen_random_uuid(), 'many', 'sent', '', 'x.example',"
            " '', false, now(), now(), now(), 1, 0 FROM generate_series(1, %s)",
            [many],
        )
        cursor.execute(
            "INSERT INTO notifications_attempt (delivery_id, at, outcome, code, reply)"
            " SELECT id, now(), 'sent', 250, '' FROM notifications_delivery"
        )
        cursor.execute(
            "INSERT INTO notifications_call (id, endpoint_id, kind, number, state, created_at, next_attempt_at, settled_at,"
            " attempts, crashes) SELECT gen_random_uuid(), %s, 'event', n, 'sent', now(), now(), now(), 1, 0"
            " FROM generate_series(1, %s) AS n",
            [endpoint.pk, many],
        )
        cursor.execute(
            "INSERT INTO notifications_bounce (subscriber_id, delivery, at, is_hard, code, way)"
            " SELECT %s, gen_random_uuid(), now(), true, '5.1.1', 'smtp' FROM generate_series(1, %s)",
            [reader.pk, many],
        )
        cursor.execute(
            "ANALYZE notifications_delivery, notifications_attempt, notifications_call, notifications_bounce"
        )
    page = f"/admin/notifications/{table}/"
    with CaptureQueriesContext(connection) as asking:
        answer = staff.get(page)
    assert answer.context["cl"].result_count == counted
    assert "Filters lead further" in answer.content.decode()
    asked = [it["sql"] for it in asking if f'FROM "notifications_{table}"' in it["sql"]]
    assert len(asked) == 2, "one counts, one reads, and nothing looks for the first and the last"
    steps = plans(asked)
    assert max(step["Actual Rows"] * step["Actual Loops"] for step in steps) <= counted
    assert not any("Sort" in step["Node Type"] for step in steps)
    assert any("Index" in step["Node Type"] for step in steps)


def test_readers_whose_masked_addresses_are_the_same_are_told_apart(staff: Client) -> None:
    accord = world.an_accord()
    readers = [a_reader(f"r{number}@example.org", accord) for number in (1, 2)]
    shown = staff.get("/admin/notifications/subscriber/").content.decode()
    assert all(f"r…@example.org · {reader.pk}</a>" in shown for reader in readers)
    world.some_evidence(world.a_commitment(accord))
    one_round()
    mail = Delivery.objects.filter(kind="alert").first()
    assert mail is not None
    page = staff.get(f"{DELIVERIES}{mail.pk}/change/").content.decode()
    assert re.search(r"TST-1: evidence added \(\d+\)", page)
    assert re.search(r"\d+ \w+ \d{4}, \d\d:\d\d UTC", page)
