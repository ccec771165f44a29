"""Signed links: each is bound to one purpose and one subscriber, and says no address."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import signing
from django.urls import reverse

CONFIRM, MANAGE, LEAVE, ERASE, HEARD = "confirm", "manage", "leave", "erase", "heard"
CONFIRM_SECONDS = 7 * 86400
# A line of a mail has 998 octets at most (RFC 5322, 2.1.1), and a link in a header stands in one.
LONGEST = 900


class BadLink(Exception):
    """The link is not one of ours, is for another purpose, or has expired."""


def sign(purpose: str, subscriber: uuid.UUID, *about: int) -> str:
    """A token for one purpose; `about` are keys of rows that it speaks of."""
    return _signer(purpose, settings.SECRET_KEY).sign_object([subscriber.hex, *about])


def to_leave(subscriber: uuid.UUID, subscriptions: Sequence[int], mail: uuid.UUID) -> str:
    """The web address that ends those subscriptions; by the mail that they brought when they are too many for a line."""
    found = address(LEAVE, sign(LEAVE, subscriber, *subscriptions))
    return found if len(found) <= LONGEST else address(LEAVE, sign(LEAVE, subscriber, mail.int))


def mail_of(about: Sequence[int]) -> uuid.UUID | None:
    """The mail that a link to leave speaks of, if it is not subscriptions: as a number no mail is as small as a key."""
    return uuid.UUID(int=about[0]) if about and about[0] >= 1 << 63 else None


@functools.lru_cache(maxsize=32)
def _signer(purpose: str, key: str) -> signing.TimestampSigner:
    """Made once: a hundred thousand mails have two links each. Signs as `signing.dumps` does."""
    return signing.TimestampSigner(key=key, salt=f"notifications.{purpose}")


def read(purpose: str, token: str) -> tuple[uuid.UUID, list[int]]:
    """The subscriber's uuid and the keys in a token; raises BadLink."""
    try:
        content: Any = signing.loads(
            token, salt=f"notifications.{purpose}", max_age=CONFIRM_SECONDS if purpose == CONFIRM else None
        )
        return uuid.UUID(hex=content[0]), [int(key) for key in content[1:]]
    except (signing.BadSignature, ValueError, TypeError, IndexError, AttributeError) as error:
        raise BadLink from error


def address(purpose: str, token: str) -> str:
    """The whole web address of a signed link."""
    return settings.SITE_URL + _path(purpose).replace("TOKEN", token)


@functools.lru_cache
def _path(purpose: str) -> str:
    """Looked up once: a hundred thousand mails have two links each."""
    return reverse(f"notifications:{purpose}", args=["TOKEN"])
