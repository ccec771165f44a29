"""Reminders in words: one sentence each, true at the instant it is said. Nobody is called late by a date that does not
bind them, or by our clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from commitments.models import Deadline, Pause
from commitments.spoken_dates import day_in_words, instant_in_words, window_in_words
from commitments.words import Authority, DeadlineType
from notifications.ladder import Subject
from notifications.models import Audience, Reminder

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def sentence(row: Reminder, now: datetime) -> str:
    """What a reminder says at `now` (UTC), without a full stop, in the active language."""
    if row.deadline is None:
        days = max((now - row.about_at) // DAY, 0)
        return ngettext(
            "A judgement has waited for review for %(days)d day",
            "A judgement has waited for review for %(days)d days",
            days,
        ) % {"days": days}
    return of_date(row.deadline, row.about_at, now)


def of_date(deadline: Deadline, ends_at: datetime, now: datetime) -> str:
    """What there is to say of a date that ends at `ends_at` (UTC)."""
    subject = Subject(deadline.type, deadline.authority, deadline.clock, ends_at)
    words = {
        "authority": Authority(deadline.authority).label,
        "when": _when(deadline, ends_at),
        "instant": instant_in_words(ends_at),
    }
    if ends_at > now:
        if deadline.type == DeadlineType.CLOCK:
            return _clock_ahead(ends_at - now, words)
        return _ahead(subject, (ends_at - now) // DAY, words)
    if deadline.type == DeadlineType.CLOCK and now - ends_at < DAY:
        return _("The clock has run out: it ended on %(instant)s") % words
    return _since(subject, (now - ends_at) // DAY + 1, words)


def _when(deadline: Deadline, ends_at: datetime) -> str:
    """The date as it was set, and until when a pause held it, where one did: the days are counted from then."""
    if not deadline.edtf:
        return instant_in_words(ends_at)
    when = window_in_words(deadline.edtf)
    if deadline.due_at is None or deadline.due_at >= ends_at:
        return when
    pause = Pause.objects.filter(commitment=deadline.commitment_id, until_at=ends_at).first()
    until = day_in_words(pause.until_on) if pause and pause.until_on else instant_in_words(ends_at)
    return _("%(when)s, held by a pause until %(until)s") % {"when": when, "until": until}


def _clock_ahead(left: timedelta, words: dict[str, object]) -> str:
    hours = max(round(left / HOUR), 1)
    return ngettext(
        "The clock ends in %(hours)d hour, on %(instant)s",
        "The clock ends in %(hours)d hours, on %(instant)s",
        hours,
    ) % {**words, "hours": hours}


def _ahead(subject: Subject, days: int, words: dict[str, object]) -> str:
    said = {**words, "days": days}
    if subject.is_ours:
        if not days:
            return _("Our own look at this is due today")
        return (
            ngettext(
                "Our own look at this is due in %(days)d day",
                "Our own look at this is due in %(days)d days",
                days,
            )
            % said
        )
    if subject.is_binding:
        if not days:
            return _("The last day: due %(when)s (set by %(authority)s)") % said
        return (
            ngettext(
                "%(days)d day to go: due %(when)s (set by %(authority)s)",
                "%(days)d days to go: due %(when)s (set by %(authority)s)",
                days,
            )
            % said
        )
    if not days:
        return _("The last day of the target: %(when)s (named by %(authority)s)") % said
    return (
        ngettext(
            "%(days)d day to go to the target: %(when)s (named by %(authority)s)",
            "%(days)d days to go to the target: %(when)s (named by %(authority)s)",
            days,
        )
        % said
    )


def _since(subject: Subject, days: int, words: dict[str, object]) -> str:
    said = {**words, "days": days}
    if subject.is_ours:
        return (
            ngettext(
                "Our own look at this has been due for %(days)d day",
                "Our own look at this has been due for %(days)d days",
                days,
            )
            % said
        )
    if subject.is_binding:
        return (
            ngettext(
                "%(days)d day past the date: %(when)s (set by %(authority)s)",
                "%(days)d days past the date: %(when)s (set by %(authority)s)",
                days,
            )
            % said
        )
    return (
        ngettext(
            "%(days)d day past the target: %(when)s (named by %(authority)s); our verdict is due",
            "%(days)d days past the target: %(when)s (named by %(authority)s); our verdict is due",
            days,
        )
        % said
    )


def role_in_words(audience: str) -> str:
    """Why a member of staff gets a reminder."""
    return {
        Audience.OFFICER: _("You get this mail because your office answers for these entries."),
        Audience.MANAGER: _("You get this mail because you review these entries."),
        Audience.LEAD: _("You get this mail because you lead the work on this accord."),
        Audience.ONE: _("You get this mail because you asked to be reminded again."),
    }.get(Audience(audience), "")
