"""Loads an accord file into the record, as history: it alerts nobody. Safe to repeat."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from commitments.accord_files import BadFile
from commitments.importing import load_accord


class Command(BaseCommand):
    """`manage.py load_accord FILE`: all or nothing; errors name line and field."""

    help = (
        "Load an accord file (YAML) through the record's verbs: all or nothing, as history, safe to repeat."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One file."""
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Loads, showing progress on a terminal; fails with one line per error."""
        try:
            report = load_accord(options["file"], today=timezone.localdate(), progress=self._progress)
        except BadFile as error:
            if self._is_watched:
                self.stderr.write("")
            raise CommandError(f"{options['file']} was not loaded:\n{error}") from None
        if self._is_watched:
            self.stderr.write("")
        added = ", ".join(f"{number} {noun}" for noun, number in report.added.items() if number)
        self.stdout.write(f"{report.accord}: added {added or 'nothing'}.")
        for line in report.differences:
            self.stdout.write(f"  {line}")

    @property
    def _is_watched(self) -> bool:
        return sys.stderr.isatty()

    def _progress(self, stage: str, done: int, total: int) -> None:
        if self._is_watched:
            filled = 24 * done // max(total, 1)
            self.stderr.write(
                f"\r  {stage:<12} [{'#' * filled}{'.' * (24 - filled)}] {done}/{total} ", ending=""
            )
