"""Telling the owner of an endpoint, once, that the post room has given it up."""

from __future__ import annotations

import uuid

import structlog
from django.conf import settings
from django.db import connection
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from notifications import home
from notifications.channels.email import Reader, assemble
from notifications.channels.smtp import LineDown, Post, Trouble
from notifications.letters import LINE, Letter, common, rendered
from notifications.models import DisabledWhy, Endpoint, Outcome
from tracker.kit.flat_text import one_line

log = structlog.get_logger(__name__)

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


def tell() -> int:
    """Mails the owners of endpoints that were given up and not yet told of; returns how many mails were taken."""
    told = 0
    while (row := _take()) is not None:
        told += _tell(row)
    return told


def _take() -> Endpoint | None:
    if not Endpoint.objects.filter(
        state="disabled", owner_told_at=None, why__in=[DisabledWhy.GONE, DisabledWhy.FAILING]
    ).exists():
        return None
    if not home.is_home():
        return None
    with connection.cursor() as cursor:
        cursor.execute(_TAKE)
        row = cursor.fetchone()
    return None if row is None else Endpoint.objects.select_related("owner").get(pk=row[0])


def _tell(row: Endpoint) -> int:
    assert row.owner is not None
    address = str(getattr(row.owner, "email", ""))
    if not address:
        _mark(row)
        return 0
    try:
        with Post() as post:
            ended = post.send(address, _mail(row, address))
    except (LineDown, Trouble, ValueError) as error:
        log.warning("owner_not_told", endpoint=row.pk, error=type(error).__name__)
        return 0
    if ended.outcome != Outcome.SENT:
        log.warning("owner_not_told", endpoint=row.pk, error=ended.reply)
        return 0
    _mark(row)
    return 1


def _mark(row: Endpoint) -> None:
    """Their owner knows, unless it was enabled meanwhile: of the next time nobody has been told."""
    same = Endpoint.objects.filter(pk=row.pk, state=row.state, changed_at=row.changed_at)
    same.update(owner_told_at=timezone.now())


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
