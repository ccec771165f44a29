"""Checkpoints of the log, and the keys that sign them, for whoever checks the feed from outside."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commitments.api import schema
from commitments.api.filters import Asked
from commitments.api.views import Door, list_answer
from commitments.models import Checkpoint
from commitments.wire import checkpoints as wire
from tracker.kit.paging import cut, decode_cursor, parse_limit
from tracker.kit.snapshot import snapshot


class Checkpoints(Door):
    """The signed checkpoints, in the order of the log."""

    @extend_schema(**schema.CHECKPOINTS)
    def get(self, request: Request) -> Response:
        asked = Asked(request.query_params, ("limit", "cursor"))
        limit, place = parse_limit(asked.single("limit")), decode_cursor(asked.single("cursor"), 1)
        found = Checkpoint.objects.order_by("seq", "key_id")
        if place:
            seq, _dash, key = place[0].partition("-")
            known = int(seq) if seq.isdecimal() and len(seq) < 18 else 0
            found = found.filter(seq__gte=known).exclude(seq=known, key_id__lte=key)
        with snapshot():
            rows, cursor = cut(
                wire.checkpoints(found[: limit + 1]), limit, lambda row: [f"{row['seq']}-{row['key']}"]
            )
        return Response(list_answer(rows, asked, "checkpoints", cursor))


class Keys(Door):
    """The public keys, at a well-known address (RFC 8615)."""

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return Response({"keys": wire.keys()})
