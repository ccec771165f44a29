"""What the log may be asked by; what commitments may be asked by stands in commitments.filtering."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from commitments.filtering import a_code, unknown_code
from commitments.models import Accord, Commitment
from commitments.words import EventKind, Origin
from tracker.kit.asking import Asked


def commitments_named(asked: Asked, name: str = "commitment") -> list[int]:
    """The keys of the commitments whose codes were given; raises BadParameter for a code that nothing has."""
    codes = [a_code(name, code) for code in asked.several(name)]
    known = dict(Commitment.objects.filter(code__in=codes).values_list("code", "pk")) if codes else {}
    for code in codes:
        if code not in known:
            raise unknown_code(name, code)
    return list(known.values())


def accords_named(asked: Asked) -> list[int]:
    """The keys of the accords whose codes were given; raises BadParameter for a code that nothing has."""
    codes = asked.any_of("accord", Accord.objects.values_list("code", flat=True).order_by("code"))
    return list(Accord.objects.filter(code__in=codes).values_list("pk", flat=True)) if codes else []


EVENT_FILTERS = ("accord", "commitment", "kind", "origin")


def narrow_events(found: QuerySet[Any], asked: Asked) -> QuerySet[Any]:
    """The events that fit every filter."""
    if accords := accords_named(asked):
        found = found.filter(accord__in=accords)
    if kinds := asked.any_of("kind", EventKind.values):
        found = found.filter(kind__in=kinds)
    if origins := asked.any_of("origin", Origin.values):
        found = found.filter(origin__in=origins)
    if commitments := commitments_named(asked):
        found = found.filter(commitment__in=commitments)
    return found
