"""deliver: one round of the sender. Claim, look again, send with empty hands, settle each mail at once."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from commitments.models import Event, Heartbeat
from notifications import home, letters, line, outbox, truth
from notifications.channels.email import LineDown, Post, Reader, Trouble, assemble
from notifications.letters import Follows, Letter
from notifications.models import Delivery, Kind, Outcome, SubscriberState, Subscription, Why
from notifications.outbox import About, Claimed, Ended

DELIVER = "deliver"
# So many broken conversations in a row mean that the server is down, not that a mail is bad.
PATIENCE = 3
LETTERS_KEPT = 300
# Seconds between the tries to settle while the database is away or breaks a deadlock.
SETTLE_PAUSES = (0.1, 0.5, 1.0, 2.0, 4.0)

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Round:
    """What one round did."""

    sent: int = 0
    failed: int = 0
    put_off: int = 0
    dropped: int = 0
    is_down: bool = False
    is_up: bool = False
    written: dict[tuple[object, ...], Letter] = field(default_factory=dict, repr=False)

    def letter(self, parcel: Parcel) -> Letter:
        """The letter of a parcel, written once for all who get the same."""
        if parcel.event is not None:
            assert parcel.follows is not None
            key: tuple[object, ...] = (parcel.event.seq, parcel.language, parcel.follows)
            if key not in self.written:
                self._keep(key, letters.alert(parcel.event, parcel.language, parcel.follows))
        else:
            wish = parcel.wish
            assert wish is not None
            is_confirmed = wish.confirmed_at is not None
            key = ("question", wish.accord_id, wish.commitment_id, parcel.language, is_confirmed)
            if key not in self.written:
                self._keep(key, letters.question(wish.accord, wish.commitment, parcel.language, is_confirmed))
        return self.written[key]

    def _keep(self, key: tuple[object, ...], letter: Letter) -> None:
        if len(self.written) >= LETTERS_KEPT:
            self.written.clear()
        self.written[key] = letter


@dataclass(frozen=True, slots=True)
class Parcel:
    """A claimed delivery with all that is needed to write and address it."""

    claimed: Claimed
    reader: Reader
    language: str
    about: About
    event: Event | None = None
    follows: Follows | None = None
    wish: Subscription | None = None


def deliver(seconds: float = 2.0) -> Round:
    """Sends what is due for at most about `seconds`, then notes that we looked. Any number may run at once."""
    until = time.monotonic() + seconds
    this = Round()
    outbox.recover()
    if outbox.is_due() and home.is_home() and line.may_try():
        try:
            with Post() as post:
                while time.monotonic() < until and not this.is_down:
                    stop = time.monotonic() + outbox.lease().total_seconds() - 2 * settings.EMAIL_TIMEOUT
                    batch = outbox.claim()
                    if not batch:
                        break
                    _carry(_parcels(batch, this), post, this, min(until, stop))
        except LineDown as error:
            line.down(str(error))
            this.is_down = True
            log.warning("mail_server_down", said=str(error))
    found = {"sent": this.sent, "failed": this.failed, "put_off": this.put_off, "dropped": this.dropped}
    Heartbeat.objects.update_or_create(
        name=DELIVER, defaults={"at": timezone.now(), "found": {**found, "is_down": this.is_down}}
    )
    return this


_ALERTS = """
SELECT n.delivery_id, n.number, p.uuid, p.email, p.language,
       bool_or(s.commitment_id IS NULL), bool_or(s.commitment_id IS NOT NULL)
FROM notifications_notice n
JOIN commitments_event e ON e.seq = n.number
JOIN notifications_subscriber p ON p.id = n.subscriber_id AND p.state = %s
JOIN notifications_subscription s ON s.subscriber_id = p.id AND s.accord_id = e.accord_id
     AND (s.commitment_id IS NULL OR s.commitment_id = e.commitment_id)
     AND s.ended_at IS NULL AND s.confirmed_at IS NOT NULL AND s.starts_after < e.seq
WHERE n.delivery_id = ANY(%s) AND n.source = 'event'
GROUP BY n.delivery_id, n.number, p.uuid, p.email, p.language
"""


def _parcels(batch: Sequence[Claimed], this: Round) -> list[Parcel]:
    """What of a claim is still wanted and still true, in its order; the rest is dropped."""
    ids = [it.id for it in batch]
    found: dict[uuid.UUID, Parcel] = {}
    by_id = {it.id: it for it in batch}
    with connection.cursor() as cursor:
        cursor.execute(_ALERTS, [str(SubscriberState.CONFIRMED), ids])
        rows = cursor.fetchall()
    events = Event.objects.in_bulk({row[1] for row in rows})
    gone = truth.untrue(events.values())
    untrue: list[Claimed] = []
    for delivery, seq, who, email, language, by_accord, by_commitment in rows:
        event = events[seq]
        if seq in gone:
            untrue.append(by_id[delivery])
            continue
        found[delivery] = Parcel(
            claimed=by_id[delivery],
            reader=Reader(who, email, event.accord_id, event.commitment_id or 0),
            language=language,
            about=About(seq, event.accord_id, event.commitment_id),
            event=event,
            follows=Follows(by_accord, by_commitment),
        )
    questions = (
        Delivery.objects.filter(pk__in=ids, kind=Kind.CONFIRMATION, subscription__ended_at__isnull=True)
        .exclude(subscriber__state=SubscriberState.SUPPRESSED)
        .exclude(subscriber=None)
        .exclude(subscription=None)
        .select_related("subscriber", "subscription__accord", "subscription__commitment")
    )
    for row in questions:
        assert row.subscriber is not None
        assert row.subscription is not None
        wish, who = row.subscription, row.subscriber
        found[row.pk] = Parcel(
            claimed=by_id[row.pk],
            reader=Reader(who.uuid, who.email, wish.accord_id, wish.commitment_id or 0, wish.pk),
            language=who.language,
            about=About(),
            wish=wish,
        )
    unwanted = [it for it in batch if it.id not in found and it not in untrue]
    this.dropped += outbox.drop(untrue, Why.UNTRUE) + outbox.drop(unwanted, Why.UNWANTED)
    return [found[it.id] for it in batch if it.id in found]


def _carry(parcels: Sequence[Parcel], post: Post, this: Round, until: float) -> None:
    """Sends parcels one by one until `until` (monotonic seconds); gives back what it did not start."""
    on_the_wire = False
    broken = 0
    for place, parcel in enumerate(parcels):
        if not on_the_wire:
            if place and time.monotonic() >= until:
                outbox.release([rest.claimed for rest in parcels[place:]])
                return
            if not outbox.start(parcel.claimed, parcel.about):
                this.dropped += outbox.drop([parcel.claimed], Why.UNWANTED)
                continue
        down = ""
        try:
            ended = _send(parcel, post, this)
            broken = 0
        except Trouble as error:
            ended = Ended(Outcome.RETRY, None, str(error))
            broken += 1
            down = _mend(post, str(error), broken)
        following = parcels[place + 1] if place + 1 < len(parcels) else None
        if down or time.monotonic() >= until:
            following = None
        mine, on_the_wire = _settle(
            parcel.claimed,
            ended,
            following.claimed if following else None,
            following.about if following else About(),
        )
        _count(this, ended, mine)
        if down:
            outbox.release([rest.claimed for rest in parcels[place + 1 :]])
            raise LineDown(down)
        if not mine:
            # Our lease was over and somebody else has taken these: nothing here is ours any more.
            log.warning("lease_lost", delivery=str(parcel.claimed.id))
            outbox.release([rest.claimed for rest in parcels[place + 1 :]])
            return


def _send(parcel: Parcel, post: Post, this: Round) -> Ended:
    """One mail. What our own code cannot write counts against that mail alone."""
    try:
        content = assemble(this.letter(parcel), parcel.reader, parcel.claimed.id)
    except Exception as error:  # noqa: BLE001  (one poison mail must not condemn its neighbours)
        log.error(
            "mail_not_written", delivery=str(parcel.claimed.id), error=type(error).__name__, exc_info=True
        )
        return Ended(Outcome.ERROR, None, type(error).__name__)
    ended = post.send(parcel.reader.email, content)
    if not this.is_up:
        line.up()
        this.is_up = True
    return ended


def _settle(it: Claimed, ended: Ended, then: Claimed | None, about: About) -> tuple[bool, bool]:
    """Settles even when the database goes away for a moment: what is on the wire must not be sent again for that."""
    for pause in SETTLE_PAUSES:
        try:
            return outbox.settle(it, ended, then, about)
        except (OperationalError, InterfaceError) as error:
            if connection.in_atomic_block:
                raise
            log.warning("settle_again", delivery=str(it.id), error=type(error).__name__)
            connection.close()
            time.sleep(pause)
    return outbox.settle(it, ended, then, about)


def _mend(post: Post, said: str, broken: int) -> str:
    """Connects again after a broken conversation; what to say of the line when that fails, too, or breaks often."""
    post.close()
    if broken >= PATIENCE:
        return said
    try:
        post.open()
    except LineDown as error:
        return str(error)
    return ""


def _count(this: Round, ended: Ended, mine: bool) -> None:
    if not mine:
        return
    if ended.outcome == Outcome.SENT:
        this.sent += 1
    elif ended.outcome == Outcome.FAILED:
        this.failed += 1
    else:
        this.put_off += 1
