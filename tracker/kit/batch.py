"""Reads that are compiled once and asked together: many short statements in one message, and no compiling.

A queryset of fixed shape differs from one request to the next in its keys and in the instant it is asked for. Django
makes its text anew each time, which costs more than the database takes to answer. Here it is made once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from django.contrib.postgres.fields import ArrayField
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import JSONField, QuerySet
from psycopg.types.datetime import TimestamptzLoader

Row = dict[str, Any]
# What stands in the compiled text where keys and instant will; no row and no day has them.
_KEY = -(2**40) - 7
_NOW = datetime(1, 1, 1, 7, 7, 7, 7, tzinfo=UTC)


class Ready:
    """One read: `make(keys, now)` gives its queryset of `values()`, with the keys in one `__in`."""

    def __init__(self, make: Callable[[Sequence[int], datetime], QuerySet[Any, Any]]) -> None:
        self._make = make
        self._made: _Compiled | None = None

    @property
    def compiled(self) -> _Compiled:
        """Its text, made at the first wish."""
        if self._made is None:
            self._made = _Compiled(self._make([_KEY], _NOW))
        return self._made


class _Compiled:
    """The text of a queryset, the places of keys and instant in its values, and what turns columns into members."""

    def __init__(self, found: QuerySet[Any, Any]) -> None:
        compiler: Any = found.query.get_compiler(DEFAULT_DB_ALIAS)
        text, values = compiler.as_sql()
        self.values = list(values)
        self.key_at = self.values.index(_KEY)
        parts = text.split("%s")
        before, after = parts[self.key_at], parts[self.key_at + 1]
        if not before.endswith(" IN (") or not after.startswith(")") or self.values.count(_KEY) > 1:
            raise ValueError(f"keys belong in one __in: {text}")
        parts[self.key_at] = before.removesuffix("IN (") + "= ANY("
        self.text = "%s".join(parts)
        self.now_at = [place for place, value in enumerate(self.values) if value == _NOW]
        query = found.query
        self.names = list(
            query.selected or (*query.extra_select, *query.values_select, *query.annotation_select)
        )
        converters = compiler.get_converters(expression for expression, _sql, _alias in compiler.select)
        self.converters = [
            (place, _quick(expression) or _slow(steps, expression))
            for place, (steps, expression) in converters.items()
        ]

    def given(self, keys: Sequence[int], now: datetime) -> list[Any]:
        """The values for these keys and this instant."""
        values = self.values.copy()
        values[self.key_at] = list(keys)
        for place in self.now_at:
            values[place] = now
        return values

    def rows(self, read: Sequence[Sequence[Any]]) -> list[Row]:
        """What the database told, as members by name."""
        if not self.converters:
            return [dict(zip(self.names, row, strict=True)) for row in read]
        told = []
        for columns in read:
            row = list(columns)
            for place, convert in self.converters:
                row[place] = convert(row[place])
            told.append(dict(zip(self.names, row, strict=True)))
        return told


def _quick(expression: Any) -> Callable[[Any], Any] | None:
    """JSON is most of the work, and orjson reads it several times as fast."""
    field = expression.output_field
    if isinstance(field, JSONField):
        return lambda value: None if value is None else orjson.loads(value)
    if isinstance(field, ArrayField) and isinstance(field.base_field, JSONField):
        return lambda value: None if value is None else [orjson.loads(one) for one in value]
    return None


def _slow(steps: Sequence[Callable[..., Any]], expression: Any) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        for step in steps:
            value = step(value, expression, connection)
        return value

    return convert


def ask(reads: Sequence[Ready], keys: Sequence[int], now: datetime) -> list[list[Row]]:
    """The rows of each read, all of them in one message; instants in UTC."""
    if not keys or not reads:
        return [[] for _read in reads]
    all_of_them = [read.compiled for read in reads]
    with connection.cursor() as cursor:
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        cursor.execute(
            "; ".join(one.text for one in all_of_them),
            [value for one in all_of_them for value in one.given(keys, now)],
        )
        told = []
        for number, one in enumerate(all_of_them):
            if number:
                cursor.nextset()
            told.append(one.rows(cursor.fetchall()))
        return told
