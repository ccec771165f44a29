"""Secrets at rest: sealed with a key made of the site's secret key, so that a copy of the tables alone signs nothing."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Unreadable(Exception):
    """It was sealed with a secret key that this site does not know any more."""


def _lock(key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"notifications.sealing:" + key.encode()).digest()))


def _box() -> MultiFernet:
    return MultiFernet(_lock(key) for key in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS])


def seal(secret: str) -> str:
    """The secret as it may lie in a table."""
    return _box().encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """The secret; raises Unreadable."""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unreadable from error


def sealed_anew(sealed: str) -> str:
    """The same secret under the secret key of today; what is under it already stays as it is. Raises Unreadable."""
    try:
        _lock(settings.SECRET_KEY).decrypt(sealed.encode())
    except InvalidToken:
        return seal(unseal(sealed))
    return sealed
