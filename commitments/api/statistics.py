"""The numbers in the REST feed: accord by accord, as of a day, by what was known."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commitments.api import schema
from commitments.api.filters import Asked
from commitments.api.moments import MOMENT, known_accords, moment_of
from commitments.api.views import Door, list_answer
from commitments.counting import statistics
from commitments.models import Accord
from commitments.wire.statistics import statistics as wire_form
from tracker.kit.paging import cut, decode_cursor, parse_limit
from tracker.kit.snapshot import snapshot


class StatisticsOfAccords(Door):
    """Fully fulfilled and progress, with their denominators, by accord; over time from the judgements."""

    @extend_schema(**schema.STATISTICS)
    def get(self, request: Request) -> Response:
        asked = Asked(request.query_params, ("accord", *MOMENT, "limit", "cursor"))
        limit, place = parse_limit(asked.single("limit")), decode_cursor(asked.single("cursor"), 1)
        now = timezone.now()
        moment = moment_of(asked, now)
        with snapshot():
            codes = asked.any_of("accord", Accord.objects.values_list("code", flat=True).order_by("code"))
            found = (
                Accord.objects.filter(pk__in=known_accords(moment))
                .prefetch_related("parties")
                .order_by("code")
            )
            if codes:
                found = found.filter(code__in=codes)
            if place:
                found = found.filter(code__gt=place[0])
            day = moment.as_of or moment.instant(()).date()
            rows = [
                wire_form(accord, statistics(accord, day, moment.known_at), moment.known_at)
                for accord in found[: limit + 1]
            ]
        shown, cursor = cut(rows, limit, lambda row: [row["accord"]])
        return Response(list_answer(shown, asked, "statistics", cursor))
