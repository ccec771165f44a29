"""Contributions in the REST feed: the list of them, and what it may be asked."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commitments import wire
from commitments.api import schema
from commitments.api.filters import Asked, a_code
from commitments.api.views import Door, list_answer
from commitments.models import Accord, Commitment, Contribution, Party
from commitments.money import NO_CURRENCY, currencies
from commitments.words import Stage
from tracker.kit.paging import cut, decode_cursor, parse_limit
from tracker.kit.problems import BadParameter
from tracker.kit.snapshot import snapshot

FILTERS = ("accord", "commitment", "stage", "currency", "party")


def narrow(found: QuerySet[Contribution], asked: Asked) -> QuerySet[Contribution]:
    """The contributions that fit every filter."""
    if accords := asked.any_of("accord", Accord.objects.values_list("code", flat=True).order_by("code")):
        found = found.filter(commitment__accord__code__in=accords)
    if codes := [a_code("commitment", code) for code in asked.several("commitment")]:
        known = dict(Commitment.objects.filter(code__in=codes).values_list("code", "pk"))
        for code in codes:
            if code not in known:
                raise BadParameter("commitment", _("“%(value)s” is not known.") % {"value": code})
        found = found.filter(commitment__in=list(known.values()))
    if stages := asked.any_of("stage", Stage.values):
        found = found.filter(stage__in=stages)
    if asked_for := asked.any_of("currency", [*sorted(currencies()), NO_CURRENCY]):
        found = found.filter(currency__in=asked_for)
    if parties := asked.any_of("party", Party.objects.values_list("code", flat=True).order_by("code")):
        found = found.filter(party__code__in=parties)
    return found


def after(found: QuerySet[Contribution], place: list[str] | None) -> QuerySet[Contribution]:
    """Those after the last one that was shown; raises BadParameter for a place that no row can have."""
    if place is None:
        return found
    code, number = place
    if not (number.isascii() and number.isdecimal() and len(number) <= 5):
        raise BadParameter("cursor", _("This cursor is not one that we gave. Begin again without it."))
    return found.filter(Q(commitment__code__gt=code) | Q(commitment__code=code, number__gt=int(number)))


class Contributions(Door):
    """Money that was pledged, allocated or delivered, by commitment and number, narrowed by filters."""

    @extend_schema(**schema.CONTRIBUTIONS)
    def get(self, request: Request) -> Response:
        asked = Asked(request.query_params, (*FILTERS, "limit", "cursor"))
        limit, place = parse_limit(asked.single("limit")), decode_cursor(asked.single("cursor"), 2)
        with snapshot():
            found = after(narrow(Contribution.objects.all(), asked), place)
            read = wire.contributions(found.order_by("commitment__code", "number")[: limit + 1])
        rows, cursor = cut(read, limit, lambda row: [row["commitment"], row["code"].rpartition("-C")[2]])
        return Response(list_answer(rows, asked, "contributions", cursor))
