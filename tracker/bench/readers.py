"""Many readers in little time, and news for them."""

from __future__ import annotations

from django.db import connection

from commitments import operations
from commitments.actors import loader
from commitments.models import Accord, Commitment
from notifications import fanning
from notifications.models import Bookmark
from tracker.bench.data import run


def follow(accord: Accord, number: int) -> None:
    """So many confirmed readers of the accord, of a hundred domains and three languages, who want everything at once."""
    run(
        "INSERT INTO notifications_subscriber (uuid, email, language, zone, hour, weekday, state, created_at, changed_at)"
        " SELECT gen_random_uuid(), 'r' || n || '@d' || n %% 100 || '.example',"
        " (ARRAY['en','uk','ja'])[n %% 3 + 1], 'UTC', 8, 1, 'confirmed', now(), now() FROM generate_series(1, %s) n",
        number,
    )
    run(
        "INSERT INTO notifications_subscription (subscriber_id, accord_id, rhythm, kinds, asked_at, confirmed_at,"
        " starts_after) SELECT id, %s, 'instantly', '{}', now(), now(), 0 FROM notifications_subscriber",
        accord.pk,
    )
    tidy()


def an_event() -> int:
    """One piece of live news on the pattern's commitment; returns its number. Whatever was news before is read."""
    Bookmark.objects.get_or_create(name=fanning.FAN_OUT)
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(seq), 0) FROM commitments_event")
        before = int(cursor.fetchone()[0])
    Bookmark.objects.filter(name=fanning.FAN_OUT).update(seq=before, recipient=0)
    commitment = Commitment.objects.get(code="B-0")
    operations.correct_commitments(
        {commitment.code: {"title": {"en": f"Keep a promise, word {before}"}}}, actor=loader(), why="Clearer."
    )
    return before + 1


def tidy() -> None:
    """The tables as they are after their nightly upkeep."""
    for table in ("subscriber", "subscription", "notice", "delivery", "attempt"):
        run(f"VACUUM ANALYZE notifications_{table}")


def forget() -> None:
    """Nothing is owed to anybody."""
    run(
        "TRUNCATE notifications_notice, notifications_attempt, notifications_delivery, notifications_bounce CASCADE"
    )
    tidy()
