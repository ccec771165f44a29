"""Firing reminders: takes the rungs that are due, merges the late ones, drops what is untrue, tells the rest."""

from __future__ import annotations

import time
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from commitments import jobs
from commitments.models import Commitment, Deadline, Dependency
from commitments.words import FINAL, KEPT, Clock, DependencyType, Review, Timeliness
from notifications import ladder, offices, planning, scopes
from notifications.models import (
    Audience,
    Bookmark,
    Delivery,
    Hush,
    Kind,
    Notice,
    Reminder,
    ReminderState,
    State,
    Subscriber,
    WhyNot,
)
from notifications.owing import Source, tell
from notifications.telling import News
from tracker.kit.deadlocks import again_after_deadlock

FIRE = "remind"
BATCH = 200
# Watchers told in one transaction.
ROOM = 10_000


def plan_and_remind(now: datetime | None = None, seconds: float = 2.0) -> int:
    """Plans what the log asks for, then tells what is due, even when planning raises; returns how many notices were
    made. Each of the two takes about `seconds` at most."""
    try:
        planning.plan(now, seconds)
    finally:
        made = remind(now, seconds)
    return made


def remind(now: datetime | None = None, seconds: float = 2.0) -> int:
    """Tells whom the due rungs are for, for at most about `seconds`; returns how many notices were made.

    Twice: none the second time. Two at once: the second finds the bookmark taken and returns.
    """
    now = now or timezone.now()
    until = time.monotonic() + seconds
    Bookmark.objects.get_or_create(name=FIRE)
    made = 0
    while True:
        done, more = _one_batch(now)
        made += done
        if not more or time.monotonic() >= until:
            break
    jobs.looked(FIRE, timezone.now(), made=made)
    return made


# Open digests that fan_out has locked, too, in the order of its own sources.
@again_after_deadlock
@transaction.atomic
def _one_batch(now: datetime) -> tuple[int, bool]:
    if not Bookmark.objects.select_for_update(skip_locked=True).filter(name=FIRE).exists():
        return 0, False
    due = Reminder.objects.planned().filter(due_at__lte=now).order_by("due_at", "id")
    first = list(due.values_list("deadline_id", "assessment_id")[:BATCH])
    if not first:
        return 0, False
    dates, drafts = {row[0] for row in first if row[0]}, {row[1] for row in first if row[1]}
    # All that is due about the same things: of several rungs that are late only the last is told.
    rows = list(
        due.filter(Q(deadline__in=dates) | Q(assessment__in=drafts)).select_related(
            "commitment__accord", "deadline__commitment", "assessment", "subscriber"
        )
    )
    latest: dict[tuple[object, ...], Reminder] = {}
    for row in rows:
        latest[row.deadline_id, row.assessment_id, row.audience, row.subscriber_id] = row
    told = list(latest.values())
    keys = {row.pk for row in told}
    _settle([row.pk for row in rows if row.pk not in keys], ReminderState.MERGED, now)
    untrue = why_not(told, now)
    for why in set(untrue.values()):
        _settle([key for key, its in untrue.items() if its == why], ReminderState.DROPPED, now, why)
    made, is_full = _tell_all([row for row in told if row.pk not in untrue], now)
    return made, is_full or len(first) == BATCH


def _settle(keys: Collection[int], state: str, now: datetime, why: str = "") -> None:
    if keys:
        Reminder.objects.filter(pk__in=keys).update(state=state, why=why, settled_at=now)


def why_not(rows: Iterable[Reminder], now: datetime) -> dict[int, str]:
    """Which reminders would mislead if they were sent at `now` (UTC), and why."""
    rows = list(rows)
    owners = {row.commitment_id for row in rows}
    standings: dict[int, str] = {
        row.pk: row.timeliness  # type: ignore[attr-defined]
        for row in Commitment.objects.standing_at(now).filter(pk__in=owners)
    }
    blocked = set(
        Dependency.objects.filter(commitment__in=owners, type=DependencyType.HARD)
        .exclude(on__status__in=[*KEPT, *FINAL])
        .values_list("commitment", flat=True)
    )
    found = {}
    for row in rows:
        why = (
            _why_not_of_a_date(row, standings.get(row.commitment_id, ""), blocked, now)
            if row.deadline_id
            else _why_not_of_a_draft(row)
        )
        if why:
            found[row.pk] = why
    return found


def _why_not_of_a_date(row: Reminder, timeliness: str, blocked: Collection[int], now: datetime) -> str:
    deadline = row.deadline
    assert deadline is not None
    if deadline.closed_at is not None:
        return WhyNot.CLOSED
    if timeliness == Timeliness.PAUSED or deadline.crosses_at is None:
        return WhyNot.PAUSED
    if timeliness in {Timeliness.ENDED, Timeliness.DORMANT}:
        return WhyNot.ENDED
    if deadline.crosses_at != row.about_at:
        return WhyNot.MOVED
    if ladder.is_ahead(row.rung) and row.about_at <= now:
        return WhyNot.PASSED
    if _is_needless(row, deadline, now):
        return WhyNot.NEEDLESS
    if deadline.clock == Clock.PARTY and row.commitment_id in blocked:
        return WhyNot.BLOCKED
    return ""


def _is_needless(row: Reminder, deadline: Deadline, now: datetime) -> bool:
    """Whether the date, as it stands now, does not give that rung to that audience: it binds nobody any more, or the
    verdict that it asks for has been given."""
    subject = planning.subject_of(deadline, row.about_at)
    if row.audience != Audience.ONE:
        return row.audience not in ladder.audiences(subject, row.rung)
    if row.about_at > now or subject.is_binding:
        return False
    # Who asked to be reminded again: staff until there is a verdict, readers only before the date.
    return subject.has_verdict or row.subscriber is None or row.subscriber.user_id is None


def _why_not_of_a_draft(row: Reminder) -> str:
    draft = row.assessment
    assert draft is not None
    is_waiting = draft.review == Review.SUBMITTED and draft.publish_at is None
    return "" if is_waiting and draft.submitted_at == row.about_at else WhyNot.CLOSED


def _tell_all(rows: list[Reminder], now: datetime) -> tuple[int, bool]:
    """Tells the staff of all, then the watchers of each; returns the notices made, and whether watchers are left over.

    The staff first: who is told by their office, or asked for it, is not told once more as a reader.
    """
    made = _tell_staff([row for row in rows if row.audience != Audience.WATCHERS], now)
    watched = [row for row in rows if row.audience == Audience.WATCHERS]
    reach = scopes.of_commitments({row.commitment_id for row in watched}, now)
    room = ROOM
    told_to: dict[str, list[int]] = defaultdict(list)
    for row in watched:
        if room <= 0:
            break
        sort = News.AHEAD if ladder.is_ahead(row.rung) else News.LATE
        # A filter that fitted when the first were told fits to the last.
        wanted = row.scopes or reach[row.commitment_id]
        silent = _hushed(row, now) | _told_otherwise(row)
        told = tell(Source(Notice.REMINDER, row.pk, sort, now), wanted, row.told_up_to, room, silent)
        made, room = made + told.made, room - told.reached
        if room <= 0:
            Reminder.objects.filter(pk=row.pk).update(told_up_to=told.last, scopes=wanted)
        else:
            told_to["" if told.reached or row.told_up_to else WhyNot.NOBODY].append(row.pk)
    _settle_all(told_to, now)
    return made, room <= 0


def _tell_staff(rows: list[Reminder], now: datetime) -> int:
    """Tells those who answer for the rows, and those who asked to be told again, each of a thing once, whatever brings
    it to them; returns the notices made. A rung that reaches nobody says so."""
    duties: dict[int, dict[tuple[object, ...], Reminder]] = defaultdict(dict)
    people: dict[int, Subscriber] = {}
    known: dict[tuple[int, str, int | None], list[Subscriber]] = {}
    told_to: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if row.audience == Audience.ONE:
            them = [row.subscriber] if row.subscriber else []
        else:
            key = asked_of(row)
            if key not in known:
                known[key] = offices.subscribers(key[0], key[1], now, key[2])
            them = known[key]
        hushed = _hushed(row, now)
        heard = [person for person in them if person.pk not in hushed]
        for person in heard:
            people[person.pk] = person
            duties[person.pk].setdefault((row.deadline_id, row.assessment_id, row.about_at), row)
        told_to["" if heard else WhyNot.NOTED if them else WhyNot.NOBODY].append(row.pk)
    _settle_all(told_to, now)
    return sum(_owe(people[key], list(theirs.values()), now) for key, theirs in duties.items())


def _settle_all(told_to: dict[str, list[int]], now: datetime) -> None:
    for why, keys in told_to.items():
        _settle(keys, ReminderState.DROPPED if why else ReminderState.TOLD, now, why)


def asked_of(row: Reminder) -> tuple[int, str, int | None]:
    """Whom a rung asks among staff: the accord, the audience, and the author of the draft, who cannot review it."""
    author = row.assessment.drafted_by_id if row.assessment else None
    return row.commitment.accord_id, row.audience, author


def _hushed(row: Reminder, now: datetime) -> set[int]:
    """Who wants to hear no more about this date, or not yet. Who asked to be reminded again hears it then."""
    if row.audience == Audience.ONE:
        return set()
    said = Hush.objects.filter(
        Q(until__isnull=True) | Q(until__gt=now),
        deadline=row.deadline_id,
        assessment=row.assessment_id,
        about_at=row.about_at,
    )
    return set(said.values_list("subscriber", flat=True))


# Few are staff, and the notices of one person are found by their numbers.
_TOLD_BY_OFFICE = """
SELECT p.id FROM notifications_subscriber p
JOIN notifications_notice n ON n.subscriber_id = p.id AND n.source = 'reminder' AND n.number = ANY(%s)
WHERE p.user_id IS NOT NULL
"""


def _told_otherwise(row: Reminder) -> set[int]:
    """Who has been told of the same thing since the rung was due: by their office, or because they asked for it."""
    told: dict[int, int | None] = dict(
        Reminder.objects.filter(
            deadline=row.deadline_id,
            assessment=row.assessment_id,
            about_at=row.about_at,
            state=ReminderState.TOLD,
            settled_at__gte=row.due_at,
        )
        .exclude(audience=Audience.WATCHERS)
        .values_list("pk", "subscriber")
    )
    if not told:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_TOLD_BY_OFFICE, [list(told)])
        by_office = {key for (key,) in cursor.fetchall()}
    return by_office | {key for key in told.values() if key is not None}


def _owe(person: Subscriber, rows: list[Reminder], now: datetime) -> int:
    """One mail to one person with all that is due for them; returns the notices made. What they put off as a reader
    comes as news to a reader, in a mail of its own."""
    known = set(
        Notice.objects.filter(
            subscriber=person, source=Notice.REMINDER, number__in=[row.pk for row in rows]
        ).values_list("number", flat=True)
    )
    wishes = {
        row.pk: _wishes(person, row) if row.audience == Audience.ONE else []
        for row in rows
        if row.pk not in known
    }
    by_kind: dict[str, list[int]] = defaultdict(list)
    for key, theirs in wishes.items():
        by_kind[Kind.DUTY if person.user_id and not theirs else Kind.ALERT].append(key)
    for kind, keys in by_kind.items():
        delivery = Delivery.objects.create(
            id=uuid.uuid4(),
            kind=kind,
            subscriber=person,
            domain=person.email.rpartition("@")[2],
            state=State.WAITING,
            created_at=now,
            next_attempt_at=now,
        )
        Notice.objects.bulk_create(
            [
                Notice(
                    subscriber=person,
                    source=Notice.REMINDER,
                    number=key,
                    wishes=wishes[key],
                    delivery=delivery,
                )
                for key in keys
            ]
        )
    return len(wishes)


def _wishes(person: Subscriber, row: Reminder) -> list[int]:
    """The subscriptions that brought a reader the reminder that they put off."""
    before = Reminder.objects.filter(deadline=row.deadline_id, about_at=row.about_at)
    last = Notice.objects.filter(
        subscriber=person, source=Notice.REMINDER, number__in=before.values("pk")
    ).order_by("-id")
    return last.values_list("wishes", flat=True).first() or []


@transaction.atomic
def hush(person: Subscriber, row: Reminder, until: datetime | None, now: datetime) -> None:
    """Acknowledges a reminder: no more of its ladder for that person while the date stays as it is (`until` None), or
    not before `until`, when they are reminded again."""
    about: dict[str, Any] = {"deadline": row.deadline, "assessment": row.assessment, "about_at": row.about_at}
    Hush.objects.update_or_create(subscriber=person, **about, defaults={"said_at": now, "until": until})
    # Also what was dropped because the date had moved: should it come back, this is what they have said last.
    before = Reminder.objects.filter(audience=Audience.ONE, subscriber=person, **about)
    before.filter(state__in=[ReminderState.PLANNED, ReminderState.DROPPED]).update(
        state=ReminderState.MERGED, why="", settled_at=now
    )
    if until is not None:
        # Who presses twice within a minute, or changes their mind and back, finds the row of before.
        Reminder.objects.update_or_create(
            commitment_id=row.commitment_id,
            **about,
            audience=Audience.ONE,
            subscriber=person,
            rung=f"z{until:%y%m%d%H%M}",
            defaults={"due_at": until, "state": ReminderState.PLANNED, "why": "", "settled_at": None},
        )
