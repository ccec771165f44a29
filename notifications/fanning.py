"""fan_out: from the log to what is owed. Reads events after its bookmark, writes a notice and a delivery each, once."""

from __future__ import annotations

import time
from collections.abc import Sequence

import structlog
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from commitments.models import Event, Heartbeat
from commitments.sentences import facts_of
from commitments.words import EventKind, Origin
from notifications.models import Bookmark
from notifications.telling import TOLD

log = structlog.get_logger(__name__)
FAN_OUT = "fan_out"
# Rows per transaction, and events read at a time.
BATCH = 10_000
EVENTS = 500

# One event, one batch of recipients in the order of their keys. Each half walks one index from the last recipient
# on, so the batch costs what it holds, however many follow. Who was told before gets nothing (notice_once).
_TELL = """
WITH reached AS MATERIALIZED (
    SELECT subscriber_id FROM (
        (SELECT subscriber_id FROM notifications_subscription
         WHERE accord_id = %(accord)s AND commitment_id IS NULL AND ended_at IS NULL
           AND confirmed_at IS NOT NULL AND starts_after < %(seq)s AND subscriber_id > %(last)s
         ORDER BY subscriber_id LIMIT %(batch)s)
        UNION
        (SELECT subscriber_id FROM notifications_subscription
         WHERE commitment_id = %(commitment)s AND ended_at IS NULL
           AND confirmed_at IS NOT NULL AND starts_after < %(seq)s AND subscriber_id > %(last)s
         ORDER BY subscriber_id LIMIT %(batch)s)
    ) AS both_ways ORDER BY subscriber_id LIMIT %(batch)s
), noticed AS (
    INSERT INTO notifications_notice (subscriber_id, source, number, delivery_id)
    SELECT subscriber_id, 'event', %(seq)s, gen_random_uuid() FROM reached
    ON CONFLICT (subscriber_id, source, number) DO NOTHING
    RETURNING subscriber_id, delivery_id
), owed AS (
    INSERT INTO notifications_delivery
        (id, kind, subscriber_id, state, why, created_at, next_attempt_at, attempts, crashes)
    SELECT delivery_id, 'alert', subscriber_id, 'waiting', '',
           statement_timestamp(), statement_timestamp(), 0, 0 FROM noticed
    RETURNING 1
)
SELECT (SELECT count(*) FROM reached), (SELECT max(subscriber_id) FROM reached), (SELECT count(*) FROM owed)
"""


def fan_out(seconds: float = 2.0) -> int:
    """Tells everybody of what is new, for at most about `seconds`; returns how many deliveries it made.

    Twice: nothing the second time. Two at once: the second finds the bookmark taken and returns.
    """
    until = time.monotonic() + seconds
    made = 0
    Bookmark.objects.get_or_create(name=FAN_OUT)
    while True:
        try:
            done, more = _one_batch()
        except IntegrityError:
            # Somebody was erased between our reading and our commit: nothing was written, the batch is read again.
            log.warning("fan_out_again")
            done, more = 0, True
        made += done
        if not more or time.monotonic() >= until:
            break
    Heartbeat.objects.update_or_create(name=FAN_OUT, defaults={"at": timezone.now(), "found": {"made": made}})
    return made


@transaction.atomic
def _one_batch() -> tuple[int, bool]:
    """One transaction: the events after the bookmark until BATCH recipients are reached; whether there may be more."""
    mark = Bookmark.objects.select_for_update(skip_locked=True).filter(name=FAN_OUT).first()
    if mark is None:
        return 0, False
    # The log's numbers become visible in order, without gaps: nothing can appear behind the bookmark.
    events = list(Event.objects.after(mark.seq).defer("prev_hash", "hash")[:EVENTS])
    told_elsewhere = _shown_with_a_status(
        [event for event in events if event.kind == EventKind.EVIDENCE_ADDED]
    )
    made, room = 0, BATCH
    for event in events:
        is_news = event.origin == Origin.LIVE and event.kind in TOLD and event.seq not in told_elsewhere
        if is_news and event.commitment_id is not None:
            reached, last, owed = _tell(event, mark.recipient, room)
            made, room = made + owed, room - reached
            if room <= 0:
                mark.recipient = last
                break
        mark.seq, mark.recipient = event.seq, 0
    if events:
        mark.save(update_fields=["seq", "recipient"])
    return made, room <= 0 or len(events) == EVENTS


def _tell(event: Event, last: int, room: int) -> tuple[int, int, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            _TELL,
            {
                "seq": event.seq,
                "accord": event.accord_id,
                "commitment": event.commitment_id,
                "last": last,
                "batch": room,
            },
        )
        reached, highest, owed = cursor.fetchone()
        return int(reached), int(highest or 0), int(owed)


def _shown_with_a_status(added: Sequence[Event]) -> set[int]:
    """The evidence events whose own turn published a status that rests on them: the status mail shows them."""
    if not added:
        return set()
    statuses = Event.objects.filter(
        kind=EventKind.STATUS_PUBLISHED,
        commitment__in={event.commitment_id for event in added},
        at__in={event.at for event in added},
    ).values_list("commitment_id", "at", "body")
    listed = {
        (commitment, at, code)
        for commitment, at, body in statuses
        for code in facts_of(body).get("evidence", [])
    }
    return {
        event.seq
        for event in added
        if (event.commitment_id, event.at, facts_of(event.body).get("evidence")) in listed
    }
