"""Planning reminders: reads the log after its bookmark and writes the rungs that follow, drops those that do not."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from commitments import jobs
from commitments.models import Assessment, Deadline, Event, Heartbeat
from commitments.words import EventKind, Origin, Review
from notifications import ladder
from notifications.ladder import Rung, Subject
from notifications.models import Bookmark, Reminder, ReminderState, WhyNot

PLAN = "plan_reminders"
DRAFTS = "plan_drafts"
EVENTS = 500
# How often the judgements that wait for review are looked up: they are no public facts, the log does not tell of them.
DRAFTS_EVERY = timedelta(minutes=1)
# What may change when a date passes, or whether it still counts.
MOVING = frozenset(
    {
        EventKind.DEADLINE_SET,
        EventKind.DEADLINE_MOVED,
        EventKind.DEADLINE_MET,
        EventKind.DEADLINE_WAIVED,
        EventKind.CLOCK_PAUSED,
        EventKind.CLOCK_RESUMED,
        EventKind.TRIGGER_RECORDED,
        EventKind.TRIGGER_WITHDRAWN,
        EventKind.STATUS_PUBLISHED,
        EventKind.STATUS_RETRACTED,
        EventKind.BECAME_OVERDUE,
        EventKind.FELL_BEHIND_TARGET,
        EventKind.VERDICT_BECAME_DUE,
        EventKind.REVIEW_BECAME_DUE,
    }
)

_DROP = """
UPDATE notifications_reminder r SET state = 'dropped', settled_at = %(now)s, why = CASE
    WHEN d.closed_at IS NOT NULL THEN 'closed' WHEN d.crosses_at IS NULL THEN 'paused' ELSE 'moved' END
FROM commitments_deadline d
WHERE d.id = r.deadline_id AND r.state = 'planned' AND r.commitment_id = ANY(%(commitments)s)
  AND (d.closed_at IS NOT NULL OR d.crosses_at IS DISTINCT FROM r.about_at)
"""


def plan(now: datetime | None = None, seconds: float = 2.0) -> int:
    """Plans what the log's news asks for, for at most about `seconds`; returns how many reminders were written.

    Twice: none the second time. Two at once: the second finds the bookmark taken and returns.
    """
    now = now or timezone.now()
    until = time.monotonic() + seconds
    Bookmark.objects.get_or_create(name=PLAN)
    made = plan_drafts(now)
    while True:
        done, more = _one_batch(now)
        made += done
        if not more or time.monotonic() >= until:
            break
    jobs.looked(PLAN, timezone.now(), made=made)
    return made


@transaction.atomic
def _one_batch(now: datetime) -> tuple[int, bool]:
    mark = Bookmark.objects.select_for_update(skip_locked=True).filter(name=PLAN).first()
    if mark is None:
        return 0, False
    events = list(
        Event.objects.after(mark.seq).values_list("seq", "kind", "commitment_id", "origin", "at")[:EVENTS]
    )
    if not events:
        return 0, False
    # What was due between the news and now is late, not lost; what a file brings along begins now.
    news: dict[int, datetime] = {}
    for _seq, kind, commitment, origin, at in events:
        if kind in MOVING and commitment is not None:
            began = at if origin == Origin.LIVE else now
            news[commitment] = min(news.get(commitment, began), began)
    made = replan(news, now)
    Bookmark.objects.filter(name=PLAN).update(seq=events[-1][0])
    return made, len(events) == EVENTS


def replan(commitments: Mapping[int, datetime], now: datetime) -> int:
    """Brings the reminders of commitments up to date; rungs due before the given instant are too old to be planned.

    Returns how many were written.
    """
    if not commitments:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_DROP, {"now": now, "commitments": list(commitments)})
    rows: list[Reminder] = []
    dates = Deadline.objects.open().filter(commitment__in=commitments, crosses_at__isnull=False)
    for deadline in dates.only("commitment_id", "type", "authority", "clock", "crosses_at"):
        assert deadline.crosses_at is not None
        subject = Subject(deadline.type, deadline.authority, deadline.clock, deadline.crosses_at)
        # The rungs after the date are planned when it has passed: most dates are met before.
        rungs = ladder.ahead(subject) + (ladder.since(subject) if deadline.crosses_at <= now else [])
        began = commitments[deadline.commitment_id]
        rows += [
            Reminder(
                commitment_id=deadline.commitment_id,
                deadline=deadline,
                rung=rung.code,
                audience=audience,
                about_at=deadline.crosses_at,
                due_at=rung.at,
            )
            for rung in rungs
            if rung.at >= began
            for audience in rung.audiences
        ]
    return _write(rows)


def plan_drafts(now: datetime) -> int:
    """Plans reminders of the judgements that wait for review, at most once a minute; returns how many were written."""
    last = Heartbeat.objects.filter(name=DRAFTS).values_list("at", flat=True).first()
    if last is not None and last <= now < last + DRAFTS_EVERY:
        return 0
    jobs.looked(DRAFTS, now)
    waiting = Assessment.objects.filter(
        review=Review.SUBMITTED, submitted_at__isnull=False, publish_at__isnull=True
    )
    known = set(
        Reminder.objects.filter(assessment__in=waiting, about_at=F("assessment__submitted_at")).values_list(
            "assessment", flat=True
        )
    )
    settled = ~Q(assessment__review=Review.SUBMITTED) | Q(assessment__publish_at__isnull=False)
    Reminder.objects.planned().filter(settled, assessment__isnull=False).update(
        state=ReminderState.DROPPED, why=WhyNot.CLOSED, settled_at=now
    )
    return _write(
        [
            Reminder(
                commitment_id=draft.commitment_id,
                assessment=draft,
                rung=rung.code,
                audience=audience,
                about_at=draft.submitted_at,
                due_at=rung.at,
            )
            for draft in waiting.exclude(pk__in=known)
            if draft.submitted_at is not None
            for rung, audience in _for_each(ladder.of_draft(draft.submitted_at))
        ]
    )


def _for_each(rungs: Collection[Rung]) -> list[tuple[Rung, str]]:
    return [(rung, audience) for rung in rungs for audience in rung.audiences]


def _write(rows: list[Reminder]) -> int:
    """Writes those that are not there yet; returns how many that were."""
    if not rows:
        return 0
    before = Reminder.objects.filter(commitment__in={row.commitment_id for row in rows})
    count = before.count()
    Reminder.objects.bulk_create(rows, ignore_conflicts=True, batch_size=2000)
    return before.count() - count
