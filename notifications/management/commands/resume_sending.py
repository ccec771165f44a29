"""`manage.py resume_sending`: makes this database the one that sends, after it was restored or moved."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from notifications import home
from notifications.models import Call, CallState, Delivery, State


class Command(BaseCommand):
    """A restored copy sends nothing until this has run, because its original may have sent the same."""

    help = "Let this restored or moved database send what it owes (or drop it with --drop-waiting)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--drop-waiting` ends what waits instead: for a copy whose original has sent it."""
        parser.add_argument("--drop-waiting", action="store_true", help="do not send what waits now")

    def handle(self, *args: Any, **options: Any) -> None:
        """Says how much waits, and moves the home here."""
        mails = Delivery.objects.filter(state__in=[State.WAITING, State.CLAIMED]).count()
        calls = Call.objects.filter(state__in=[CallState.WAITING, CallState.CLAIMED]).count()
        if options["drop_waiting"]:
            with connection.cursor() as cursor:
                for table, why in (("delivery", ", why = 'unwanted'"), ("call", "")):
                    cursor.execute(
                        f"UPDATE notifications_{table} SET state = 'dropped'{why},"  # noqa: S608
                        " settled_at = statement_timestamp(), token = NULL, lease_until = NULL, started_at = NULL"
                        " WHERE state IN ('waiting', 'claimed')"
                    )
        home.settle_here()
        outcome = "dropped" if options["drop_waiting"] else "sent from now on"
        self.stdout.write(
            f"This database is the one that sends. {mails} mails and {calls} webhooks that waited: {outcome}."
        )
