"""The wire form of the numbers of an accord: whole numbers beside what they are a part of; shares are texts."""

from __future__ import annotations

from datetime import datetime

from django.urls import reverse

from commitments.counting import Numbers, Statistics, points, share
from commitments.models import Accord
from commitments.wire.addresses import Wire, api_address, site_address
from commitments.words import CODEBOOK, QUARTERS, Status, Uncounted


def statistics(accord: Accord, found: Statistics, known_at: datetime | None) -> Wire:
    """The numbers of an accord on a day, with the weights that they rest on."""
    return {
        "accord": accord.code,
        "accord_url": api_address("accord", accord.code),
        "page": site_address(reverse("commitments:accord", args=[accord.slug])),
        "example": accord.is_example,
        "as_of": found.as_of,
        "known_at": known_at,
        "codebook": CODEBOOK,
        "weights": {status: points(QUARTERS[status]) for status in Status.values},
        **numbers(found.whole),
        **{
            name: [{"code": code, **numbers(one)} for code, one in groups.items()]
            for name, groups in found.groups.items()
        },
        "series": [
            {
                "on": point.on,
                "counted": point.counted,
                "assessed": point.assessed,
                "not_assessed": point.counted - point.assessed,
                "fulfilled": point.fulfilled,
                "progress_points": points(point.quarters),
            }
            for point in found.series
        ],
    }


def numbers(found: Numbers) -> Wire:
    """One set of numbers: what there is, what counts, what is left out and why, and the two shares."""
    return {
        "total": found.total,
        "counted": found.counted,
        "assessed": found.assessed,
        "by_status": {status: found.by_status.get(status, 0) for status in Status.values},
        "excluded": [
            {"reason": reason, "number": found.excluded[reason]}
            for reason in Uncounted.values
            if found.excluded.get(reason)
        ],
        "fulfilled": {
            "number": found.fulfilled,
            "of": found.counted,
            "share": share(found.fulfilled, found.counted),
        },
        "progress": {
            "points": points(found.quarters),
            "of": found.counted,
            "share": share(found.quarters, 4 * found.counted),
        },
    }
