"""What of a claim is still wanted and still true, with all that is needed to write and address each mail."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.utils import timezone

from commitments.models import Event
from notifications import letters, merging, offices, reminding, truth
from notifications.channels.email import Reader
from notifications.letters import Letter
from notifications.models import (
    Delivery,
    Kind,
    Notice,
    Reminder,
    ReminderState,
    SubscriberState,
    Subscription,
)
from notifications.outbox import Claimed
from notifications.reminder_letters import reminders
from notifications.summing import digest


@dataclass(frozen=True, slots=True)
class Parcel:
    """A claimed delivery. `key` is the same for all who get the same letter."""

    claimed: Claimed
    reader: Reader
    language: str
    key: tuple[object, ...]
    kind: str = Kind.ALERT
    rhythm: str = ""
    events: tuple[Event, ...] = ()
    reminders: tuple[Reminder, ...] = ()
    scopes: tuple[str, ...] = ()
    wish: Subscription | None = None


@dataclass(slots=True)
class Packed:
    """A claim, looked through. `paused`: notices in digests, by key, that only a pause holds back; `resting`: digests of
    which a pause holds back all, and which were tried, so that they must stay what they are; `left_out`: notices, by key,
    that a mail goes without, since they are true no more."""

    parcels: list[Parcel] = field(default_factory=list)
    paused: list[int] = field(default_factory=list)
    resting: list[Claimed] = field(default_factory=list)
    left_out: list[int] = field(default_factory=list)
    untrue: list[Claimed] = field(default_factory=list)
    unwanted: list[Claimed] = field(default_factory=list)
    merged: list[Claimed] = field(default_factory=list)
    # Those that take back what another worker holds, and may have begun to tell.
    undecided: list[Claimed] = field(default_factory=list)

    def add(self, part: Packed) -> None:
        """Takes in another part of the claim."""
        self.parcels += part.parcels
        self.paused += part.paused
        self.resting += part.resting
        self.left_out += part.left_out
        self.untrue += part.untrue
        self.unwanted += part.unwanted
        self.merged += part.merged
        self.undecided += part.undecided


# Each notice with the subscriptions that brought it and are still active, or of a digest with those that are only paused.
# Small lists by primary key: the planner is given nothing to choose.
_NOTICES = """
SELECT n.delivery_id, d.kind, d.rhythm, p.uuid, p.email, p.language, n.subscriber_id, n.source, n.number,
       live.wishes, live.scopes, p.user_id, n.id, d.attempts > 0 OR d.crashes > 0
FROM notifications_notice n
JOIN notifications_delivery d ON d.id = n.delivery_id
JOIN notifications_subscriber p ON p.id = n.subscriber_id
CROSS JOIN LATERAL (
    SELECT array_agg(s.id ORDER BY s.id) FILTER (WHERE s.paused_at IS NULL) AS wishes,
           array_agg(s.scope::text ORDER BY s.id) FILTER (WHERE s.paused_at IS NULL) AS scopes, count(*) AS number
    FROM notifications_subscription s
    WHERE s.id = ANY(n.wishes) AND p.state = 'confirmed' AND s.ended_at IS NULL AND s.confirmed_at IS NOT NULL) AS live
WHERE n.delivery_id = ANY(%s) AND p.state <> 'suppressed'
  AND (live.wishes IS NOT NULL OR d.kind = 'duty' OR (d.kind = 'digest' AND live.number > 0))
ORDER BY n.delivery_id, n.id
"""


@dataclass(slots=True)
class _Owed:
    """One delivery as its notices tell it."""

    kind: str
    rhythm: str
    who: uuid.UUID
    email: str
    language: str
    wishes: set[int] = field(default_factory=set)
    scopes: set[str] = field(default_factory=set)
    events: list[int] = field(default_factory=list)
    reminders: list[int] = field(default_factory=list)
    is_merged: bool = False


class _Dates:
    """The reminders of a claim (`rows` of _NOTICES): which are true, whose business they are still, and which yield to a
    later one about the same thing (`merged`, pairs of subscriber and reminder)."""

    def __init__(self, rows: Sequence[tuple[Any, ...]], deliveries: Sequence[uuid.UUID]) -> None:
        ours = [
            (kind, user, subscriber, number)
            for _id, kind, _r, _who, _email, _l, subscriber, source, number, _w, _s, user in rows
            if source == Notice.REMINDER
        ]
        later = merging.later_ones(deliveries) if ours else {}
        instead = [it for them in later.values() for it in them]
        self.rows = _reminders({it[3] for it in ours} | {it.number for it in instead})
        self._idle = reminding.why_not(self.rows.values(), timezone.now())
        offered = [(kind, user) for kind, user, _who, _number in ours] + [
            (it.kind, it.user) for it in instead
        ]
        self._holders = offices.Holders({user for kind, user in offered if kind == Kind.DUTY and user})
        # In two steps: an earlier one yields to none but one that goes itself, and of those the last one does.
        going = {(who, number) for kind, user, who, number in ours if self._goes(kind, user, number)}
        self.merged = {
            (who, number)
            for (who, number), them in later.items()
            if any(
                (who, it.number) in going if it.is_here else self._goes(it.kind, it.user, it.number)
                for it in them
            )
        }

    def is_true(self, number: int) -> bool:
        """Whether a reminder would still tell what is so."""
        return number in self.rows and number not in self._idle

    def is_theirs(self, kind: str, user: int | None, number: int) -> bool:
        """Whether the office for which a member of staff is told is still theirs; of readers it is not asked."""
        row = self.rows.get(number)
        if kind != Kind.DUTY or row is None:
            return True
        return user is not None and self._holders.may_hear(user, row.commitment.accord_id, row.audience)

    def _goes(self, kind: str, user: int | None, number: int) -> bool:
        return self.is_true(number) and self.is_theirs(kind, user, number)


def pack(batch: Sequence[Claimed], claim: Sequence[uuid.UUID] = ()) -> Packed:
    """Looks through a claim, in its order. What is no longer wanted or true is named, for the worker to drop.

    `claim` are the keys of the whole claim, when `batch` is a part of it."""
    ids = [it.id for it in batch]
    with connection.cursor() as cursor:
        cursor.execute(_NOTICES, [ids])
        found = cursor.fetchall()
    rows = [row[:12] for row in found if row[1] != Kind.DIGEST or row[9]]
    held = [(row[0], *row[12:]) for row in found if row[1] == Kind.DIGEST and not row[9]]
    resting = {delivery for delivery, _notice, is_tried in held if is_tried} - {row[0] for row in rows}
    packed = Packed(paused=[notice for delivery, notice, _is_tried in held if delivery not in resting])
    events = Event.objects.in_bulk({row[8] for row in rows if row[7] == Notice.EVENT})
    gone = truth.untrue(events.values())
    dates = _Dates(rows, ids)
    told = {(row[6], row[8]) for row in rows if row[7] == Notice.EVENT}
    silent, undecided = truth.never_told(told, events, claim or ids)
    put_off = {row[0] for row in rows if row[7] == Notice.EVENT and (row[6], row[8]) in undecided}
    owed: dict[uuid.UUID, _Owed] = {}
    for delivery, kind, rhythm, who, email, language, subscriber, source, number, wishes, of, user in rows:
        if source == Notice.REMINDER and not dates.is_theirs(kind, user, number):
            continue
        one = owed.setdefault(delivery, _Owed(kind, rhythm, who, email, language))
        if source == Notice.EVENT and number not in gone and (subscriber, number) not in silent:
            one.events.append(number)
        elif source == Notice.REMINDER and (subscriber, number) in dates.merged:
            one.is_merged = True
            continue
        elif source == Notice.REMINDER and dates.is_true(number):
            one.reminders.append(number)
        else:
            continue
        one.wishes.update(wishes or [])
        one.scopes.update(of or [])
    questions = _questions([it.id for it in batch if it.id not in owed])
    for it in batch:
        if it.id in put_off:
            packed.undecided.append(it)
        elif it.id in resting:
            packed.resting.append(it)
        elif it.id in questions:
            packed.parcels.append(_question(it, questions[it.id]))
        elif it.id not in owed:
            packed.unwanted.append(it)
        elif not (owed[it.id].events or owed[it.id].reminders):
            (packed.merged if owed[it.id].is_merged else packed.untrue).append(it)
        else:
            packed.parcels.append(_news(it, owed[it.id], events, dates.rows))
    going = {parcel.claimed.id for parcel in packed.parcels}
    packed.left_out = [
        row[12]
        for row in found
        if row[7] == Notice.EVENT and row[0] in going and (row[8] in gone or (row[6], row[8]) in silent)
    ]
    return packed


def _reminders(keys: Iterable[int]) -> dict[int, Reminder]:
    rows = Reminder.objects.exclude(state=ReminderState.DROPPED).filter(pk__in=keys)
    return {
        row.pk: row
        for row in rows.select_related("commitment", "deadline__commitment", "assessment", "subscriber")
    }


def _news(it: Claimed, one: _Owed, events: dict[int, Event], dates: dict[int, Reminder]) -> Parcel:
    numbers = tuple(sorted(one.events))
    keys = tuple(sorted(one.reminders))
    of = tuple(sorted(one.scopes))
    return Parcel(
        claimed=it,
        reader=Reader(one.who, one.email, wishes=tuple(sorted(one.wishes)), reminders=keys),
        language=one.language,
        key=(one.kind, one.rhythm, numbers, keys, one.language, of),
        kind=one.kind,
        rhythm=one.rhythm,
        events=tuple(events[number] for number in numbers),
        reminders=tuple(dates[key] for key in keys),
        scopes=of,
    )


def _questions(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Delivery]:
    """The confirmations among them that still ask something."""
    if not ids:
        return {}
    rows = (
        Delivery.objects.filter(pk__in=ids, kind=Kind.CONFIRMATION, subscription__ended_at__isnull=True)
        .exclude(subscriber__state=SubscriberState.SUPPRESSED)
        .exclude(subscriber=None)
        .exclude(subscription=None)
        .select_related(
            "subscriber",
            "subscription__accord",
            "subscription__section__accord",
            "subscription__party",
            "subscription__topic",
            "subscription__commitment__accord",
            "subscription__saved__accord",
        )
    )
    return {row.pk: row for row in rows}


def _question(it: Claimed, row: Delivery) -> Parcel:
    assert row.subscriber is not None
    assert row.subscription is not None
    wish, who = row.subscription, row.subscriber
    standing = (wish.confirmed_at is not None, wish.paused_at is not None)
    return Parcel(
        claimed=it,
        reader=Reader(who.uuid, who.email, subscription=wish.pk),
        language=who.language,
        key=("question", wish.scope, wish.rhythm, tuple(wish.kinds), who.language, *standing),
        kind=Kind.CONFIRMATION,
        wish=wish,
    )


def write(parcel: Parcel, language: str = "") -> Letter:
    """The letter of a parcel, without the links of its reader; in their language unless another is asked for."""
    language = language or parcel.language
    if parcel.wish is not None:
        return letters.question(parcel.wish, language)
    if parcel.kind == Kind.DIGEST or len(parcel.events) > 1:
        return digest(parcel.events, language, parcel.rhythm, parcel.scopes, parcel.reminders)
    if parcel.reminders:
        return reminders(parcel.reminders, language, parcel.scopes)
    (event,) = parcel.events
    return letters.alert(event, language, parcel.scopes)
