"""Answers that were given before, each caller's share, and Redis, which may be missing: speed changes, nothing else."""

from __future__ import annotations

import gzip
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from commitments import operations
from commitments.models import Commitment
from tests import world
from tracker.embedded.family import Family
from tracker.embedded.valkey import Valkey
from tracker.kit import answers, limiting

pytestmark = pytest.mark.django_db
LIST = "/api/v1/commitments/?accord=TST-2024&include=all"


@pytest.fixture(autouse=True)
def the_world() -> Commitment:
    """One commitment; nothing is kept yet."""
    answers.shelf.clear()
    return world.a_commitment(world.an_accord())


@pytest.fixture
def valkey(settings: Any) -> Iterator[Valkey]:
    """A server of this test's own, on the settings' address."""
    with tempfile.TemporaryDirectory(prefix="accord-vk-", dir="/tmp") as place, Family() as family:
        server = Valkey(Path(place), family)
        server.start()
        settings.REDIS_URL = settings.CACHE_URL = server.url
        yield server


def get(path: str, **headers: str) -> Any:
    """The answer of an address."""
    return Client().get(path, headers=headers)


def test_who_has_the_answer_is_told_so_without_touching_the_tables(settings: Any) -> None:
    first = get(LIST)
    etag = first.headers["ETag"]
    assert etag.startswith('W/"')
    with CaptureQueriesContext(connection) as queries:
        again = get(LIST, if_none_match=f'"other", {etag}')
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    assert "Content-Type" not in again.headers
    assert len(queries) == 1, "the head of the log alone"
    settings.API_HEAD_MS = 60_000
    get(LIST)
    with CaptureQueriesContext(connection) as queries:
        assert get(LIST, if_none_match=etag).status_code == 304
    assert len(queries) == 0


def test_an_answer_is_made_once_and_anew_after_every_event(the_world: Commitment) -> None:
    first = get(LIST)
    with CaptureQueriesContext(connection) as queries:
        second = get(LIST)
    assert second.content == first.content
    assert len(queries) == 1
    world.a_deadline(the_world)
    third = get(LIST, if_none_match=first.headers["ETag"])
    assert third.status_code == 200
    assert third.json()["results"][0]["deadlines"]


def test_the_minute_the_language_and_the_address_are_part_of_an_answer() -> None:
    with time_machine.travel("2025-03-01T12:00:10Z", tick=False) as clock:
        tag = get(LIST).headers["ETag"]
        clock.shift(49)
        assert get(LIST).headers["ETag"] == tag
        clock.shift(1)
        assert get(LIST).headers["ETag"] != tag
        log = get("/api/v1/events/").headers["ETag"]
        clock.shift(3600)
        assert get("/api/v1/events/").headers["ETag"] == log, "the log does not move with time"
    tags = {
        get(path, accept_language=language).headers["ETag"]
        for path in ("/api/v1/events/", "/api/v1/events/?limit=5")
        for language in ("en", "uk", "ja")
    }
    assert len(tags) == 6


def test_compression_leaves_the_validator_alone() -> None:
    plain, small = get(LIST), get(LIST, accept_encoding="br, gzip;q=0.8")
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small.content) == plain.content
    assert len(small.content) * 2 < len(plain.content)
    assert small.headers["ETag"] == plain.headers["ETag"]
    assert small.headers["Vary"] == "Accept, Accept-Encoding, Accept-Language"
    assert "Content-Encoding" not in get(LIST, accept_encoding="gzip;q=0, identity").headers
    assert get(LIST, accept_encoding="gzip", if_none_match=plain.headers["ETag"]).status_code == 304


def test_head_tells_what_get_would() -> None:
    whole = get(LIST)
    alone = Client().head(LIST)
    assert alone.content == b""
    for name in ("ETag", "Content-Length", "Content-Type", "Cache-Control"):
        assert alone.headers[name] == whole.headers[name], name
    assert alone.headers["Content-Length"] == str(len(whole.content))
    assert alone.headers["Cache-Control"] == "public, no-cache"


def test_an_error_is_not_kept() -> None:
    for _again in range(2):
        answer = get("/api/v1/commitments/?colour=red")
        assert answer.status_code == 400
        assert "ETag" not in answer.headers


def test_processes_share_answers_through_redis_and_none_needs_it(
    valkey: Valkey, the_world: Commitment
) -> None:
    first = get(LIST)
    answers.shelf.clear()
    with CaptureQueriesContext(connection) as queries:
        assert get(LIST).content == first.content
    assert len(queries) == 1, "taken from Redis"
    # A hung server: an answer all the same, and soon.
    assert valkey.child is not None
    os.kill(valkey.child.pid, signal.SIGSTOP)
    try:
        answers.shelf.clear()
        began = time.monotonic()
        for _again in range(20):
            assert get(LIST).status_code == 200
        assert time.monotonic() - began < 5
    finally:
        os.kill(valkey.child.pid, signal.SIGCONT)
    world.a_deadline(the_world)
    assert get(LIST).json()["results"][0]["deadlines"]


def test_each_caller_has_a_share(settings: Any) -> None:
    settings.API_PER_MINUTE = 3
    with time_machine.travel("2025-03-02T12:00:20Z", tick=False) as clock:
        told = [get(LIST) for _n in range(4)]
        assert [answer.status_code for answer in told] == [200, 200, 200, 429]
        assert [answer.headers["RateLimit"] for answer in told] == [
            f'"minute";r={left};t=40' for left in (2, 1, 0, 0)
        ]
        assert told[0].headers["RateLimit-Policy"] == '"minute";q=3;w=60'
        problem = told[3]
        assert problem.headers["Content-Type"] == "application/problem+json"
        assert (problem.headers["Retry-After"], problem.json()["status"]) == ("40", 429)
        # Others are not concerned; what a client writes into X-Forwarded-For makes it nobody else.
        assert Client().get(LIST, REMOTE_ADDR="198.51.100.7").status_code == 200
        assert get(LIST, x_forwarded_for="203.0.113.9").status_code == 429
        settings.TRUSTED_PROXIES = 1
        assert get(LIST, x_forwarded_for="203.0.113.9").status_code == 200
        clock.shift(40)
        settings.TRUSTED_PROXIES = 0
        assert get(LIST).status_code == 200


def test_shares_are_counted_atomically_for_all_processes(valkey: Valkey) -> None:
    within: list[bool] = []

    def ask() -> None:
        for _n in range(25):
            # Each process has counters of its own: only Redis knows of the others.
            limiting._counters.clear()
            within.append(limiting.take("somebody", 60).is_within)

    with time_machine.travel("2025-03-01T12:00:20Z", tick=False):
        threads = [threading.Thread(target=ask) for _n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(within) == 100
    assert sum(within) == 60


def test_without_redis_a_process_counts_for_itself(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    told = [limiting.take("nobody", 2).is_within for _n in range(4)]
    assert told == [True, True, False, False]


def test_another_site_may_read_and_learn() -> None:
    answer = Client().options("/api/v1/commitments/", headers={"origin": "https://elsewhere.example"})
    assert answer.status_code == 204
    assert "If-None-Match" in answer.headers["Access-Control-Allow-Headers"]
    shown = get(LIST).headers["Access-Control-Expose-Headers"]
    assert {"ETag", "Link", "RateLimit"} <= set(shown.split(", "))
    operations.correct_commitments(
        {"TST-1": {"title": {"en": "Other words"}}}, actor=world.actor("reviewer"), why="A typing error."
    )
    assert get(LIST).json()["results"][0]["title"] == {"en": "Other words"}
