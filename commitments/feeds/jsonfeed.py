"""A feed as JSON Feed 1.1 (jsonfeed.org); what the format does not know stands under names of our own."""

from __future__ import annotations

from typing import Any

import orjson
from django.conf import settings

from commitments.feeds.atom import instant
from commitments.feeds.changes import Change, Feed
from commitments.wire import site_address

VERSION = "https://jsonfeed.org/version/1.1"
# Of an event in its wire form, what an entry does not say already.
_KEPT = (
    "seq", "cursor", "kind", "origin", "accord", "commitment", "example", "happened_on", "by", "before", "after",
    "note_redacted", "hash",
)  # fmt: skip


def json_feed(feed: Feed) -> bytes:
    """The document, UTF-8."""
    told: dict[str, Any] = {
        "version": VERSION,
        "title": feed.title,
        "home_page_url": site_address("/"),
        "feed_url": feed.address,
        "description": feed.about,
        "language": feed.language,
        "authors": [{"name": settings.SITE_NAME, "url": site_address("/")}],
    }
    if feed.older:
        told["next_url"] = feed.older
    told["_about"] = {
        "publisher": settings.SITE_NAME,
        "address": feed.address,
        "log_head": feed.log_head,
        "at": instant(feed.log_at),
        "updated": instant(feed.updated),
        "licence": settings.DATA_LICENCE or None,
        "current": feed.current,
        "newer": feed.newer,
    }
    told["items"] = [_item(change, feed.language) for change in feed.changes]
    return orjson.dumps(told, option=orjson.OPT_UTC_Z)


def _item(change: Change, language: str) -> dict[str, Any]:
    row = change.row
    item: dict[str, Any] = {
        "id": change.identity,
        "url": change.url,
        "title": change.title,
        "content_html": change.html,
        "content_text": change.text,
        "date_published": instant(change.at),
        "authors": [{"name": change.author}],
        "tags": [row["kind"], row["accord"], row["origin"]],
        "language": language,
    }
    publication = next((one.publication for one in change.exhibits if one.publication), "")
    if publication:
        item["external_url"] = publication
    item["_event"] = {name: row[name] for name in _KEPT} | {
        "evidence": [
            {"code": one.code, "url": one.address, "publication": one.publication or None}
            for one in change.exhibits
        ]
    }
    return item
