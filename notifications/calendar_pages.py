"""The door of private calendars: whoever brings the token reads the dates; reading changes nothing."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.views import View

from commitments.api.gate import build
from commitments.feeds.calendar import calendar
from commitments.feeds.forms import FORMS
from commitments.log import Head, head
from commitments.wire import site_address
from notifications.calendars import followed_dates, owner_of, state_of
from notifications.models import Subscriber
from tracker.kit.answers import Answer, shelf
from tracker.kit.snapshot import snapshot


def calendar_address(token: str) -> str:
    """The whole web address of a private calendar."""
    return site_address(reverse("notifications:calendar", args=[token]))


class Private(View):
    """The dates of all that one subscriber follows, in their language."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, token: str) -> HttpResponseBase:
        """The calendar; 404 for a token that opens none, also for one that was replaced, ended or erased."""
        now = timezone.now()
        with snapshot():
            owner = owner_of(token)
            if owner is None:
                raise Http404
            end = head()
            told = (build(), settings.SITE_URL, settings.SITE_NAME, settings.DATA_LICENCE)
            key = hashlib.sha256(
                "\n".join(["calendar", *told, state_of(owner, end, now)]).encode()
            ).hexdigest()
            kept = shelf.get(key)
            body = kept.body if kept else _written(owner, end, now)
        if kept is None:
            shelf.put(key, Answer(body, {}))
        response = HttpResponse(body, content_type=FORMS["ics"].media_type)
        etag = f'"{hashlib.sha256(body).hexdigest()[:40]}"'
        response.headers["ETag"] = etag
        answer = get_conditional_response(request, etag=etag, response=response) or response
        answer.headers["Cache-Control"] = "private, no-cache"
        answer.headers["X-Robots-Tag"] = "noindex"
        answer.headers["Referrer-Policy"] = "no-referrer"
        return answer


def _written(owner: Subscriber, end: Head, now: datetime) -> bytes:
    with translation.override(owner.language):
        shown, is_cut = followed_dates(owner, now)
        name = _("%(site)s: what I follow") % {"site": settings.SITE_NAME}
        more = _("Only the next dates are shown: there are too many.") if is_cut else ""
        # The address is a key: it does not stand in what may be handed on.
        return calendar(shown, name, "", end.cursor, more)
