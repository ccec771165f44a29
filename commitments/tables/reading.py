"""Reading a table: its headers, and its rows with the line each stands on. Limits come first, so that no file costs more.

Values stay what the file says: texts, whole numbers and decimals, dates. A formula is never calculated, and its cached
result is never taken for its value.
"""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from commitments.accord_files import BadFile, FileError

MAX_BYTES = 50_000_000
MAX_ROWS = 50_000
MAX_COLUMNS = 200
MAX_CELL = 20_000
# Of an XLSX file, which is a ZIP archive: what its sheets and texts, and any other part, may unpack to.
MAX_PARTS = 1_000
MAX_UNPACKED = 80_000_000
MAX_OTHER_PART = 4_000_000

Value = str | int | float | date | None


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the line it begins on (from 1, as an editor counts), its values by column."""

    line: int
    values: Sequence[Value]


@dataclass(frozen=True, slots=True)
class Table:
    """A table that has been read whole; rows without any value are left out."""

    headers: Sequence[str]
    rows: Sequence[Row]

    def column(self, index: int) -> str:
        """A column as its reader finds it: its header and its letter."""
        return column_name(self.headers, index)


def column_name(headers: Sequence[str], index: int) -> str:
    """A column by header and letter, “Title” (B); without a header by its letter."""
    letter = get_column_letter(index + 1)
    header = headers[index] if index < len(headers) else ""
    return f"“{header[:60]}” ({letter})" if header else letter


def _bad(message: str, line: int = 0, field: str = "file") -> BadFile:
    return BadFile(FileError(line, field, message))


def read_table(path: Path, *, sheet: str = "", encoding: str = "") -> Table:
    """The table in a file of either form; raises BadFile naming line, column and rule.

    `sheet` names the sheet of a workbook (default: the first), `encoding` that of a CSV file (default: UTF-8).
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise _bad(
                _("%(path)s is larger than %(limit)s bytes.") % {"path": path, "limit": f"{MAX_BYTES:,}"}
            )
        raw = path.read_bytes()
    except OSError as error:
        raise _bad(f"{path}: {error.strerror or error}") from None
    is_workbook = raw[:4] == b"PK\x03\x04"
    if path.suffix.lower() in {".xlsx", ".xlsm"} and not is_workbook:
        raise _bad(_("%(path)s is not an XLSX workbook.") % {"path": path})
    if path.suffix.lower() not in {".csv", ".tsv", ".txt", ".xlsx", ".xlsm"}:
        raise _bad(_("A table is a file .csv or .xlsx; this is %(path)s.") % {"path": path.name})
    lines = _of_workbook(raw, sheet) if is_workbook else _of_text(raw, encoding)
    return _table(lines)


def _table(lines: Iterator[tuple[int, list[Value]]]) -> Table:
    found = [(line, values) for line, values in lines if any(value is not None for value in values)]
    if not found:
        raise _bad(_("The table is empty: the first line holds the headers."))
    first, headers = found[0][0], ["" if value is None else str(value).strip() for value in found[0][1]]
    while headers and not headers[-1]:
        headers.pop()
    errors = []
    seen: dict[str, int] = {}
    for index, header in enumerate(headers):
        if header and header.casefold() in seen:
            errors.append(
                FileError(
                    first,
                    column_name(headers, index),
                    _("the same header stands above column %(other)s")
                    % {"other": get_column_letter(seen[header.casefold()] + 1)},
                )
            )
        seen.setdefault(header.casefold(), index)
    for line, values in found[1:]:
        for index, value in enumerate(values):
            if value is not None and (index >= len(headers) or not headers[index]):
                errors.append(
                    FileError(
                        line, column_name(headers, index), _("a value stands in a column without a header")
                    )
                )
    if errors:
        raise BadFile(*errors[:50])
    if len(found) == 1:
        raise _bad(_("The table has headers and no rows."), first)
    return Table(headers, [Row(line, values) for line, values in found[1:]])


class _Count:
    """Counts the rows that hold something, and refuses one too many."""

    def __init__(self) -> None:
        self.rows = 0

    def row(self, line: int, values: list[Value]) -> tuple[int, list[Value]]:
        if any(value is not None for value in values):
            self.rows += 1
            if self.rows > MAX_ROWS + 1:
                raise _bad(
                    _("The table has more than %(limit)s rows: split it.") % {"limit": f"{MAX_ROWS:,}"}, line
                )
        return line, values


def _checked(text: str, line: int, column: int) -> str | None:
    """A text as it is kept: trimmed, None when empty; raises BadFile for one that cannot be kept."""
    where = get_column_letter(column + 1)
    if "\x00" in text:
        raise _bad(_("a text with a NUL character cannot be kept"), line, where)
    if len(text) > MAX_CELL:
        raise _bad(
            _("the cell holds %(length)s characters; %(limit)s at most")
            % {"length": f"{len(text):,}", "limit": f"{MAX_CELL:,}"},
            line,
            where,
        )
    return text.strip() or None


def _formula(line: int, column: int) -> BadFile:
    return _bad(
        _("the cell holds a formula: put its value there (copy, paste values only)"),
        line,
        get_column_letter(column + 1),
    )


def _of_text(raw: bytes, encoding: str) -> Iterator[tuple[int, list[Value]]]:
    if not encoding and raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    try:
        text = raw.decode(encoding or "utf-8-sig")
    except LookupError:
        raise _bad(_("“%(name)s” is no encoding that is known.") % {"name": encoding}) from None
    except UnicodeDecodeError as error:
        raise _bad(
            _("byte %(byte)s is not %(encoding)s: save the table as UTF-8, or name its encoding (--encoding)")
            % {"byte": error.start, "encoding": (encoding or "UTF-8").upper()},
            raw[: error.start].count(b"\n") + 1,
        ) from None
    csv.field_size_limit(MAX_CELL * 4)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    count, line = _Count(), 1
    try:
        for cells in reader:
            if len(cells) > MAX_COLUMNS:
                raise _bad(_("the row has more than %(limit)s columns") % {"limit": MAX_COLUMNS}, line)
            for column, cell in enumerate(cells):
                if cell.startswith("=") and len(cell) > 1:
                    raise _formula(line, column)
            yield count.row(line, [_checked(cell, line, column) for column, cell in enumerate(cells)])
            line = reader.line_num + 1
    except csv.Error as error:
        raise _bad(_("the quotes of this row cannot be read (%(why)s)") % {"why": error}, line) from None


def _delimiter(text: str) -> str:
    """What separates the headers: a tab, a semicolon or a comma, whichever stands most often in the first line."""
    head = text.lstrip("\r\n").partition("\n")[0]
    return max(",;\t", key=head.count)


def _of_workbook(raw: bytes, sheet: str) -> Iterator[tuple[int, list[Value]]]:
    _check_archive(raw)
    try:
        with warnings.catch_warnings():
            # Of what a workbook holds beside its cells: none of it is read.
            warnings.simplefilter("ignore")
            book = load_workbook(io.BytesIO(raw), read_only=True, data_only=False, keep_links=False)
            names = [name for name in book.sheetnames if hasattr(book[name], "iter_rows")]
            if not names or (sheet and sheet not in names):
                raise _bad(
                    _("There is no sheet “%(sheet)s”; there are: %(names)s.")
                    % {"sheet": sheet, "names": ", ".join(names) or "–"}
                )
            page = book[sheet or names[0]]
            # What the file says of its own size is not believed: rows are taken as they come.
            page.reset_dimensions()
            count = _Count()
            for line, cells in enumerate(page.iter_rows(), 1):
                yield count.row(line, [_of_cell(cell, line, index) for index, cell in enumerate(cells)])
    except BadFile:
        raise
    except (
        zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, TypeError, AttributeError, IndexError,
        SyntaxError, OSError, EOFError, NotImplementedError, RuntimeError,
    ) as error:  # fmt: skip
        # openpyxl has no error of its own for a damaged workbook: what its parser meets comes through.
        raise _bad(
            _("The workbook cannot be read (%(why)s).") % {"why": f"{type(error).__name__}: {error}"[:200]}
        ) from None


def _check_archive(raw: bytes) -> None:
    try:
        parts = zipfile.ZipFile(io.BytesIO(raw)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise _bad(_("The workbook cannot be read (%(why)s).") % {"why": error}) from None
    # A part never unpacks to more than the archive says of it: zipfile stops there.
    is_too_much = len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_UNPACKED
    for part in parts:
        is_table = part.filename.startswith("xl/worksheets/") or part.filename == "xl/sharedStrings.xml"
        is_media = part.filename.startswith("xl/media/")
        if not is_table and not is_media and part.file_size > MAX_OTHER_PART:
            is_too_much = True
    if is_too_much:
        raise _bad(
            _("The workbook would unpack to more than %(limit)s bytes: save the one sheet as CSV.")
            % {"limit": f"{MAX_UNPACKED:,}"}
        )


def _of_cell(cell: Any, line: int, column: int) -> Value:
    value = cell.value
    if value is None:
        return None
    if column >= MAX_COLUMNS:
        raise _bad(_("the row has more than %(limit)s columns") % {"limit": MAX_COLUMNS}, line)
    if cell.data_type == "f":
        raise _formula(line, column)
    if cell.data_type == "e":
        raise _bad(
            _("the cell holds the error %(error)s") % {"error": value}, line, get_column_letter(column + 1)
        )
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | date):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, time) or not isinstance(value, str):
        raise _bad(
            _("the cell holds a time or a length of time: write it as a text"),
            line,
            get_column_letter(column + 1),
        )
    return _checked(value, line, column)
