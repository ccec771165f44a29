"""`manage.py receive_bounce`: reads one mail that came to the return path from the standard input."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from notifications import bouncing


class Command(BaseCommand):
    """For the mail server's alias of BOUNCE_ADDRESS: `|manage.py receive_bounce --to "$ORIGINAL_RECIPIENT"`."""

    help = "Read a bounce (a delivery status notification) from the standard input."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--to`: the address it came to, where the mail's own headers do not say."""
        parser.add_argument("--to", action="append", default=[], help="the address that the mail came to")

    def handle(self, *args: Any, **options: Any) -> None:
        """Always exit code 0: a mail that is no bounce of ours must not be bounced by us."""
        content = sys.stdin.buffer.read(bouncing.LARGEST + 1)
        self.stdout.write("recorded" if bouncing.read(content, options["to"]) else "ignored")
