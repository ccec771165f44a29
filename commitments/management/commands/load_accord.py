"""Loads an accord file into the record, as history: it alerts nobody. Safe to repeat."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from commitments.accord_files import BadFile
from commitments.importing import load_accord
from commitments.management.progress import Bar


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
        bar = Bar()
        try:
            report = load_accord(options["file"], today=timezone.localdate(), progress=bar)
        except BadFile as error:
            raise CommandError(f"{options['file']} was not loaded:\n{error}") from None
        finally:
            bar.end()
        added = ", ".join(f"{number} {noun}" for noun, number in report.added.items() if number)
        self.stdout.write(f"{report.accord}: added {added or 'nothing'}.")
        for line in report.differences:
            self.stdout.write(f"  {line}")
