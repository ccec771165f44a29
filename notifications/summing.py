"""What a digest says: many events in one mail, by accord and commitment, with where each stands now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from commitments.models import Commitment, Event
from commitments.sentences import facts_of, sentence
from commitments.spoken_dates import day_in_words
from commitments.words import Timeliness
from notifications.letters import Letter, common, entry, marked, plain_words, rendered, what_comes_next, why
from notifications.models import Reminder, Rhythm
from notifications.reminder_words import sentence as sentence_of_reminder


def digest(
    events: Sequence[Event],
    language: str,
    rhythm: str,
    of: Sequence[str],
    reminders: Sequence[Reminder] = (),
    now: datetime | None = None,
) -> Letter:
    """The mail about many events and dates ahead, to those who follow the scopes `of`. Standings are told as of `now`
    (UTC)."""
    now = now or timezone.now()
    keys = {event.commitment_id for event in events if event.commitment_id}
    keys |= {row.commitment_id for row in reminders}
    found = list(
        Commitment.objects.standing_at(now)
        .filter(pk__in=keys)
        .select_related("accord")
        .order_by("accord__code", "code")
    )
    accords = {commitment.accord for commitment in found}
    only = next(iter(accords)) if len(accords) == 1 else None
    with translation.override(language):
        heading = _heading(rhythm, len(events) + len(reminders), len(found))
        context = {
            **common(only, language),
            "sentence": heading,
            "entries": [_told(commitment, events, reminders, language, now) for commitment in found],
            "is_of_many": only is None,
            "is_example": all(accord.is_example for accord in accords),
            "why": why(of),
        }
        subject = f"{only}: {heading}" if only else heading
        return rendered(
            "digest",
            context,
            marked(subject, bool(context["is_example"])),
            f"{rhythm}-{only.slug if only else 'all'}",
            only.slug if only else "all",
        )


def _heading(rhythm: str, news: int, entries: int) -> str:
    many = ngettext("%(count)d piece of news", "%(count)d pieces of news", news) % {"count": news}
    about = ngettext("on %(count)d commitment", "on %(count)d commitments", entries) % {"count": entries}
    if rhythm == Rhythm.DAILY:
        return _("Your day: %(news)s %(about)s") % {"news": many, "about": about}
    return _("Your week: %(news)s %(about)s") % {"news": many, "about": about}


def _told(
    commitment: Any, events: Sequence[Event], reminders: Sequence[Reminder], language: str, now: datetime
) -> dict[str, Any]:
    """One commitment's part of the mail."""
    return {
        **entry(commitment, language),
        "accord": str(commitment.accord),
        "is_example": commitment.accord.is_example,
        "standing": plain_words(commitment.status, commitment.timeliness, commitment.kind),
        "timeliness": str(Timeliness(commitment.timeliness).label),
        "next": what_comes_next(commitment, now),
        "news": [
            {
                "day": day_in_words(event.at.date()),
                "sentence": sentence(event.kind, facts_of(event.body)),
                "seq": event.seq,
            }
            for event in events
            if event.commitment_id == commitment.pk
        ],
        "ahead": [sentence_of_reminder(row, now) for row in reminders if row.commitment_id == commitment.pk],
    }
