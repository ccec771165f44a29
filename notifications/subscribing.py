"""The verbs of subscribers: sign up, confirm, change, pause, leave, be erased. Each is safe to call twice."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from commitments.log import head
from commitments.models import Commitment
from notifications import limits
from notifications.models import (
    Attempt,
    Delivery,
    DomainPause,
    Kind,
    Notice,
    Rhythm,
    State,
    Subscriber,
    SubscriberState,
    Subscription,
    Why,
)
from notifications.owing import move_digests
from notifications.scopes import Followed, columns, kept, scope_of
from tracker.kit.deadlocks import again_after_deadlock

# A second confirmation of the same wish is not sent before that: pressing the button again mails nobody twice.
PATIENCE = timedelta(minutes=30)
# Each saved filter is looked at whenever there is news of its accord.
FILTERS_AT_MOST = 20


class TooMany(Exception):
    """That network has signed up too often; says nothing about any address."""


class TooManyFilters(Exception):
    """Their reader follows as many saved filters as one may."""


# Where a reader of that language is most likely to wake up, until they say otherwise.
ZONES = {"en": "UTC", "uk": "Europe/Kyiv", "ja": "Asia/Tokyo"}


def sign_up(
    email: str,
    language: str,
    target: Followed | None,
    *,
    network: str,
    rhythm: str = "",
    kinds: Sequence[str] = (),
    now: datetime | None = None,
) -> None:
    """Asks the owner of an address whether they want to follow a target (None: everything); returns the same for every
    address.

    `rhythm` is at once for a commitment and weekly for anything wider, unless it is given; `kinds` are codes of News,
    none means all. Nothing is sent here: the confirmation is a delivery like any other. Raises TooMany for the network.
    """
    now = now or timezone.now()
    email = email.strip().lower()
    if not limits.network_may(network):
        raise TooMany
    rhythm = rhythm or (Rhythm.INSTANTLY if isinstance(target, Commitment) else Rhythm.WEEKLY)
    with transaction.atomic():
        subscriber = _known(email, language, now)
        is_reader = subscriber.state == SubscriberState.CONFIRMED
        is_asked = limits.address_may(email, is_reader) and subscriber.state != SubscriberState.SUPPRESSED
        # The same work for every address, undone where nothing shall come of it: an answer that came sooner would tell.
        with transaction.atomic():
            if not is_reader and subscriber.user_id is None:
                # A stranger must not change the language or the hours of a confirmed reader, nor those of staff.
                subscriber.language, subscriber.changed_at = language, now
                subscriber.zone = ZONES.get(language, "UTC")
            subscriber.save(update_fields=["language", "zone", "changed_at"])
            _ask(subscriber, target, rhythm, kinds, now)
            transaction.set_rollback(not is_asked)


def _ask(
    subscriber: Subscriber, target: Followed | None, rhythm: str, kinds: Sequence[str], now: datetime
) -> None:
    """Writes down the wish and the question about it, unless it was asked just now."""
    target = kept(target)
    live = Subscription.objects.live().filter(subscriber=subscriber, scope=scope_of(target))
    # Held, as the filter is: nothing that is about to be asked is cleaned away meanwhile.
    wish = live.select_for_update(no_key=True).first()
    if wish is None:
        wish = Subscription.objects.create(
            subscriber=subscriber, asked_at=now, rhythm=rhythm, kinds=list(kinds), **columns(target)
        )
    elif wish.confirmed_at is None:
        # Asked anew: the link of a second question works as long as that of the first one did.
        wish.rhythm, wish.kinds, wish.asked_at = rhythm, list(kinds), now
    wish.save(update_fields=["rhythm", "kinds", "asked_at"])
    asked = Delivery.objects.filter(subscription=wish, kind=Kind.CONFIRMATION).filter(
        Q(state__in=[State.WAITING, State.CLAIMED]) | Q(created_at__gt=now - PATIENCE)
    )
    if not asked.exists():
        Delivery.objects.create(
            kind=Kind.CONFIRMATION,
            subscriber=subscriber,
            subscription=wish,
            domain=subscriber.email.rpartition("@")[2],
            created_at=now,
            next_attempt_at=now,
        )


def _known(email: str, language: str, now: datetime) -> Subscriber:
    """The row of an address, new or old, locked. Again when it was erased between the two steps."""
    while True:
        Subscriber.objects.bulk_create(
            [Subscriber(email=email, language=language, created_at=now, changed_at=now)],
            ignore_conflicts=True,
        )
        subscriber = Subscriber.objects.select_for_update(no_key=True).filter(email=email).first()
        if subscriber is not None:
            return subscriber


def find(who: uuid.UUID) -> Subscriber | None:
    """The subscriber of a signed link; None when erased."""
    return Subscriber.objects.filter(uuid=who).first()


def _locked(who: uuid.UUID) -> Subscriber | None:
    return Subscriber.objects.select_for_update(no_key=True).filter(uuid=who).first()


@transaction.atomic
def confirm(who: uuid.UUID, subscription: int, *, now: datetime | None = None) -> Subscription | None:
    """Begins a subscription at the head of the log; None when it was ended or erased, or the address suppressed.

    Raises TooManyFilters."""
    now = now or timezone.now()
    subscriber = _locked(who)
    if subscriber is None or subscriber.state == SubscriberState.SUPPRESSED:
        return None
    wish = Subscription.objects.live().filter(pk=subscription, subscriber=subscriber).first()
    if wish is None:
        return None
    if wish.confirmed_at is None:
        filters = Subscription.objects.confirmed().filter(subscriber=subscriber, saved__isnull=False)
        if wish.saved_id is not None and filters.count() >= FILTERS_AT_MOST:
            raise TooManyFilters
        wish.confirmed_at, wish.starts_after = now, head().seq
        wish.save(update_fields=["confirmed_at", "starts_after"])
        subscriber.state, subscriber.changed_at = SubscriberState.CONFIRMED, now
        subscriber.save(update_fields=["state", "changed_at"])
        limits.answered(subscriber.email)
    return wish


@transaction.atomic
def end(who: uuid.UUID, chosen: Q, *, now: datetime | None = None) -> int:
    """Ends the live subscriptions that match; returns how many. What waits for them is dropped when its turn comes:
    each mail is checked against the subscriptions in the statement that puts it on the wire."""
    now = now or timezone.now()
    subscriber = _locked(who)
    if subscriber is None:
        return 0
    ended = Subscription.objects.live().filter(chosen, subscriber=subscriber).update(ended_at=now)
    if ended:
        subscriber.changed_at = now
        subscriber.save(update_fields=["changed_at"])
    return ended


@transaction.atomic
def take_back(who: uuid.UUID, subscriptions: Sequence[int], *, now: datetime | None = None) -> int:
    """Lets subscriptions that their owner had confirmed, and has ended, go on at the head of the log: whoever pressed the
    wrong button is not asked by mail again. Returns how many; none for a suppressed address. Raises TooManyFilters."""
    now = now or timezone.now()
    subscriber = _locked(who)
    if subscriber is None or subscriber.state == SubscriberState.SUPPRESSED:
        return 0
    mine = Subscription.objects.filter(subscriber=subscriber)
    ended = mine.filter(pk__in=subscriptions, confirmed_at__isnull=False, ended_at__isnull=False)
    # The last of each scope, unless it is followed or asked about anew.
    last = ended.exclude(scope__in=mine.live().values("scope")).order_by("scope", "-pk").distinct("scope")
    keys = [wish.pk for wish in last]
    filters = mine.confirmed().filter(saved__isnull=False).count()
    added = sum(wish.saved_id is not None for wish in last)
    if added and filters + added > FILTERS_AT_MOST:
        raise TooManyFilters
    subscriber.changed_at = now
    subscriber.save(update_fields=["changed_at"])
    return mine.filter(pk__in=keys).update(ended_at=None, starts_after=head().seq)


def brought_by(delivery: uuid.UUID) -> list[int]:
    """The keys of the subscriptions that brought a mail; none when it is too old to be kept."""
    found = Notice.objects.filter(delivery=delivery).values_list("wishes", flat=True)
    return sorted({key for wishes in found for key in wishes})


def those(who: uuid.UUID, subscriptions: Sequence[int]) -> Q:
    """Subscriptions by their keys, and what the same person follows anew of the same: whoever leaves by an old mail does
    not want more of it."""
    old = Subscription.objects.filter(pk__in=subscriptions, subscriber__uuid=who)
    return Q(scope__in=old.values("scope"))


def in_digests() -> Q:
    """All that comes in digests."""
    return ~Q(rhythm=Rhythm.INSTANTLY)


def everything() -> Q:
    """All that a person follows."""
    return Q()


def one(subscription: int) -> Q:
    """One subscription by its key."""
    return Q(pk=subscription)


@transaction.atomic
def pause(who: uuid.UUID, chosen: Q, *, now: datetime | None = None) -> int:
    """Pauses the active subscriptions that match: nothing comes until they are resumed; returns how many."""
    now = now or timezone.now()
    subscriber = _locked(who)
    if subscriber is None:
        return 0
    return Subscription.objects.active().filter(chosen, subscriber=subscriber).update(paused_at=now)


@transaction.atomic
def resume(who: uuid.UUID, chosen: Q) -> int:
    """Lets paused subscriptions go on at the head of the log; what happened in between is not told. Returns how many."""
    subscriber = _locked(who)
    if subscriber is None:
        return 0
    paused = Subscription.objects.confirmed().filter(chosen, subscriber=subscriber, paused_at__isnull=False)
    return paused.update(paused_at=None, starts_after=head().seq)


@transaction.atomic
def change(who: uuid.UUID, subscription: int, rhythm: str, kinds: Sequence[str]) -> bool:
    """How often one subscription brings mail, and about what (none: all). False when it is not theirs or has ended."""
    subscriber = _locked(who)
    if subscriber is None:
        return False
    mine = Subscription.objects.confirmed().filter(pk=subscription, subscriber=subscriber)
    return bool(mine.update(rhythm=rhythm, kinds=list(kinds)))


@again_after_deadlock
@transaction.atomic
def change_hours(who: uuid.UUID, zone: str, hour: int, weekday: int) -> None:
    """When digests come: the hour (0 to 23) and the ISO weekday, on the clocks of an IANA zone. Saving what stands there
    already moves no digest."""
    subscriber = _locked(who)
    if subscriber is None or (zone, hour, weekday) == (subscriber.zone, subscriber.hour, subscriber.weekday):
        return
    move_digests(subscriber.pk, zone, hour, weekday)
    subscriber.zone, subscriber.hour, subscriber.weekday = zone, hour, weekday
    subscriber.save(update_fields=["zone", "hour", "weekday"])


def change_language(who: uuid.UUID, language: str, *, now: datetime | None = None) -> None:
    """The language of all further mails to that person."""
    Subscriber.objects.filter(uuid=who).update(language=language, changed_at=now or timezone.now())


@again_after_deadlock
@transaction.atomic
def erase(who: uuid.UUID, *, now: datetime | None = None) -> bool:
    """Removes the address from every row; deliveries stay, for the count, without anyone. False when gone already."""
    now = now or timezone.now()
    subscriber = Subscriber.objects.select_for_update().filter(uuid=who).first()
    if subscriber is None:
        return False
    erase_rows([subscriber.pk], now)
    return True


def erase_rows(keys: list[int], now: datetime) -> None:
    """Erases subscribers by key, inside a transaction. Mails that are not on the wire are dropped; one that is goes
    on: its worker holds the token, and afterwards nobody can tell whom it reached.

    A server may have named its reader in any form, so what it said goes as well, and what is remembered of a domain that
    may be the reader's own: if others are there, it is learnt anew."""
    emails = Subscriber.objects.filter(pk__in=keys).values_list("email", flat=True)
    DomainPause.objects.filter(domain__in={email.rpartition("@")[2] for email in emails}).delete()
    Subscription.objects.filter(subscriber__in=keys).delete()
    Notice.objects.filter(subscriber__in=keys).delete()
    owed = Delivery.objects.filter(subscriber__in=keys)
    # Locked before we look which is where: a mail that is put off in between would wait, for nobody, and what the server
    # said of it would stay.
    list(owed.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    Attempt.objects.filter(delivery__subscriber__in=keys).exclude(reply="").update(reply="")
    owed.filter(Q(state=State.WAITING) | Q(state=State.CLAIMED, started_at__isnull=True)).update(
        state=State.DROPPED,
        why=Why.ERASED,
        is_open=False,
        token=None,
        lease_until=None,
        settled_at=now,
        subscriber=None,
        subscription=None,
        domain="",
    )
    owed.update(subscriber=None, subscription=None, domain="")
    Subscriber.objects.filter(pk__in=keys).delete()
