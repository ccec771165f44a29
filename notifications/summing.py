"""What a digest says, and a mail about a turn of the log that made much news: many events, commitment by commitment,
with where each stands now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from commitments.models import Accord, Commitment, Event
from commitments.sentences import facts_of, sentence
from commitments.spoken_dates import day_in_words
from commitments.words import EventKind
from notifications import particulars
from notifications.letters import ENTRIES, LINE, Letter, common, entry, fitting, marked, why
from notifications.models import Reminder, Rhythm
from notifications.reminder_words import sentence as sentence_of_reminder
from notifications.telling import SORT_OF, News
from tracker.kit.flat_text import one_line

# The most lines on one commitment, and the most accords that the address of a table names.
LINES, NAMED = 12, 10
_Row = TypeVar("_Row", Event, Reminder)
_ORDER = list(News)


def digest(
    events: Sequence[Event],
    language: str,
    rhythm: str,
    of: Sequence[str],
    reminders: Sequence[Reminder] = (),
    now: datetime | None = None,
) -> Letter:
    """The mail about many events and dates ahead, to those who follow the scopes `of`; without a `rhythm` it is about what
    one act brought. Standings are told as of `now` (UTC).

    The commitments come in the order of the sorts of news, judgements first, then by accord and code; of very many only
    the first, with where the rest can be read.
    """
    now = now or timezone.now()
    news, ahead = _by_commitment(events), _by_commitment(reminders)
    found = list(
        Commitment.objects.filter(pk__in={*news, *ahead})
        .order_by("accord__code", "code")
        .values_list("pk", "accord_id")
    )
    found.sort(key=lambda row: _rank(news.get(row[0], ()), row[0] in ahead))
    accords = Accord.objects.in_bulk({accord for _key, accord in found})
    only = next(iter(accords.values())) if len(accords) == 1 else None
    is_example = all(accord.is_example for accord in accords.values())
    with translation.override(language):
        heading = _heading(rhythm, len(events) + len(reminders), len(found))
        entries = _entries([key for key, _accord in found[:ENTRIES]], news, ahead, language, now)
        context = {
            **common(only, language),
            "sentence": heading,
            "is_example": is_example,
            "why": why(of),
            "table": _table(accords.values(), events, language),
        }
        subject = marked(f"{only} · {heading}" if only else heading, is_example)
        list_id = only.slug if only else "all"
        thread = f"{rhythm or 'at-once'}-{list_id}"
        return fitting("digest", context, entries, len(found), subject, thread, list_id)


def _by_commitment(rows: Iterable[_Row]) -> dict[int, list[_Row]]:
    found: dict[int, list[_Row]] = defaultdict(list)
    for row in rows:
        if row.commitment_id is not None:
            found[row.commitment_id].append(row)
    return found


def _rank(events: Iterable[Event], is_ahead: bool) -> int:
    """The place of a commitment: that of its weightiest news."""
    sorts = [_ORDER.index(SORT_OF[event.kind]) for event in events]
    return min([*sorts, _ORDER.index(News.AHEAD)] if is_ahead else sorts)


def _table(accords: Collection[Accord], events: Sequence[Event], language: str) -> str:
    """Where all can be read that the log has told of these accords since the first of the events; empty without one."""
    if not events:
        return ""
    asked: list[tuple[str, str | int]] = [("after", min(event.seq for event in events) - 1)]
    if len(accords) <= NAMED:
        asked += [("accord", accord.code) for accord in accords]
    asked += [("format", "xlsx"), ("lang", language)]
    return f"{settings.SITE_URL}{reverse('api:events')}?{urlencode(asked)}"


def _heading(rhythm: str, news: int, entries: int) -> str:
    many = ngettext("%(count)d piece of news", "%(count)d pieces of news", news) % {"count": news}
    about = ngettext("on %(count)d commitment", "on %(count)d commitments", entries) % {"count": entries}
    if rhythm == Rhythm.DAILY:
        return _("Your day: %(news)s %(about)s") % {"news": many, "about": about}
    if rhythm == Rhythm.WEEKLY:
        return _("Your week: %(news)s %(about)s") % {"news": many, "about": about}
    return _("%(news)s %(about)s") % {"news": many, "about": about}


def _entries(
    keys: Sequence[int],
    news: Mapping[int, Sequence[Event]],
    ahead: Mapping[int, Sequence[Reminder]],
    language: str,
    now: datetime,
) -> list[dict[str, Any]]:
    """Each commitment's part of the mail, in that order, in a fixed number of queries."""
    rows = Commitment.objects.standing_at(now).select_related("accord").in_bulk(keys)
    following = particulars.next_dates(keys, now)
    latest = {key: news.get(key, ())[-LINES:] for key in keys}
    # What ends first comes first.
    soonest = {
        key: sorted(ahead.get(key, ()), key=lambda row: (row.about_at, row.pk))[:LINES] for key in keys
    }
    dates = particulars.dates_of(event for some in latest.values() for event in some)
    return [
        {
            **entry(rows[key], language),
            "accord": one_line(str(rows[key].accord)),
            "is_example": rows[key].accord.is_example,
            "standing": particulars.plain_words(rows[key].status, rows[key].timeliness, rows[key].kind),  # type: ignore[attr-defined]
            "next": following.get(key),
            "news": [_line(event, dates.get(event.seq)) for event in latest[key]],
            "earlier": len(news.get(key, ())) - len(latest[key]),
            "ahead": [_reminder(row, now) for row in soonest[key]],
            "later": len(ahead.get(key, ())) - len(soonest[key]),
        }
        for key in keys
    ]


def _line(event: Event, date: dict[str, str] | None) -> dict[str, Any]:
    return {
        "day": day_in_words(event.at.date()),
        "sentence": one_line(sentence(event.kind, facts_of(event.body)), LINE),
        "date": date,
        # The other sentences name the day themselves.
        "tells_all": event.kind in {EventKind.DEADLINE_MET, EventKind.DEADLINE_WAIVED},
    }


def _reminder(row: Reminder, now: datetime) -> dict[str, Any]:
    return {
        "sentence": one_line(sentence_of_reminder(row, now), LINE),
        "date": particulars.label_of(row.deadline) if row.deadline else None,
    }
