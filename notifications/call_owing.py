"""From the log to the calls that are owed: one statement for all endpoints that are behind."""

from __future__ import annotations

from django.conf import settings
from django.db import connection
from django.utils import timezone

from commitments.models import Event
from commitments.words import Origin
from notifications.models import Endpoint, SavedFilter
from notifications.scopes import that_hold

EVENTS = 500

# Everything new that an endpoint asked for, in one statement for all endpoints; the log has no gaps, so nothing can
# appear behind told_up_to. History entered later (backfill) is told to nobody, and an invented accord is nobody's news who
# did not ask for it. People read what chat rooms get: what staff published is held for them as for mails; machines get it
# at once.
_TELL = """
WITH behind AS MATERIALIZED (
    SELECT id, format, accord_id, section_id, party_id, topic_id, commitment_id, saved_id, kinds, told_up_to
    FROM notifications_endpoint WHERE state <> 'disabled' AND told_up_to < %(head)s
      AND (saved_id IS NULL OR (saved_id = ANY(%(filters)s::bigint[]) AND told_up_to <= %(last)s))
    ORDER BY told_up_to LIMIT 500 FOR UPDATE SKIP LOCKED
), owed AS (
    INSERT INTO notifications_call (id, endpoint_id, kind, number, state, created_at, next_attempt_at, attempts, crashes)
    SELECT gen_random_uuid(), b.id, 'event', e.seq, 'waiting', statement_timestamp(),
        CASE WHEN b.format = 'chat' AND e.by <> '' THEN greatest(statement_timestamp(), e.at + interval '1 s' * %(hold)s)
             ELSE statement_timestamp() END, 0, 0
    FROM behind b JOIN commitments_event e ON e.seq > b.told_up_to AND e.seq <= b.told_up_to + %(events)s
        AND e.seq <= %(head)s AND e.origin = 'live'
        AND (b.accord_id IS NULL OR e.accord_id = b.accord_id)
        AND (b.accord_id IS NOT NULL OR b.party_id IS NOT NULL OR NOT EXISTS (SELECT 1 FROM commitments_accord a
             WHERE a.id = e.accord_id AND a.is_example))
        AND (b.commitment_id IS NULL OR e.commitment_id = b.commitment_id)
        AND (b.section_id IS NULL OR EXISTS (SELECT 1 FROM commitments_commitment c
             WHERE c.id = e.commitment_id AND c.section_id = b.section_id))
        AND (b.party_id IS NULL OR EXISTS (SELECT 1 FROM commitments_participation p
             WHERE p.commitment_id = e.commitment_id AND p.party_id = b.party_id AND p.role = 'bound'))
        AND (b.topic_id IS NULL OR EXISTS (SELECT 1 FROM commitments_commitment_topics t
             WHERE t.commitment_id = e.commitment_id AND t.topic_id = b.topic_id))
        AND (b.saved_id IS NULL OR (b.saved_id, e.commitment_id) IN (
             SELECT * FROM unnest(%(saved)s::bigint[], %(fits)s::bigint[])))
        AND (cardinality(b.kinds) = 0 OR e.kind = ANY(b.kinds))
    ON CONFLICT (endpoint_id, number) DO NOTHING RETURNING 1
), moved AS (
    UPDATE notifications_endpoint p SET told_up_to = least(b.told_up_to + %(events)s, %(head)s)
    FROM behind b WHERE p.id = b.id RETURNING 1
)
SELECT (SELECT count(*) FROM owed), (SELECT count(*) FROM moved)
"""


def tell(head: int) -> tuple[int, bool]:
    """Writes down the calls about the events up to `head`; how many, and whether endpoints may still be behind."""
    filters, last, pairs = _filters(head)
    with connection.cursor() as cursor:
        cursor.execute(
            _TELL,
            {
                "head": head,
                "events": EVENTS,
                "hold": settings.ALERT_HOLD.total_seconds(),
                "filters": filters,
                "last": last,
                "saved": [saved for saved, _commitment in pairs],
                "fits": [commitment for _saved, commitment in pairs],
            },
        )
        owed, moved = cursor.fetchone()
    return int(owed), bool(moved)


def _filters(head: int) -> tuple[list[int], int, list[tuple[int, int]]]:
    """The saved filters of endpoints that are behind, the furthest of these, and which commitments with news fit.

    What is told of an endpoint that another worker moves on, or that takes another filter, waits for the next round.
    """
    rows = list(
        Endpoint.objects.listening()
        .filter(told_up_to__lt=head, saved__isnull=False)
        .values_list("saved", "told_up_to")
    )
    if not rows:
        return [], 0, []
    first, last = min(row[1] for row in rows), max(row[1] for row in rows)
    news = Event.objects.filter(
        seq__gt=first, seq__lte=min(head, last + EVENTS), origin=Origin.LIVE, commitment__isnull=False
    )
    keys = set(news.values_list("commitment", flat=True))
    filters = sorted({row[0] for row in rows})
    return filters, last, list(that_hold(SavedFilter.objects.filter(pk__in=filters), keys, timezone.now()))
