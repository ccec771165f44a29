"""Writes an accord out of the record as a file that loads again to the same record."""

from __future__ import annotations

import os
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from commitments.accord_text import text_of
from commitments.exporting import document
from commitments.refusals import Refused

HEADING = (
    "Written by export_accord from the record of commitments. How such a file is read and written: README.md",
    "beside the accord files; its exact form: accord.schema.json.",
)


class Command(BaseCommand):
    """`manage.py export_accord CODE [--output FILE]`: the file on standard output, or whole into a file or not at all."""

    help = "Write an accord as a file (YAML) that load_accord reads again to the same record."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The accord's code, and where to write."""
        parser.add_argument("code", help="the code of the accord")
        parser.add_argument("--output", type=Path, help="the file to write; without it, standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        """Reads one moment of the record; fails with a line when there is no such accord."""
        try:
            data = document(options["code"])
        except Refused as error:
            raise CommandError(str(error)) from None
        pieces = text_of(data, heading=HEADING)
        if options["output"] is None:
            for piece in pieces:
                self.stdout.write(piece, ending="")
            return
        path: Path = options["output"]
        try:
            with tempfile.NamedTemporaryFile(
                "w", encoding="utf-8", newline="\n", dir=path.parent, prefix=f".{path.name}.", delete=False
            ) as file:
                file.writelines(pieces)
            Path(file.name).chmod(0o666 & ~_umask())
            Path(file.name).replace(path)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror or error}") from None
        self.stdout.write(f"{options['code']}: {len(data['commitments'])} commitments written to {path}.")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
