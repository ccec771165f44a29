"""iCalendar (RFC 5545, RFC 7986) of dates: spans of days, the instants at which clocks run out, what became of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from icalendar import Calendar, Component, Timezone, TimezoneStandard, vText
from icalendar import Event as Entry

from commitments.explaining import who_set
from commitments.feeds.dates import CalendarDate
from commitments.models import Deadline, Source
from commitments.spoken_dates import day_in_words, window_in_words
from commitments.wire import page_address
from commitments.words import Authority, Clock, ClosedAs
from tracker.kit.localized import pick

# How often a program that follows the address should ask again.
REFRESH = timedelta(hours=1)
# What no content line may hold (RFC 5545, 3.1: CONTROL), and separators that some programs take for ends of lines.
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LINE_ENDS = re.compile("\r\n?|\x85|\u2028|\u2029")


def calendar(
    dates: Sequence[CalendarDate], name: str, address: str, log_head: str, remark: str = ""
) -> bytes:
    """The dates as one calendar in the active language.

    Nothing in it depends on the present moment: asked again at the same place of the log (`log_head`, SEQ-hash8), it
    is the same text. `address` is where it was asked for, empty where that is a secret; `remark` is a sentence about
    the whole.
    """
    whole = Calendar()
    whole.add("version", "2.0")
    language = (get_language() or "en").upper()
    whole.add("prodid", plain(f"-//{settings.SITE_NAME}//Accord Tracker//{language}"))
    whole.add("method", "PUBLISH")
    whole.add("calscale", "GREGORIAN")
    whole.add("name", plain(name))
    whole.add("x-wr-calname", plain(name))
    about = "\n".join(
        [
            _("%(site)s, at place %(place)s of its log.") % {"site": settings.SITE_NAME, "place": log_head},
            *([remark] if remark else []),
            *_licence(),
        ]
    )
    whole.add("description", plain(about))
    whole.add("x-wr-caldesc", plain(about))
    whole.add("x-wr-timezone", "UTC")
    if address:
        whole.add("source", address, parameters={"VALUE": "URI"})
    whole.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    whole.add("x-published-ttl", "PT1H")
    if dates:
        whole.add("last-modified", max(one.changed_at for one in dates).astimezone(UTC))
    else:
        whole.add_component(_utc())
    for one in dates:
        whole.add_component(_entry(one))
    return bytes(whole.to_ical())


def plain(text: str) -> vText:
    """A text with one sort of line end and without characters that no calendar may hold.

    Named as a text, so that it is escaped in properties that the library does not know as well.
    """
    return vText(_CONTROL.sub("", _LINE_ENDS.sub("\n", text)))


def _licence() -> list[str]:
    return [_("Licence: %(licence)s") % {"licence": settings.DATA_LICENCE}] if settings.DATA_LICENCE else []


def _utc() -> Component:
    """A calendar has at least one component (RFC 5545, 3.6): one without dates has the zone of its instants."""
    zone, standard = Timezone(), TimezoneStandard()
    zone.add("tzid", "Etc/UTC")
    standard.add("dtstart", datetime(1970, 1, 1))  # noqa: DTZ001 - the local time of a zone (RFC 5545, 3.6.5)
    standard.add("tzoffsetfrom", timedelta(0))
    standard.add("tzoffsetto", timedelta(0))
    standard.add("tzname", "UTC")
    zone.add_component(standard)
    return zone


def _entry(one: CalendarDate) -> Component:
    row, entry = one.row, Entry()
    entry.add("uid", f"{row.code}@{settings.SITE_HOST}")
    entry.add("sequence", one.sequence)
    # The record told of it at that instant; the moment of asking would make each answer another text.
    entry.add("dtstamp", one.changed_at.astimezone(UTC))
    entry.add("last-modified", one.changed_at.astimezone(UTC))
    first, end = span(row)
    if first is not None:
        entry.add("dtstart", first)
        if end is not None:
            entry.add("dtend", end)
    else:
        assert row.due_at is not None
        entry.add("dtstart", row.due_at.astimezone(UTC))
    entry.add("status", _status(row))
    # A date of others takes nobody's time.
    entry.add("transp", "TRANSPARENT")
    entry.add("x-microsoft-cdo-busystatus", "FREE")
    entry.add("class", "PUBLIC")
    entry.add("summary", plain(summary(row)))
    entry.add("description", plain("\n".join(_description(one))))
    entry.add("categories", [plain(row.commitment.accord.code), plain(row.get_type_display())])
    # Whoever reads the date in a language reads on in it.
    entry.add("url", f"{page_address(row.commitment.code)}?lang={get_language() or 'en'}")
    return entry


def span(row: Deadline) -> tuple[date | None, date | None]:
    """The first day and the day after the last one (RFC 5545, 3.6.1: the end is exclusive); none for a clock.

    A window that is open on one side stands on the one day that is known.
    """
    if not row.edtf:
        return None, None
    if row.first_on is None or row.last_on is None:
        return row.first_on or row.last_on, None
    return row.first_on, row.last_on + timedelta(days=1)


def _status(row: Deadline) -> str:
    if row.closed_as in (ClosedAs.WAIVED, ClosedAs.ENDED):
        return "CANCELLED"
    return "TENTATIVE" if is_paused(row) else "CONFIRMED"


def is_paused(row: Deadline) -> bool:
    """Whether it falls into a pause, so that it does not pass on its own day."""
    return row.closed_at is None and row.due_at is not None and row.crosses_at != row.due_at


def summary(row: Deadline) -> str:
    """What the date is, in a line that stays true on every day on which it is read; it calls nobody late."""
    words = {"what": pick(row.label), "title": pick(row.commitment.title), "code": row.commitment.code}
    text = _("%(what)s – %(title)s (%(code)s)") % words if words["title"] else f"{words['what']} ({row.code})"
    said = {
        ClosedAs.MET: _("Met: %(what)s"),
        ClosedAs.WAIVED: _("Waived: %(what)s"),
        ClosedAs.ENDED: _("Closed: %(what)s"),
    }
    if row.closed_as:
        text = said[ClosedAs(row.closed_as)] % {"what": text}
    elif row.clock == Clock.TRACKER:
        text = _("Our own date: %(what)s") % {"what": text}
    elif row.authority in (Authority.PRESS, Authority.EDITORIAL):
        text = _("Expected: %(what)s") % {"what": text}
    elif row.duration:
        text = _("Clock runs out: %(what)s") % {"what": text}
    else:
        text = _("Due: %(what)s") % {"what": text}
    return _("Example: %(subject)s") % {"subject": text} if row.commitment.accord.is_example else text


def _description(one: CalendarDate) -> list[str]:
    row = one.row
    accord = row.commitment.accord
    told = [who_set(row)]
    if row.clock == Clock.TRACKER:
        told.append(_("It is our own date: no party is late by it."))
    elif row.authority in (Authority.PRESS, Authority.EDITORIAL) and not row.closed_as:
        told.append(_("No party bound itself to it, so no party is late by it."))
    if row.words:
        told.append(_("In the words of its source: “%(words)s”") % {"words": row.words})
    if row.original_edtf and row.original_edtf != row.edtf:
        told.append(_("It was moved. At first: %(date)s") % {"date": window_in_words(row.original_edtf)})
    told += _became(row)
    if row.source is not None:
        told.append(_("Source: %(source)s") % {"source": _source(row.source)})
    told.append("")
    told.append(f"{row.code}, {pick(accord.short_names)}")
    if accord.is_example:
        told.append(_("This is an example: the accord and its parties are invented."))
    told.append(
        _("%(site)s, at place %(place)s of its log.") % {"site": settings.SITE_NAME, "place": one.place}
    )
    return [*told, *_licence(), page_address(row.commitment.code)]


def _source(source: Source) -> str:
    """Its title and who published it, as far as they are known; else its code."""
    return ", ".join(filter(None, [source.title, source.publisher])) or source.code


def _became(row: Deadline) -> list[str]:
    """How it ended, or that it stands still; nothing while it is simply open."""
    if row.closed_as == ClosedAs.MET:
        return [
            _("Date met on %(day)s") % {"day": day_in_words(row.met_on)} if row.met_on else _("It is met.")
        ]
    if row.closed_as == ClosedAs.WAIVED:
        return [_("It was waived: it is owed no more.")]
    if row.closed_as == ClosedAs.ENDED:
        return [_("The entry is closed, so no date counts any more.")]
    if is_paused(row):
        return [_("Its clocks stand still: a pause is recorded. No date passes meanwhile.")]
    return []
