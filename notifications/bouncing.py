"""Mails that came back: a hard bounce suppresses the address, soft ones are counted. Forged ones have no effect.

Who may say that a mail bounced: the mail server that refused it, a delivery status notification (RFC 3464) that came to
the return path of that one mail (its token is known to the mail alone), and a provider that signs what it posts.
"""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import hmac
import re
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from email.message import EmailMessage, Message
from email.utils import getaddresses

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from notifications.models import Bounce, BounceWay, Delivery, Subscriber, SubscriberState, Subscription

# So many soft bounces within this time are as good as a hard one.
SOFT_AT_MOST, SOFT_WITHIN = 5, timedelta(days=30)
LARGEST = 1_000_000
_TOKEN = re.compile(r"\+([0-9a-f]{32})-([a-z2-7]{20})@")
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
# Bad mailbox or domain (X.1.1 to X.1.3, X.1.10), mailbox disabled (X.2.1): RFC 3463, RFC 7505.
_GONE = {(1, 1), (1, 2), (1, 3), (1, 10), (2, 1)}


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


def is_hard(status: str) -> bool | None:
    """Whether an enhanced status (RFC 3463, `5.1.1`) says that the mailbox is not there; None for no failure."""
    found = _STATUS.search(status)
    if found is None or found[1] == "2":
        return None
    return found[1] == "5" and (int(found[2]), int(found[3])) in _GONE


def record(delivery: uuid.UUID, hard: bool, code: str, way: BounceWay, now: datetime | None = None) -> bool:
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
            is_hard=hard,
            defaults={"subscriber": reader, "at": now, "code": code[:12], "way": way},
        )
        if not is_new:
            return False
        soft = Bounce.objects.filter(subscriber=reader, is_hard=False, at__gt=now - SOFT_WITHIN).count()
        if (hard or soft >= SOFT_AT_MOST) and reader.state != SubscriberState.SUPPRESSED:
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


def refused(delivery: uuid.UUID, code: int | None, reply: str) -> bool:
    """What a mail server's permanent refusal means for the address; whether it was new."""
    hard = is_hard(reply[:20])
    status = _STATUS.search(reply[:20])
    return record(delivery, bool(hard), status[0] if status else str(code or ""), BounceWay.SMTP)


def read(content: bytes, recipients: Iterable[str] = ()) -> bool:
    """A mail that came to the return path: whether it was a bounce of ours and new. Everything else has no effect."""
    if len(content) > LARGEST:
        return False
    message = email.message_from_bytes(content, policy=email.policy.default)
    delivery = next((found for it in _recipients(message, recipients) if (found := delivery_of(it))), None)
    if delivery is None:
        return False
    for action, status in _reports(message):
        hard = is_hard(status)
        if action == "failed" and hard is not None:
            return record(delivery, hard, status, BounceWay.MAILBOX)
    return False


def _recipients(message: EmailMessage, given: Iterable[str]) -> list[str]:
    found = list(given)
    for name in ("X-Original-To", "Delivered-To", "To"):
        try:
            found += [
                address for _name, address in getaddresses([str(it) for it in message.get_all(name, [])])
            ]
        except (ValueError, TypeError, IndexError, AttributeError):
            continue  # a header that nobody can read names nobody
    return found


def _reports(message: EmailMessage) -> Iterable[tuple[str, str]]:
    """Action and status of each recipient in the report; a mail without a report has none."""
    for part in message.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        blocks = part.get_payload()
        for block in blocks if isinstance(blocks, list) else []:
            if not isinstance(block, Message):
                continue
            action, status = str(block.get("Action", "")), str(block.get("Status", ""))
            if action:
                yield action.strip().lower(), status.strip()[:12]
