"""Rows of the wire form as a table: which columns there are, and what stands in a cell."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeAlias

import orjson

from commitments.wire import Wire

Cell: TypeAlias = str | int | bool | date | None
Shape: TypeAlias = Mapping[str, Any]
# Between the values of a list in one cell.
BETWEEN = "; "
# A cell that begins so is a formula to a spreadsheet (OWASP, CSV injection); a number is none.
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column: its name and the members on the way to its value, such as `title.en`."""

    name: str
    path: Sequence[str]

    def of(self, row: Wire) -> Cell:
        """The cell of that row."""
        found: Any = row
        for member in self.path:
            found = found.get(member) if isinstance(found, dict) else None
        return _cell(found)


def columns(shape: str, shapes: Mapping[str, Shape], members: Collection[str]) -> list[TableColumn]:
    """The columns of a list whose rows have that shape (JSON Schema), for these members in this order."""
    properties = shapes[shape]["properties"]
    return [one for name in members for one in _columns((name,), properties[name], shapes)]


def _columns(path: tuple[str, ...], shape: Shape, shapes: Mapping[str, Shape]) -> list[TableColumn]:
    """A closed object is a column for each of its members; everything else is one."""
    whole = _resolved(shape, shapes)
    if "properties" not in whole:
        return [TableColumn(".".join(path), path)]
    return [
        one for name, part in whole["properties"].items() for one in _columns((*path, name), part, shapes)
    ]


def _resolved(shape: Shape, shapes: Mapping[str, Shape]) -> Shape:
    """The shape itself where it is named elsewhere, or stands beside null."""
    if "$ref" in shape:
        return _resolved(shapes[shape["$ref"].rpartition("/")[2]], shapes)
    for one in shape.get("oneOf", ()):
        if one != {"type": "null"}:
            return _resolved(one, shapes)
    return shape


def _cell(value: Any) -> Cell:
    """A single value as it is; values of a list in a row, rows by their codes; what has no such form as JSON."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if value is None or isinstance(value, str | int | bool | date):
        return value
    if isinstance(value, list):
        if not value:
            return None
        if all(isinstance(one, str | int) for one in value):
            return BETWEEN.join(map(str, value))
        if all(isinstance(one, dict) and set(one) <= {"code", "name", "source"} for one in value):
            return BETWEEN.join(one["code"] for one in value)
    return orjson.dumps(value).decode() if value else None


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula: one that would be begins with an apostrophe."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
