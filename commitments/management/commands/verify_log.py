"""Reads the whole log and says whether it holds."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from commitments.log import head, verify


class Command(BaseCommand):
    """`manage.py verify_log`: exit code 1 and the first bad row when the chain does not hold."""

    help = "Check every event of the log: sequence, hashes, columns, notes."

    def handle(self, *args: Any, **options: Any) -> None:
        """Verifies and reports."""
        held, fault = verify()
        if fault is not None:
            raise CommandError(
                f"The log is broken at event {fault.seq}: {fault.why}. {held} events before it hold."
            )
        self.stdout.write(f"The log holds: {held} events, head {head().cursor}.")
