"""Which of what is due a claim takes: the oldest, with turns for every domain, and one of those that failed us before."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db import connection

from notifications.models import Kind

# How many of the oldest are looked at for each that is taken, and at least so many: each of them is locked for a moment.
WINDOW, LEAST = 2, 50

# Keys first, in a step of their own: the planner must not be tempted to join the whole table to them. Of the oldest few
# hundred every domain gets its turn, and a domain that puts everything off is left alone. A digest that is claimed takes
# no more news.
#
# Where more is due than that, the oldest may all be of a few large domains. Then other domains get up to half of the
# places: the next ones by name after `from`, one step down an index for each (delivery_by_domain), however many mails
# there are; the claim after this one goes on where it ended, or begins anew.
_CLAIM = """
WITH RECURSIVE oldest AS MATERIALIZED (
    SELECT id, next_attempt_at, domain FROM notifications_delivery
    WHERE state = 'waiting' AND kind = %(kind)s AND next_attempt_at <= statement_timestamp() AND crashes = 0
      AND NOT domain = ANY(%(avoid)s::text[])
    ORDER BY next_attempt_at LIMIT %(window)s FOR UPDATE SKIP LOCKED
), named(domain, place) AS (
    SELECT %(from)s::text, 0 WHERE (SELECT count(*) FROM oldest) = %(window)s
    UNION ALL
    SELECT next.domain, n.place + 1 FROM named n CROSS JOIN LATERAL (
        SELECT d.domain::text FROM notifications_delivery d
        WHERE d.state = 'waiting' AND d.kind = %(kind)s AND d.crashes = 0 AND d.domain > n.domain
        ORDER BY d.domain, d.next_attempt_at LIMIT 1) AS next
    WHERE n.place < %(others)s
), others AS MATERIALIZED (
    SELECT d.id, d.next_attempt_at, d.domain FROM named n CROSS JOIN LATERAL (
        SELECT w.id, w.next_attempt_at, w.domain FROM notifications_delivery w
        WHERE w.state = 'waiting' AND w.kind = %(kind)s AND w.crashes = 0 AND w.domain = n.domain
          AND w.next_attempt_at <= statement_timestamp()
        ORDER BY w.next_attempt_at LIMIT greatest(1, %(others)s / (SELECT count(*) FROM named))
        FOR UPDATE SKIP LOCKED) AS d
    WHERE n.place > 0 AND NOT n.domain = ANY(%(avoid)s::text[]) AND n.domain NOT IN (SELECT o.domain FROM oldest o)
), due AS MATERIALIZED (
    SELECT id, next_attempt_at FROM (
        SELECT id, next_attempt_at, is_old, row_number() OVER (PARTITION BY domain ORDER BY next_attempt_at) AS turn
        FROM (SELECT *, true AS is_old FROM oldest UNION ALL SELECT *, false FROM others) AS found
    ) AS by_turns ORDER BY turn, is_old, next_attempt_at LIMIT %(limit)s
), taken AS (
    UPDATE notifications_delivery d SET state = 'claimed', is_open = false, token = %(token)s,
        lease_until = statement_timestamp() + %(lease)s::interval, started_at = NULL
    FROM due WHERE d.id = due.id RETURNING d.id, due.next_attempt_at
)
SELECT id, (SELECT domain FROM named WHERE place = %(others)s) FROM taken ORDER BY next_attempt_at, id
"""

# One that a worker did not survive, or could not write: it goes last in a claim, and alone, so that it takes nobody with
# it if it does the same again.
_CLAIM_SUSPECT = """
WITH due AS MATERIALIZED (
    SELECT id FROM notifications_delivery
    WHERE state = 'waiting' AND crashes > 0 AND next_attempt_at <= statement_timestamp()
      AND NOT domain = ANY(%(avoid)s::text[])
    ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE notifications_delivery d SET state = 'claimed', is_open = false, token = %(token)s,
    lease_until = statement_timestamp() + %(lease)s::interval, started_at = NULL
FROM due WHERE d.id = due.id RETURNING d.id
"""

# The domain of each kind at which the last claim of this process stopped naming those beside the oldest.
_named: dict[Kind, str] = {}


def in_turns(kind: Kind, share: int, how: Mapping[str, Any]) -> list[uuid.UUID]:
    """Takes up to `share` due deliveries of a kind; `how` has the domains to `avoid`, the `token` and the `lease`."""
    if share <= 0:
        return []
    values = {
        **how,
        "kind": str(kind),
        "limit": share,
        "window": max(WINDOW * share, LEAST),
        "others": max(1, share // 2),
        "from": _named.get(kind, ""),
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        rows = cursor.fetchall()
    _named[kind] = rows[0][1] or "" if rows else ""
    return [row[0] for row in rows]


def a_suspect(how: Mapping[str, Any]) -> list[uuid.UUID]:
    """Takes one due delivery that failed us before, or none."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM_SUSPECT, how)
        return [row[0] for row in cursor.fetchall()]
