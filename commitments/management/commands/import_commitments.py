"""Enters a table of commitments (CSV, XLSX) into an accord, as history: all or nothing, through the record's verbs."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from commitments.accord_files import BadFile
from commitments.management.progress import Bar
from commitments.models import Accord
from commitments.tables import Import, Table, guess, import_table, read_table
from commitments.tables.columns import Mapping, preview, read_mapping


class Command(BaseCommand):
    """`manage.py import_commitments FILE --accord CODE`: errors name line and column."""

    help = "Enter a table of commitments (.csv, .xlsx) into an accord: all or nothing, as history."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The table, the accord, and what each column is."""
        parser.add_argument(
            "file", type=Path, help="a table, .csv or .xlsx; the first line holds the headers"
        )
        parser.add_argument("--accord", required=True, help="the code of a loaded accord")
        parser.add_argument(
            "--mapping", type=Path, help="a mapping file; without it the headers are guessed at"
        )
        parser.add_argument(
            "--write-mapping", type=Path, help="write the mapping to this file, enter nothing"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="show what each row would change, enter nothing"
        )
        parser.add_argument(
            "--correct", default="", metavar="WHY", help="enter differences from the record, for this reason"
        )
        parser.add_argument("--sheet", default="", help="the sheet of a workbook (default: the first)")
        parser.add_argument("--encoding", default="", help="the encoding of a CSV file (default: UTF-8)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Reads, shows the mapping, then compares and enters."""
        bar = Bar()
        try:
            mapping = read_mapping(options["mapping"]) if options["mapping"] else None
            sheet = options["sheet"] or (mapping.sheet if mapping else "")
            table = read_table(options["file"], sheet=sheet, encoding=options["encoding"])
            mapping = mapping or guess(table)
            mapping.sheet = sheet
            self._show(table, mapping)
            if options["write_mapping"]:
                self._write(options["write_mapping"], mapping)
                return
            result = import_table(
                self._accord(options["accord"]),
                table,
                mapping,
                dry_run=options["dry_run"],
                why=options["correct"],
                progress=bar,
            )
        except BadFile as error:
            bar.end()
            raise CommandError(f"{options['file']}: nothing was entered.\n{error}") from None
        bar.end()
        self._tell(result, options["accord"], options["dry_run"], bool(options["correct"]))

    def _accord(self, code: str) -> Accord:
        accord = Accord.objects.filter(code=code).first()
        if accord is None:
            known = ", ".join(Accord.objects.order_by("code").values_list("code", flat=True))
            raise CommandError(f"There is no accord {code}. There are: {known or '–'}.")
        return accord

    def _show(self, table: Table, mapping: Mapping) -> None:
        self.stdout.write("Columns, as guessed from the headers:" if mapping.is_guess else "Columns:")
        for line in preview(table, mapping):
            self.stdout.write(f"  {line}")

    def _write(self, path: Path, mapping: Mapping) -> None:
        try:
            path.write_text("".join(mapping.text()), encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror or error}") from None
        self.stdout.write(f"The mapping is in {path}; correct it there and give it with --mapping.")

    def _tell(self, result: Import, code: str, is_dry: bool, is_corrected: bool) -> None:
        for change in result.changes:
            if is_dry or change.what == "differs":
                self.stdout.write(f"line {change.line}: {change.code}: {change.what}")
            for name, old, new in change.differences:
                self.stdout.write(f"  {name}: {_short(old)} -> {_short(new)}")
            for name, words in change.words_only:
                self.stdout.write(f"line {change.line}: {change.code}: {name} kept as words: {_short(words)}")
        number = {what: result.count(what) for what in ("new", "same", "differs")}
        self.stdout.write(
            f"{code}: {number['new']} new, {number['same']} the same, {number['differs']} different."
        )
        if is_dry:
            self.stdout.write("Nothing was entered (--dry-run).")
            return
        self.stdout.write(
            f"{result.added} commitments and {result.deadlines} deadlines entered, {result.corrected} corrected."
        )
        if number["differs"] and not is_corrected:
            self.stdout.write("What differs was left as it is: enter it with --correct and the reason.")


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return f"“{one_line if len(one_line) <= 80 else one_line[:79] + '…'}”"
