"""fan_out: from the log to what is owed. Reads events after its bookmark, tells everybody of each, once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import structlog
from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from commitments import jobs
from commitments.models import Event
from commitments.sentences import facts_of
from commitments.words import EventKind, Origin
from notifications import scopes
from notifications.models import Bookmark, Notice, Unfinished
from notifications.owing import Source, held_until, tell
from notifications.telling import SORT_OF, is_news
from tracker.kit.deadlocks import again_after_deadlock

log = structlog.get_logger(__name__)
FAN_OUT = "fan_out"
# Readers per transaction, readers of one event before the next one is read, and events read at a time.
BATCH = 10_000
FIRST = 1_000
EVENTS = 500
# One turn with more news than FEW comes as one mail to each reader. AROUND: so many events before and after those that are
# read are looked at for the rest of their turns.
FEW, AROUND = 3, 100
# So many mails that are due and not sent: the sender must catch up before the many are told on, and at twice as many
# nothing new is read. Who is still to be told stands in a table, what is still to be read in the log.
BACKLOG = 1_000_000


def fan_out(seconds: float = 2.0) -> int:
    """Tells everybody of what is new, for at most about `seconds`; returns how many notices it made.

    The news are read first, each to its first readers; then those with many readers are gone on with, batch by batch.
    Twice: nothing the second time. Two at once: each goes on with something else, or returns.
    """
    until = time.monotonic() + seconds
    made = 0
    Bookmark.objects.get_or_create(name=FAN_OUT)
    waiting = how_many_wait(2 * BACKLOG)
    while waiting < 2 * BACKLOG:
        try:
            done, more = _read_on()
            made += done
            if not more and waiting < BACKLOG:
                done, more = _go_on()
                made += done
        except IntegrityError:
            # Somebody was erased between our reading and our commit: nothing was written, the batch is read again.
            log.warning("fan_out_again")
            more = True
        if not more or time.monotonic() >= until:
            break
    jobs.looked(FAN_OUT, timezone.now(), made=made)
    return made


def how_many_wait(most: int) -> int:
    """How many alerts are due and not sent, counted up to `most` (back-pressure)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT 1 FROM notifications_delivery WHERE state = 'waiting'"
            " AND kind IN ('alert', 'many') AND next_attempt_at <= statement_timestamp() LIMIT %s) AS due",
            [most],
        )
        return int(cursor.fetchone()[0])


# Open digests are locked by the readers of one source after those of another, and reminders lock the same ones.
@again_after_deadlock
@transaction.atomic
def _read_on() -> tuple[int, bool]:
    """One transaction: the events after the bookmark, as long as BATCH leaves room for the first readers of one more;
    whether there may be more."""
    mark = Bookmark.objects.select_for_update(skip_locked=True).filter(name=FAN_OUT).first()
    if mark is None:
        return 0, False
    # The log's numbers become visible in order, without gaps: nothing can appear behind the bookmark.
    events = list(Event.objects.after(mark.seq).defer("prev_hash", "hash")[:EVENTS])
    news, crowded = _news_and_crowds(events)
    reach = scopes.of_commitments({event.commitment_id for event in news.values() if event.commitment_id})
    made, room = 0, BATCH
    for event in events:
        if event.seq in news and event.commitment_id is not None:
            if room < FIRST:
                break
            wanted = reach[event.commitment_id]
            told = tell(_source(event, event.at in crowded), wanted, 0, FIRST)
            made, room = made + told.made, room - told.reached
            if told.reached == FIRST:
                rest = {"scopes": wanted, "recipient": told.last}
                Unfinished.objects.update_or_create(number=event.seq, defaults=rest)
        mark.seq = event.seq
    if events:
        mark.save(update_fields=["seq"])
    return made, room < FIRST or len(events) == EVENTS


@again_after_deadlock
@transaction.atomic
def _go_on() -> tuple[int, bool]:
    """One transaction: the next BATCH readers of the oldest event that nobody else goes on with; whether there may be
    more."""
    it = Unfinished.objects.select_for_update(skip_locked=True).order_by("number").first()
    if it is None:
        return 0, False
    event = Event.objects.get(pk=it.number)
    _its_own, crowded = _news_and_crowds([event])
    told = tell(_source(event, event.at in crowded), it.scopes, it.recipient, BATCH)
    if told.reached < BATCH:
        it.delete()
    else:
        it.recipient = told.last
        it.save(update_fields=["recipient"])
    return told.made, True


def _source(event: Event, is_one_of_many: bool) -> Source:
    """What the clock says is so at once; what people say is held for a while, and so is one of many of a turn, until the
    others are written down beside it."""
    not_before = held_until(event.at) if event.by or is_one_of_many else event.at
    return Source(
        Notice.EVENT,
        event.seq,
        SORT_OF[event.kind],
        not_before,
        event.seq,
        is_one_of_many=is_one_of_many,
    )


def _news_and_crowds(events: Sequence[Event]) -> tuple[dict[int, Event], set[datetime]]:
    """Those of the events, one after the other in the log, that people are told of, by their numbers; and the instants of
    the turns that make more than FEW news. A turn's events follow each other and share their instant, so of one that was
    read in part the rest stands right before or after."""
    if not events:
        return {}, set()
    first, last = events[0], events[-1]
    before = Q(seq__gte=first.seq - AROUND, seq__lt=first.seq, at=first.at)
    after = Q(seq__gt=last.seq, seq__lte=last.seq + AROUND, at=last.at)
    beside = Event.objects.filter(before | after).defer("prev_hash", "hash")
    news = _news([*events, *beside])
    crowded = {at for at, many in Counter(event.at for event in news.values()).items() if many > FEW}
    return {seq: event for seq, event in news.items() if first.seq <= seq <= last.seq}, crowded


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
