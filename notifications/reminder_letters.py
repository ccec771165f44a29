"""What a mail of reminders says: one date, or all that is due for one member of staff."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import ngettext

from commitments.models import Commitment
from commitments.words import Timeliness
from notifications.letters import Letter, common, entry, heard_here, marked, plain_words, rendered, why
from notifications.models import Reminder
from notifications.reminder_words import role_in_words, sentence
from tracker.kit.localized import pick


def reminders(
    rows: Sequence[Reminder], language: str, of: Sequence[str], now: datetime | None = None
) -> Letter:
    """The mail about dates and drafts, to readers who follow the scopes `of`, or to staff (none). True at `now` (UTC)."""
    now = now or timezone.now()
    found: dict[int, Any] = {
        row.pk: row
        for row in Commitment.objects.standing_at(now)
        .filter(pk__in={row.commitment_id for row in rows})
        .select_related("accord")
    }
    accords = {commitment.accord for commitment in found.values()}
    only = next(iter(accords)) if len(accords) == 1 else None
    with translation.override(language):
        entries = [_told(row, found[row.commitment_id], language, now) for row in rows]
        is_one = len(entries) == 1
        heading = (
            entries[0]["said"]
            if is_one
            else ngettext("%(count)d reminder", "%(count)d reminders", len(entries)) % {"count": len(entries)}
        )
        is_example = all(accord.is_example for accord in accords)
        context = {
            **common(only, language),
            "sentence": heading,
            "is_one": is_one,
            "entries": entries,
            "is_example": is_example,
            "why": why(of),
            "for_staff": not of,
            "roles": list(dict.fromkeys(role_in_words(row.audience) for row in rows)) if not of else [],
        }
        subject = f"{entries[0]['code']}: {heading}" if is_one else f"{only}: {heading}" if only else heading
        thread = f"commitment-{rows[0].commitment_id}" if is_one else "reminders"
        return rendered(
            "reminders", context, marked(subject, is_example), thread, only.slug if only else "all"
        )


def _told(row: Reminder, commitment: Any, language: str, now: datetime) -> dict[str, Any]:
    """One reminder as the mail shows it."""
    draft = row.assessment
    return {
        **entry(commitment, language),
        "accord": str(commitment.accord),
        "said": sentence(row, now),
        "label": pick(row.deadline.label) if row.deadline else "",
        "desk": settings.SITE_URL + reverse("admin:commitments_commitment_change", args=[commitment.pk]),
        "draft": draft.code if draft else "",
        "standing": plain_words(commitment.status, commitment.timeliness, commitment.kind),
        "timeliness": str(Timeliness(commitment.timeliness).label),
        "heard": heard_here(row.pk),
    }
