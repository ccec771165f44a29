"""Prepares the demo's data in one process: tables, accords, accounts. `python -m tracker.demo.preparing SECRETS FILE...`

It tells the supervisor on its output, one line each: `begin TITLE`, `at DONE TOTAL STAGE`, `end NOTE`; what went
wrong stands on the error stream, and then the exit code is 1.
"""

from __future__ import annotations

import os
import sys
from io import StringIO
from pathlib import Path


def tell(kind: str, text: str) -> None:
    """One line to the supervisor."""
    print(kind, " ".join(text.split()), flush=True)


def main(arguments: list[str]) -> int:
    """Runs the commands in order; each is safe to repeat."""
    secrets, files = Path(arguments[0]), [Path(file) for file in arguments[1:]]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
    tell("begin", "Bringing the tables up to date")
    import django
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import CommandError, call_command
    from django.db import DatabaseError

    try:
        django.setup()
        call_command("migrate", verbosity=0)
        tell("end", "")
        for file in files:
            tell("begin", f"Loading {file.name}")
            tell("end", load(file))
        tell("begin", "Signing the log")
        said = StringIO()
        call_command("checkpoint", stdout=said)
        tell("end", said.getvalue())
        tell("begin", "Making the accounts")
        said = StringIO()
        call_command("create_demo_accounts", str(secrets), stdout=said)
        tell("end", said.getvalue())
    except (ImproperlyConfigured, CommandError, DatabaseError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def load(file: Path) -> str:
    """Loads one accord file and tells how far it is; returns what was added. Raises CommandError for a bad file."""
    from django.core.management import CommandError
    from django.utils import timezone

    from commitments.accord_files import BadFile
    from commitments.importing import load_accord

    def progress(stage: str, done: int, total: int) -> None:
        tell("at", f"{done} {total} {stage}")

    try:
        report = load_accord(file, today=timezone.localdate(), progress=progress)
    except BadFile as error:
        raise CommandError(f"{file.name} was not loaded: {error}") from None
    return ", ".join(f"{number} {noun}" for noun, number in report.added.items() if number) or "nothing new"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
