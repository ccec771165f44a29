"""Lists that are followed: dates as a calendar, the log as a feed; with the names and the headers of an answer."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _
from rest_framework.request import Request

from commitments.api.door import link_header
from commitments.api.whole import check_whole
from commitments.feeds.about import About
from commitments.feeds.atom import atom
from commitments.feeds.calendar import calendar
from commitments.feeds.changes import Feed, changes
from commitments.feeds.dates import MOST_DATES, TooManyDates, dates
from commitments.feeds.forms import BEFORE, FEEDS, FORMAT, FORMS
from commitments.feeds.jsonfeed import json_feed
from commitments.filtering import check_place, parse_place
from commitments.log import head
from commitments.models import Deadline, Event
from commitments.wire import api_address, cursor_of, events
from tracker.kit.asking import Asked
from tracker.kit.paging import address, parse_limit
from tracker.kit.problems import BadParameter
from tracker.kit.snapshot import snapshot

# What would cut a calendar, or give it another shape or order.
_NOT_OF_A_CALENDAR = ("order", "fields", "include", "as_of", "known_at")


def as_calendar(
    request: Request, asked: Asked, found: Callable[[], QuerySet[Deadline]], say: Callable[[], About]
) -> HttpResponse:
    """The dates as a calendar; raises BadParameter for what a calendar does not know, and for too many dates."""
    check_whole(asked)
    for name in _NOT_OF_A_CALENDAR:
        if name in asked.given:
            raise BadParameter(
                name, _("A calendar shows all dates as they are now, in their order: leave this out.")
            )
    with snapshot():
        said = say()
        try:
            shown = dates(found())
        except TooManyDates:
            raise BadParameter(
                FORMAT,
                _("A calendar holds at most %(most)s dates: narrow the list, or take another format.")
                % {"most": MOST_DATES},
                ["json", "csv", "ndjson"],
            ) from None
        codes = asked.several("accord")
        name = f"{settings.SITE_NAME}: {', '.join(codes)}" if codes else settings.SITE_NAME
        body = calendar(shown, name, said.address, said.log_head)
    form = FORMS["ics"]
    return HttpResponse(body, content_type=form.media_type, headers=said.headers(form.ending))


# A feed goes by the log alone.
_NOT_OF_A_FEED = ("after", "cursor", "count", "order", "fields", "include", "as_of", "known_at")
WRITERS = {"atom": atom, "jsonfeed": json_feed}


def check_before(asked: Asked, form: str) -> None:
    """Raises BadParameter for `before` where the answer is no feed."""
    if BEFORE in asked.given and form not in FEEDS:
        raise BadParameter(FORMAT, _("Only a feed goes back from a place of the log."), list(FEEDS))


def as_feed(asked: Asked, form: str, name: str, found: Callable[[], QuerySet[Event]]) -> HttpResponse:
    """What happened, the latest first: up to the end of the log, or before the place that was given.

    `found` are the events that fit the filters; raises BadParameter, also for a place of another log.
    """
    for member in _NOT_OF_A_FEED:
        if member in asked.given:
            raise BadParameter(
                member, _("A feed begins with what happened last and goes back with before=: leave this out.")
            )
    limit = parse_limit(asked.single("limit"))
    before = asked.single(BEFORE)
    seq, hashed = parse_place(before, BEFORE)
    base = [*asked.kept(BEFORE), *([] if FORMAT in asked.given else [(FORMAT, form)])]
    language = translation.get_language() or "en"
    if "lang" not in asked.given:
        # One address in two languages would be two feeds of one name.
        base.append(("lang", language))

    def of(place: str) -> str:
        return address(api_address(name), [*base, *([(BEFORE, place)] if place else [])])

    with snapshot():
        if hashed:
            check_place(BEFORE, seq, hashed)
        end, all_of_them = head(), found()
        earlier = all_of_them.filter(seq__lt=seq) if before is not None else all_of_them
        rows = events(earlier.order_by("-seq")[: limit + 1])
        has_more, rows = len(rows) > limit, rows[:limit]
        following = list(
            all_of_them.filter(seq__gte=seq).order_by("seq").values_list("seq", "hash")[limit : limit + 1]
            if before is not None
            else ()
        )
        feed = Feed(
            title=settings.SITE_NAME,
            language=language,
            address=of(before or ""),
            current=of(""),
            older=of(rows[-1]["cursor"]) if has_more else None,
            newer=None if before is None else of(cursor_of(*following[0]) if following else ""),
            is_archive=before is not None,
            log_head=end.cursor,
            log_at=end.at,
            changes=changes(rows),
        )
    told = FORMS[form]
    headers = {"Log-Head": end.cursor, **link_header(_beside(feed))}
    return HttpResponse(WRITERS[form](feed), content_type=told.media_type, headers=headers)


def _beside(feed: Feed) -> dict[str, str | None]:
    """The documents beside one, and the licence, as the header Link names them."""
    licence = settings.DATA_LICENCE if settings.DATA_LICENCE.startswith(("https://", "http://")) else None
    return {
        "self": feed.address,
        "current": feed.current,
        "prev-archive": feed.older,
        "next-archive": feed.newer if feed.is_archive else None,
        "license": licence,
    }
