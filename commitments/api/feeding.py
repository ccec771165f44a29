"""Lists that are followed: dates as a calendar, the log as a feed; with the names and the headers of an answer."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from commitments.api.whole import check_whole
from commitments.feeds.about import About
from commitments.feeds.calendar import calendar
from commitments.feeds.dates import MOST_DATES, TooManyDates, dates
from commitments.feeds.forms import FORMAT, FORMS
from commitments.models import Deadline
from tracker.kit.asking import Asked
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
