"""The page of everything an address follows: how often, about what, when; pause, stop, the language. Behind a signed
link; only POST acts."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from commitments.spoken_dates import instant_in_words
from notifications import calendars, links, subscribing
from notifications.calendar_pages import calendar_address
from notifications.forms import HoursForm, RhythmForm, labelled
from notifications.models import (
    Delivery,
    Kind,
    Notice,
    PrivateCalendar,
    Rhythm,
    SubscriberState,
    Subscription,
    Weekday,
)
from notifications.pages import LANGUAGES, Signed, named_wish
from notifications.scopes import with_targets
from notifications.telling import News


class Manage(Signed):
    """Everything an address follows, on one page."""

    purpose = links.MANAGE

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """The list, with the buttons for each."""
        return self._list()

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """One order: `end`, `pause` or `resume` with the number of a subscription or `all`; `change` with a number,
        `rhythm` and `kinds`; `again` with the numbers of what was ended; `hours` with `zone`, `hour` and `weekday`;
        `calendar` (new or end); `language`."""
        if "again" in request.POST:
            return self._again(request.POST["again"])
        for name in ("end", "pause", "resume", "change"):
            if name in request.POST:
                return self._order(name, request.POST[name])
        if "hours" in request.POST:
            return self._hours()
        if "calendar" in request.POST:
            return self._calendar(request.POST["calendar"])
        return self._language(request.POST.get("language", ""))

    def _order(self, name: str, which: str) -> HttpResponse:
        assert self.subscriber is not None
        who = self.subscriber.uuid
        if which == "all" and name != "change":
            chosen: Q = subscribing.everything()
        elif which.isascii() and which.isdecimal() and len(which) < 19:
            chosen = subscribing.one(int(which))
        else:
            return self._refused(_("Choose one of those in the list."))
        if name == "end":
            rows = Subscription.objects.confirmed().filter(chosen, subscriber=self.subscriber)
            left = [named_wish(row) for row in with_targets(rows)]
            subscribing.end(who, chosen)
            if left:
                return self._list(all_left=left)
            return self._list(_("You no longer follow this."))
        if name == "pause":
            subscribing.pause(who, chosen)
            return self._list(_("Paused: nothing comes until you let it go on."))
        if name == "resume":
            subscribing.resume(who, chosen)
            return self._list(_("It goes on. What happened in between is not sent."))
        form = RhythmForm(self.request.POST)
        if not form.is_valid():
            field, messages = next(iter(form.errors.items()))
            return self._refused(labelled(str(form.fields[field].label), str(messages[0])))
        subscribing.change(who, int(which), form.cleaned_data["rhythm"], form.cleaned_data["kinds"])
        return self._list(_("Changed."))

    def _hours(self) -> HttpResponse:
        assert self.subscriber is not None
        form = HoursForm(self.request.POST)
        if not form.is_valid():
            # What was typed stays to be mended.
            typed = {**form.cleaned_data, "zone": self.request.POST.get("zone", "")}
            return self._list(hours_form=form, status=400, **typed)
        said = form.cleaned_data
        subscribing.change_hours(self.subscriber.uuid, said["zone"], said["hour"], said["weekday"])
        self.subscriber.refresh_from_db()
        return self._list(_("Changed."))

    def _calendar(self, wanted: str) -> HttpResponse:
        assert self.subscriber is not None
        who = self.subscriber.uuid
        if wanted == "new":
            token = calendars.make_calendar(who)
            return self._list(calendar=calendar_address(token) if token else "")
        if wanted != "end":
            return self._refused(_("Choose one of those in the list."))
        calendars.end_calendar(who)
        return self._list(calendar_said=_("The address of your calendar is ended."))

    def _language(self, language: str) -> HttpResponse:
        assert self.subscriber is not None
        if language not in LANGUAGES:
            return self._refused(_("Choose one of those in the list."))
        subscribing.change_language(self.subscriber.uuid, language)
        self.subscriber.language = language
        with translation.override(language):
            return self._list(_("Your mails come in this language from now on."))

    def _again(self, which: str) -> HttpResponse:
        assert self.subscriber is not None
        keys = which.split()
        if not all(key.isascii() and key.isdecimal() and len(key) < 19 for key in keys):
            return self._refused(_("Choose one of those in the list."))
        try:
            number = subscribing.take_back(self.subscriber.uuid, [int(key) for key in keys])
        except subscribing.TooManyFilters:
            most = subscribing.FILTERS_AT_MOST
            return self._refused(_("You can follow %(most)d filtered lists at most.") % {"most": most}, 409)
        return self._list(_("You follow this again.") if number else "")

    def _refused(self, problem: str, status: int = 400) -> HttpResponse:
        return self._list(problem=problem, status=status)

    def _list(self, said: str = "", status: int = 200, **more: Any) -> HttpResponse:
        """The page; `more` is what an order adds to it: a `problem`, what was `all_left`, a form that was refused."""
        assert self.subscriber is not None
        who = self.subscriber
        rows = with_targets(Subscription.objects.confirmed().filter(subscriber=who)).order_by("scope")
        followed = [named_wish(row) for row in rows]
        is_suppressed = who.state == SubscriberState.SUPPRESSED
        active = [item["key"] for item in followed if not item["is_paused"]]
        brought = Notice.objects.filter(delivery=OuterRef("pk"), wishes__overlap=active)
        open_ones = Delivery.objects.filter(Exists(brought), subscriber=who, is_open=True, kind=Kind.DIGEST)
        waiting = None if is_suppressed else open_ones.order_by("next_attempt_at").first()
        context: dict[str, Any] = {
            "all_followed": followed,
            "any_active": bool(active),
            "is_suppressed": is_suppressed,
            "next_digest": instant_in_words(waiting.next_attempt_at, who.zone) if waiting else "",
            "said": said,
            "has_calendar": PrivateCalendar.objects.filter(subscriber=who).exists(),
            "chosen": who.language,
            "rhythms": Rhythm.choices,
            "kinds": News.choices,
            "weekdays": Weekday.choices,
            "hours": [(hour, f"{hour:02}:00") for hour in range(24)],
            "zones": sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC"),
            "zone": who.zone,
            "hour": who.hour,
            "weekday": who.weekday,
            "now": instant_in_words(timezone.now(), who.zone),
            **more,
        }
        return self.show("manage", context, status=status)
