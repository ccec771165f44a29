"""Feeds of changes: what readers of Atom and JSON Feed find, going back without a gap, and any text whatever."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import feedparser
import orjson
import pytest
from django.conf import settings as configured
from django.test import Client
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from commitments import operations
from commitments.actors import loader
from commitments.feeds.atom import atom
from commitments.feeds.changes import Change, Exhibit, Feed
from commitments.feeds.jsonfeed import json_feed
from commitments.log import head
from commitments.models import Accord, Commitment, Event
from tests import world

A = "{http://www.w3.org/2005/Atom}"
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]+)*", re.ASCII)


def is_address(value: Any) -> bool:
    """Whether it is an absolute address of the web."""
    return (
        isinstance(value, str)
        and urlsplit(value).scheme in ("http", "https")
        and bool(urlsplit(value).netloc)
    )


def is_text(value: Any) -> bool:
    """Whether it is a text."""
    return isinstance(value, str)


def check_authors(value: Any) -> bool:
    """JSON Feed 1.1: a list of objects, each with at least one of name, url and avatar."""
    return isinstance(value, list) and all(
        isinstance(one, dict)
        and one
        and set(one) <= {"name", "url", "avatar"}
        and is_text(one.get("name", ""))
        and ("url" not in one or is_address(one["url"]))
        for one in value
    )


# Every member that JSON Feed 1.1 knows, and what its value has to be.
FEED: dict[str, Any] = {
    "version": lambda value: value == "https://jsonfeed.org/version/1.1",
    "title": lambda value: is_text(value) and bool(value),
    "home_page_url": is_address,
    "feed_url": is_address,
    "description": is_text,
    "user_comment": is_text,
    "next_url": is_address,
    "icon": is_address,
    "favicon": is_address,
    "authors": check_authors,
    "language": lambda value: is_text(value) and bool(_LANGUAGE.fullmatch(value)),
    "expired": lambda value: isinstance(value, bool),
    "hubs": lambda value: isinstance(value, list),
    "items": lambda value: isinstance(value, list),
}
ITEM: dict[str, Any] = {
    "id": lambda value: is_text(value) and bool(value),
    "url": is_address,
    "external_url": is_address,
    "title": is_text,
    "content_html": is_text,
    "content_text": is_text,
    "summary": is_text,
    "image": is_address,
    "banner_image": is_address,
    "date_published": lambda value: bool(_INSTANT.fullmatch(value) and datetime.fromisoformat(value)),
    "date_modified": lambda value: bool(_INSTANT.fullmatch(value) and datetime.fromisoformat(value)),
    "authors": check_authors,
    "tags": lambda value: isinstance(value, list) and all(map(is_text, value)),
    "language": lambda value: is_text(value) and bool(_LANGUAGE.fullmatch(value)),
    "attachments": lambda value: isinstance(value, list),
}


def check_members(told: Any, known: dict[str, Any], needed: set[str]) -> None:
    """Every member is known and right, or an object whose name begins with a line; what is needed is there."""
    assert isinstance(told, dict) and needed <= set(told)
    for name, value in told.items():
        if name.startswith("_"):
            assert isinstance(value, dict) and "." not in name, name
        else:
            assert known[name](value), (name, value)


def checked_json(body: bytes) -> dict[str, Any]:
    """The feed, once it has passed what JSON Feed 1.1 says."""
    told: dict[str, Any] = orjson.loads(body)
    check_members(told, FEED, {"version", "title", "items"})
    for item in told["items"]:
        check_members(item, ITEM, {"id"})
        assert "content_html" in item or "content_text" in item
    identities = [item["id"] for item in told["items"]]
    assert len(set(identities)) == len(identities)
    if "next_url" in told:
        assert told["next_url"] != told.get("feed_url")
    return told


def checked_atom(body: bytes) -> Any:
    """The feed as feedparser reads it, once it has passed what RFC 4287 says of a feed and its entries."""
    root = ET.fromstring(body)  # noqa: S314 - our own document
    for name in ("id", "title", "updated"):
        assert len(root.findall(f"{A}{name}")) == 1, name
    assert root.find(f"{A}author/{A}name") is not None
    assert [link.get("rel") for link in root.findall(f"{A}link")].count("self") == 1
    for entry in root.findall(f"{A}entry"):
        for name in ("id", "title", "updated", "content"):
            assert len(entry.findall(f"{A}{name}")) == 1, name
        assert len(entry.findall(f"{A}link[@rel='alternate']")) == 1
    for at in root.iter(f"{A}updated"):
        assert at.text and _INSTANT.fullmatch(at.text)
    read = feedparser.parse(body, response_headers={"content-type": "application/atom+xml; charset=utf-8"})
    assert not read.bozo, read.get("bozo_exception")
    assert read.version == "atom10"
    return read


def ask(path: str, status: int = 200, **headers: str) -> Any:
    """The answer of an address, of the API or whole."""
    path = path.partition("/api/v1/")[2] or path
    response = Client().get(f"/api/v1/{path}", headers={"accept-language": "en", **headers})
    assert response.status_code == status, response.content[:400]
    return response


@pytest.mark.django_db
class TestFeeds:
    """What the log told, as a feed."""

    @pytest.fixture(autouse=True)
    def accord(self) -> Accord:
        accord = world.an_accord()
        commitment = world.a_commitment(accord)
        world.a_deadline(commitment, "2027-03")
        world.a_commitment(accord, "TST-2")
        world.published(commitment, "fulfilled", [world.some_evidence(commitment)])
        open_one = world.a_deadline(Commitment.objects.get(code="TST-2"), "2027-05")
        operations.move_deadlines(
            {open_one.code: "2027-06"}, actor=loader(), why="Both ministries <agreed> & said so."
        )
        return accord

    def test_atom_tells_the_log_from_its_end(self) -> None:
        answer = ask("events/?format=atom")
        assert answer.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
        read = checked_atom(answer.content)
        last = Event.objects.latest("seq")
        assert len(read.entries) == Event.objects.count()
        assert read.entries[0].title == "TST-2: Date moved: now June 2027 (before: May 2027)"
        told = f"{last.at:%Y-%m-%d}:event/{last.seq}-{last.hash[:8]}"
        assert read.entries[0].id == f"tag:{configured.SITE_HOST},{told}"
        assert read.entries[0].link.endswith("/commitments/TST-2/")
        assert "Both ministries &lt;agreed&gt; &amp; said so." in read.entries[0].content[0].value
        assert head().cursor in read.feed.subtitle and answer.headers["Log-Head"] == head().cursor

    def test_json_feed_tells_the_same(self) -> None:
        answer = ask("events/?format=jsonfeed")
        assert answer.headers["Content-Type"] == "application/feed+json"
        told = checked_json(answer.content)
        read = checked_atom(ask("events/?format=atom").content)
        assert [(item["id"], item["title"]) for item in told["items"]] == [
            (entry.id, entry.title) for entry in read.entries
        ]
        assert told["_about"]["log_head"] == head().cursor
        assert len(told["items"]) == Event.objects.count()

    def test_a_judgement_tells_both_statuses_its_office_and_its_evidence(self) -> None:
        told = checked_json(ask("events/?format=jsonfeed&kind=status_published").content)
        (item,) = told["items"]
        assert "Status before: “not assessed”; after: “fulfilled”." in item["content_text"]
        assert item["authors"] == [{"name": "reviewers-desk"}]
        assert item["_event"]["before"] == "not_assessed" and item["_event"]["after"] == "fulfilled"
        (exhibit,) = item["_event"]["evidence"]
        assert exhibit["code"] == "TST-1-E1" and ask(exhibit["url"]).json()["code"] == "TST-1-E1"
        assert "Because the ministry said what was done." in item["content_text"]

    def test_evidence_links_to_its_publication(self) -> None:
        told = checked_json(ask("events/?format=jsonfeed&kind=evidence_added").content)
        assert told["items"][0]["external_url"] == "https://ministry.example/notice"
        read = checked_atom(ask("events/?format=atom&kind=evidence_added").content)
        assert "https://ministry.example/notice" in {link.href for link in read.entries[0].links}

    def test_accept_chooses_it_too(self) -> None:
        assert checked_atom(ask("events/", accept="application/atom+xml").content).entries
        assert checked_json(ask("events/", accept="application/feed+json").content)["items"]

    def pages(self, path: str, form: str) -> Iterator[list[str]]:
        """The identities in each document, from the latest to the first."""
        following: str | None = path
        while following:
            body = ask(following).content
            if form == "atom":
                read = checked_atom(body)
                yield [entry.id for entry in read.entries]
                following = next((one.href for one in read.feed.links if one.rel == "prev-archive"), None)
            else:
                told = checked_json(body)
                yield [item["id"] for item in told["items"]]
                following = told.get("next_url")

    @pytest.mark.parametrize("form", ["atom", "jsonfeed"])
    def test_going_back_tells_everything_once_while_the_log_grows(self, form: str) -> None:
        found = []
        expected = [
            f":event/{seq}-{hashed[:8]}"
            for seq, hashed in Event.objects.order_by("-seq").values_list("seq", "hash")
        ]
        for page in self.pages(f"events/?format={form}&limit=2", form):
            assert len(page) <= 2
            found += page
            world.a_deadline(Commitment.objects.get(code="TST-2"), "2028")
        assert [":event/" + one.rpartition(":event/")[2] for one in found] == expected

    def test_an_archive_stays_and_leads_both_ways(self) -> None:
        first = ask("events/?format=atom&limit=2")
        older = next(one.href for one in checked_atom(first.content).feed.links if one.rel == "prev-archive")
        before = ask(older).content
        assert b"archive />" in before
        links = {one.rel: one.href for one in checked_atom(before).feed.links}
        assert links["current"].endswith("events/?format=atom&limit=2&lang=en")
        assert links["next-archive"] == links["current"]
        oldest = links["prev-archive"]
        assert {one.rel: one.href for one in checked_atom(ask(oldest).content).feed.links}[
            "next-archive"
        ] == older
        world.a_deadline(Commitment.objects.get(code="TST-2"), "2028")
        entries = [one.id for one in checked_atom(before).entries]
        assert [one.id for one in checked_atom(ask(older).content).entries] == entries

    def test_the_filters_of_events_and_of_commitments(self) -> None:
        of_one = checked_json(ask("events/?format=jsonfeed&commitment=TST-2").content)
        assert {item["_event"]["commitment"] for item in of_one["items"]} == {"TST-2"}
        kept = checked_json(ask("commitments/?format=jsonfeed&plain=kept").content)
        assert {item["_event"]["commitment"] for item in kept["items"]} == {"TST-1"}
        assert checked_atom(ask("commitments/?format=atom&q=TST-2").content).entries

    def test_nothing_in_it_depends_on_the_moment(self, time_machine: Any) -> None:
        bodies = set()
        for moment in ("2026-01-01", "2027-01-01"):
            time_machine.move_to(f"{moment}T00:00:00+00:00", tick=False)
            bodies.add(ask("events/?format=atom").content)
            bodies.add(ask("events/?format=jsonfeed").content)
        assert len(bodies) == 2

    def test_it_holds_while_the_log_stands_still(self, time_machine: Any) -> None:
        time_machine.move_to("2026-01-01T00:00:00+00:00", tick=False)
        tag = ask("events/?format=atom").headers["ETag"]
        time_machine.move_to("2026-02-01T00:00:00+00:00", tick=False)
        ask("events/?format=atom", 304, **{"if-none-match": tag})

    def test_what_was_taken_down_is_not_told(self) -> None:
        moved = Event.objects.get(kind="deadline_moved")
        operations.redact_note(moved.seq, actor=loader(), why_code="personal-data")
        for form in ("atom", "jsonfeed"):
            body = ask(f"events/?format={form}").content.decode()
            assert "Both ministries" not in body and "agreed" not in body
            assert "Its words were removed from the record." in body

    def test_the_languages_of_the_reader(self) -> None:
        for language, words in (("uk", "Зробити TST-1"), ("ja", "TST-1を行う")):
            told = checked_json(ask(f"events/?format=jsonfeed&lang={language}").content)
            assert told["language"] == language
            assert any(words in item["content_text"] for item in told["items"])
            assert f"lang={language}" in told["feed_url"]

    def test_the_licence(self, settings: Any) -> None:
        settings.DATA_LICENCE = "https://creativecommons.org/licenses/by/4.0/"
        read = checked_atom(ask("events/?format=atom").content)
        assert read.feed.rights == settings.DATA_LICENCE
        assert (
            checked_json(ask("events/?format=jsonfeed").content)["_about"]["licence"] == settings.DATA_LICENCE
        )

    @pytest.mark.parametrize(
        "path",
        [
            "events/?format=atom&after=3", "events/?before=3", "events/?format=csv&before=3",
            "events/?format=atom&before=x", "events/?format=atom&before=3-00000000", "events/?format=atom&limit=0",
            "commitments/?format=atom&order=code", "commitments/?format=jsonfeed&as_of=2024-01-01",
            "commitments/?before=3", "accords/?format=atom", "deadlines/?before=3",
        ],
    )  # fmt: skip
    def test_what_a_feed_does_not_know_is_refused(self, path: str) -> None:
        assert ask(path, 400).json()["errors"][0]["name"]


@pytest.mark.django_db
def test_an_empty_log_is_a_feed_too() -> None:
    assert not checked_atom(ask("events/?format=atom").content).entries
    assert not checked_json(ask("events/?format=jsonfeed").content)["items"]


class TestTexts:
    """Any text whatever stays text."""

    words = st.text(
        st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("\r\n\t<>&\"'\x00\x0b]😀が"))
    )
    words = st.one_of(words, st.sampled_from(["]]>", "<script>", "&amp;", "\ufffe", "<!--"]))

    @trials(deadline=None)
    @given(title=words, paragraph=words, note=words)
    def test_any_text_can_be_read_back(self, title: str, paragraph: str, note: str) -> None:
        row = {
            "at": datetime(2025, 1, 1, tzinfo=UTC), "seq": 1, "cursor": "1-0123abcd", "kind": "status_published",
            "origin": "live", "accord": "TST", "commitment": "TST-1", "example": False, "by": None,
            "happened_on": date(2025, 1, 1), "before": "not_assessed", "after": "fulfilled", "note": note,
            "note_language": "en", "note_redacted": False, "hash": "0" * 64,
        }  # fmt: skip
        change = Change(
            "tag:tracker.example,2025-01-01:event/1-0123abcd", title, "https://tracker.example/", "x",
            [paragraph], [Exhibit("TST-1-E1", "https://tracker.example/e", "https://paper.example/")], row,
        )  # fmt: skip
        feed = Feed(
            "A feed", "en", "https://tracker.example/a", "https://tracker.example/a", None, None, False,
            "1-0123abcd", datetime(2025, 1, 1, tzinfo=UTC), [change],
        )  # fmt: skip
        told = checked_json(json_feed(feed))
        assert told["items"][0]["title"] == title
        assert "<script" not in told["items"][0]["content_html"]
        body = atom(feed)
        checked_atom(body)
        shown = ET.fromstring(body).find(f"{A}entry/{A}title")  # noqa: S314 - our own document
        kept = title.replace("\r\n", "\n").replace("\r", "\n")
        kept = re.sub("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", kept)
        assert shown is not None and (shown.text or "") == kept
