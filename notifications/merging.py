"""Late reminders about the same thing to the same person: an earlier one yields to a later one that is sure to go."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

# Of the reminders in some deliveries the later ones about the same thing that the same person is owed: in these
# deliveries, or in another that is with a worker or due, and is wanted by itself: its own subscription is active, or it
# goes to staff (whose office is looked at by whoever asks). Keys and few rungs of one date: all lookups.
_LATER = """
SELECT n.subscriber_id, n.number, s.id, d.id = ANY(%(ids)s), d.kind, p.user_id
FROM notifications_notice n
JOIN notifications_reminder r ON r.id = n.number
JOIN notifications_reminder s ON (s.deadline_id = r.deadline_id OR s.assessment_id = r.assessment_id)
    AND s.about_at = r.about_at AND (s.due_at, s.id) > (r.due_at, r.id)
    AND (s.state = 'told' OR (s.state = 'planned' AND s.told_up_to > 0))
JOIN notifications_notice m ON m.subscriber_id = n.subscriber_id AND m.source = 'reminder' AND m.number = s.id
JOIN notifications_delivery d ON d.id = m.delivery_id
JOIN notifications_subscriber p ON p.id = m.subscriber_id
WHERE n.delivery_id = ANY(%(ids)s) AND n.source = 'reminder' AND (d.id = ANY(%(ids)s) OR (
    (d.state = 'claimed' OR (d.state = 'waiting' AND d.kind <> 'digest'
        AND d.next_attempt_at <= statement_timestamp()))
    AND (d.kind = 'duty' OR (p.state = 'confirmed' AND EXISTS (
        SELECT 1 FROM notifications_subscription w
        WHERE w.id = ANY(m.wishes) AND w.ended_at IS NULL AND w.confirmed_at IS NOT NULL AND w.paused_at IS NULL)))))
"""


@dataclass(frozen=True, slots=True)
class Later:
    """A later reminder by its key, the kind of its delivery, and the user that its reader is, if any; `is_here` when that
    delivery is among those that are looked through."""

    number: int
    is_here: bool
    kind: str
    user: int | None


def later_ones(deliveries: Sequence[uuid.UUID]) -> dict[tuple[int, int], list[Later]]:
    """By subscriber and reminder, of these deliveries, what the same person is owed of the same thing later. Whether it
    is still true, and its office still held, is for the caller to ask."""
    found: dict[tuple[int, int], list[Later]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_LATER, {"ids": list(deliveries)})
        for subscriber, number, *later in cursor.fetchall():
            found[subscriber, number].append(Later(*later))
    return dict(found)
