"""The probes: alive is one thing, able to serve another, and what stands still behind is told in the body."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client

from commitments.log import head
from commitments.models import Heartbeat
from notifications.models import Line
from tests import world
from tests.servers import FreshDatabase


@pytest.mark.django_db
def test_the_body_tells_what_stands_still_and_the_process_serves_all_the_same() -> None:
    world.an_accord()
    client = Client()
    fresh = client.get("/readyz")
    assert fresh.status_code == 200
    body = fresh.json()
    assert (body["last_scan_seconds"], body["last_fan_out_seconds"]) == (None, None)
    assert body["late"] == [
        "scan",
        "publish_planned",
        "draw_occurrences",
        "write_checkpoint",
        "prune_answers",
        "fan_out",
        "plan_reminders",
        "remind",
        "deliver",
        "call",
        "collect_bounces",
        "prune",
    ]
    assert body["oldest_waiting_mail_seconds"] == 0
    assert body["sending"] == "on"
    assert body["log_head"] == head().cursor
    now = datetime.now(UTC)
    ages = (
        ("scan", 3),
        ("fan_out", 4),
        ("plan_reminders", 5),
        ("remind", 500),
        ("deliver", 600),
        ("call", 5),
        ("publish_planned", 61),
        ("draw_occurrences", 10_700),
        ("write_checkpoint", 3700),
        ("prune_answers", 10_900),
        ("collect_bounces", 500),
        ("prune", 11_000),
    )
    for name, seconds in ages:
        Heartbeat.objects.create(name=name, at=now - timedelta(seconds=seconds))
    later = client.get("/readyz").json()
    assert 3 <= later["last_scan_seconds"] < 60
    assert 4 <= later["last_fan_out_seconds"] < 60
    assert 600 <= later["last_deliver_seconds"] < 660
    assert later["late"] == ["publish_planned", "prune_answers", "remind", "deliver", "prune"]
    assert (later["mail_server_down"], later["bounce_mailbox_down"]) == (False, False)
    Line.objects.create(name="mailbox", down_since=now)
    mailbox_down = client.get("/readyz").json()
    assert (mailbox_down["mail_server_down"], mailbox_down["bounce_mailbox_down"]) == (False, True)


def test_without_its_database_a_process_lives_and_cannot_serve(
    fresh_db: FreshDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client()
    assert client.get("/readyz").status_code == 200
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "NAME", "there_is_no_such_database")
    try:
        assert client.get("/livez").status_code == 200
        away = client.get("/readyz")
        assert away.status_code == 503
        assert away.headers["Retry-After"] == "5"
        assert "there_is_no_such_database" not in away.content.decode()
        feed = client.get("/api/v1/accords/")
        assert feed.status_code == 503
        assert feed.headers["Content-Type"] == "application/problem+json"
        assert "there_is_no_such_database" not in feed.content.decode()
    finally:
        connection.close()
        monkeypatch.undo()
    assert client.get("/readyz").status_code == 200


def test_a_probe_needs_no_host_name_no_session_and_no_language(db: None) -> None:
    for address in ("/livez", "/readyz"):
        answer = Client().get(address, headers={"host": "10.0.0.7:8000"})
        assert answer.status_code == 200
        assert not answer.cookies
        assert answer.headers["Cache-Control"] == "no-store"
