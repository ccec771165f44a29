"""What a stranger may send to every list and every detail: each is answered as described, none is a 500."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import orjson
import pytest
import time_machine
from django.test import Client

from commitments import operations
from commitments.actors import loader
from commitments.api.views import LISTS
from commitments.models import Commitment
from tests import world
from tracker.kit.answers import shelf

pytestmark = pytest.mark.django_db
DETAILS = {
    "accords": world.ACCORD, "parties": "JPN", "topics": "demining", "provisions": "TST-2024:II.1",
    "sources": "TST-2024:ministry", "commitments": "TST-1", "deadlines": "TST-1-D1", "evidence": "TST-1-E1",
    "assessments": "TST-1-A1",
}  # fmt: skip
KEYSET = tuple(name for name in LISTS if name != "events")


@pytest.fixture(autouse=True)
def the_world(settings: Any) -> None:
    """Six commitments, each with a date, evidence, a judgement and money; nobody is told to ask later."""
    settings.API_PER_MINUTE = 100_000_000
    accord = world.an_accord()
    for number in range(1, 7):
        one = world.a_commitment(accord, f"TST-{number}")
        world.a_deadline(one, "2999")
        world.published(one, "fulfilled", [world.some_evidence(one)])
        operations.record_contributions([world.money(one)], actor=loader())


def send(path: str, method: str = "GET", **headers: str) -> Any:
    """The answer of that address, by a client that lets no error of the server pass."""
    return Client().generic(method, path, headers=headers)


def refused(path: str, name: str, **headers: str) -> dict[str, Any]:
    """A problem document of 400 that names that parameter and the rule; returns what it says of the parameter."""
    answer = send(path, **headers)
    assert answer.status_code == 400, (path, answer.status_code, answer.content[:300])
    assert answer.headers["Content-Type"] == "application/problem+json", path
    told: dict[str, Any] = answer.json()["errors"][0]
    assert told["name"] == name, (path, told)
    assert told["reason"], path
    return told


def addresses() -> Iterator[str]:
    """Every list, and one row of each noun that has an address."""
    yield "/api/v1/"
    yield from (f"/api/v1/{noun}/" for noun in LISTS)
    yield from (f"/api/v1/{noun}/{code}/" for noun, code in DETAILS.items())


def test_every_address_answers_its_headers_alone_and_what_may_be_done() -> None:
    for path in addresses():
        shelf.clear()
        whole, bare = send(path), send(path, "HEAD")
        assert (whole.status_code, bare.status_code, bare.content) == (200, 200, b""), path
        for name in ("Content-Type", "Content-Length", "Cache-Control", "Content-Language", "Vary"):
            assert whole.headers.get(name) == bare.headers.get(name), (path, name)
        options = send(path, "OPTIONS")
        assert (options.status_code, options.content) == (204, b""), path
        assert "GET" in options.headers["Allow"], path
        for method in ("DELETE", "PUT", "PATCH", "TRACE", "BREW"):
            told = send(path, method)
            assert told.status_code == 405, (path, method, told.status_code)
            assert told.headers["Content-Type"] == "application/problem+json", (path, method)
            assert "GET" in told.headers["Allow"], (path, method)


def test_an_unknown_parameter_is_named_with_those_that_there_are() -> None:
    for path in addresses():
        for query, name in (("nonsense=1", "nonsense"), ("=1", ""), ("%00=1", "\x00"), ("LIMIT=1", "LIMIT")):
            told = refused(f"{path}?{query}", name)
            assert "lang" in told["allowed"], path
        assert refused(f"{path}?lang=xx", "lang")["allowed"] == ["en", "uk", "ja"]


def test_a_value_that_is_none_is_named_with_what_is_allowed() -> None:
    for noun in LISTS:
        path = f"/api/v1/{noun}/"
        for limit in ("0", "-1", "501", "", "1.5", "1e2", "９", "%00", "0x1", " 1", "9" * 400, "%FF"):
            assert refused(f"{path}?limit={limit}", "limit")["allowed"] == ["1..500"]
        assert "json" in refused(f"{path}?format=pdf", "format")["allowed"]
        refused(f"{path}?limit=1&limit=2", "limit")
    for noun in KEYSET:
        path = f"/api/v1/{noun}/"
        assert (
            "code" in (told := refused(f"{path}?order=nonsense", "order"))["allowed"] or noun == "checkpoints"
        )
        assert f"-{told['allowed'][0]}" in told["allowed"]
        assert refused(f"{path}?count=maybe", "count")["allowed"] == ["true", "false"]
        assert refused(f"{path}?fields=nonsense", "fields")["allowed"], noun
        refused(f"{path}?fields=", "fields")
    assert "deadlines" in refused("/api/v1/commitments/?include=nonsense", "include")["allowed"]
    for noun in ("parties", "evidence", "statistics"):
        refused(f"/api/v1/{noun}/?include=all", "include")


GARBAGE = (
    "\x00", "\x00abc", "a\x00", "\ufffe", "'", '"', "' OR 1=1 --", "%", "_", "\\", "{}", "[]", "null", "1" * 5000,
    "ж" * 300, "\U0001f600", "\u202e", "0000-00-00", "9999-12-31T23:59:59.999999-23:59", "0001-01-01T00:00:00+23:59",
    "2024-02-30", "2024-W01-1", "10000-01-01", "-1", "1-", "1-zzzzzzzz", "9" * 18, "9" * 40, "NaN", "Infinity",
    "\u0662\u0660\u0662\u0664-\u0660\u0661-\u0660\u0661", ",", ",,", "a,b", " ", "\t", "\n", "\r\nX: 1",
)  # fmt: skip


def test_garbage_in_the_place_of_a_code_is_nothing_or_names_the_code() -> None:
    for noun in DETAILS:
        for code in (*GARBAGE, "..", "a/b", "TST-1/", "a:b", ":", "%2e%2e", "A" * 81):
            path = f"/api/v1/{noun}/{quote(code, safe='/')}/"
            answer = send(path)
            assert answer.status_code in (400, 404), (path, answer.status_code)
            assert answer.headers["Content-Type"] == "application/problem+json", path
        assert send(f"/api/v1/{noun}/%C3%28%FF/").status_code in (400, 404)


def a_cursor(*keys: Any) -> str:
    """A mark as the API makes them, of anything."""
    return base64.urlsafe_b64encode(orjson.dumps(keys)).decode().rstrip("=")


def test_a_cursor_of_anything_but_that_list_in_that_order_is_refused() -> None:
    for noun in KEYSET:
        path = f"/api/v1/{noun}/"
        for cursor in (
            "", "x", "=", "AAAA", "A" * 401, "A" * 40_000, a_cursor(), a_cursor("after"), a_cursor("after", "code"),
            a_cursor("after", "nonsense", "TST-1"), a_cursor("beside", "code", "TST-1"), a_cursor("after", "code", 1),
            a_cursor("after", "code", None), a_cursor("after", "code", "a\x00"), a_cursor("after", "code", ["TST-1"]),
            a_cursor("after", "code", "TST-1", "more", "and more"), a_cursor({}), "../../etc/passwd",
        ):  # fmt: skip
            refused(f"{path}?cursor={quote(cursor)}", "cursor")
        refused(f"{path}?cursor=AAAA&cursor=AAAA", "cursor")
    for keys in (("after", "due_at", "no instant", "TST-1"), ("after", "due_at", "2024-01-01T00:00:00", "TST-1"),
                 ("after", "due_at", "0001-01-01T00:00:00+23:59", "TST-1")):  # fmt: skip
        refused(f"/api/v1/commitments/?order=due_at&cursor={a_cursor(*keys)}", "cursor")
    # A mark goes with the order in which it was given.
    following = send("/api/v1/commitments/?limit=2&order=due_at").json()["next"]
    cursor = urlsplit(following).query.partition("cursor=")[2]
    refused(f"/api/v1/commitments/?limit=2&order=-due_at&cursor={cursor}", "cursor")


@pytest.mark.parametrize(
    "wanted",
    ["", "*/*", "text/html", "text/html,application/xhtml+xml,*/*;q=0.8", "image/png", "application/*", "nonsense",
     ";q=1", ",,,", "*/*;q=0", "application/json;q=NaN", "application/json;q=1e999", "a" * 5000, "\xff\xfe",
     "application/json;q=", "application/json;v=9"],
)  # fmt: skip
def test_whatever_is_accepted_where_none_is_ours_it_is_json(wanted: str) -> None:
    for path in addresses():
        answer = send(path, Accept=wanted)
        assert answer.status_code == 200, (path, wanted)
        assert answer.headers["Content-Type"] == "application/json", (path, wanted)
        assert "Accept" in answer.headers["Vary"]


def test_odd_headers_break_nothing() -> None:
    for path in addresses():
        for headers in (
            {"Accept-Language": "x" * 5000}, {"Accept-Language": "uk;q=9,,;"}, {"Accept-Encoding": "gzip;q=oops"},
            {"Range": "bytes=0-1"}, {"If-Modified-Since": "yesterday"}, {"If-Match": '"v1"'}, {"Cookie": "a=b;;=;"},
            {"Authorization": ""}, {"X-Forwarded-For": "' or 1"}, {"X-HTTP-Method-Override": "DELETE"},
            {"Content-Type": "\xff"},
        ):  # fmt: skip
            assert send(path, **headers).status_code == 200, (path, headers)


@time_machine.travel(datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC), tick=False)
def test_what_one_has_is_told_by_its_tag_by_a_list_of_tags_and_by_any() -> None:
    for path in addresses():
        if path == "/api/v1/checkpoints/":
            # What was signed is no part of the log, so nothing tells whether it has changed.
            assert "ETag" not in send(path).headers
            continue
        tag = send(path).headers["ETag"]
        for given in (tag, tag.removeprefix("W/"), f'"other", {tag}', f'{tag},W/"more"', "*", " * "):
            answer = send(path, **{"If-None-Match": given})
            assert (answer.status_code, answer.content) == (304, b""), (path, given)
            assert answer.headers["ETag"] == tag
        assert send(path, "HEAD", **{"If-None-Match": "*"}).status_code == 304
        for given in ("", '""', "W/", '"*"', "**", ",,,", '"' + "a" * 9000, "\xff", tag[:-2] + '"'):
            assert send(path, **{"If-None-Match": given}).status_code == 200, (path, given)
    # There is none of it to have.
    for path in ("/api/v1/commitments/NONE/", "/api/v1/nowhere/"):
        assert send(path, **{"If-None-Match": "*"}).status_code == 404
    assert send("/api/v1/commitments/?limit=0", **{"If-None-Match": "*"}).status_code == 400


def test_each_member_and_each_part_comes_alone_when_it_is_asked_for() -> None:
    for noun in KEYSET:
        path = f"/api/v1/{noun}/"
        members = send(f"{path}?fields=nonsense").json()["errors"][0]["allowed"]
        for member in members:
            answer = send(f"{path}?fields={member}&limit=2")
            assert answer.status_code == 200, (noun, member)
            rows = answer.json()["results"]
            assert all(set(row) <= {member} for row in rows), (noun, member, rows)
        everything = send(f"{path}?fields={','.join(members)}").json()["results"]
        assert all(set(row) <= set(members) for row in everything)
        assert (everything == []) == (noun == "checkpoints")


def walk(path: str, side: str, between: Any = lambda page: None) -> list[str]:
    """The codes of every row from there on, page after page to that side, in the order of the list."""
    codes: list[str] = []
    pages = 0
    following: str | None = path
    while following:
        parts = urlsplit(following)
        answer = send(f"{parts.path}?{parts.query}").json()
        page = [row["code"] for row in answer["results"]]
        codes = codes + page if side == "next" else page + codes
        following = answer[side]
        pages += 1
        between(pages)
    return codes


@pytest.mark.parametrize("order", ["code", "-code", "due_at", "-due_at", "changed_at", "-changed_at"])
def test_pages_go_to_both_ends_without_a_skip_or_a_repeat_while_rows_come(order: str) -> None:
    accord = Commitment.objects.get(code="TST-1").accord
    fixed = [f"TST-{number}" for number in range(1, 7)]

    def one_more(page: int) -> None:
        if page < 4:
            world.a_commitment(accord, f"TST-{page}{order.count('-')}5")
            shelf.clear()

    path = f"/api/v1/commitments/?limit=2&order={order}"
    there = walk(path, "next", one_more)
    assert sorted(code for code in there if code in fixed) == fixed
    assert len(set(there)) == len(there)
    shelf.clear()
    # From the last page back to the first.
    last, ends = path, send(path).json()
    while ends["next"]:
        last = ends["next"]
        ends = send(last.removeprefix(f"{urlsplit(last).scheme}://{urlsplit(last).netloc}")).json()
    back = walk(last, "prev")
    assert sorted(code for code in back if code in fixed) == fixed
    assert len(set(back)) == len(back)
