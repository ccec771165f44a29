"""A feed as Atom (RFC 4287) with paging (RFC 5005)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

from django.conf import settings
from django.urls import reverse

from commitments.feeds.changes import Change, Feed
from commitments.wire import site_address

ATOM = "http://www.w3.org/2005/Atom"
HISTORY = "http://purl.org/syndication/history/1.0"
# RFC 4287 asks every feed for an instant; the log of a register without any event has none.
BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
# What XML 1.0 (2.2) does not allow in a document, however it is written.
_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
for _prefix, _name in (("", ATOM), ("fh", HISTORY)):
    ET.register_namespace(_prefix, _name)


def atom(feed: Feed) -> bytes:
    """The document, UTF-8."""
    root = ET.Element(_of(ATOM, "feed"), {"{http://www.w3.org/XML/1998/namespace}lang": feed.language})
    _text(root, "id", feed.current)
    _text(root, "title", feed.title)
    _text(root, "subtitle", feed.about)
    _text(root, "updated", instant(feed.updated))
    _text(ET.SubElement(root, _of(ATOM, "author")), "name", settings.SITE_NAME)
    _text(root, "generator", "Accord Tracker")
    if settings.DATA_LICENCE:
        _text(root, "rights", settings.DATA_LICENCE)
        if settings.DATA_LICENCE.startswith(("https://", "http://")):
            _link(root, "license", settings.DATA_LICENCE)
    _link(root, "self", feed.address, "application/atom+xml")
    _link(root, "alternate", site_address("/"), "text/html")
    if feed.is_archive:
        ET.SubElement(root, _of(HISTORY, "archive"))
        _link(root, "current", feed.current)
    for relation, address in (("prev-archive", feed.older), ("next-archive", feed.newer)):
        if address:
            _link(root, relation, address)
    ours = site_address(reverse("commitments:vocabulary"))
    ET.register_namespace("record", ours)
    _text(root, "log-head", feed.log_head, ours)
    _text(root, "log-at", instant(feed.log_at), ours)
    for change in feed.changes:
        _entry(root, change, ours)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _entry(root: ET.Element, change: Change, ours: str) -> None:
    entry, row = ET.SubElement(root, _of(ATOM, "entry")), change.row
    _text(entry, "id", change.identity)
    _text(entry, "title", change.title)
    _text(entry, "updated", instant(change.at))
    _text(entry, "published", instant(change.at))
    _text(ET.SubElement(entry, _of(ATOM, "author")), "name", change.author)
    _link(entry, "alternate", change.url, "text/html")
    for one in change.exhibits:
        _link(entry, "related", one.address, "application/json", one.code)
        if one.publication:
            _link(entry, "via", one.publication, title=one.code)
    for term in (row["kind"], row["accord"], row["origin"]):
        ET.SubElement(entry, _of(ATOM, "category"), {"term": term})
    _text(entry, "content", change.html).set("type", "html")
    for name, value in (
        ("seq", str(row["seq"])),
        ("hash", row["hash"]),
        ("commitment", row["commitment"]),
        ("before", row["before"]),
        ("after", row["after"]),
    ):
        if isinstance(value, str):
            _text(entry, name, value, ours)


def instant(at: datetime | None) -> str:
    """An instant in UTC as RFC 3339 writes it."""
    return (at or BEFORE_ALL).astimezone(UTC).isoformat().replace("+00:00", "Z")


def _of(space: str, name: str) -> str:
    return f"{{{space}}}{name}"


def readable(text: str) -> str:
    """A text without what XML does not allow, its line ends of one sort."""
    return _NOT_XML.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _text(parent: ET.Element, name: str, text: str, space: str = ATOM) -> ET.Element:
    child = ET.SubElement(parent, _of(space, name))
    child.text = readable(text)
    return child


def _link(parent: ET.Element, relation: str, address: str, media_type: str = "", title: str = "") -> None:
    told = {"rel": relation, "href": readable(address)}
    if media_type:
        told["type"] = media_type
    if title:
        told["title"] = readable(title)
    ET.SubElement(parent, _of(ATOM, "link"), told)
