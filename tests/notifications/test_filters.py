"""Saved filters: they hold for what their page shows, however many there are, and nobody follows too many."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commitments.models import Accord
from notifications import links, scopes, subscribing
from notifications.models import SavedFilter, Subscription
from tests import world
from tests.notifications.readers import NETWORK, a_reader


def many_filters(accord: Accord, number: int) -> None:
    """So many searches that differ, each followed by one reader."""
    reader = a_reader("many@example.org", accord)
    rows = [scopes.a_filter(accord, {"q": f"word{n}", "standing": "late"}) for n in range(number)]
    SavedFilter.objects.bulk_create(rows)
    now = timezone.now()
    wish: dict[str, Any] = {"subscriber": reader, "asked_at": now, "confirmed_at": now, "starts_after": 0}
    Subscription.objects.bulk_create([Subscription(saved=row, **wish) for row in rows])


def test_a_filter_brings_what_its_page_shows(db: None) -> None:
    accord, other = world.an_accord(), world.an_accord("OTH-2024")
    kept = world.a_commitment(accord)
    world.published(kept, "fulfilled", [world.some_evidence(kept)])
    late = world.a_commitment(accord, "TST-2", section="B", topics=[], kind="recurring")
    world.a_deadline(late, "2020")
    outside = world.a_commitment(other, "OTH-1")
    for of in (accord, other):
        for name, field in scopes.list_form(of, {}).fields.items():
            for code, _label in getattr(field, "choices", ()):
                if code:
                    scopes.kept(scopes.a_filter(of, {name: str(code)}))
    for asked in (
        {"q": "TST-2"},
        {"q": "do", "standing": "kept"},
        {"q": "nowhere"},
        {"party": "JPN", "part": "A", "counts": "yes"},
        {"standing": "late", "topic": "demining"},
        {"topic": "gone"},
    ):
        scopes.kept(scopes.a_filter(accord, asked))
    now = timezone.now()
    keys = [kept.pk, late.pk, outside.pk]
    held = set(scopes.that_hold(SavedFilter.objects.all(), keys, now))
    shown = {(row.pk, fits.pk) for row in SavedFilter.objects.all() for fits in scopes.fitting(row, now)}
    assert held == shown
    assert len(shown) > 20


def test_many_filters_cost_a_few_queries(db: None) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    with CaptureQueriesContext(connection) as before:
        scopes.of_commitments([commitment.pk])
    many_filters(accord, 150)
    with CaptureQueriesContext(connection) as after:
        scopes.of_commitments([commitment.pk])
    assert len(after) <= len(before) + 10


def test_nobody_follows_too_many_filters_and_the_owner_is_told_so(
    db: None, client: Client, monkeypatch: Any
) -> None:
    monkeypatch.setattr(subscribing, "FILTERS_AT_MOST", 2)
    accord = world.an_accord()
    reader = a_reader("reader@example.org", accord)
    for word in ("one", "two"):
        a_reader("reader@example.org", scopes.a_filter(accord, {"q": word}))
    third = scopes.kept(scopes.a_filter(accord, {"q": "three"}))
    subscribing.sign_up("reader@example.org", "en", third, network=NETWORK)
    wish = reader.subscriptions.get(confirmed_at=None)
    path = f"/confirm/{links.sign(links.CONFIRM, reader.uuid, wish.pk)}/"
    answer = client.post(path)
    assert answer.status_code == 409
    assert "You follow 2 filtered lists already" in answer.content.decode()
    assert not reader.subscriptions.confirmed().filter(pk=wish.pk).exists()
    subscribing.end(
        reader.uuid, subscribing.one(reader.subscriptions.filter(saved__code__contains="one").get().pk)
    )
    assert client.post(path).status_code == 200
    assert reader.subscriptions.confirmed().filter(pk=wish.pk).exists()
