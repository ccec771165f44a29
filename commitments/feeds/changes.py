"""What happened, as entries of a feed: the words of each event, and where it can be read and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from commitments.models import Accord, Commitment
from commitments.spoken_dates import day_in_words
from commitments.wire import Wire, api_address, page_address, site_address
from commitments.words import EventKind, Origin, Status
from tracker.kit.localized import pick

_WEB = re.compile(r"https?://[^\s<>\"]+", re.ASCII | re.IGNORECASE)
_OF_STATUS = (EventKind.STATUS_PUBLISHED, EventKind.STATUS_RETRACTED)


@dataclass(frozen=True, slots=True)
class Exhibit:
    """Evidence that an event speaks of: its code, its address in the API, and that of the publication if told."""

    code: str
    address: str
    publication: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One event as an entry. `identity` never changes (a tag: URI, RFC 4151); `row` is its wire form."""

    identity: str
    title: str
    url: str
    author: str
    paragraphs: Sequence[str]
    exhibits: Sequence[Exhibit]
    row: Wire

    @property
    def at(self) -> datetime:
        """When the log told of it (UTC)."""
        found: datetime = self.row["at"]
        return found

    @property
    def text(self) -> str:
        """The entry in plain text."""
        told = [*self.paragraphs, self.row["note"] or ""]
        told += [f"{one.code}: {one.publication or one.address}" for one in self.exhibits]
        return "\n\n".join(paragraph for paragraph in told if paragraph)

    @property
    def html(self) -> SafeString:
        """The entry as HTML; every text in it is escaped."""
        parts = [format_html_join("", "<p>{}</p>", ((paragraph,) for paragraph in self.paragraphs))]
        if self.row["note"]:
            parts.append(
                format_html(
                    '<blockquote lang="{}">{}</blockquote>', self.row["note_language"], self.row["note"]
                )
            )
        if self.exhibits:
            links = format_html_join(
                "",
                '<li><a href="{}">{}</a></li>',
                ((one.publication or one.address, one.code) for one in self.exhibits),
            )
            parts.append(format_html("<ul>{}</ul>", links))
        return format_html_join("", "{}", ((part,) for part in parts))


@dataclass(frozen=True, slots=True)
class Feed:
    """One document of a feed, the latest entry first.

    `address` is its own, `current` that of the document with the latest entries, which names the whole feed; `older`
    and `newer` are those beside it. An archive (RFC 5005, 4) holds what lies before a place of the log: as the log
    only grows, no entry is ever added to it. `updated` and `log_at` are instants of the log (UTC), never the present.
    """

    title: str
    language: str
    address: str
    current: str
    older: str | None
    newer: str | None
    is_archive: bool
    log_head: str
    log_at: datetime | None
    changes: Sequence[Change]

    @property
    def updated(self) -> datetime | None:
        """The instant of the latest entry, or of the end of the log where there is none."""
        return self.changes[0].at if self.changes else self.log_at

    @property
    def about(self) -> str:
        """Which state of the record it shows, in words."""
        words = {"site": settings.SITE_NAME, "place": self.log_head}
        return _("%(site)s, at place %(place)s of its log.") % words


def changes(rows: Sequence[Wire]) -> list[Change]:
    """Events in their wire form as entries in the active language, in two queries."""
    titles = dict(
        Commitment.objects.filter(
            code__in={row["commitment"] for row in rows if row["commitment"]}
        ).values_list("code", "title")
    )
    accords = {
        accord.code: accord for accord in Accord.objects.filter(code__in={row["accord"] for row in rows})
    }
    return [_change(row, pick(titles.get(row["commitment"])), accords[row["accord"]]) for row in rows]


def _change(row: Wire, commitment: str, accord: Accord) -> Change:
    code = row["commitment"]
    title = f"{code}: {row['sentence']}" if code else f"{accord}: {row['sentence']}"
    page = site_address(reverse("commitments:accord", args=[accord.slug]))
    return Change(
        identity=f"tag:{settings.SITE_HOST},{row['at']:%Y-%m-%d}:event/{row['cursor']}",
        title=_("Example: %(subject)s") % {"subject": title} if row["example"] else title,
        url=page_address(code) if code else page,
        author=row["by"] or settings.SITE_NAME,
        paragraphs=[one for one in (commitment, str(accord), *_said(row)) if one],
        exhibits=_exhibits(orjson.loads(row["body"])["facts"]),
        row=row,
    )


def _said(row: Wire) -> list[str]:
    """What the sentence leaves out: both statuses, the day, that it is history, that it is an example."""
    told = []
    if row["kind"] in _OF_STATUS:
        words = {"before": _status(row["before"]), "after": _status(row["after"])}
        told.append(_("Status before: “%(before)s”; after: “%(after)s”.") % words)
    if row["happened_on"]:
        told.append(_("It happened on this day: %(date)s") % {"date": day_in_words(row["happened_on"])})
    if row["origin"] == Origin.BACKFILL:
        told.append(_("This is history that was entered later."))
    if row["note_redacted"]:
        told.append(_("Its words were removed from the record."))
    if row["example"]:
        told.append(_("This is an example: the accord and its parties are invented."))
    return told


def _status(code: Any) -> str:
    return str(Status(code).label) if code in Status.values else "—"


def _exhibits(facts: Mapping[str, Any]) -> list[Exhibit]:
    """The evidence that an event is about, or rests on."""
    named = facts.get("evidence") or []
    codes = [named] if isinstance(named, str) else [code for code in named if isinstance(code, str)]
    address = str(facts.get("address") or "")
    publication = address if _WEB.fullmatch(address) else ""
    return [Exhibit(code, api_address("exhibit", code), publication) for code in codes]
