"""Signs the head of the log (Ed25519), and checks what was signed against the log as it stands."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from commitments.log import head, stamp
from commitments.models import Checkpoint, CheckpointKey, Event
from commitments.verifying import Fault

# The clock asks every hour; a little less than a day, so that the hour of the day does not wander.
ALMOST_A_DAY = timedelta(hours=23, minutes=30)
# Separates these signatures from any other use of the key.
DOMAIN = "accord-tracker/checkpoint/1"


def text_of(site: str, seq: int, digest: str, at: datetime, key: str) -> str:
    """The exact text that is signed: six lines, each ended by a line feed, UTF-8."""
    return "\n".join([DOMAIN, site, str(seq), digest, stamp(at), key, ""])


def private_key() -> Ed25519PrivateKey | None:
    """The key of the environment; None when there is none. Raises ImproperlyConfigured for one that is no key."""
    if not settings.CHECKPOINT_KEY:
        return None
    try:
        raw = base64.b64decode(settings.CHECKPOINT_KEY, validate=True)
        return Ed25519PrivateKey.from_private_bytes(raw)
    except (binascii.Error, ValueError):
        raise ImproperlyConfigured("CHECKPOINT_KEY is no Ed25519 key: base64 of 32 random bytes.") from None


def code_of(public: bytes) -> str:
    """The code of a public key."""
    return hashlib.sha256(public).hexdigest()[:16]


def write_checkpoint(now: datetime) -> Checkpoint | None:
    """Signs the head of the log; None without a key, for an empty log, and when this head is signed already.

    A key that was never used before takes over from the earlier ones. `now` is the instant (UTC) it vouches from.
    """
    key = private_key()
    if key is None:
        return None
    public = key.public_key().public_bytes_raw()
    with transaction.atomic():
        end = head()
        if end.seq == 0:
            return None
        row, is_new = CheckpointKey.objects.get_or_create(
            code=code_of(public),
            defaults={"public": base64.b64encode(public).decode(), "first_used_at": now},
        )
        if is_new:
            CheckpointKey.objects.filter(retired_at__isnull=True).exclude(pk=row.pk).update(retired_at=now)
        said = text_of(settings.SITE_URL, end.seq, end.hash, now, row.code)
        checkpoint, is_new = Checkpoint.objects.get_or_create(
            seq=end.seq,
            key=row,
            defaults={
                "hash": end.hash,
                "at": now,
                "site": settings.SITE_URL,
                "signature": base64.b64encode(key.sign(said.encode())).decode(),
            },
        )
    return checkpoint if is_new else None


def write_when_due(now: datetime) -> Checkpoint | None:
    """Signs the head of the log once a day, whenever it is asked; a missed hour is made up for in the next."""
    last = Checkpoint.objects.order_by("-at").values_list("at", flat=True).first()
    return None if last is not None and now - last < ALMOST_A_DAY else write_checkpoint(now)


def last_seconds(now: datetime) -> str | float:
    """How old the last checkpoint is, in seconds; words where there is none or no key to write one."""
    if not settings.CHECKPOINT_KEY:
        return "no key"
    last = Checkpoint.objects.order_by("-at").values_list("at", flat=True).first()
    return "none yet" if last is None else round((now - last).total_seconds(), 1)


def holds(checkpoint: Checkpoint) -> bool:
    """Whether the signature is of this text by this key."""
    said = text_of(checkpoint.site, checkpoint.seq, checkpoint.hash, checkpoint.at, checkpoint.key_id)
    try:
        public = base64.b64decode(checkpoint.key.public, validate=True)
        signature = base64.b64decode(checkpoint.signature, validate=True)
        Ed25519PublicKey.from_public_bytes(public).verify(signature, said.encode())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return code_of(public) == checkpoint.key_id


def faults() -> Iterator[Fault]:
    """Every checkpoint that is not genuine, or that the log no longer bears out; in order."""
    rows = Checkpoint.objects.select_related("key").order_by("seq", "id")
    hashes = dict(Event.objects.filter(seq__in=rows.values("seq")).values_list("seq", "hash"))
    for row in rows:
        if not holds(row):
            yield Fault(row.seq, f"the checkpoint of {stamp(row.at)} is not signed by its key")
        elif row.seq not in hashes:
            yield Fault(
                row.seq, f"the checkpoint of {stamp(row.at)} says that it was there: the tail is cut off"
            )
        elif hashes[row.seq] != row.hash:
            yield Fault(row.seq, f"the checkpoint of {stamp(row.at)} says that its hash was {row.hash}")
