"""Keyset paging: lists go on after the last key they showed, so every page costs the same and none shifts."""

from __future__ import annotations

import base64
import binascii
import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Self, TypeVar
from urllib.parse import urlencode

import orjson
from django.db.models import BooleanField, DateTimeField, F, Func, QuerySet, Value
from django.utils.translation import gettext as _

from tracker.kit.asking import Asked, unknown
from tracker.kit.far import FAR, far
from tracker.kit.problems import BadParameter

T = TypeVar("T")
DEFAULT_LIMIT = 50
MAX_LIMIT = 500
LONGEST_CURSOR = 400
# The parameters that every list has.
PAGING = ("order", "limit", "cursor", "count")


def parse_limit(text: str | None) -> int:
    """The number of rows asked for, 50 unless told; raises BadParameter outside 1 to 500."""
    if text is None:
        return DEFAULT_LIMIT
    if text.isascii() and text.isdecimal() and len(text) <= 4 and 1 <= int(text) <= MAX_LIMIT:
        return int(text)
    raise BadParameter(
        "limit", _("A limit is a whole number from 1 to %(most)s.") % {"most": MAX_LIMIT}, [f"1..{MAX_LIMIT}"]
    )


def encode_cursor(*keys: str) -> str:
    """An opaque mark of the row with those keys; safe in an address."""
    return base64.urlsafe_b64encode(orjson.dumps(keys)).decode().rstrip("=")


def bad_cursor() -> BadParameter:
    """The refusal of a mark that is none of ours, or of another list."""
    return BadParameter("cursor", _("This cursor is not one that we gave. Begin again without it."))


def decode_cursor(text: str | None, count: int) -> list[str] | None:
    """The keys of a mark that `encode_cursor` made with that many keys; raises BadParameter for anything else."""
    if text is None:
        return None
    try:
        if len(text) > LONGEST_CURSOR:
            raise ValueError
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        keys = orjson.loads(raw)
        # What it decodes to must encode to it: there is one cursor per place, and no room for anything else.
        if (
            not isinstance(keys, list)
            or len(keys) != count
            or not all(isinstance(key, str) and "\x00" not in key for key in keys)
            or encode_cursor(*keys) != text
        ):
            raise ValueError
    except (ValueError, binascii.Error):
        raise bad_cursor() from None
    return keys


@dataclass(frozen=True, slots=True)
class Column:
    """One column that a list goes by: its name in the rows, how a cursor tells its value, how the value is read back.

    The expression must be that of an index, its value never null.
    """

    name: str
    expression: Any = None
    write: Callable[[Any], str] = str
    read: Callable[[str], Any] = str

    @property
    def sql(self) -> Any:
        """What the database orders by."""
        return F(self.name) if self.expression is None else self.expression


def _write_instant(value: datetime | None) -> str:
    return "" if value is None else value.astimezone(UTC).isoformat()


def _read_instant(text: str) -> Any:
    found = datetime.fromisoformat(text) if text else FAR
    if found.tzinfo is None:
        raise ValueError
    return Value(found.astimezone(UTC), DateTimeField())


def _read_number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise ValueError
    return int(text)


def instant_column(name: str) -> Column:
    """A column of instants that may be unknown: those come after all others (its index is over the same expression)."""
    return Column(name, far(name), _write_instant, _read_instant)


def number_column(name: str, expression: Any = None) -> Column:
    """A column of whole numbers from 0 on."""
    return Column(name, expression, str, _read_number)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list, and the cursors of the pages beside it (None: there is none)."""

    rows: Sequence[T]
    after: str | None = None
    before: str | None = None


class Keyset:
    """The order, size and place that a request asks for; raises BadParameter.

    `orders` name what a list may go by, the first unless told; each also backwards, with a minus sign. The last column
    of each is unique in the list, so that a place is one place.
    """

    def __init__(self, asked: Asked, orders: Mapping[str, Sequence[Column]]) -> None:
        self.limit = parse_limit(asked.single("limit"))
        name = asked.single("order")
        name = next(iter(orders)) if name is None else name
        self.order, self.is_falling = name.removeprefix("-"), name.startswith("-")
        if self.order not in orders:
            raise BadParameter(
                "order", unknown(name), allowed=[f"{sign}{one}" for one in orders for sign in ("", "-")]
            )
        self.columns = orders[self.order]
        self.name = name
        self._go_to(asked.single("cursor"))

    def sized(self, limit: int) -> Self:
        """The same with pages of another size."""
        other = copy.copy(self)
        other.limit = limit
        return other

    def at(self, cursor: str) -> Self:
        """The same from another place on; raises BadParameter for a cursor of another list."""
        other = copy.copy(self)
        other._go_to(cursor)
        return other

    def _go_to(self, cursor: str | None) -> None:
        name = self.name
        place = decode_cursor(cursor, len(self.columns) + 2)
        self.is_back = False
        self.place: list[Any] | None = None
        if place is not None:
            if place[0] not in ("after", "before") or place[1] != name:
                raise bad_cursor()
            self.is_back = place[0] == "before"
            try:
                self.place = [column.read(text) for column, text in zip(self.columns, place[2:], strict=True)]
            except (ValueError, OverflowError):
                raise bad_cursor() from None

    def ordered(self, found: QuerySet[Any, T]) -> QuerySet[Any, T]:
        """All rows from the place on, in the order in which they are read."""
        falls = self.is_falling != self.is_back
        if self.place is not None:
            found = found.filter(_beyond([column.sql for column in self.columns], self.place, falls))
        return found.order_by(*(self._direction(column.sql, falls) for column in self.columns))

    def cut(self, found: QuerySet[Any, T]) -> QuerySet[Any, T]:
        """The rows of the page, and one more that tells whether there are others."""
        return self.ordered(found)[: self.limit + 1]

    def page(self, read: Sequence[T], value: Callable[[T, str], Any]) -> Page[T]:
        """The page from the rows that `cut` read, in the order that was asked for; `value` tells a column of a row."""
        has_more = len(read) > self.limit
        rows = list(read[: self.limit])
        if self.is_back:
            rows.reverse()
        if not rows:
            return Page(rows)

        def cursor(side: str, row: T) -> str:
            told = (column.write(value(row, column.name)) for column in self.columns)
            return encode_cursor(side, self.name, *told)

        has_after = has_more if not self.is_back else True
        has_before = has_more if self.is_back else self.place is not None
        return Page(
            rows,
            cursor("after", rows[-1]) if has_after else None,
            cursor("before", rows[0]) if has_before else None,
        )

    @staticmethod
    def _direction(expression: Any, falls: bool) -> Any:
        return expression.desc() if falls else expression.asc()


def _beyond(columns: Sequence[Any], values: Sequence[Any], falls: bool) -> Func:
    """The comparison of rows, which an index answers in one step however many share the first key."""
    count = len(columns)

    class Beyond(Func):
        output_field = BooleanField()

        def as_sql(self, compiler: Any, connection: Any, **more: Any) -> tuple[str, Any]:  # type: ignore[override]
            parts = [compiler.compile(one) for one in self.source_expressions]
            left = ", ".join(sql for sql, _given in parts[:count])
            right = ", ".join(sql for sql, _given in parts[count:])
            sign = "<" if falls else ">"
            # The first part follows from the second: it is said for lists whose columns are those of two tables.
            (first, of_first), (value, of_value) = parts[0], parts[count]
            return (
                f"({first} {sign}= {value} AND ({left}) {sign} ({right}))",
                [*of_first, *of_value, *(one for _sql, given in parts for one in given)],
            )

    return Beyond(*columns, *(one if hasattr(one, "resolve_expression") else Value(one) for one in values))


def cut(rows: Sequence[T], limit: int, keys: Callable[[T], Sequence[str]]) -> tuple[Sequence[T], str | None]:
    """From `limit` + 1 rows: the page, and the cursor after it (None: nothing more)."""
    if len(rows) <= limit:
        return rows, None
    page = rows[:limit]
    return page, encode_cursor(*keys(page[-1]))


def address(base: str, parameters: Sequence[tuple[str, str]]) -> str:
    """An address with its parameters, in the order given."""
    return f"{base}?{urlencode(parameters)}" if parameters else base
