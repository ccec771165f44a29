"""`bench api`: a list of commitments, uncached, kept and unchanged, beside views as others write them, in one run."""

from __future__ import annotations

import statistics
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping

from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commitments.api.views import Commitments
from commitments.models import Commitment
from tracker.bench import data
from tracker.bench.measuring import Figure, ratio, seconds
from tracker.bench.views import Ask, asker, compared, handlers, times
from tracker.kit.answers import shelf
from tracker.kit.paging import encode_cursor

LIST = "/api/v1/commitments/?limit=50"
# Every documented order of the list, and filters of each sort.
SORTS = (
    "",
    "&order=due_at",
    "&order=changed_at",
    "&order=-code",
    "&accord=BENCH",
    "&status=not_assessed",
    "&party=AAA",
)


def arguments(parser: ArgumentParser) -> None:
    """What may be asked."""
    parser.add_argument("--rows", type=int, default=1000, help="commitments (default: 1,000)")
    times(parser)


def figures(asked: Namespace) -> Iterator[Figure]:
    """The goals of the REST feed."""
    data.an_accord()
    data.attach_to_pattern()
    data.spread(asked.rows)
    with handlers() as (others, product):
        yield from compared(asked, others, product, LIST)
        yield from _depths(asked, product)
        shelf.clear()
        with CaptureQueriesContext(connection) as queries:
            asker(product, LIST)()
    reads = [one["sql"] for one in queries if "SELECT" in one["sql"]]
    yield Figure(
        "queries of a page, and one for the head of the log", str(len(reads)), "<= 3 + 1", len(reads) <= 4
    )


def _depths(asked: Namespace, product: WSGIHandler) -> Iterator[Figure]:
    """Page one beside a page in the middle, for every order and sort of filter."""
    worst, where = 10.0, ""
    for query in SORTS:
        first = asker(product, LIST + query)
        cursor = _middle(product, LIST + query, asked.rows // 2)
        if cursor is None:
            continue
        pair = {"first": first, "deep": asker(product, f"{LIST}{query}&cursor={cursor}")}
        assert all(ask()[0] == 200 for ask in pair.values())
        found = _medians(pair, asked)
        if found["first"] / found["deep"] < worst:
            worst, where = found["first"] / found["deep"], query
    yield ratio(
        f"a page at depth {asked.rows // 2:,} against page one, worst ({where or 'by code'})",
        worst,
        0.9,
        at_most=False,
    )


def _medians(asks: Mapping[str, Ask], asked: Namespace) -> dict[str, float]:
    """The median seconds of each, made anew, asked in turn one by one: what else the machine does meets both."""
    taken: dict[str, list[float]] = {name: [] for name in asks}
    until = time.perf_counter() + 2 * asked.rounds * asked.seconds
    while time.perf_counter() < until or len(taken["deep"]) < 2:
        for name, ask in asks.items():
            shelf.clear()
            taken[name].append(seconds(ask))
    return {name: statistics.median(found) for name, found in taken.items()}


def _middle(product: WSGIHandler, address: str, depth: int) -> str | None:
    """The cursor of a place so many rows deep, made as the list makes its own; None: the list is not so long."""
    order = dict(part.split("=") for part in address.partition("?")[2].split("&")).get("order", "code")
    name = order.removeprefix("-")
    column = Commitments.orders[name]
    falls = order.startswith("-")
    rows = Commitment.objects.order_by(*((one.sql.desc() if falls else one.sql.asc()) for one in column))
    row = rows.values(*(one.name for one in column))[depth : depth + 1].first()
    return row and encode_cursor("after", order, *(one.write(row[one.name]) for one in column))
