"""fan_out: from the log to what is owed. Reads events after its bookmark, tells everybody of each, once."""

from __future__ import annotations

import time
from collections.abc import Sequence

import structlog
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from commitments import jobs
from commitments.models import Event
from commitments.sentences import facts_of
from commitments.words import EventKind, Origin
from notifications import scopes
from notifications.models import Bookmark, Notice
from notifications.owing import Source, held_until, tell
from notifications.telling import SORT_OF, is_news

log = structlog.get_logger(__name__)
FAN_OUT = "fan_out"
# Rows per transaction, and events read at a time.
BATCH = 10_000
EVENTS = 500
# So many mails that are due and not sent: the sender must catch up first. The log remembers what is still to be told.
BACKLOG = 1_000_000


def fan_out(seconds: float = 2.0) -> int:
    """Tells everybody of what is new, for at most about `seconds`; returns how many notices it made.

    Twice: nothing the second time. Two at once: the second finds the bookmark taken and returns.
    """
    until = time.monotonic() + seconds
    made = 0
    Bookmark.objects.get_or_create(name=FAN_OUT)
    while not is_behind():
        try:
            done, more = _one_batch()
        except IntegrityError:
            # Somebody was erased between our reading and our commit: nothing was written, the batch is read again.
            log.warning("fan_out_again")
            done, more = 0, True
        made += done
        if not more or time.monotonic() >= until:
            break
    jobs.looked(FAN_OUT, timezone.now(), made=made)
    return made


def is_behind(backlog: int = 0) -> bool:
    """Whether so many alerts are due that no more should be written down now (back-pressure)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM notifications_delivery WHERE state = 'waiting' AND kind = 'alert'"
            " AND next_attempt_at <= statement_timestamp() OFFSET %s)",
            [backlog or BACKLOG],
        )
        return bool(cursor.fetchone()[0])


@transaction.atomic
def _one_batch() -> tuple[int, bool]:
    """One transaction: the events after the bookmark until BATCH recipients are reached; whether there may be more."""
    mark = Bookmark.objects.select_for_update(skip_locked=True).filter(name=FAN_OUT).first()
    if mark is None:
        return 0, False
    # The log's numbers become visible in order, without gaps: nothing can appear behind the bookmark.
    events = list(Event.objects.after(mark.seq).defer("prev_hash", "hash")[:EVENTS])
    news = _news(events)
    reach = scopes.of_commitments({event.commitment_id for event in news.values() if event.commitment_id})
    made, room = 0, BATCH
    for event in events:
        if event.seq in news and event.commitment_id is not None:
            # What the clock says is so at once; what people say is held for a while.
            not_before = held_until(event.at) if event.by else event.at
            source = Source(Notice.EVENT, event.seq, SORT_OF[event.kind], not_before, event.seq)
            told = tell(source, reach[event.commitment_id], mark.recipient, room)
            made, room = made + told.made, room - told.reached
            if room <= 0:
                mark.recipient = told.last
                break
        mark.seq, mark.recipient = event.seq, 0
    if events:
        mark.save(update_fields=["seq", "recipient"])
    return made, room <= 0 or len(events) == EVENTS


def _news(events: Sequence[Event]) -> dict[int, Event]:
    """Those of the events that people are told of, by their numbers."""
    live = [event for event in events if event.origin == Origin.LIVE and event.commitment_id is not None]
    told_elsewhere = _shown_with_a_status([event for event in live if event.kind == EventKind.EVIDENCE_ADDED])
    return {
        event.seq: event
        for event in live
        if event.seq not in told_elsewhere and is_news(event.kind, facts_of(event.body))
    }


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
