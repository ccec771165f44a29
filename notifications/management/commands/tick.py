"""`manage.py tick`: one whole round of the clock and the post room, without Celery or Redis."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from commitments import chores, operations
from notifications import calling, delivering, fanning, mailbox, outbox, owners, pruning, reminding


class Command(BaseCommand):
    """Scans, writes down what is owed, sends it, and cleans up: for cron where no worker runs, and for repairs."""

    help = "One round of scan, fan_out, deliver and prune, without Celery or Redis."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--seconds` bounds the time that each of fan_out and deliver may take."""
        parser.add_argument(
            "--seconds", type=float, default=50.0, help="at most so long for each step (default: 50)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Prints one line with what was done; exit code 0 also while the mail server is down."""
        now = timezone.now()
        chores.draw_occurrences(now)
        chores.publish_planned(now)
        chores.sign_the_log(now)
        marked = operations.scan(now)
        made = reminding.plan_and_remind(now, options["seconds"])
        made += fanning.fan_out(options["seconds"])
        done = delivering.deliver(options["seconds"])
        calling.fan_out(options["seconds"])
        called = calling.deliver(options["seconds"])
        calling.finish()
        owners.tell()
        mailbox.collect(options["seconds"])
        chores.forget_answers(now)
        pruning.prune()
        self.stdout.write(
            f"marked {marked}, owed {made}, sent {done.sent}, refused {done.failed}, put off {done.put_off}, "
            f"dropped {done.dropped}, called {called.sent}"
        )
        if done.is_down:
            self.stdout.write("The mail server cannot be reached; what waits is sent when it is back.")
        elif outbox.is_due():
            self.stdout.write("More is due: run it again, or let a worker run.")
