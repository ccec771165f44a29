"""The addresses of the REST feed: accords, commitments, the log, and where everything is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commitments import wire
from commitments.api import schema
from commitments.api.door import Door, headers_of
from commitments.api.feeding import as_calendar, as_feed, check_before
from commitments.api.filters import EVENT_FILTERS, narrow_events
from commitments.api.listing import Listing, members_of
from commitments.api.moments import (
    MOMENT,
    NotThen,
    account_of,
    known_accords,
    moment_of,
    one_of_the_past,
    page_of_the_past,
)
from commitments.api.whole import BATCH, check_whole, whole
from commitments.feeds.about import about
from commitments.feeds.columns import TableColumn
from commitments.feeds.forms import (
    BEFORE,
    FEEDS,
    FILES,
    FORMAT,
    LINKED,
    OF_COMMITMENTS,
    OF_THE_LOG,
    asked_form,
)
from commitments.filtering import COMMITMENT_FILTERS, a_code, check_place, narrow, parse_place, wanted_of
from commitments.log import head
from commitments.models import Commitment, Deadline, Event
from commitments.wire import Wire
from commitments.wire.commitments import PARTS
from commitments.wire.past import accords_as_they_stood
from commitments.words import CODEBOOK
from tracker.kit.asking import Asked
from tracker.kit.paging import Column, Keyset, Page, address, instant_column, parse_limit
from tracker.kit.snapshot import snapshot

LISTS = (
    "accords",
    "parties",
    "provisions",
    "sources",
    "topics",
    "commitments",
    "deadlines",
    "assessments",
    "evidence",
    "contributions",
    "statistics",
    "events",
    "checkpoints",
)


class Index(Door):
    """Where everything is."""

    @extend_schema(**schema.INDEX)
    def get(self, request: Request) -> Response:
        Asked(request.query_params, ())
        return Response(
            {
                "name": settings.SITE_NAME,
                **{name: wire.api_address(name) for name in LISTS},
                "keys": wire.site_address(reverse("keys")),
                "schema": wire.api_address("schema"),
                "docs": wire.api_address("docs"),
                "log_head": head().cursor,
                "codebook": CODEBOOK,
                "licence": settings.DATA_LICENCE or None,
            }
        )


class Accords(Listing):
    """The accords, by code."""

    name, shape, filters, forms = "accords", "Accord", MOMENT, LINKED

    @extend_schema(**schema.ACCORDS)
    def get(self, request: Request) -> HttpResponseBase:
        return self.answer(request)

    def found(self, asked: Asked, now: datetime) -> QuerySet[Any]:
        self.moment = moment_of(asked, now)
        return known_accords(self.moment)

    def wire(self, rows: QuerySet[Any], now: datetime, parts: Collection[str]) -> Sequence[Wire]:
        return accords_as_they_stood(rows, self.moment)


class OneAccord(Door):
    """One accord."""

    @extend_schema(**schema.ACCORD)
    def get(self, request: Request, code: str) -> Response:
        moment = moment_of(Asked(request.query_params, MOMENT), timezone.now())
        with snapshot():
            found = accords_as_they_stood(known_accords(moment).filter(code=a_code("code", code)), moment)
        if not found and moment.is_past:
            raise NotThen
        if not found:
            raise Http404
        return Response(found[0])


class Commitments(Listing):
    """The commitments, narrowed by filters, by code unless told."""

    name, shape, forms = "commitments", "Commitment", OF_COMMITMENTS
    filters = (*COMMITMENT_FILTERS, *MOMENT)
    orders = {
        "code": (Column("code"),),
        "due_at": (instant_column("due_at"), Column("code")),
        "changed_at": (instant_column("changed_at"), Column("code")),
    }
    parts = PARTS
    usual = ("deadlines", "sources", "evidence")

    @extend_schema(**schema.COMMITMENTS)
    def get(self, request: Request) -> HttpResponseBase:
        return self.answer(request)

    def page(self, asked: Asked, keyset: Keyset, parts: Collection[str], now: datetime) -> Page[Wire]:
        moment = moment_of(asked, now)
        if moment.is_past:
            return page_of_the_past(asked, moment, keyset)
        return super().page(asked, keyset, parts, now)

    def found(self, asked: Asked, now: datetime) -> QuerySet[Any]:
        return narrow(Commitment.objects.standing_at(now), wanted_of(asked))

    def wire(self, rows: QuerySet[Any], now: datetime, parts: Collection[str]) -> Sequence[Wire]:
        return wire.commitments(rows, now, parts=parts)

    def written(self, request: Request, asked: Asked, form: str, now: datetime) -> HttpResponseBase:
        """The dates of all of them as a calendar, or what happened to them as a feed."""
        if form in FEEDS:
            of_them = self.found(asked, now).values("pk")
            return as_feed(asked, form, self.name, lambda: Event.objects.filter(commitment__in=of_them))
        return as_calendar(
            request,
            asked,
            lambda: Deadline.objects.filter(commitment__in=self.found(asked, now).values("pk")),
            lambda: about(request._request, self.name, now),
        )


class OneCommitment(Door):
    """One commitment, with every public judgement it has had."""

    @extend_schema(**schema.COMMITMENT)
    def get(self, request: Request, code: str) -> Response:
        now = timezone.now()
        moment = moment_of(Asked(request.query_params, MOMENT), now)
        a_code("code", code)
        if moment.is_past:
            with snapshot():
                stood = one_of_the_past(code, moment)
                account = account_of(code, moment)
            if stood is None:
                raise NotThen
            return Response(stood | account)
        with snapshot():
            found = wire.commitments(Commitment.objects.filter(code=code), now, history=True)
            account = account_of(code, moment)
        if not found:
            raise Http404
        # What a write names in If-Match; the ETag speaks of the whole answer and moves with the minute.
        version = {"Commitment-Version": f'"v{found[0]["version"]}"'}
        return Response(found[0] | account, headers=version)

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """405 for a commitment; an order that there is not, below one, is nothing at all."""
        code = a_code("code", kwargs["code"])
        if not Commitment.objects.filter(code=code).exists():
            raise Http404
        return super().http_method_not_allowed(request, *args, **kwargs)


class Events(Door):
    """The log, in order, strictly after a place; nothing is missed and nothing comes twice."""

    @extend_schema(**schema.EVENTS)
    def get(self, request: Request) -> HttpResponseBase:
        asked = Asked(request.query_params, ("after", BEFORE, *EVENT_FILTERS, "limit", FORMAT))
        form, now = asked_form(request, asked, OF_THE_LOG), timezone.now()
        check_before(asked, form)
        if form in FEEDS:
            return as_feed(asked, form, "events", lambda: narrow_events(Event.objects.all(), asked))
        if form in FILES:
            return self.as_file(request, asked, form, now)
        limit = parse_limit(asked.single("limit"))
        if any(name in asked.given for name in EVENT_FILTERS):
            with snapshot():
                end = head()
                rows = wire.events(self.found(asked)[: limit + 1])
        else:
            # The log has no gaps and only grows: which events come next is known without asking, and what stands up
            # to its end stands for ever, in one state of the database or in two.
            seq, end = self.place(asked), head()
            rows = wire.events_numbered(range(seq + 1, min(seq + limit + 1, end.seq) + 1))
        said, has_more = about(request._request, "events", now, end.cursor), len(rows) > limit
        rows = rows[:limit]
        # At the end of a filtered page everything up to the head has been looked at: polling goes on from there.
        cursor = rows[-1]["cursor"] if has_more else end.cursor
        onward = address(wire.api_address("events"), [*asked.kept("after"), ("after", cursor)])
        following = onward if has_more else None
        return Response(
            {
                "results": rows,
                "next": following,
                "has_more": has_more,
                "cursor": cursor,
                "about": said.wire(),
            },
            headers=headers_of(said, {"next": following}),
        )

    def found(self, asked: Asked) -> QuerySet[Any]:
        """The events after the place that was given, as far as the filters ask; raises BadParameter."""
        return narrow_events(Event.objects.after(self.place(asked)), asked)

    @staticmethod
    def place(asked: Asked) -> int:
        """The number of the event to go on after; raises BadParameter, also for a place of another log."""
        seq, hashed = parse_place(asked.single("after"))
        if hashed:
            check_place("after", seq, hashed)
        return seq

    def as_file(self, request: Request, asked: Asked, form: str, now: datetime) -> HttpResponseBase:
        """All of them, from the place on."""
        check_whole(asked)

        def batches() -> Iterator[Sequence[Wire]]:
            found = self.found(asked)
            while rows := wire.events(found[:BATCH]):
                yield rows
                found = found.filter(seq__gt=rows[-1]["seq"])

        columns = [TableColumn(name, (name,)) for name in members_of("Event")]
        return whole(form, batches, columns, lambda: about(request._request, "events", now))


class Elsewhere(Door):
    """Any other address below the API: a problem document instead of a page, or the way to the right address."""

    is_kept = False
    http_method_names = [*Door.http_method_names, "post", "put", "patch", "delete"]

    @extend_schema(exclude=True)
    def post(self, request: Request, rest: str) -> HttpResponse:
        """Nothing is written where nothing is."""
        raise Http404

    put = patch = delete = post

    @extend_schema(exclude=True)
    def get(self, request: Request, rest: str) -> HttpResponse:
        if not rest.endswith("/"):
            try:
                meant = resolve(f"{request.path}/")
            except Resolver404:
                raise Http404 from None
            if meant.view_name != "api:elsewhere":
                query = request.META.get("QUERY_STRING", "")
                onward = f"{request.path}/" + (f"?{query}" if query else "")
                return HttpResponse(status=308, headers={"Location": onward})
        raise Http404
