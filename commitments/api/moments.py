"""Asking for the past: `as_of`, a day of the world, and `known_at`, an instant of the log, and the pages they give."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _
from rest_framework import exceptions

from commitments.account import explain
from commitments.cases import case_of
from commitments.filtering import OF_STANDING, OF_THE_LOG, OUTSIDE, narrow, wanted_of
from commitments.models import Accord, Commitment, Event
from commitments.past import Moment, Past, end_of_day, standings
from commitments.wire import Wire
from commitments.wire.past import commitments_as_they_stood
from commitments.words import EventKind
from tracker.kit.asking import Asked
from tracker.kit.paging import Keyset, Page, bad_cursor, encode_cursor
from tracker.kit.problems import BadParameter


class NotThen(exceptions.NotFound):
    """Nothing of that code was on record at the moment that was asked for."""

    def __init__(self) -> None:
        super().__init__(
            _("At that moment there was nothing of this code: it had not begun, or was not on record.")
        )


MOMENT = ("as_of", "known_at")
# How many commitments one page looks at before it gives a cursor to go on from, whatever it has found.
CHUNK = 250
MOST_LOOKED_AT = 500
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def moment_of(asked: Asked, now: datetime) -> Moment:
    """The moment that the parameters name; raises BadParameter for one that cannot be read or is still to come."""
    as_of, known_at = asked.single("as_of"), asked.single("known_at")
    return Moment(
        now,
        None if as_of is None else day("as_of", as_of, now),
        None if known_at is None else _instant("known_at", known_at, now),
    )


def day(name: str, text: str, now: datetime) -> date:
    """A day of the world that has begun somewhere; raises BadParameter."""
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        found = date.fromisoformat(text)
    except ValueError:
        raise BadParameter(
            name, _("Give a day as year, month and day, such as 2024-11-17."), allowed=["YYYY-MM-DD"]
        ) from None
    if found > (now + timedelta(hours=14)).date():
        raise BadParameter(name, _("That day has not begun anywhere: only the past can be asked for."))
    return found


def _instant(name: str, text: str, now: datetime) -> datetime:
    try:
        if _DAY.fullmatch(text):
            return min(end_of_day(date.fromisoformat(text)), now)
        # A plus sign in an address arrives as a space.
        found = datetime.fromisoformat(text.replace(" ", "+"))
        if found.tzinfo is None:
            raise ValueError
        found = found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadParameter(
            name,
            _("Give an instant with its time zone, such as 2025-01-01T00:00:00Z, or a day (its end in UTC)."),
            allowed=["YYYY-MM-DDThh:mm:ssZ", "YYYY-MM-DD"],
        ) from None
    if found > now:
        raise BadParameter(name, _("That instant has not come: only the past can be asked for."))
    return found


def known_accords(moment: Moment) -> QuerySet[Accord]:
    """The accords that had been signed, and that the log had told of, by code."""
    found = Accord.objects.order_by("code")
    if moment.as_of is not None:
        found = found.filter(signed_on__lte=moment.as_of)
    if moment.known_at is not None:
        told = Event.objects.filter(kind=EventKind.ACCORD_REGISTERED, at__lte=moment.known_at)
        found = found.filter(Exists(told.filter(accord=OuterRef("pk"))))
    return found


def _fits(past: Past, wanted: Mapping[str, Any]) -> bool:
    is_in = past.told.is_counted and past.plain not in OUTSIDE
    said = {
        "status": past.standing.status,
        "timeliness": past.standing.timeliness,
        "upkeep": past.standing.upkeep,
        "plain": past.plain,
        "contested": past.contested,
        "strength": past.told.strength,
        "counts": "yes" if is_in else "no",
    }
    due_at = past.speaks.due_at if past.speaks else None
    for name, value in wanted.items():
        if name == "due_after":
            fits = due_at is not None and due_at >= value
        elif name == "due_before":
            fits = due_at is not None and due_at < value
        else:
            fits = said[name] in value
        if not fits:
            return False
    return True


def page_of_the_past(asked: Asked, moment: Moment, asked_for: Keyset) -> Page[Wire]:
    """A page of commitments as they stood, by code, with the cursor after it (None: nothing more).

    One page looks at a bounded number of commitments, so that it may hold fewer rows than asked, or none, and still
    have a cursor to go on from. Filters on what moves with time fit the standing of then, which no index knows.
    """
    if asked_for.name != "code":
        raise BadParameter("order", _("The past goes by code alone, forwards."), allowed=["code"])
    if asked_for.is_back:
        raise bad_cursor()
    for name in (*OF_THE_LOG, "count"):
        if name in asked.given:
            raise BadParameter(name, _("It does not go with as_of or known_at."))
    if moment.known_at is not None and "q" in asked.given:
        # The words of today are indexed, and a later correction must not shine through.
        raise BadParameter("q", _("It does not go with known_at."))
    limit, wanted = asked_for.limit, wanted_of(asked)
    told_then = (*OF_STANDING, "strength")
    of_rows = {name: value for name, value in wanted.items() if name not in told_then}
    of_then = {name: value for name, value in wanted.items() if name in told_then}
    found = narrow(Commitment.objects.standing_at(moment.now), of_rows).order_by("code")
    last = asked_for.place[0] if asked_for.place else ""
    codes: list[str] = []
    looked_at, is_end = 0, False
    while len(codes) <= limit and looked_at < MOST_LOOKED_AT and not is_end:
        size = min(CHUNK, max(limit + 1, CHUNK if of_then else 0))
        chunk = list(found.filter(code__gt=last).values_list("pk", "code")[:size])
        is_end = len(chunk) < size
        past = standings([pk for pk, _code in chunk], moment)
        for _pk, code in chunk:
            last, looked_at = code, looked_at + 1
            if code in past and _fits(past[code], of_then):
                codes.append(code)
                if len(codes) > limit:
                    break
    cursor = None
    if len(codes) > limit:
        codes = codes[:limit]
        cursor = encode_cursor("after", "code", codes[-1])
    elif not is_end:
        cursor = encode_cursor("after", "code", last)
    rows = commitments_as_they_stood(Commitment.objects.filter(code__in=codes).order_by("code"), moment)
    return Page(rows, cursor)


def one_of_the_past(code: str, moment: Moment) -> Wire | None:
    """One commitment as it stood, with its judgements; None when there was nothing of that code then."""
    rows = commitments_as_they_stood(Commitment.objects.filter(code=code), moment, history=True)
    return rows[0] if rows else None


def account_of(code: str, moment: Moment) -> Wire:
    """Why a commitment stands as it does at the moment, in the language of the answer; nothing when there is none."""
    case = case_of(code, moment)
    if case is None:
        return {}
    return {"explanation": [{"code": said.code, "text": said.text} for said in explain(case)]}
