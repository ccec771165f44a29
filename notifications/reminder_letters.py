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
from notifications import particulars
from notifications.letters import ENTRIES, LINE, Letter, common, entry, fitting, heard_here, marked, why
from notifications.models import Reminder
from notifications.reminder_words import role_in_words, sentence
from tracker.kit.flat_text import one_line


def reminders(
    rows: Sequence[Reminder], language: str, of: Sequence[str], now: datetime | None = None
) -> Letter:
    """The mail about dates and drafts, to readers who follow the scopes `of`, or to staff (none). True at `now` (UTC).
    What ends first, or has waited longest, comes first."""
    now = now or timezone.now()
    rows = sorted(rows, key=lambda row: (row.about_at, row.pk))
    keys = {row.commitment_id for row in rows}
    found: dict[int, Any] = Commitment.objects.standing_at(now).select_related("accord").in_bulk(keys)
    accords = {commitment.accord for commitment in found.values()}
    only = next(iter(accords)) if len(accords) == 1 else None
    with translation.override(language):
        origins = particulars.origins(row.deadline for row in rows[:ENTRIES] if row.deadline)
        following = particulars.next_dates(keys, now)
        entries = [
            {
                **_told(row, found[row.commitment_id], following.get(row.commitment_id), language, now),
                "set_in": origins.get(row.deadline_id or 0),
            }
            for row in rows[:ENTRIES]
        ]
        is_one = len(rows) == 1
        heading = (
            entries[0]["said"]
            if is_one
            else ngettext("%(count)d reminder", "%(count)d reminders", len(rows)) % {"count": len(rows)}
        )
        is_example = all(accord.is_example for accord in accords)
        context = {
            **common(only, language),
            "sentence": heading,
            "is_one": is_one,
            "is_example": is_example,
            "why": why(of),
            "for_staff": not of,
            "all_of_them": settings.SITE_URL + reverse("admin:notifications_reminder_changelist"),
            "roles": list(dict.fromkeys(role_in_words(row.audience) for row in rows)) if not of else [],
        }
        subject = f"{entries[0]['code']}: {heading}" if is_one else f"{only} · {heading}" if only else heading
        thread = f"commitment-{rows[0].commitment_id}" if is_one else "reminders"
        list_id = only.slug if only else "all"
        subject = marked(subject, is_example)
        return fitting("reminders", context, entries, len(rows), subject, thread, list_id)


def _told(
    row: Reminder, commitment: Any, following: dict[str, Any] | None, language: str, now: datetime
) -> dict[str, Any]:
    """One reminder as the mail shows it; `following` is the next date of its commitment."""
    draft = row.assessment
    return {
        **entry(commitment, language),
        "accord": one_line(str(commitment.accord)),
        "is_example": commitment.accord.is_example,
        "said": one_line(sentence(row, now), LINE),
        "date": particulars.label_of(row.deadline) if row.deadline else None,
        # The date that the reminder is about is no news of what comes after it.
        "next": following if following and following["deadline"] != row.deadline_id else None,
        "desk": settings.SITE_URL + reverse("admin:commitments_commitment_change", args=[commitment.pk]),
        "draft": draft.code if draft else "",
        "standing": particulars.plain_words(commitment.status, commitment.timeliness, commitment.kind),
        "heard": heard_here(row.pk),
    }
