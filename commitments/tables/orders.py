"""A row as an order: the terms of one commitment and its deadline, with every error of the row at once."""

from __future__ import annotations

from collections.abc import Mapping as Lookup
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from commitments.accord_files import FileError
from commitments.models.fields import CODE
from commitments.operations import NewCommitment, NewDeadline
from commitments.tables.cells import BadCell, Dictionary, one_day, parts, text, window, yes
from commitments.tables.columns import LOCALIZED, Mapping
from commitments.tables.reading import Row, Table, Value
from commitments.words import Authority, Clock, DeadlineType, Kind, Provenance, Strength
from tracker.kit.localized import LANGUAGES

LIMITS = {
    "code": 80,
    "title": 500,
    "verb": 200,
    "verb_source": 200,
    "deadline": 300,
    "deadline_label": 300,
    "lines": 300,
}
LISTS = ("provisions", "bound", "beneficiaries", "counterparts", "topics", "source")
ONE_CODE = ("section", "kind", "strength", "provenance", "deadline_type", "deadline_authority")
# What holds where neither a cell nor the mapping says it.
USUAL = {
    "kind": Kind.DELIVERABLE,
    "strength": Strength.FIRM,
    "provenance": Provenance.OFFICIAL_TEXT,
    "deadline_type": DeadlineType.TARGET,
    "deadline_authority": Authority.EDITORIAL,
}
# Every row that a table brought is known by this key in the record.
FILE_KEY = "table"


@dataclass(slots=True)
class Order:
    """What a row says: its line, the fields it has a value for, and the orders they make."""

    line: int
    said: dict[str, Any]
    commitment: NewCommitment
    deadline: NewDeadline | None
    words_only: list[str] = field(default_factory=list)


class Reader:
    """Turns rows into orders; `errors` collects what it refuses, line and column first."""

    def __init__(
        self, table: Table, mapping: Mapping, columns: Lookup[str, int], known: Lookup[str, Dictionary]
    ) -> None:
        self.table = table
        self.mapping = mapping
        self.columns = columns
        self.known = known
        self.errors: list[FileError] = []
        self.lines: dict[str, int] = {}

    def read(self, row: Row) -> Order | None:
        """The order of a row; None when it has errors."""
        before = len(self.errors)
        said = self._said(row)
        code = said.get("code", "")
        if not code:
            self._error(row, "code", _("a code is needed"))
        elif code in self.lines:
            self._error(
                row,
                "code",
                _("“%(code)s” stands on line %(line)s already") % {"code": code, "line": self.lines[code]},
            )
        if not said.get("title", {}).get("en"):
            self._error(row, "title.en", _("a title in English is needed"))
        if not said.get("section"):
            only = self.known["section"].codes
            if len(only) == 1:
                said["section"] = only[0]
            else:
                self._error(row, "section", _("a section is needed: %(codes)s") % {"codes": ", ".join(only)})
        if len(self.errors) > before:
            return None
        self.lines[code] = row.line
        return self._order(row, said)

    def _error(self, row: Row, name: str, message: str) -> None:
        column = self.columns.get(name)
        where = self.table.column(column) if column is not None else name
        self.errors.append(FileError(row.line, where, message))

    def _value(self, row: Row, name: str) -> Value:
        column = self.columns.get(name)
        value = row.values[column] if column is not None and column < len(row.values) else None
        return self.mapping.defaults.get(name) if value is None else value

    def _said(self, row: Row) -> dict[str, Any]:
        said: dict[str, Any] = {}
        for name in {**self.columns, **self.mapping.defaults}:
            value = self._value(row, name)
            if value is None or value == "":
                continue
            base, _dot, language = name.partition(".")
            try:
                self._check_length(base, value)
                if base in LOCALIZED:
                    said.setdefault(base, {})[language] = text(value)
                else:
                    said[name] = self._read(name, value)
            except BadCell as error:
                self._error(row, name, str(error))
        return said

    def _check_length(self, name: str, value: Value) -> None:
        limit = LIMITS.get(name)
        if limit and len(text(value)) > limit:
            raise BadCell(
                _("the cell holds %(length)s characters; %(limit)s at most")
                % {"length": f"{len(text(value)):,}", "limit": limit}
            )

    def _read(self, name: str, value: Value) -> Any:
        if name in ONE_CODE:
            return self.known[name].code(text(value))
        if name in LISTS:
            return [self.known[name].code(part) for part in parts(value)]
        if name == "code":
            try:
                CODE(text(value))
            except ValidationError as error:
                raise BadCell(str(error.messages[0])) from None
        if name == "starts_on":
            return one_day(value)
        if name in {"deadline", "ends"}:
            return text(value), window(value)
        if name == "verifiable":
            return yes(value)
        if name == "lines":
            return parts(value)
        return [text(value)] if name == "cautions" else text(value)

    def _order(self, row: Row, said: dict[str, Any]) -> Order:
        words_only = []
        title = {language: said["title"][language] for language in LANGUAGES if language in said["title"]}
        summary = said.get("summary", {})
        ends = None
        if "ends" in said:
            words, edtf = said["ends"]
            ends = {"on": edtf} if edtf else {"on": None, "condition": words}
            words_only += [] if edtf else ["ends"]
        deadline = None
        if "deadline" in said:
            words, edtf = said["deadline"]
            words_only += [] if edtf else ["deadline"]
            review = said.get("deadline_type") == DeadlineType.REVIEW
            deadline = NewDeadline(
                commitment=said["code"],
                label={"en": said["deadline_label"]} if "deadline_label" in said else title,
                type=said.get("deadline_type", USUAL["deadline_type"]),
                authority=said.get("deadline_authority", USUAL["deadline_authority"]),
                clock=Clock.TRACKER if review else Clock.PARTY,
                edtf=edtf,
                words=words if words != edtf else "",
                file_key=FILE_KEY,
            )
        commitment = NewCommitment(
            code=said["code"],
            title=title,
            # Without a column for it a summary says what the title says.
            summary=summary if summary.get("en") else {**title, **summary},
            section=said["section"],
            kind=said.get("kind", USUAL["kind"]),
            strength=said.get("strength", USUAL["strength"]),
            provenance=said.get("provenance", USUAL["provenance"]),
            starts_on=said.get("starts_on"),
            ends=ends,
            provisions=said.get("provisions", ()),
            verb={"words": said.get("verb", ""), "source": said.get("verb_source", "")},
            roles={
                "bound": said.get("bound", []),
                "beneficiaries": said.get("beneficiaries", []),
                "counterparts": [{"code": code} for code in said.get("counterparts", [])],
            },
            topics=said.get("topics", ()),
            citations=[{"source": code, "lines": said.get("lines", [])} for code in said.get("source", ())],
            is_verifiable=said.get("verifiable", True),
            details={"cautions": said.get("cautions")},
        )
        return Order(row.line, said, commitment, deadline, words_only)
