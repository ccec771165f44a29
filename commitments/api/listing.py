"""How every list answers: filters, order, place, size, the number of all, chosen members and parts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request

from commitments.api.door import Door, list_answer
from commitments.api.feeding import check_before
from commitments.api.schema import WHOLE
from commitments.api.whole import BATCH, check_whole, whole
from commitments.feeds.about import about
from commitments.feeds.columns import columns
from commitments.feeds.files import WRITERS
from commitments.feeds.forms import BEFORE, FEEDS, FILES, FORMAT, JSON, asked_form
from commitments.wire import Wire
from tracker.kit.asking import Asked
from tracker.kit.paging import PAGING, Column, Keyset, Page
from tracker.kit.snapshot import snapshot

EVERYTHING = "all"
BY_CODE: Mapping[str, Sequence[Column]] = {"code": (Column("code"),)}


def members_of(shape: str) -> list[str]:
    """The names of the members that rows of that shape have."""
    return list(WHOLE[shape]["properties"])


class Chosen:
    """The members and the parts of rows that a request wants: `fields` and `include`; raises BadParameter."""

    def __init__(self, asked: Asked, shape: str, parts: Sequence[str], usual: Collection[str] = ()) -> None:
        self.fields = asked.any_of("fields", members_of(shape)) if "fields" in asked.given else []
        included = asked.any_of("include", [*parts, EVERYTHING]) if parts else []
        self.parts = frozenset(parts if EVERYTHING in included else [*usual, *included])
        if self.fields:
            self.parts = frozenset(part for part in parts if part in self.fields or part in included)
            self.fields += [part for part in included if part not in self.fields and part != EVERYTHING]
            if EVERYTHING in included:
                self.parts, self.fields = frozenset(parts), list(dict.fromkeys([*self.fields, *parts]))
        self.left_out = frozenset(parts) - self.parts

    def pruned(self, rows: Sequence[Wire]) -> Sequence[Wire]:
        """The rows with nothing but what was chosen."""
        if self.fields:
            return [{name: row[name] for name in self.fields if name in row} for row in rows]
        # What begins with a line is for the paging alone.
        out = self.left_out | {name for row in rows[:1] for name in row if name.startswith("_")}
        return [{name: row[name] for name in row if name not in out} for row in rows] if out else rows


class Listing(Door):
    """A list of one noun. What differs is said by the attributes and the three methods."""

    name: ClassVar[str]
    shape: ClassVar[str]
    filters: ClassVar[Sequence[str]] = ()
    orders: ClassVar[Mapping[str, Sequence[Column]]] = BY_CODE
    parts: ClassVar[Sequence[str]] = ()
    usual: ClassVar[Collection[str]] = ()
    # The formats beside JSON; `written` gives those that are no file of the rows.
    forms: ClassVar[Sequence[str]] = FILES

    def found(self, asked: Asked, now: datetime) -> QuerySet[Any]:
        """The rows that fit the filters; raises BadParameter."""
        raise NotImplementedError

    def wire(self, rows: QuerySet[Any], now: datetime, parts: Collection[str]) -> Sequence[Wire]:
        """Their wire form, with these parts."""
        raise NotImplementedError

    def value(self, row: Wire, column: str) -> Any:
        """What a column that the list goes by holds in a row of the wire form."""
        return row[column]

    @classmethod
    def names(cls) -> list[str]:
        """Every parameter that the list knows."""
        more = [*(["include"] if cls.parts else []), *([BEFORE] if set(FEEDS) & set(cls.forms) else [])]
        return [*cls.filters, *PAGING, FORMAT, "fields", *more]

    def page(self, asked: Asked, keyset: Keyset, parts: Collection[str], now: datetime) -> Page[Wire]:
        """The rows from that place on; raises BadParameter."""
        found = self.found(asked, now)
        return keyset.page(self.wire(keyset.cut(found), now, parts), self.value)

    def answer(self, request: Request) -> HttpResponseBase:
        """What was asked for, in the format that was asked for."""
        asked = Asked(request.query_params, self.names())
        form, now = asked_form(request, asked, self.forms), timezone.now()
        check_before(asked, form)
        if form in WRITERS:
            return self.as_file(request, asked, form, now)
        if form != JSON:
            return self.written(request, asked, form, now)
        keyset, chosen = Keyset(asked, self.orders), Chosen(asked, self.shape, self.parts, self.usual)
        wants_total = asked.is_true("count")
        with snapshot():
            total = self.found(asked, now).count() if wants_total else None
            page = self.page(asked, keyset, chosen.parts, now)
            said = about(request._request, self.name, now)
        page = Page(chosen.pruned(page.rows), page.after, page.before)
        return list_answer(page, asked, said, total)

    def written(self, request: Request, asked: Asked, form: str, now: datetime) -> HttpResponseBase:
        """The list in a format of `forms` that is no file of its rows; raises BadParameter."""
        raise NotImplementedError

    def as_file(self, request: Request, asked: Asked, form: str, now: datetime) -> HttpResponseBase:
        """The whole list: its rows as they are in JSON, but for the parts, which come when `include` names them."""
        check_whole(asked, form)
        first, chosen = Keyset(asked, self.orders), Chosen(asked, self.shape, self.parts)
        members = chosen.fields or [one for one in members_of(self.shape) if one not in chosen.left_out]

        def batches() -> Iterator[Sequence[Wire]]:
            keyset = first.sized(BATCH)
            while True:
                page = self.page(asked, keyset, chosen.parts, now)
                yield chosen.pruned(page.rows)
                if page.after is None:
                    return
                keyset = keyset.at(page.after)

        return whole(
            form,
            batches,
            columns(self.shape, WHOLE, members),
            lambda: about(request._request, self.name, now),
        )
