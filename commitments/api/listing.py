"""How every list answers: filters, order, place, size, the number of all, chosen members and parts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from commitments.api.door import Door, list_answer
from commitments.api.shapes import SHAPES
from commitments.wire import Wire
from tracker.kit.asking import Asked
from tracker.kit.paging import PAGING, Column, Keyset
from tracker.kit.snapshot import snapshot

EVERYTHING = "all"
BY_CODE: Mapping[str, Sequence[Column]] = {"code": (Column("code"),)}


def members_of(shape: str) -> list[str]:
    """The names of the members that rows of that shape have."""
    return list(SHAPES[shape]["properties"])


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
        return [*cls.filters, *PAGING, "fields", *(["include"] if cls.parts else [])]

    def answer(self, request: Request) -> Response:
        """The page that was asked for."""
        asked = Asked(request.query_params, self.names())
        keyset, chosen = Keyset(asked, self.orders), Chosen(asked, self.shape, self.parts, self.usual)
        wants_total = asked.is_true("count")
        now = timezone.now()
        with snapshot():
            found = self.found(asked, now)
            total = found.count() if wants_total else None
            page = keyset.page(self.wire(keyset.cut(found), now, chosen.parts), self.value)
        page = type(page)(chosen.pruned(page.rows), page.after, page.before)
        return list_answer(page, asked, self.name, total)
