"""A whole list as a file: NDJSON, CSV and XLSX, written batch by batch, so that memory does not grow with the list."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import IO, Any, TypeAlias

import orjson
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from commitments.feeds.about import About
from commitments.feeds.columns import Cell, TableColumn, harmless
from commitments.feeds.forms import FORMAT
from commitments.feeds.linked import jsonld
from commitments.wire import Wire
from tracker.kit.problems import BadParameter

Batches: TypeAlias = Iterable[Sequence[Wire]]
Writer: TypeAlias = Callable[[Batches, Sequence[TableColumn], About], Iterator[bytes]]
# A workbook is kept in memory until it is complete, and a sheet has 1,048,576 rows at most.
MOST_ROWS_OF_A_WORKBOOK = 50_000
LONGEST_CELL = 32_767
PIECE = 65_536


def ndjson(batches: Batches, _columns: Sequence[TableColumn], about: About) -> Iterator[bytes]:
    """One object a line, and `about` as the last line: a file without it was cut off."""
    number = 0
    for rows in batches:
        number += len(rows)
        yield b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z) for row in rows)
    yield orjson.dumps(
        {"about": about.wire() | {"rows": number}}, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
    )


def in_csv(batches: Batches, columns: Sequence[TableColumn], about: About) -> Iterator[bytes]:
    """A header and the rows; what the table is stands in the last columns of each row, where no reader trips over it."""
    told = {
        name: _text(value) for name, value in about.wire().items() if name in ("log_head", "at", "licence")
    }
    yield _lines([[*(column.name for column in columns), *(f"about.{name}" for name in told)]])
    for rows in batches:
        yield _lines([[*(_text(column.of(row)) for column in columns), *told.values()] for row in rows])


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if hasattr(value, "isoformat"):
        return str(value.isoformat()).replace("+00:00", "Z")
    return harmless(value) if isinstance(value, str) else str(value)


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue().encode()


def xlsx(batches: Batches, columns: Sequence[TableColumn], about: About) -> Iterator[bytes]:
    """The rows on one sheet, what it is on another; raises BadParameter for more rows than a workbook should have."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(about.name)
    sheet.freeze_panes = "B2"
    sheet.append([column.name for column in columns])
    number = 0
    for rows in batches:
        number += len(rows)
        if number > MOST_ROWS_OF_A_WORKBOOK:
            # What it has written so far is let go in order, not when its memory is.
            sheet.close()
            raise BadParameter(
                FORMAT,
                _("A workbook holds at most %(most)s rows: narrow the list, or take csv or ndjson.")
                % {"most": MOST_ROWS_OF_A_WORKBOOK},
                ["csv", "ndjson"],
            )
        for row in rows:
            sheet.append([_typed(sheet, column.of(row)) for column in columns])
    told = book.create_sheet("about")
    for name, value in (about.wire() | {"rows": number}).items():
        told.append([name, _typed(told, _text(value) if not isinstance(value, int) else value)])
    with tempfile.TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        yield from _pieces(file)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


def _typed(sheet: Any, value: Cell) -> Any:
    """A cell of a type of its own: a text is never a formula, a day is a day where the format knows it (from 1900)."""
    if isinstance(value, date) and value.year < 1900:
        value = value.isoformat()
    if not isinstance(value, str):
        return value
    text = ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", value)
    if len(text) > LONGEST_CELL:
        mark = f" […] {len(text)}"
        text = text[: LONGEST_CELL - len(mark)] + mark
    cell = WriteOnlyCell(sheet, value=text)
    cell.data_type = "s"
    return cell


WRITERS: Mapping[str, Writer] = {"ndjson": ndjson, "csv": in_csv, "xlsx": xlsx, "jsonld": jsonld}
