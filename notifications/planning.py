"""Planning reminders: reads the log after its bookmark and writes the rungs that follow, drops those that do not."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from commitments import jobs
from commitments.models import Assessment, Deadline, Event, Heartbeat
from commitments.operations.keeping import zones_of
from commitments.sentences import facts_of
from commitments.words import EventKind, Origin, Review
from notifications import ladder
from notifications.ladder import Rung, Subject
from notifications.models import Bookmark, Reminder, ReminderState, Unplanned, WhyNot

PLAN = "plan_reminders"
DRAFTS = "plan_drafts"
EVENTS = 500
# How often the judgements that wait for review are looked up: they are no public facts, the log does not tell of them.
DRAFTS_EVERY = timedelta(minutes=1)
# That a date has passed. It may have passed long before the clock looked.
PASSING = frozenset(
    {
        EventKind.BECAME_OVERDUE,
        EventKind.FELL_BEHIND_TARGET,
        EventKind.VERDICT_BECAME_DUE,
        EventKind.REVIEW_BECAME_DUE,
    }
)
# What may move the instant at which a date passes: of one date, or of all dates of a commitment.
OF_ONE = frozenset({EventKind.DEADLINE_SET, EventKind.DEADLINE_MOVED})
OF_ALL = frozenset(
    {
        EventKind.CLOCK_PAUSED,
        EventKind.CLOCK_RESUMED,
        EventKind.TRIGGER_RECORDED,
        EventKind.TRIGGER_WITHDRAWN,
        EventKind.STATUS_RETRACTED,
    }
)
MOVING = (
    PASSING
    | OF_ONE
    | OF_ALL
    | {EventKind.DEADLINE_MET, EventKind.DEADLINE_WAIVED, EventKind.STATUS_PUBLISHED}
)
# So much later than the date itself the first rung after it may have been missed.
SOON = timedelta(hours=1)
# What cannot be planned is tried again after a minute, then after two, four ... at last every hour.
FIRST_AGAIN, LAST_AGAIN = timedelta(minutes=1), timedelta(hours=1)
AT_ONCE = 50

log = structlog.get_logger(__name__)

# The rungs that stand in the ladders as they are now: of each, its date and the audience.
_RUNGS = """unnest(%(deadlines)s::bigint[], %(abouts)s::timestamptz[], %(rungs)s::text[], %(audiences)s::text[])
    AS u(deadline, about, rung, audience)"""
_DROP = f"""
UPDATE notifications_reminder r SET state = 'dropped', settled_at = %(now)s, why = CASE
    WHEN d.closed_at IS NOT NULL THEN 'closed' WHEN d.crosses_at IS NULL THEN 'paused'
    WHEN d.crosses_at <> r.about_at THEN 'moved' ELSE 'needless' END
FROM commitments_deadline d
WHERE d.id = r.deadline_id AND r.state = 'planned' AND r.commitment_id = ANY(%(owners)s)
  AND (d.closed_at IS NOT NULL OR d.crosses_at IS DISTINCT FROM r.about_at
    OR (r.audience <> 'one' AND NOT EXISTS (
        SELECT 1 FROM {_RUNGS}
        WHERE u.deadline = r.deadline_id AND u.about = r.about_at AND u.rung = r.rung AND u.audience = r.audience)))
"""  # noqa: S608  (made of this file's own constants)
_ADD = """
INSERT INTO notifications_reminder
    (commitment_id, deadline_id, about_at, rung, audience, due_at, state, why, told_up_to, scopes)
SELECT *, 'planned', '', 0, '{}' FROM unnest(%(commitments)s::bigint[], %(deadlines)s::bigint[],
    %(abouts)s::timestamptz[], %(rungs)s::text[], %(audiences)s::text[], %(dues)s::timestamptz[])
ON CONFLICT DO NOTHING
"""
# A date that returns to where it stood finds its rungs dropped: those that are still ahead are planned again, and what
# somebody has asked to be reminded of. A step of its own: to insert with DO UPDATE would lock rows that are being told.
_REVIVE = """
UPDATE notifications_reminder r SET state = 'planned', why = '', settled_at = NULL, due_at = u.due
FROM unnest(%(deadlines)s::bigint[], %(abouts)s::timestamptz[], %(rungs)s::text[], %(audiences)s::text[],
    %(dues)s::timestamptz[]) AS u(deadline, about, rung, audience, due)
WHERE r.state = 'dropped' AND r.deadline_id = u.deadline AND r.about_at = u.about AND r.rung = u.rung
  AND r.audience = u.audience
"""
_REVIVE_ASKED = """
UPDATE notifications_reminder r SET state = 'planned', why = '', settled_at = NULL
FROM unnest(%(owners)s::bigint[], %(began)s::timestamptz[]) AS c(id, began), commitments_deadline d
WHERE d.commitment_id = c.id AND d.closed_at IS NULL AND r.deadline_id = d.id AND r.about_at = d.crosses_at
  AND r.state = 'dropped' AND r.audience = 'one' AND r.due_at >= c.began
"""


def plan(now: datetime | None = None, seconds: float = 2.0) -> int:
    """Plans what the log's news asks for, for at most about `seconds`; returns how many reminders were written.

    Twice: none the second time. Two at once: the second finds the bookmark taken and returns.
    """
    now = now or timezone.now()
    until = time.monotonic() + seconds
    Bookmark.objects.get_or_create(name=PLAN)
    made = 0
    try:
        made += plan_drafts(now)
    finally:
        # Dates do not wait for drafts; what drafts raise is raised, and the job has not looked.
        made += _try_again(now)
        while True:
            done, more = _one_batch(now)
            made += done
            if not more or time.monotonic() >= until:
                break
    jobs.looked(PLAN, timezone.now(), made=made)
    return made


@dataclass(slots=True)
class Began:
    """From when on (UTC) the rungs of a commitment are wanted: earlier ones are too old. Of a date that has passed
    unseen, by its number, from when it did."""

    at: datetime
    passed: dict[int, datetime] = field(default_factory=dict)

    def of(self, deadline: Deadline) -> datetime:
        """From when on the rungs of that date are wanted."""
        return min(self.at, self.passed.get(deadline.number, self.at))


@transaction.atomic
def _one_batch(now: datetime) -> tuple[int, bool]:
    mark = Bookmark.objects.select_for_update(skip_locked=True).filter(name=PLAN).first()
    if mark is None:
        return 0, False
    events = list(Event.objects.after(mark.seq).defer("body", "prev_hash", "hash")[:EVENTS])
    if not events:
        return 0, False
    made = _replan_what_can_be(_news(events, now), now)
    Bookmark.objects.filter(name=PLAN).update(seq=events[-1].seq)
    return made, len(events) == EVENTS


def _news(events: Sequence[Event], now: datetime) -> dict[int, Began]:
    """The commitments whose reminders these events may change, by their keys."""
    news: dict[int, Began] = {}
    unseen = []
    for event in events:
        if event.kind in MOVING and event.commitment_id is not None:
            # What was due between the news and now is late, not lost; what a file brings along begins now.
            is_live = event.origin == Origin.LIVE
            began = event.at if is_live else now
            known = news.setdefault(event.commitment_id, Began(began))
            known.at = min(known.at, began)
            if is_live and event.kind in PASSING and event.crossed_at and event.at - event.crossed_at > SOON:
                unseen.append(event)
    for event, number, since in _passed_unseen(unseen):
        news[event.commitment_id or 0].passed[number] = since
    return news


def _passed_unseen(events: Sequence[Event]) -> list[tuple[Event, int, datetime]]:
    """Of events that say late that a date has passed: the number of the date, and since when it has, or has been known
    to end then."""
    if not events:
        return []
    earlier = Event.objects.filter(
        commitment__in={event.commitment_id for event in events},
        kind__in=OF_ONE | OF_ALL,
        seq__lt=max(event.seq for event in events),
    ).order_by("seq")
    one: dict[tuple[int | None, int], datetime] = {}
    every: dict[int | None, datetime] = {}
    for kind, commitment, at, body in earlier.values_list("kind", "commitment_id", "at", "body"):
        if kind in OF_ALL:
            every[commitment] = at
        else:
            one[commitment, _number(body)] = at
    found = []
    bodies = dict(Event.objects.filter(pk__in=[event.pk for event in events]).values_list("pk", "body"))
    for event in events:
        assert event.crossed_at is not None
        number = _number(bodies[event.pk])
        known = (one.get((event.commitment_id, number)), every.get(event.commitment_id))
        found.append((event, number, max(event.crossed_at, *(at for at in known if at is not None))))
    return found


def _number(body: str) -> int:
    """The number of the date that an event is about."""
    return int(str(facts_of(body)["deadline"]).rpartition("-D")[2])


def _replan_what_can_be(news: Mapping[int, Began], now: datetime) -> int:
    """Plans all at once; where that fails, each alone, so that what cannot be planned holds up nobody else."""
    try:
        with transaction.atomic():
            return replan(news, now)
    except Exception:  # noqa: BLE001  (looked for, one by one)
        log.warning("reminders_planned_one_by_one", count=len(news))
    return sum(_replan_alone(commitment, began, now) or 0 for commitment, began in news.items())


def _replan_alone(commitment: int, began: Began, now: datetime) -> int | None:
    """Plans one; what fails is noted, for another try and for the staff (None)."""
    try:
        with transaction.atomic():
            return replan({commitment: began}, now)
    except Exception as error:  # noqa: BLE001  (one poison date must not condemn its neighbours)
        log.error("reminders_not_planned", commitment=commitment, error=type(error).__name__, exc_info=True)
        since = min([began.at, *began.passed.values()])
        row, is_new = Unplanned.objects.get_or_create(
            commitment_id=commitment,
            defaults={"began_at": since, "try_again_at": now + FIRST_AGAIN, "said": repr(error)[:300]},
        )
        if not is_new:
            row.began_at, row.said = min(row.began_at, since), repr(error)[:300]
            row.try_again_at = now + min(FIRST_AGAIN * 2 ** min(row.tries, 16), LAST_AGAIN)
            row.tries += 1
            row.save()
        return None


@transaction.atomic
def _try_again(now: datetime) -> int:
    """Plans what could not be planned before and whose time has come; returns how many reminders were written."""
    rows = Unplanned.objects.select_for_update(skip_locked=True, of=("self",)).filter(try_again_at__lte=now)
    made = 0
    for row in rows.order_by("try_again_at")[:AT_ONCE]:
        done = _replan_alone(row.commitment_id, Began(row.began_at), now)
        if done is not None:
            row.delete()
            made += done
    return made


def replan(commitments: Mapping[int, Began], now: datetime) -> int:
    """Brings the reminders of commitments up to date; returns how many are planned that were not."""
    if not commitments:
        return 0
    dates = list(
        Deadline.objects.open()
        .filter(commitment__in=commitments, crosses_at__isnull=False)
        .select_related("commitment")
        .only(
            "number",
            "type",
            "authority",
            "clock",
            "last_on",
            "crosses_at",
            "commitment__accord",
            "commitment__status_on",
        )
    )
    zones = zones_of({date.commitment_id: date.commitment for date in dates}.values())
    right, wanted = _Rows(), _Rows()
    for date in dates:
        assert date.crosses_at is not None
        subject = subject_of(
            date, date.crosses_at, ladder.zone_of(date.crosses_at, zones[date.commitment_id])
        )
        before, after = ladder.ahead(subject), ladder.since(subject)
        # The rungs after the date are planned when it has passed: most dates are met before.
        now_planned = before + (after if date.crosses_at <= now else [])
        began = commitments[date.commitment_id].of(date)
        for rung in before + after:
            for audience in rung.audiences:
                right.add(date, rung, audience)
                if rung in now_planned and rung.at >= began:
                    wanted.add(date, rung, audience)
    asked: dict[str, Any] = {
        "owners": list(commitments),
        "began": [began.at for began in commitments.values()],
    }
    with connection.cursor() as cursor:
        cursor.execute(_DROP, {**right.columns(), "now": now, "owners": list(commitments)})
        cursor.execute(_REVIVE_ASKED, asked)
        made = 0
        for statement in (_REVIVE, _ADD):
            cursor.execute(statement, wanted.columns())
            made += cursor.rowcount
    return made


@dataclass(slots=True)
class _Rows:
    """Rungs of dates, column by column, as a statement takes them."""

    rows: list[tuple[int, int, datetime | None, str, str, datetime]] = field(default_factory=list)

    def add(self, date: Deadline, rung: Rung, audience: str) -> None:
        """One rung for one audience."""
        self.rows.append((date.commitment_id, date.pk, date.crosses_at, rung.code, audience, rung.at))

    def columns(self) -> dict[str, list[Any]]:
        """The columns by name."""
        names = ("commitments", "deadlines", "abouts", "rungs", "audiences", "dues")
        return {name: [row[place] for row in self.rows] for place, name in enumerate(names)}


def subject_of(deadline: Deadline, ends_at: datetime, zone: tzinfo = UTC) -> Subject:
    """A date (with its commitment) as the ladders read it."""
    judged, last_on = deadline.commitment.status_on, deadline.last_on
    return Subject(
        deadline.type,
        deadline.authority,
        deadline.clock,
        ends_at,
        zone,
        has_verdict=judged is not None and last_on is not None and judged > last_on,
    )


def plan_drafts(now: datetime) -> int:
    """Plans reminders of the judgements that wait for review, at most once a minute; returns how many are planned that
    were not."""
    last = Heartbeat.objects.filter(name=DRAFTS).values_list("at", flat=True).first()
    if last is not None and last <= now < last + DRAFTS_EVERY:
        return 0
    waiting = Assessment.objects.filter(
        review=Review.SUBMITTED, submitted_at__isnull=False, publish_at__isnull=True
    )
    theirs = Reminder.objects.filter(assessment__in=waiting, about_at=F("assessment__submitted_at"))
    known = set(theirs.values_list("assessment", flat=True))
    settled = ~Q(assessment__review=Review.SUBMITTED) | Q(assessment__publish_at__isnull=False)
    Reminder.objects.planned().filter(settled, assessment__isnull=False).update(
        state=ReminderState.DROPPED, why=WhyNot.CLOSED, settled_at=now
    )
    # One whose publication was planned, and is no more, waits again: what came due meanwhile is too old.
    ahead = theirs.filter(state=ReminderState.DROPPED, due_at__gte=last or now)
    made = Reminder.objects.filter(pk__in=list(ahead.values_list("pk", flat=True))).update(
        state=ReminderState.PLANNED, why="", settled_at=None
    )
    made += len(
        Reminder.objects.bulk_create(
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
                for rung in ladder.of_draft(draft.submitted_at)
                for audience in rung.audiences
            ],
            ignore_conflicts=True,
            batch_size=2000,
        )
    )
    jobs.looked(DRAFTS, now)
    return made
