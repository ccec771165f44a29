"""Contributions in the REST feed: the list of them, and what it may be asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from commitments import wire
from commitments.api import schema
from commitments.api.filters import accords_named, commitments_named
from commitments.api.listing import Listing
from commitments.models import Contribution, Party
from commitments.money import NO_CURRENCY, currencies
from commitments.wire import Wire
from commitments.words import Stage
from tracker.kit.asking import Asked
from tracker.kit.paging import Column, number_column

FILTERS = ("accord", "commitment", "stage", "currency", "party")


def narrow(found: QuerySet[Contribution], asked: Asked) -> QuerySet[Contribution]:
    """The contributions that fit every filter."""
    if accords := accords_named(asked):
        found = found.filter(commitment__accord__in=accords)
    if commitments := commitments_named(asked):
        found = found.filter(commitment__in=commitments)
    if stages := asked.any_of("stage", Stage.values):
        found = found.filter(stage__in=stages)
    if asked_for := asked.any_of("currency", [*sorted(currencies()), NO_CURRENCY]):
        found = found.filter(currency__in=asked_for)
    if parties := asked.any_of("party", Party.objects.values_list("code", flat=True).order_by("code")):
        found = found.filter(party__code__in=parties)
    return found


class Contributions(Listing):
    """Money that was pledged, allocated or delivered, by commitment and number, narrowed by filters."""

    name, shape, filters = "contributions", "Contribution", FILTERS
    orders = {"code": (Column("commitment", F("commitment__code")), number_column("number"))}

    @extend_schema(**schema.CONTRIBUTIONS)
    def get(self, request: Request) -> HttpResponseBase:
        return self.answer(request)

    def found(self, asked: Asked, now: datetime) -> QuerySet[Any]:
        return narrow(Contribution.objects.all(), asked)

    def wire(self, rows: QuerySet[Any], now: datetime, parts: Collection[str]) -> Sequence[Wire]:
        return wire.contributions(rows)

    def value(self, row: Wire, column: str) -> Any:
        return row["code"].rpartition("-C")[2] if column == "number" else row[column]
