"""Reads the whole log and says whether it holds."""

from __future__ import annotations

from argparse import ArgumentParser
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from commitments import checkpoints
from commitments.agreement import differences
from commitments.log import head
from commitments.models import Checkpoint
from commitments.verifying import verify

SHOWN = 20


class Command(BaseCommand):
    """`manage.py verify_log`: exit code 1 and the first bad row when the chain does not hold.

    With `--rows` the log is folded, too, and compared with the rows: exit code 1 and the first differences.
    """

    help = "Check every event of the log: sequence, hashes, columns, notes, signed checkpoints."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--rows`."""
        parser.add_argument(
            "--rows", action="store_true", help="Also compare every commitment with what the log says of it."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Verifies and reports."""
        held, fault = verify()
        if fault is not None:
            raise CommandError(
                f"The log is broken at event {fault.seq}: {fault.why}. {held} events before it hold."
            )
        fault = next(checkpoints.faults(), None)
        if fault is not None:
            raise CommandError(f"The log was changed at event {fault.seq} or before it: {fault.why}.")
        signed = Checkpoint.objects.count()
        self.stdout.write(f"The log holds: {held} events, head {head().cursor}, {signed} signed checkpoints.")
        if options["rows"]:
            found = list(islice(differences(timezone.now()), SHOWN))
            if found:
                told = "".join(f"\n  {difference}" for difference in found)
                raise CommandError(f"The rows do not say what the log says:{told}")
            self.stdout.write("The rows say what the log says.")
