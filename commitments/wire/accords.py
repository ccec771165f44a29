"""The wire form of accords."""

from __future__ import annotations

from collections import defaultdict
from urllib.parse import quote

from django.db.models import Count, QuerySet
from django.urls import reverse

from commitments.ledger import sums_of
from commitments.models import Accord, AccordParty, Commitment, Section
from commitments.wire.addresses import Rows, Wire, api_address, site_address
from commitments.wire.money import stage_sum


def accords(found: QuerySet[Accord]) -> list[Wire]:
    """Accords with their parties, parts, and how many commitments stand at which status, in six queries."""
    rows = list(found)
    keys = [row.pk for row in rows]
    parties: Rows = defaultdict(list)
    for party in AccordParty.objects.filter(accord__in=keys).values(
        "accord_id", "name_in_accord", "party__code", "party__kind", "party__name", "party__time_zone"
    ):
        parties[party["accord_id"]].append(
            {
                "code": party["party__code"],
                "kind": party["party__kind"],
                "name": party["party__name"],
                "name_in_accord": party["name_in_accord"],
                "time_zone": party["party__time_zone"] or None,
            }
        )
    sections: Rows = defaultdict(list)
    for part in Section.objects.filter(accord__in=keys).values("accord_id", "code", "title"):
        sections[part["accord_id"]].append({"code": part["code"], "title": part["title"]})
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for accord, status, number in (
        Commitment.objects.filter(accord__in=keys)
        .values_list("accord_id", "status")
        .annotate(number=Count("pk"))
        .order_by("accord_id", "status")
    ):
        counts[accord][status] = number
    money = sums_of(keys)
    return [
        {
            "code": row.code,
            "url": api_address("accord", row.code),
            "page": site_address(reverse("commitments:accord", args=[row.slug])),
            "slug": row.slug,
            "example": row.is_example,
            "names": row.names,
            "short_names": row.short_names,
            "about": row.about,
            "address": row.address or None,
            "place": row.place,
            "signed_on": row.signed_on,
            "in_effect_on": row.in_effect_on,
            "ends_on": row.ends_on,
            "four_eyes": row.four_eyes,
            "binding": row.is_binding,
            "languages": row.languages,
            "prevailing_language": row.prevailing_language or None,
            "parties": parties[row.pk],
            "sections": sections[row.pk],
            "commitments": {"total": sum(counts[row.pk].values()), "by_status": counts[row.pk]},
            "money": [stage_sum(one) for one in money[row.pk]],
            "commitments_url": f"{api_address('commitments')}?accord={quote(row.code)}",
            "events_url": f"{api_address('events')}?accord={quote(row.code)}",
        }
        for row in rows
    ]
