"""Mails that came back: a hard bounce suppresses the address, soft ones are counted by days. Forged ones have no effect.

A refusal counts against an address only where it says something about the mailbox: a server that blocks ours, or finds
fault with the mail, says the same to all of its people, and they would never hear from us again.

Who may say that a mail bounced: the mail server that refused it, a delivery status notification (RFC 3464) that came to
the return path of that one mail (its token is known to the mail alone), and a provider that signs what it posts.
"""

from __future__ import annotations

import base64
import email
import hashlib
import hmac
import re
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from email.message import Message
from enum import IntEnum

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from notifications.models import (
    Bounce,
    BounceAbout,
    BounceWay,
    Delivery,
    Subscriber,
    SubscriberState,
    Subscription,
)
from tracker.kit.breaking_off import a_limit

# So many days with a soft bounce within this time are as good as a hard one. Days, not mails: who hears of much gets
# five mails on the one afternoon on which a mailbox is full.
SOFT_DAYS, SOFT_WITHIN = 5, timedelta(days=30)
# An answer that does not say what is wrong speaks of us where so many others at the domain got the same within a day.
MANY = 3
LARGEST = 1_000_000
# The part of a mail that is looked at before a token in it was found right, and the seconds for reading the rest.
HEAD, SECONDS = 64 * 1024, 5.0
_TOKEN = re.compile(r"\+([0-9a-f]{32})-([a-z2-7]{20})@")
# Never a part of an address of the Internet: 5.1.1.9 is a host.
_STATUS = re.compile(r"(?<![\w.])([245])\.(\d{1,3})\.(\d{1,3})(?!\w|\.\d)")
# Bad mailbox or domain (X.1.1 to X.1.3, X.1.10), moved away (X.1.6), disabled (X.2.1): RFC 3463, RFC 7505.
_GONE = {(1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1)}
# The sender's address (X.1.7, X.1.8) and a mail that is too long (X.2.3) are ours.
_OURS = {(1, 7), (1, 8), (2, 3)}
# Said of mailboxes that are not there, and of much else: what stands for a reply without a status (5.0.0), Exchange
# Online (5.4.1), Outlook.com (5.5.0).
_UNCLEAR = {(0, 0), (4, 1), (5, 0)}
# A reply to the recipient without a status (RFC 5321, 4.2.3); 554 and the rest are said of hosts and mails.
BARE = {550, 551, 552, 553}

log = structlog.get_logger(__name__)


class Weight(IntEnum):
    """What a refusal means for the address."""

    NOTHING = 0
    UNCLEAR = 1
    SOFT = 2
    HARD = 3


_ABOUT = {
    Weight.NOTHING: BounceAbout.OTHER,
    Weight.UNCLEAR: BounceAbout.UNCLEAR,
    Weight.SOFT: BounceAbout.MAILBOX,
    Weight.HARD: BounceAbout.MAILBOX,
}


def _seal(delivery: uuid.UUID, secret: str) -> str:
    key = b"notifications.bouncing:" + secret.encode()
    digest = hmac.new(key, delivery.bytes, hashlib.sha256).digest()
    return base64.b32encode(digest)[:20].decode().lower()


def return_path(delivery: uuid.UUID) -> str:
    """The envelope sender of one mail, where its bounce goes; empty when no BOUNCE_ADDRESS is set."""
    if not settings.BOUNCE_ADDRESS:
        return ""
    local, _at, host = settings.BOUNCE_ADDRESS.rpartition("@")
    return f"{local}+{delivery.hex}-{_seal(delivery, settings.SECRET_KEY)}@{host}"


def delivery_of(address: str) -> uuid.UUID | None:
    """The mail whose return path that is, by our key or one that we had before; None for an address that we did not make."""
    found = _TOKEN.search(address.lower())
    if found is None:
        return None
    delivery = uuid.UUID(hex=found[1])
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ours = any(hmac.compare_digest(_seal(delivery, secret), found[2]) for secret in secrets)
    return delivery if ours else None


def status_in(text: str) -> str:
    """The first enhanced status of a failure (RFC 3463, `5.1.1`) in a server's words; empty when there is none."""
    return next((found[0] for found in _STATUS.finditer(text) if found[1] != "2"), "")


def weigh(status: str) -> Weight:
    """What an enhanced status of a failure means for the address: X.1 and X.2 speak of the mailbox, X.3 to X.7 of hosts,
    ways, protocols, mails and policies."""
    kind, subject, detail = status.split(".")
    what = (int(subject), int(detail))
    if what in _UNCLEAR and kind == "5":
        return Weight.UNCLEAR
    if what in _OURS or what[0] not in (1, 2):
        return Weight.NOTHING
    return Weight.HARD if what in _GONE and kind == "5" else Weight.SOFT


# The days on which mails to one reader came back for a reason that is the mailbox's, or that need not be ours.
_DAYS = """
SELECT count(DISTINCT (b.at AT TIME ZONE 'UTC')::date) FROM notifications_bounce b
WHERE b.subscriber_id = %(reader)s AND NOT b.is_hard AND b.at > %(since)s
  AND (b.about = 'mailbox' OR b.about = 'unclear' AND (
    SELECT count(DISTINCT subscriber_id) FROM (
        SELECT o.subscriber_id FROM notifications_bounce o
        WHERE o.about = 'unclear' AND o.domain = b.domain AND o.code = b.code AND o.subscriber_id <> b.subscriber_id
          AND o.at BETWEEN b.at - interval '1 day' AND b.at + interval '1 day'
        LIMIT 100
    ) AS others) < %(many)s)
"""


def _soft_days(reader: Subscriber, now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, {"reader": reader.pk, "since": now - SOFT_WITHIN, "many": MANY})
        return int(cursor.fetchone()[0])


def record(
    delivery: uuid.UUID, weight: Weight, code: str, way: BounceWay, now: datetime | None = None
) -> bool:
    """Writes a bounce down, once per mail and kind, and suppresses the address when that is due.

    False when there is nothing to do: the mail or its reader is not known (any more), or it was told before.
    """
    now = now or timezone.now()
    with transaction.atomic():
        row = Delivery.objects.filter(pk=delivery, subscriber__isnull=False).first()
        if row is None:
            return False
        reader = Subscriber.objects.select_for_update(no_key=True).filter(pk=row.subscriber_id or 0).first()
        if reader is None:
            return False
        _bounce, is_new = Bounce.objects.get_or_create(
            delivery=delivery,
            is_hard=weight == Weight.HARD,
            defaults={
                "subscriber": reader,
                "at": now,
                "code": code[:12],
                "way": way,
                "about": _ABOUT[weight],
                "domain": reader.email.rpartition("@")[2],
            },
        )
        if not is_new:
            return False
        if weight == Weight.NOTHING or reader.state == SubscriberState.SUPPRESSED:
            return True
        if weight == Weight.HARD or _soft_days(reader, now) >= SOFT_DAYS:
            reader.state, reader.changed_at = SubscriberState.SUPPRESSED, now
            reader.save(update_fields=["state", "changed_at"])
    return True


@transaction.atomic
def forgive(subscribers: Iterable[int]) -> int:
    """Forgets the bounces of suppressed addresses and lets their owners sign up and confirm anew; returns how many."""
    rows = Subscriber.objects.select_for_update(no_key=True).filter(
        pk__in=list(subscribers), state=SubscriberState.SUPPRESSED
    )
    keys = list(rows.order_by("pk").values_list("pk", flat=True))
    Bounce.objects.filter(subscriber__in=keys).delete()
    Subscription.objects.live().filter(subscriber__in=keys).update(ended_at=timezone.now())
    return Subscriber.objects.filter(pk__in=keys).update(
        state=SubscriberState.PENDING, changed_at=timezone.now()
    )


def refused(delivery: uuid.UUID, code: int | None, reply: str, is_of_reader: bool) -> bool:
    """What a mail server's permanent refusal means for the address; whether it was new. `is_of_reader` when it was said
    of the recipient, before the mail: such a reply without a status mostly means that nobody of that name is there."""
    status = status_in(reply)
    if status:
        weight = weigh(status)
    else:
        weight = Weight.UNCLEAR if is_of_reader and code in BARE else Weight.NOTHING
    return record(delivery, weight, status or str(code or ""), BounceWay.SMTP)


def read(content: bytes, recipients: Iterable[str] = ()) -> bool:
    """A mail that came to the return path: whether it was a bounce of ours and new. Everything else has no effect.

    Anybody may write there, so nothing of a mail is taken apart before a token in it was found right: to read what is
    made for that can take minutes. Who holds a token gets a few seconds.
    """
    if len(content) > LARGEST:
        return False
    delivery = _named_in([*recipients, _head(content)])
    if delivery is None:
        return False
    try:
        with a_limit() as limit, limit(SECONDS):
            statuses = list(_failures(email.message_from_bytes(content)))
    except Exception as error:  # noqa: BLE001  (it is the mail that is wrong, and it is read by nobody again)
        log.error("bounce_not_read", delivery=str(delivery), error=type(error).__name__)
        return False
    return bool(statuses) and record(delivery, weigh(statuses[0]), statuses[0], BounceWay.MAILBOX)


def _head(content: bytes) -> str:
    """The headers as they came, and no more of them than a mail server writes."""
    return re.split(rb"\r?\n\r?\n", content[:HEAD], maxsplit=1)[0].decode("ascii", "replace")


def _named_in(texts: Iterable[str]) -> uuid.UUID | None:
    """The mail of the first right token, whichever header says where the bounce went."""
    for text in texts:
        for found in _TOKEN.finditer(text.lower()):
            if delivery := delivery_of(found[0]):
                return delivery
    return None


def _failures(message: Message) -> Iterable[str]:
    """The status of each recipient that the report says has failed; a mail without a report has none."""
    for part in message.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        blocks = part.get_payload()
        for block in blocks if isinstance(blocks, list) else []:
            if not isinstance(block, Message) or str(block.get("Action", "")).strip().lower() != "failed":
                continue
            status = status_in(str(block.get("Status", ""))[:100])
            if status.endswith(".0.0"):
                # Some servers never say more there, and what they were told beside it.
                status = status_in(str(block.get("Diagnostic-Code", ""))[:1000]) or status
            if status:
                yield status
