"""`bench feed`: the events after a place, beside views as others write them, in one run."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from commitments.log import append, operation
from commitments.models import Accord
from commitments.words import EventKind
from tracker.bench import data
from tracker.bench.measuring import Figure, ratio
from tracker.bench.views import asker, compared, handlers, rates, times
from tracker.kit.answers import shelf


def arguments(parser: ArgumentParser) -> None:
    """What may be asked."""
    parser.add_argument("--events", type=int, default=10_000, help="events in the log (default: 10,000)")
    times(parser)


@operation
def _say(accord: Accord, number: int) -> None:
    for place in range(number):
        append(
            EventKind.EVIDENCE_WITHDRAWN,
            accord,
            facts={"evidence": f"B-0-E{place}", "source": "bench"},
            note="Counted twice.",
        )


def figures(asked: Namespace) -> Iterator[Figure]:
    """The goals of the event feed."""
    _say(data.an_accord(), asked.events)
    middle = asked.events // 2
    with handlers() as (others, product):
        yield from compared(asked, others, product, f"/api/v1/events/?after={middle}&limit=50", "-events")
        pair = {
            "first": asker(product, "/api/v1/events/?after=0&limit=50"),
            "deep": asker(product, f"/api/v1/events/?after={middle}&limit=50"),
        }
        found = rates(pair, asked, {"first": shelf.clear, "deep": shelf.clear})
    yield ratio(f"after event {middle:,} against after 0", found["deep"] / found["first"], 0.9, at_most=False)
