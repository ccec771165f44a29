"""prune: what nobody needs any more goes, and addresses that follow nothing are forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from commitments import jobs
from notifications import endpoints, links
from notifications.models import (
    Call,
    CallState,
    Delivery,
    DomainPause,
    Endpoint,
    Reminder,
    SavedFilter,
    SignUpCount,
    State,
    Subscriber,
    SubscriberState,
    Subscription,
    Try,
)
from notifications.subscribing import erase_rows
from tracker.kit.deadlocks import again_after_deadlock

PRUNE = "prune"
KEEP_DELIVERIES = timedelta(days=90)
KEEP_UNCONFIRMED = timedelta(seconds=links.CONFIRM_SECONDS)
KEEP_IDLE = timedelta(days=30)
# A rung must not be planned again while the ladder of its date still has rungs to come.
KEEP_REMINDERS = timedelta(days=1100)
KEEP_COUNTS = timedelta(days=2)
BATCH = 5000

_OLD = """
WITH old AS MATERIALIZED (
    SELECT id FROM notifications_delivery WHERE settled_at < %(before)s AND state <> 'quarantined'
    ORDER BY settled_at LIMIT %(batch)s FOR UPDATE SKIP LOCKED
), tries AS (DELETE FROM notifications_attempt a USING old WHERE a.delivery_id = old.id),
notices AS (DELETE FROM notifications_notice n USING old WHERE n.delivery_id = old.id)
DELETE FROM notifications_delivery d USING old WHERE d.id = old.id
"""


def prune(now: datetime | None = None) -> int:
    """One pass of cleaning as of `now` (UTC); returns how many deliveries and subscribers went."""
    now = now or timezone.now()
    gone = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_OLD, {"before": now - KEEP_DELIVERIES, "batch": BATCH})
            done = int(cursor.rowcount)
        gone += done
        if done < BATCH:
            break
    gone += _old_calls(now - KEEP_DELIVERIES)
    endpoints.tend_secrets(now)
    SignUpCount.objects.filter(since__lt=now - KEEP_COUNTS).delete()
    # A question may have been put off for days, or wait still: its link works from when it was sent.
    still_works = Delivery.objects.filter(
        Q(settled_at__gt=now - KEEP_UNCONFIRMED) | Q(state__in=[State.WAITING, State.CLAIMED]),
        subscription=OuterRef("pk"),
    )
    _remove(
        Subscription.objects.live().filter(
            ~Exists(still_works), confirmed_at__isnull=True, asked_at__lt=now - KEEP_UNCONFIRMED
        )
    )
    Subscription.objects.filter(ended_at__lt=now - KEEP_DELIVERIES).delete()
    followed = Exists(Subscription.objects.filter(saved=OuterRef("pk")))
    _remove(SavedFilter.objects.exclude(followed | Exists(Endpoint.objects.filter(saved=OuterRef("pk")))))
    Reminder.objects.filter(settled_at__lt=now - KEEP_REMINDERS).delete()
    DomainPause.objects.filter(until__lt=now - KEEP_COUNTS).delete()
    gone += _forget_idle(now)
    jobs.looked(PRUNE, now, gone=gone)
    return gone


@transaction.atomic
def _remove(rows: QuerySet[Any]) -> None:
    """Removes those that nobody holds: who signs up just now holds what they will follow. They are looked at once more
    when we hold them, since somebody may have come between our look and our hold."""
    keys = list(rows.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True))
    rows.filter(pk__in=keys).delete()


def _old_calls(before: datetime) -> int:
    """Removes webhooks that have been over since before that, with their tries; what needs a person stays."""
    gone = 0
    while True:
        old = Call.objects.filter(settled_at__lt=before).exclude(state=CallState.QUARANTINED)
        keys = list(old.values_list("pk", flat=True)[:BATCH])
        Try.objects.filter(call__in=keys).delete()
        Call.objects.filter(pk__in=keys).delete()
        gone += len(keys)
        if len(keys) < BATCH:
            return gone


@again_after_deadlock
@transaction.atomic
def _forget_idle(now: datetime) -> int:
    """Erases addresses that nobody confirmed in time, and those that have followed nothing for a month."""
    live = Subscription.objects.live().filter(subscriber=OuterRef("pk"))
    idle = Subscriber.objects.filter(~Exists(live), user__isnull=True).select_for_update(
        skip_locked=True, of=("self",)
    )
    keys = [
        *idle.filter(state=SubscriberState.PENDING, changed_at__lt=now - KEEP_UNCONFIRMED).values_list(
            "pk", flat=True
        )[:BATCH],
        *idle.filter(state=SubscriberState.CONFIRMED, changed_at__lt=now - KEEP_IDLE).values_list(
            "pk", flat=True
        )[:BATCH],
    ]
    if keys:
        erase_rows(keys, now)
    return len(keys)
