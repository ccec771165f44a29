"""Tokens of the API: made, shown once, found again by what a request brings, and revoked."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.utils.translation import gettext as _

from commitments.actors import Actor
from commitments.models import Accord, ApiToken, KeptAnswer, Scope
from commitments.models.token import LONGEST
from commitments.refusals import refuse

log = structlog.get_logger(__name__)
PREFIX = "act_"
# A public handle of 32 bits by which the row is found, then 256 random bits.
SHAPE = re.compile(r"act_([0-9a-f]{8})([A-Za-z0-9_-]{43})", re.ASCII)
# The row is written once in so long, however often the token is used.
COARSE = timedelta(hours=1)
# So long the answer to a write is kept, to be given again for the same Idempotency-Key.
KEPT_FOR = timedelta(days=1)
# The names under which others let a token stand in an address.
IN_ADDRESSES = ("access_token", "token", "api_key", "apikey")


def digest_of(secret: str) -> str:
    """What is kept of a token: SHA-256, in hexadecimal. 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def make_token(
    owner: Any,
    *,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime,
    accord: Accord | None = None,
    now: datetime,
) -> tuple[ApiToken, str]:
    """A new token of that member of staff, and its text, which is nowhere else and never again.

    Raises Refused for an empty name, for scopes that are none, and for an end in the past or after 366 days.
    """
    if not name.strip():
        raise refuse("name", "required", _("Say what the token is for."))
    unknown = sorted(set(scopes) - set(Scope.values))
    if unknown or not scopes:
        raise refuse(
            "scopes", "unknown", _("Choose scopes among %(allowed)s.") % {"allowed": ", ".join(Scope.values)}
        )
    if not now < expires_at <= now + LONGEST:
        raise refuse(
            "expires_at", "bound", _("A token runs out in the future, and after %(days)s days at most.")
            % {"days": LONGEST.days},
        )  # fmt: skip
    handle = secrets.token_hex(4)
    text = f"{PREFIX}{handle}{secrets.token_urlsafe(32)}"
    row = ApiToken.objects.create(
        owner=owner,
        name=name.strip(),
        handle=handle,
        digest=digest_of(text),
        last_four=text[-4:],
        scopes=sorted(set(scopes)),
        accord=accord,
        made_at=now,
        expires_at=expires_at,
    )
    log.info("token_made", token=row.pk, scopes=row.scopes)
    return row, text


def revoke_token(row: ApiToken, *, now: datetime) -> None:
    """Ends a token at once; safe to repeat."""
    if ApiToken.objects.filter(pk=row.pk, revoked_at__isnull=True).update(revoked_at=now):
        log.info("token_revoked", token=row.pk)


def find_token(text: str, now: datetime) -> ApiToken | None:
    """The living token of that text whose owner still works here; None otherwise, without saying which it was."""
    found = SHAPE.fullmatch(text)
    if found is None:
        return None
    row = (
        ApiToken.objects.alive(now)
        .select_related("owner", "accord")
        .filter(handle=found[1], owner__is_active=True, owner__is_staff=True)
        .first()
    )
    # In constant time, also where there is no such row.
    if not hmac.compare_digest(row.digest if row else "", digest_of(text)) or row is None:
        return None
    if row.last_used_at is None or row.last_used_at < now - COARSE:
        ApiToken.objects.filter(pk=row.pk).update(last_used_at=now)
    return row


def actor_of(token: ApiToken, today: Any = None) -> Actor:
    """The owner as the verbs see one; a token of one accord has the owner's role for that accord alone."""
    actor = Actor.of(token.owner, today)
    if token.accord_id is None:
        return actor
    role = actor.roles.get(token.accord_id, actor.roles.get(None))
    return replace(actor, roles={} if role is None else {token.accord_id: role})


def forget_answers(now: datetime) -> int:
    """Deletes the answers that were kept long enough; returns how many."""
    return KeptAnswer.objects.filter(kept_at__lte=now - KEPT_FOR).delete()[0]
