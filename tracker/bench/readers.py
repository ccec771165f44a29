"""Many readers in little time, and news for them."""

from __future__ import annotations

from django.db import connection
from django.utils import timezone

from commitments import operations
from commitments.actors import loader
from commitments.models import Accord
from commitments.operations import NewCommitment
from notifications import fanning
from notifications.models import Bookmark, Subscriber, SubscriberState, Subscription
from tracker.bench.data import run


def follow(accord: Accord, number: int, code: str = "") -> None:
    """So many confirmed readers of the accord (or of that commitment), of a hundred domains and three languages, who
    want everything at once."""
    run(
        "INSERT INTO notifications_subscriber (uuid, email, language, zone, hour, weekday, state, created_at, changed_at)"
        " SELECT gen_random_uuid(), 'r' || n || '@d' || n %% 100 || '.example',"
        " (ARRAY['en','uk','ja'])[n %% 3 + 1], 'UTC', 8, 1, 'confirmed', now(), now() FROM generate_series(1, %s) n",
        number,
    )
    run(
        "INSERT INTO notifications_subscription (subscriber_id, accord_id, commitment_id, rhythm, kinds, asked_at,"
        " confirmed_at, starts_after) SELECT p.id, a.id, c.id, 'instantly', '{}', now(), now(), 0"
        " FROM notifications_subscriber p LEFT JOIN commitments_accord a ON a.id = %s AND %s = ''"
        " LEFT JOIN commitments_commitment c ON c.code = %s",
        accord.pk,
        code,
        code,
    )
    tidy()


def an_event() -> int:
    """One piece of live news on the pattern's commitment; returns its number. Whatever was news before is read."""
    Bookmark.objects.get_or_create(name=fanning.FAN_OUT)
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(seq), 0) FROM commitments_event")
        before = int(cursor.fetchone()[0])
    Bookmark.objects.filter(name=fanning.FAN_OUT).update(seq=before)
    news_of("B-0")
    return before + 1


def news_of(code: str) -> None:
    """A word of that commitment's title is corrected."""
    words = {"title": {"en": f"Keep a promise, as said at {timezone.now()}"}}
    operations.correct_commitments({code: words}, actor=loader(), why="Clearer.")


def one_more(accord: Accord) -> int:
    """Another commitment, B-1, and the one reader who follows it; the reader's key."""
    now = timezone.now()
    terms = NewCommitment(
        code="B-1", title={"en": "Answer within a day"}, summary={"en": "Both answer."}, section="A",
        kind="deliverable", strength="firm", provenance="official_text", roles={"bound": ["AAA", "BBB"]},
    )  # fmt: skip
    (commitment,) = operations.register_commitments(accord, [terms], actor=loader())
    reader = Subscriber.objects.create(
        email="one@waits.example", state=SubscriberState.CONFIRMED, created_at=now, changed_at=now
    )
    Subscription.objects.create(
        subscriber=reader, commitment=commitment, asked_at=now, confirmed_at=now, starts_after=0
    )
    return reader.pk


def tidy() -> None:
    """The tables as they are after their nightly upkeep."""
    for table in ("subscriber", "subscription", "notice", "delivery", "attempt"):
        run(f"VACUUM ANALYZE notifications_{table}")


def forget() -> None:
    """Nothing is owed to anybody."""
    run(
        "TRUNCATE notifications_notice, notifications_attempt, notifications_delivery, notifications_bounce,"
        " notifications_unfinished CASCADE"
    )
    tidy()
