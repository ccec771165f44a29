"""Private calendars: the address of one is made, replaced, ended, and found again by its token; the dates in it."""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from commitments.feeds.dates import MOST_DATES, CalendarDate, TooManyDates, dates
from commitments.log import Head, head
from commitments.models import Commitment, Deadline, Participation
from commitments.words import Role
from notifications.models import PrivateCalendar, SavedFilter, Subscriber, Subscription
from notifications.scopes import fitting, target_of, with_targets

# 256 random bits, as secrets.token_urlsafe writes them.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
# Of too many dates the next ones are shown, and those of the month before the last event of the log.
_LOOKING_BACK = timedelta(days=31)


@transaction.atomic
def make_calendar(who: uuid.UUID, *, now: datetime | None = None) -> str | None:
    """The token of a new address, which is nowhere else and never again; the old address ends. None when erased."""
    subscriber = Subscriber.objects.select_for_update(no_key=True).filter(uuid=who).first()
    if subscriber is None:
        return None
    token = secrets.token_urlsafe(32)
    PrivateCalendar.objects.update_or_create(
        subscriber=subscriber, defaults={"digest": _digest(token), "made_at": now or timezone.now()}
    )
    return token


def end_calendar(who: uuid.UUID) -> bool:
    """Ends the address; False when there is none."""
    return bool(PrivateCalendar.objects.filter(subscriber__uuid=who).delete()[0])


def owner_of(token: str) -> Subscriber | None:
    """Whose calendar that token opens; None for one that opens none."""
    if _TOKEN.fullmatch(token) is None:
        return None
    return Subscriber.objects.filter(calendar__digest=_digest(token)).first()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def followed_dates(subscriber: Subscriber, now: datetime) -> tuple[list[CalendarDate], bool]:
    """The dates of all that somebody follows, and whether there are more; saved filters as of `now` (UTC).

    A pause stops mails, not the calendar.
    """
    found = Deadline.objects.filter(commitment__in=_followed(subscriber, now))
    try:
        return dates(found), False
    except TooManyDates:
        end = head()
        assert end.at is not None
        next_ones = found.filter(due_at__gte=end.at - _LOOKING_BACK).order_by("due_at", "pk")
        keys = list(next_ones.values_list("pk", flat=True)[:MOST_DATES])
        return dates(Deadline.objects.filter(pk__in=keys)), True


def state_of(subscriber: Subscriber, end: Head, now: datetime) -> str:
    """What the dates of somebody depend on besides code and settings: the log, what they follow, their language.

    Where they follow a saved filter also the minute, because what fits one may move with time.
    """
    wishes = Subscription.objects.confirmed().filter(subscriber=subscriber).order_by("scope")
    scopes = list(wishes.values_list("scope", flat=True))
    minute = int(now.timestamp() // 60) if any(scope.startswith("saved:") for scope in scopes) else 0
    return " ".join([end.hash, str(end.seq), subscriber.language, str(minute), *scopes])


def _followed(subscriber: Subscriber, now: datetime) -> list[int]:
    """The keys of the commitments that somebody follows: what mails would be about."""
    wishes = with_targets(Subscription.objects.confirmed().filter(subscriber=subscriber))
    real, any_of = Commitment.objects.real(), Q(pk__in=[])
    for wish in wishes:
        target = target_of(wish)
        if target is None:
            # An invented accord is nobody's news who did not ask for it.
            any_of |= Q(pk__in=real.values("pk"))
        elif isinstance(target, SavedFilter):
            any_of |= Q(pk__in=fitting(target, now).values("pk"))
        elif wish.party_id:
            bound = Participation.objects.filter(role=Role.BOUND, party=wish.party_id)
            any_of |= Q(pk__in=bound.values("commitment"))
        elif wish.topic_id:
            any_of |= Q(pk__in=real.filter(topics=wish.topic_id).values("pk"))
        elif wish.commitment_id:
            any_of |= Q(pk=wish.commitment_id)
        elif wish.section_id:
            any_of |= Q(section=wish.section_id)
        else:
            any_of |= Q(accord=wish.accord_id)
    return list(Commitment.objects.filter(any_of).values_list("pk", flat=True))
