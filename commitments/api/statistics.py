"""The numbers in the REST feed: accord by accord, as of a day, by what was known."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from commitments.api import schema
from commitments.api.filters import accords_named
from commitments.api.listing import Listing
from commitments.api.moments import MOMENT, known_accords, moment_of
from commitments.counting import statistics
from commitments.models import Accord
from commitments.wire import Wire
from commitments.wire.statistics import statistics as wire_form
from tracker.kit.asking import Asked
from tracker.kit.paging import Column


class StatisticsOfAccords(Listing):
    """Fully fulfilled and progress, with their denominators, by accord; over time from the judgements."""

    name, shape, filters = "statistics", "Statistics", ("accord", *MOMENT)
    orders = {"code": (Column("accord", F("code")),)}

    @extend_schema(**schema.STATISTICS)
    def get(self, request: Request) -> HttpResponseBase:
        return self.answer(request)

    def found(self, asked: Asked, now: datetime) -> QuerySet[Any]:
        self.moment = moment_of(asked, now)
        found = Accord.objects.filter(pk__in=known_accords(self.moment).order_by().values("pk"))
        accords = accords_named(asked)
        return (found.filter(pk__in=accords) if accords else found).prefetch_related("parties")

    def wire(self, rows: QuerySet[Any], now: datetime, parts: Collection[str]) -> Sequence[Wire]:
        moment = self.moment
        day = moment.as_of or moment.instant(()).date()
        return [
            wire_form(accord, statistics(accord, day, moment.known_at), moment.known_at) for accord in rows
        ]
