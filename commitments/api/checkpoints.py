"""Checkpoints of the log, and the keys that sign them, for whoever checks the feed from outside."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commitments.api import schema
from commitments.api.door import Door
from commitments.api.listing import Listing
from commitments.models import Checkpoint
from commitments.wire import Wire
from commitments.wire import checkpoints as wire
from tracker.kit.asking import Asked
from tracker.kit.paging import Column, number_column


class Checkpoints(Listing):
    """The signed checkpoints, in the order of the log."""

    name, shape = "checkpoints", "Checkpoint"
    # Signed later than what it signs: the head of the log does not tell of it.
    is_kept = False
    orders = {"seq": (number_column("seq"), Column("key", F("key_id")))}

    @extend_schema(**schema.CHECKPOINTS)
    def get(self, request: Request) -> HttpResponseBase:
        return self.answer(request)

    def found(self, asked: Asked, now: datetime) -> QuerySet[Any]:
        return Checkpoint.objects.all()

    def wire(self, rows: QuerySet[Any], now: datetime, parts: Collection[str]) -> Sequence[Wire]:
        return wire.checkpoints(rows)


class Keys(Door):
    """The public keys, at a well-known address (RFC 8615)."""

    is_kept = False

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return Response({"keys": wire.keys()})
