"""`bench api`: a list of commitments, uncached, kept and unchanged, beside views as others write them, in one run."""

from __future__ import annotations

import statistics
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings

from commitments.api.views import Commitments
from commitments.models import Commitment
from tracker.bench import data
from tracker.bench.measuring import Figure, ratio
from tracker.embedded.family import Family
from tracker.embedded.valkey import Valkey
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
Ask = Callable[[], tuple[int, bytes, dict[str, str]]]


def arguments(parser: ArgumentParser) -> None:
    """What may be asked."""
    parser.add_argument("--rows", type=int, default=1000, help="commitments (default: 1,000)")
    parser.add_argument("--seconds", type=float, default=1.0, help="each view, in each round (default: 1)")
    parser.add_argument("--rounds", type=int, default=3, help="alternating rounds (default: 3)")


def asker(handler: WSGIHandler, address: str, headers: Mapping[str, str] | None = None) -> Ask:
    """A request to a handler without any network: status, body and headers of its answer."""
    path, _mark, query = address.partition("?")

    def ask() -> tuple[int, bytes, dict[str, str]]:
        told: list[Any] = []
        environ = {
            "REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query, "SERVER_NAME": "bench.example",
            "SERVER_PORT": "80", "REMOTE_ADDR": "192.0.2.1", "wsgi.input": BytesIO(), "wsgi.url_scheme": "http",
            "HTTP_HOST": "bench.example", **(headers or {}),
        }  # fmt: skip
        start: Any = lambda status, head, *_more: told.append((status, head))  # noqa: E731
        body = handler(environ, start)
        raw = b"".join(body)
        body.close()
        return int(told[0][0][:3]), raw, dict(told[0][1])

    return ask


def rates(asks: dict[str, Ask], asked: Namespace, before: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Requests a second of each, the median of alternating rounds."""
    taken: dict[str, list[float]] = {name: [] for name in asks}
    for _round in range(asked.rounds):
        for name, ask in asks.items():
            prepare = before.get(name, lambda: None)
            number, spent = 0, 0.0
            while spent < asked.seconds:
                prepare()
                start = time.perf_counter()
                ask()
                spent += time.perf_counter() - start
                number += 1
            taken[name].append(number / spent)
    return {name: statistics.median(found) for name, found in taken.items()}


class _Elsewhere(WSGIRequest):
    """A request that the references answer."""

    urlconf = "tracker.bench.plain"


class Others(WSGIHandler):
    """The references, with nothing around them."""

    request_class = _Elsewhere


def figures(asked: Namespace) -> Iterator[Figure]:
    """The goals of the REST feed."""
    data.an_accord()
    data.attach_to_pattern()
    data.spread(asked.rows)
    with override_settings(MIDDLEWARE=[]):
        others = Others()
    with tempfile.TemporaryDirectory(prefix="accord-vk-", dir="/tmp") as home, Family() as family:
        valkey = Valkey(Path(home), family)
        valkey.start()
        with override_settings(REDIS_URL=valkey.url, API_PER_MINUTE=100_000_000):
            yield from _figures(asked, others, get_wsgi_application())


def _figures(asked: Namespace, others: WSGIHandler, product: WSGIHandler) -> Iterator[Figure]:
    status, body, head = asker(product, LIST)()
    assert status == 200, body[:300]
    yield Figure("a page of 50: bytes of its body", f"{len(body):,}")
    known = {"HTTP_IF_NONE_MATCH": head["ETag"]}
    asks = {
        "bare": asker(others, "/bare/"),
        "plain": asker(others, "/plain/"),
        "tuned": asker(others, "/tuned/"),
        "built": asker(others, "/built/"),
        "uncached": asker(product, LIST),
        "kept": asker(product, LIST),
        "unchanged": asker(product, LIST, known),
    }

    def know() -> None:
        """The validator is one of this minute."""
        if int(time.time() // 60) != know.minute:  # type: ignore[attr-defined]
            know.minute = int(time.time() // 60)  # type: ignore[attr-defined]
            known["HTTP_IF_NONE_MATCH"] = asks["kept"]()[2]["ETag"]

    know.minute = 0  # type: ignore[attr-defined]
    know()
    for name, ask in asks.items():
        assert ask()[0] == (304 if name == "unchanged" else 200), name
    found = rates(asks, asked, {"uncached": shelf.clear, "unchanged": know})
    names = {
        "bare": "a bare view", "plain": "a plain nested ModelViewSet", "tuned": "the same, tuned",
        "built": "the body made by PostgreSQL", "uncached": "ours, made anew", "kept": "ours, kept",
        "unchanged": "ours, 304, with its share counted",
    }  # fmt: skip
    for name, text in names.items():
        yield Figure(f"requests a second: {text}", f"{found[name]:,.0f}")
    yield ratio("made anew against the plain one", found["uncached"] / found["plain"], 10, at_most=False)
    yield ratio(
        "made anew against the body made by PostgreSQL",
        found["uncached"] / found["built"],
        0.4,
        at_most=False,
    )
    yield ratio("kept against the bare view", found["kept"] / found["bare"], 0.3, at_most=False)
    yield ratio("304 against the bare view", found["unchanged"] / found["bare"], 0.3, at_most=False)
    yield from _depths(asked, product)
    shelf.clear()
    with CaptureQueriesContext(connection) as queries:
        asks["uncached"]()
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
        found = rates(pair, asked, {"first": shelf.clear, "deep": shelf.clear})
        if found["deep"] / found["first"] < worst:
            worst, where = found["deep"] / found["first"], query
    yield ratio(
        f"a page at depth {asked.rows // 2:,} against page one, worst ({where or 'by code'})",
        worst,
        0.9,
        at_most=False,
    )


def _middle(product: WSGIHandler, address: str, depth: int) -> str | None:
    """The cursor of a place so many rows deep, made as the list makes its own; None: the list is not so long."""
    order = dict(part.split("=") for part in address.partition("?")[2].split("&")).get("order", "code")
    name = order.removeprefix("-")
    column = Commitments.orders[name]
    falls = order.startswith("-")
    rows = Commitment.objects.order_by(*((one.sql.desc() if falls else one.sql.asc()) for one in column))
    row = rows.values(*(one.name for one in column))[depth : depth + 1].first()
    return row and encode_cursor("after", order, *(one.write(row[one.name]) for one in column))
