"""Which formats there are, and which one a request asks for: `format=`, else the media type in Accept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from rest_framework.request import Request

from tracker.kit.asking import Asked

JSON = "json"
# The name of the parameter.
FORMAT = "format"
# What says how a list is paged; a file holds all of it.
PAGING = ("limit", "cursor", "count")


@dataclass(frozen=True, slots=True)
class Form:
    """One format: its media type (with its charset where it has one), the ending of its files, what it is for."""

    media_type: str
    ending: str
    meaning: str

    @property
    def bare(self) -> str:
        """The media type alone, as Accept names it."""
        return self.media_type.partition(";")[0]


FORMS: Mapping[str, Form] = {
    JSON: Form("application/json", "json", "A page of the list."),
    "ndjson": Form(
        "application/x-ndjson",
        "ndjson",
        "The whole list, one object a line; the last line is `about` with the number of rows.",
    ),
    "csv": Form("text/csv; charset=utf-8", "csv", "The whole list as a table (RFC 4180)."),
    "xlsx": Form(
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xlsx",
        "The whole list as a workbook; what it is, is told on its second sheet.",
    ),
    "atom": Form(
        "application/atom+xml; charset=utf-8", "atom", "What happened, the latest first (RFC 4287)."
    ),
    "jsonfeed": Form("application/feed+json", "json", "What happened, the latest first (JSON Feed 1.1)."),
    "ics": Form("text/calendar; charset=utf-8", "ics", "The dates as a calendar (RFC 5545)."),
    "jsonld": Form("application/ld+json", "jsonld", "The whole list in the words of Schema.org."),
}
FILES = ("ndjson", "csv", "xlsx")
# The lists that search engines and catalogues know words for.
LINKED = (*FILES, "jsonld")
# What has happened, the latest first; documents that go back from one place of the log to the one before.
FEEDS = ("atom", "jsonfeed")
BEFORE = "before"
OF_COMMITMENTS = (*LINKED, "ics", *FEEDS)
OF_THE_LOG = (*FILES, *FEEDS)
# The list of what is due by a date.
DATED = (*FILES, "ics")


def asked_form(request: Request, asked: Asked, offered: Collection[str]) -> str:
    """The name of the format asked for, one of `offered` or JSON; raises BadParameter for a `format` that is not.

    Without the parameter the best media type of Accept decides (RFC 9110, 12.5.1); where none is ours it is JSON.
    """
    names = [JSON, *offered]
    given = asked.one_of(FORMAT, names)
    if given is not None:
        return given
    wanted = request.META.get("HTTP_ACCEPT", "")
    by_type = {FORMS[name].bare: name for name in names}
    best, chosen = 0.0, JSON
    for part in wanted.split(",") if wanted else ():
        media_type, *parameters = (one.strip() for one in part.lower().split(";"))
        quality = _quality(parameters)
        name = JSON if media_type in ("*/*", "application/*") else by_type.get(media_type)
        if name is not None and quality > best:
            best, chosen = quality, name
    return chosen


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _equals, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return max(0.0, min(1.0, float(value)))
            except ValueError:
                return 0.0
    return 1.0
