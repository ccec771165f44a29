"""Telling the owner of an endpoint, once, that the post room has given it up. Who cannot be told is not tried for ever:
what the server said stands on the page of the endpoint."""

from __future__ import annotations

import time
import uuid
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from notifications import home, line
from notifications.channels.email import Reader, assemble
from notifications.channels.smtp import LineDown, Post, Trouble
from notifications.letters import LINE, Letter, common, rendered
from notifications.models import DisabledWhy, Endpoint, Outcome
from notifications.outbox import Ended
from tracker.kit.flat_text import one_line

log = structlog.get_logger(__name__)

# A server that says "not yet" is asked for so long, each hour.
PATIENCE = timedelta(days=5)
# One at a time, an hour between the tries: the row is marked before the mail goes and again when it was taken, so a
# worker that dies in between repeats it once, with the same Message-ID.
_TAKE = """
WITH untold AS MATERIALIZED (
    SELECT id FROM notifications_endpoint
    WHERE state = 'disabled' AND why IN ('gone', 'failing') AND owner_id IS NOT NULL AND owner_told_at IS NULL
      AND (owner_next_try_at IS NULL OR owner_next_try_at <= statement_timestamp())
    ORDER BY changed_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE notifications_endpoint p SET owner_next_try_at = statement_timestamp() + interval '1 hour'
FROM untold WHERE p.id = untold.id RETURNING p.id
"""


def tell(seconds: float = 20.0) -> int:
    """Mails the owners of endpoints that were given up and not yet told of, for at most about `seconds`, and none to a
    server that is down; returns how many mails were taken."""
    until = time.monotonic() + seconds
    told = 0
    if not _is_somebody_untold() or not home.is_home() or not line.may_try():
        return 0
    try:
        while time.monotonic() < until:
            # A line for each: few are told, and after one that broke the next begins anew.
            with Post() as post:
                row = _take()
                if row is None:
                    break
                told += _tell(row, post)
    except LineDown as error:
        line.down(str(error))
        log.warning("owners_not_told", said=str(error))
    return told


def _is_somebody_untold() -> bool:
    return (
        Endpoint.objects.filter(
            state="disabled", why__in=[DisabledWhy.GONE, DisabledWhy.FAILING], owner_told_at=None
        )
        .exclude(owner=None)
        .filter(Q(owner_next_try_at=None) | Q(owner_next_try_at__lte=Now()))
        .exists()
    )


def _take() -> Endpoint | None:
    with connection.cursor() as cursor:
        cursor.execute(_TAKE)
        row = cursor.fetchone()
    return None if row is None else Endpoint.objects.select_related("owner").get(pk=row[0])


def _tell(row: Endpoint, post: Post) -> int:
    assert row.owner is not None
    address = str(getattr(row.owner, "email", ""))
    if not address:
        _mark(row)
        return 0
    try:
        ended = post.send(address, _mail(row, address))
    except (Trouble, ValueError) as error:
        ended = Ended(Outcome.RETRY, None, str(error))
    else:
        line.up()
    if ended.outcome != Outcome.SENT:
        said = f"{ended.code or ''} {ended.reply}".strip()
        log.warning("owner_not_told", endpoint=row.pk, error=said)
        if ended.outcome == Outcome.FAILED or row.changed_at < timezone.now() - PATIENCE:
            _mark(row, said)
        return 0
    _mark(row)
    return 1


def _mark(row: Endpoint, said: str = "") -> None:
    """Their owner knows, or cannot be told, as the server `said`; unless it was enabled meanwhile: of the next time nobody
    has been told."""
    same = Endpoint.objects.filter(pk=row.pk, state=row.state, changed_at=row.changed_at)
    same.update(owner_told_at=timezone.now(), owner_said=said[:300])


def letter(row: Endpoint, language: str) -> Letter:
    """The mail to the owner of an endpoint that was given up."""
    with translation.override(language):
        name = one_line(row.name, LINE)
        context = {
            **common(None, language),
            "sentence": _("The endpoint “%(name)s” was disabled") % {"name": name},
            "name": name,
            "why": row.get_why_display(),
            "page": settings.SITE_URL + reverse("admin:notifications_endpoint_change", args=[row.pk]),
        }
        return rendered("owner", context, context["sentence"], f"endpoint-{row.uuid}", "endpoints")


def _mail(row: Endpoint, address: str) -> bytes:
    """The mail, in the endpoint's language: another id for each time that it was given up, the same for each try."""
    reader = Reader(row.uuid, address)
    return assemble(letter(row, row.language), reader, uuid.uuid5(row.uuid, row.changed_at.isoformat()))
