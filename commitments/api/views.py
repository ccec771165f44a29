"""The addresses of the REST feed: they translate a request into querysets, and rows into their wire form."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation.trans_real import parse_accept_lang_header
from drf_spectacular.utils import extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from commitments import wire
from commitments.api import schema
from commitments.api.filters import (
    COMMITMENT_FILTERS,
    EVENT_FILTERS,
    Asked,
    a_code,
    narrow,
    narrow_events,
    parse_place,
)
from commitments.api.moments import (
    MOMENT,
    NotThen,
    account_of,
    known_accords,
    moment_of,
    one_of_the_past,
    page_of_the_past,
)
from commitments.log import GENESIS, head
from commitments.models import Commitment, Event
from commitments.wire.past import accords_as_they_stood
from commitments.words import CODEBOOK
from tracker.kit.localized import LANGUAGES
from tracker.kit.paging import address, cut, decode_cursor, parse_limit
from tracker.kit.problems import BadParameter
from tracker.kit.snapshot import snapshot


class OnlyJSON(BaseContentNegotiation):
    """There is one representation, so what the client prefers decides nothing (RFC 9110, 12.1)."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """None: bodies are not read."""
        return None

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        """The one renderer there is."""
        return renderers[0], renderers[0].media_type


class Door(APIView):
    """Anonymous and read-only: no session, no cookie; any site may read it from a browser."""

    http_method_names = ["get", "head", "options"]
    content_negotiation_class = OnlyJSON
    # Asking again is cheap and what is stored may be a minute old, so nothing is used without asking.
    cache_control = "no-cache"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """The language of sentences and messages: `?lang=`, else what the client asks for; never a cookie."""
        super().initial(request, *args, **kwargs)
        asked = request.query_params.get("lang", "")
        translation.activate(asked if asked in LANGUAGES else _accepted(request))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """The headers that every answer has, errors too."""
        done = super().finalize_response(request, response, *args, **kwargs)
        done.headers["Access-Control-Allow-Origin"] = "*"
        done.headers.setdefault("Cache-Control", self.cache_control)
        done.headers["Content-Language"] = translation.get_language() or "en"
        return done

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """A browser asks what another site may do: read."""
        return Response(
            status=204,
            headers={
                "Allow": "GET, HEAD, OPTIONS",
                "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
                "Access-Control-Allow-Headers": "Accept, Accept-Language, Cache-Control, If-None-Match",
                "Access-Control-Max-Age": "86400",
            },
        )


def _accepted(request: Request) -> str:
    for language, _quality in parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        code = language.split("-")[0]
        if code in LANGUAGES:
            return code
    return "en"


class Index(Door):
    """Where everything is."""

    @extend_schema(**schema.INDEX)
    def get(self, request: Request) -> Response:
        Asked(request.query_params, ())
        return Response(
            {
                "name": settings.SITE_NAME,
                "accords": wire.api_address("accords"),
                "commitments": wire.api_address("commitments"),
                "contributions": wire.api_address("contributions"),
                "statistics": wire.api_address("statistics"),
                "events": wire.api_address("events"),
                "checkpoints": wire.api_address("checkpoints"),
                "keys": wire.site_address(reverse("keys")),
                "schema": wire.api_address("schema"),
                "docs": wire.api_address("docs"),
                "log_head": head().cursor,
                "codebook": CODEBOOK,
                "licence": settings.DATA_LICENCE or None,
            }
        )


class Accords(Door):
    """The accords, by code."""

    @extend_schema(**schema.ACCORDS)
    def get(self, request: Request) -> Response:
        asked = Asked(request.query_params, (*MOMENT, "limit", "cursor"))
        limit, place = parse_limit(asked.single("limit")), decode_cursor(asked.single("cursor"), 1)
        moment = moment_of(asked, timezone.now())
        found = known_accords(moment)
        if place:
            found = found.filter(code__gt=place[0])
        with snapshot():
            read = accords_as_they_stood(found[: limit + 1], moment)
        rows, cursor = cut(read, limit, lambda row: [row["code"]])
        return Response(list_answer(rows, asked, "accords", cursor))


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


class Commitments(Door):
    """The commitments, by code, narrowed by filters."""

    @extend_schema(**schema.COMMITMENTS)
    def get(self, request: Request) -> Response:
        asked = Asked(request.query_params, (*COMMITMENT_FILTERS, *MOMENT, "limit", "cursor"))
        limit, place = parse_limit(asked.single("limit")), decode_cursor(asked.single("cursor"), 1)
        now = timezone.now()
        moment = moment_of(asked, now)
        if moment.is_past:
            with snapshot():
                stood, cursor = page_of_the_past(asked, moment, limit, place)
            return Response(list_answer(stood, asked, "commitments", cursor))
        with snapshot():
            found = narrow(Commitment.objects.standing_at(now), asked)
            if place:
                found = found.filter(code__gt=place[0])
            read = wire.commitments(found.order_by("code")[: limit + 1], now)
        rows, cursor = cut(read, limit, lambda row: [row["code"]])
        return Response(list_answer(rows, asked, "commitments", cursor))


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
        return Response(found[0] | account)


class Events(Door):
    """The log, in order, strictly after a place; nothing is missed and nothing comes twice."""

    @extend_schema(**schema.EVENTS)
    def get(self, request: Request) -> Response:
        asked = Asked(request.query_params, ("after", *EVENT_FILTERS, "limit"))
        limit = parse_limit(asked.single("limit"))
        seq, hashed = parse_place(asked.single("after"))
        with snapshot():
            end = head()
            if hashed:
                self._known(seq, hashed, end.cursor)
            found = narrow_events(Event.objects.after(seq), asked)
            rows = wire.events(found[: limit + 1])
        has_more = len(rows) > limit
        rows = rows[:limit]
        # At the end of a filtered page everything up to the head has been looked at: polling goes on from there.
        cursor = rows[-1]["cursor"] if has_more else end.cursor
        onward = address(wire.api_address("events"), [*asked.kept("after"), ("after", cursor)])
        return Response(
            {"results": rows, "next": onward if has_more else None, "has_more": has_more, "cursor": cursor}
        )

    @staticmethod
    def _known(seq: int, hashed: str, end: str) -> None:
        """Raises BadParameter when the event of that number is not the one the cursor was made from."""
        stands = GENESIS if seq == 0 else Event.objects.filter(pk=seq).values_list("hash", flat=True).first()
        if stands is None or stands[:8] != hashed:
            raise BadParameter(
                "after",
                _(
                    "This cursor is not of this log: it was restored, or the cursor comes from elsewhere. Begin "
                    "again at after=0, or at its end, after=%(end)s."
                )
                % {"end": end},
                allowed=["0", end],
            )


def list_answer(rows: Any, asked: Asked, name: str, cursor: str | None) -> dict[str, Any]:
    """A page of a list, with the address of the next one."""
    onward = None
    if cursor:
        onward = address(wire.api_address(name), [*asked.kept("cursor"), ("cursor", cursor)])
    return {"results": rows, "next": onward}


class Elsewhere(Door):
    """Any other address below the API: a problem document instead of a page, or the way to the right address."""

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
