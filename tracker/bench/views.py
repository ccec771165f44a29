"""What `bench api` and `bench feed` share: requests without any network, and rates of several views taken in turn."""

from __future__ import annotations

import contextlib
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
from django.test.utils import override_settings

from tracker.bench.measuring import Figure, ratio
from tracker.embedded.family import Family
from tracker.embedded.valkey import Valkey
from tracker.kit.answers import shelf

Ask = Callable[[], tuple[int, bytes, dict[str, str]]]
NAMES = {
    "bare": "a bare view",
    "plain": "a plain nested ModelViewSet",
    "tuned": "the same, tuned",
    "built": "the body made by PostgreSQL",
    "uncached": "ours, made anew",
    "kept": "ours, kept",
    "unchanged": "ours, 304, with its share counted",
}


def times(parser: ArgumentParser) -> None:
    """How long each view is asked."""
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


@contextlib.contextmanager
def handlers() -> Iterator[tuple[WSGIHandler, WSGIHandler]]:
    """The references and the product, beside a Redis-protocol server that counts shares."""
    with override_settings(MIDDLEWARE=[]):
        others = Others()
    with tempfile.TemporaryDirectory(prefix="accord-vk-", dir="/tmp") as home, Family() as family:
        valkey = Valkey(Path(home), family)
        valkey.start()
        with override_settings(REDIS_URL=valkey.url, API_PER_MINUTE=100_000_000):
            yield others, get_wsgi_application()


class _Known:
    """A validator that is always one of this minute."""

    def __init__(self, ask: Ask) -> None:
        self.headers = {"HTTP_IF_NONE_MATCH": ""}
        self._ask, self._minute = ask, 0

    def renew(self) -> None:
        """Asks for it when the minute has changed."""
        minute = int(time.time() // 60)
        if minute != self._minute:
            self._minute = minute
            self.headers["HTTP_IF_NONE_MATCH"] = self._ask()[2]["ETag"]


def compared(
    asked: Namespace, others: WSGIHandler, product: WSGIHandler, address: str, suffix: str = ""
) -> Iterator[Figure]:
    """One address of ours, made anew, kept and unchanged, beside the four references."""
    kept = asker(product, address)
    status, body, _head = kept()
    assert status == 200, body[:300]
    yield Figure("a page of 50: bytes of its body", f"{len(body):,}")
    known = _Known(kept)
    known.renew()
    asks = {name: asker(others, f"/{name}{suffix}/") for name in ("bare", "plain", "tuned", "built")}
    asks |= {
        "uncached": asker(product, address),
        "kept": kept,
        "unchanged": asker(product, address, known.headers),
    }
    for name, ask in asks.items():
        # Once more where the minute ended in between.
        known.renew()
        codes = {ask()[0]}
        known.renew()
        codes.add(ask()[0])
        assert (304 if name == "unchanged" else 200) in codes, (name, codes)
    found = rates(asks, asked, {"uncached": shelf.clear, "unchanged": known.renew})
    for name, text in NAMES.items():
        yield Figure(f"requests a second: {text}", f"{found[name]:,.0f}")
    made = found["uncached"]
    yield ratio("made anew against the plain one", made / found["plain"], 10, at_most=False)
    yield ratio("made anew against the body made by PostgreSQL", made / found["built"], 0.4, at_most=False)
    yield ratio("kept against the bare view", found["kept"] / found["bare"], 0.3, at_most=False)
    yield ratio("304 against the bare view", found["unchanged"] / found["bare"], 0.3, at_most=False)
