"""Why a code holds, in words: which date, which rule, what comes next. The rules themselves live in standing.py."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from commitments.models import Commitment, Deadline
from commitments.spoken_dates import day_in_words, instant_in_words, length_in_words, window_in_words
from commitments.words import (
    Authority,
    Clock,
    DeadlineType,
    Kind,
    Plain,
    Role,
    Status,
    Strength,
    Timeliness,
    Uncounted,
    Upkeep,
)


def when(deadline: Deadline) -> str:
    """The date of a deadline as a reader says it; a clock of hours by its end, or by its length while it stands still."""
    if deadline.edtf:
        return window_in_words(deadline.edtf)
    if deadline.due_at:
        return instant_in_words(deadline.due_at)
    if deadline.duration:
        return _("%(length)s from its trigger") % {"length": length_in_words(deadline.duration)}
    return _("no date yet")


def who_set(deadline: Deadline) -> str:
    """Who set the date, as a sentence with the date in it."""
    words = {"date": when(deadline)}
    if deadline.clock == Clock.TRACKER:
        return _("We set ourselves this date: %(date)s.") % words
    return {
        Authority.TEXT: _("The text sets this date: %(date)s."),
        Authority.AGREED: _("The parties agreed on this date: %(date)s."),
        Authority.PRESS: _("Press reports name this date: %(date)s."),
        Authority.EDITORIAL: _("Our editors expect it by this date: %(date)s."),
    }[Authority(deadline.authority)] % words


def _ended(commitment: Commitment) -> str:
    if commitment.status == Status.SUPERSEDED:
        return _("The entry is closed, so no date counts any more.")
    ends = [day for day in (commitment.ends_on, commitment.accord.ends_on) if day]
    return _("Its time ended on %(date)s, so no date counts any more.") % {"date": day_in_words(min(ends))}


def why_paused(from_on: date, until_on: date | None) -> str:
    """That a pause holds, since when, and until when as far as that is known."""
    words = {"first": day_in_words(from_on), "last": day_in_words(until_on) if until_on else ""}
    if until_on is None:
        return (
            _(
                "Its clocks stand still since %(first)s; when they run again is not known. No date passes meanwhile."
            )
            % words
        )
    return (
        _("Its clocks stand still from %(first)s and run again on %(last)s. No date passes meanwhile.")
        % words
    )


def why_uncounted(commitment: Any) -> str:
    """Why it stands in no percentage, as a code of Uncounted; empty when it counts. It knows its `plain`."""
    if commitment.plain == Plain.STANDBY and commitment.is_counted:
        return Uncounted.DORMANT.value
    if commitment.is_counted:
        return ""
    if commitment.kind == Kind.BASELINE:
        return Uncounted.BASELINE.value
    if not commitment.participations.filter(role=Role.BOUND).exists():
        return Uncounted.UNBOUND.value
    if not commitment.is_verifiable:
        return Uncounted.UNVERIFIABLE.value
    exploratory = commitment.strength == Strength.EXPLORATORY
    return Uncounted.EXPLORATORY.value if exploratory else Uncounted.DECLARATORY.value


def _without_date(code: str, commitment: Commitment) -> str:
    if code == Timeliness.ENDED:
        return _ended(commitment)
    if code == Timeliness.PAUSED:
        return _("Its clocks stand still: a pause is recorded. No date passes meanwhile.")
    if code == Timeliness.DORMANT:
        return _("It binds only when its condition is met, and the record shows no such event.")
    if code == Timeliness.AWAITING_ANCHOR:
        if commitment.ends_when:
            return _("It ends with an event, not on a date, and that event has not happened.")
        return _("Its date is given in words only, or hangs on an event that has not happened.")
    return _("Neither the text nor an agreement sets a date for it, so it cannot be late.")


def why_timeliness(code: str, commitment: Commitment, deadline: Deadline | None) -> str:
    """The sentences that explain a timeliness code by the date it rests on (None: it rests on no date)."""
    if deadline is None:
        return _without_date(code, commitment)
    words = {"date": when(deadline)}
    rule = {
        Timeliness.OVERDUE: _("It has passed, and the record does not show it met."),
        Timeliness.RUNNING: _("The clock has started and has not run out."),
        Timeliness.IN_WINDOW: _(
            "It is a span of days that we are in now; only after its last day is it late."
        ),
        Timeliness.DUE_SOON: _("At most 30 days are left."),
        Timeliness.SCHEDULED: _("It lies more than 30 days ahead."),
        Timeliness.BEHIND_TARGET: _("It has passed. No party bound itself to it, so nobody is late."),
    }.get(Timeliness(code))
    if rule:
        return f"{who_set(deadline)} {rule}"
    if deadline.met_on:
        words["met"] = day_in_words(deadline.met_on)
        if code == Timeliness.MET_LATE:
            return _("The date was %(date)s; it was met on %(met)s, after its last day.") % words
        return _("The date was %(date)s; it was met on %(met)s.") % words
    return who_set(deadline)


def why_upkeep(code: str, deadline: Deadline | None) -> str:
    """What we owe the reader, as our own delay and never a party's."""
    if deadline is None or code == Upkeep.CURRENT:
        return _("No verdict or review of ours is due.")
    words = {"date": when(deadline)}
    if code == Upkeep.EVIDENCE_STALE:
        return (
            _(
                "Our review was due on this date: %(date)s. As much time again has passed, so read the evidence as old."
            )
            % words
        )
    if code == Upkeep.REVIEW_DUE:
        return _("Our review was due on this date: %(date)s. It is not done yet.") % words
    if deadline.clock == Clock.TRACKER:
        return _("Our own verdict was due on this date: %(date)s. We have not judged since.") % words
    return _("A date has passed, %(date)s, and we have not judged since.") % words


def line(code: str, deadline: Deadline | None, commitment: Commitment) -> str:
    """The date of a commitment in a few words, for lists."""
    if deadline is not None:
        words = {"date": when(deadline)}
        if deadline.met_on and code in {Timeliness.MET_LATE, Timeliness.MET_ON_TIME}:
            words["met"] = day_in_words(deadline.met_on)
        said = {
            Timeliness.OVERDUE: _("was due: %(date)s"),
            Timeliness.RUNNING: _("clock ends: %(date)s"),
            Timeliness.IN_WINDOW: _("due in these days: %(date)s"),
            Timeliness.DUE_SOON: _("due soon: %(date)s"),
            Timeliness.SCHEDULED: _("due: %(date)s"),
            Timeliness.BEHIND_TARGET: _("target passed: %(date)s"),
            Timeliness.MET_LATE: _("met late, on %(met)s") if "met" in words else "",
            Timeliness.MET_ON_TIME: _("met on %(met)s") if "met" in words else "",
        }.get(Timeliness(code), "")
        if said:
            return said % words
    if code == Timeliness.DORMANT:
        return _("begins with its trigger")
    if code == Timeliness.AWAITING_ANCHOR:
        return _("ends with an event")
    if code == Timeliness.ENDED:
        return _("ended")
    if code == Timeliness.PAUSED:
        return _("paused")
    return _("no date set")


def what_next(commitment: Commitment, code: str, ahead: list[Deadline]) -> str:
    """What the reader may expect, in one or two sentences. `ahead`: the open dates, the parties' and ours."""
    if code == Timeliness.ENDED:
        return _("Nothing more is expected: the entry is closed.")
    if commitment.kind == Kind.BASELINE:
        return _("Nothing: this is context and is never judged.")
    if code == Timeliness.DORMANT:
        return _("It begins when its condition is met.")
    if ahead:
        return ""
    if commitment.status == Status.FULFILLED:
        return _("Nothing more is expected: it is fulfilled.")
    if commitment.kind == Kind.CONTINUING:
        return _(
            "No date lies ahead. A continuing duty is judged when evidence of an act, or a review, gives reason."
        )
    return _("No date lies ahead. It is judged when there is evidence of an act.")


def day_ends(deadline: Deadline, now: datetime) -> str:
    """When the last day is over for everybody who is bound, to the minute; empty where that says nothing new."""
    if deadline.due_at is None or deadline.type == DeadlineType.CLOCK or deadline.closed_as:
        return ""
    words = {"instant": instant_in_words(deadline.due_at)}
    if deadline.due_at <= now:
        return _("The last day was over in every time zone concerned at %(instant)s.") % words
    return _("The last day is over in every time zone concerned at %(instant)s.") % words
