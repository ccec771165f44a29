"""The gauges for a monitor, and the banner for staff: a dead scanner or sender is seen from outside within a minute."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from commitments import jobs
from commitments.models import Heartbeat
from notifications import calling, delivering, fanning
from notifications.models import Delivery, Home, Line
from tests import world
from tests.notifications.readers import a_reader
from tests.servers import FreshDatabase
from tests.sinks import SmtpSink
from tracker.kit.briefly import forget_all

TOKEN = "a-token-of-at-least-thirty-two-letters"


def gauges(client: Client) -> dict[str, float]:
    """The gauges as Prometheus reads them, `name{label}` -> value."""
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    found = {}
    for family in text_string_to_metric_families(answer.content.decode()):
        for sample in family.samples:
            label = "".join(f"{{{value}}}" for value in sample.labels.values())
            found[sample.name + label] = sample.value
    return found


def test_strangers_find_no_such_page(db: None, client: Client, settings: Any) -> None:
    assert client.get("/metrics").status_code == 404
    settings.METRICS_TOKEN = TOKEN
    for said in ("", "Bearer", "Bearer ", f"Bearer {TOKEN}x", TOKEN, "Bearer é"):
        assert client.get("/metrics", headers={"Authorization": said}).status_code == 404
    assert client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
    settings.METRICS_LOOPBACK = True
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 404
    for address in ("192.0.2.1", "", "nonsense"):
        assert client.get("/metrics", REMOTE_ADDR=address).status_code == 404


def test_the_gauges_say_what_the_tables_say(
    db: None, client: Client, settings: Any, smtp_sink: SmtpSink
) -> None:
    settings.METRICS_TOKEN = TOKEN
    accord = world.an_accord()
    a_reader("reader@example.org", accord)
    world.some_evidence(world.a_commitment(accord))
    fanning.fan_out()
    ago = timezone.now() - timedelta(seconds=90)
    Delivery.objects.update(next_attempt_at=ago)
    before = gauges(client)
    assert before["accord_mails{waiting}"] == 1
    assert 90 <= before["accord_oldest_mail_seconds"] < 120
    assert before["accord_subscribers{confirmed}"] == 1
    assert before["accord_webhooks{quarantined}"] == 0
    assert before["accord_mail_server_down"] == before["accord_sending_held_back"] == 0
    delivering.deliver(20)
    calling.deliver(20)
    Home.objects.update(place="elsewhere")
    Line.objects.create(name="email", down_since=ago)
    Heartbeat.objects.filter(name="deliver").update(at=ago)
    after = gauges(client)
    assert after["accord_mails{waiting}"] == after["accord_oldest_mail_seconds"] == 0
    assert 90 <= after["accord_last_look_seconds{deliver}"] < 120
    assert after["accord_last_look_seconds{call}"] < 30
    assert after["accord_mail_server_down"] == after["accord_sending_held_back"] == 1


def test_without_the_database_there_are_no_gauges_and_no_trace(
    fresh_db: FreshDatabase, client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.METRICS_TOKEN = TOKEN
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "NAME", "there_is_no_such_database")
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.content) == (503, b"")
    connection.close()


def test_staff_see_on_every_page_what_stands_still_and_nobody_else_does(db: None, client: Client) -> None:
    page = "/admin/commitments/commitment/"
    Heartbeat.objects.bulk_create(Heartbeat(name=name, at=timezone.now()) for name in jobs.ALL)
    client.force_login(world.a_person("viewer"))
    assert "stands still" not in client.get(page).content.decode()
    Heartbeat.objects.filter(name="scan").update(at=timezone.now() - timedelta(minutes=2))
    forget_all()
    shown = client.get(page).content.decode()
    assert shown.count("Something stands still. The clock looked: 2 minutes ago") == 1
    assert client.get("/admin/").content.decode().count("Something stands still") == 1
    Heartbeat.objects.update(at=timezone.now())
    Home.objects.create(place="elsewhere", since=timezone.now())
    forget_all()
    assert "resume_sending" in client.get(page).content.decode()
    with CaptureQueriesContext(connection) as queries:
        assert "resume_sending" in client.get(page).content.decode()
    said = " ".join(query["sql"] for query in queries)
    assert "notifications_" not in said, "the banner is read once for many pages"
    assert "commitments_heartbeat" not in said
    client.logout()
    assert "resume_sending" not in client.get("/admin/login/").content.decode()
