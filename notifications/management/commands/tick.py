"""`manage.py tick`: one whole round of the clock and the post room, without Celery or Redis."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from commitments import chores, operations
from notifications import calling, delivering, fanning, mailbox, outbox, owners, planning, pruning, reminding

R = TypeVar("R")
log = structlog.get_logger(__name__)


class Command(BaseCommand):
    """Scans, writes down what is owed, sends it, and cleans up: for cron where no worker runs, and for repairs."""

    help = "One round of scan, fan_out, deliver and prune, without Celery or Redis."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--seconds` bounds the time that each of fan_out and deliver may take."""
        parser.add_argument(
            "--seconds", type=float, default=50.0, help="at most so long for each step (default: 50)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Prints one line with what was done; exit code 0 also while the mail server is down. A step that fails keeps
        none of the others from being done: what failed is named at the end, with exit code 1."""
        now, seconds = timezone.now(), options["seconds"]
        failed: list[str] = []

        def step(name: str, verb: Callable[..., R], *given: Any) -> R | None:
            try:
                return verb(*given)
            except Exception as error:
                log.error("tick_step_failed", step=name, error=type(error).__name__, exc_info=True)
                failed.append(name)
                if not connection.in_atomic_block:
                    connection.close()  # it may be what broke
                return None

        step("draw occurrences", chores.draw_occurrences, now)
        step("publish what is planned", chores.publish_planned, now)
        step("sign the log", chores.sign_the_log, now)
        marked = step("scan", operations.scan, now)
        step("plan reminders", planning.plan, now, seconds)
        made = step("remind", reminding.remind, now, seconds) or 0
        made += step("fan out", fanning.fan_out, seconds) or 0
        done = step("deliver", delivering.deliver, seconds) or delivering.Round()
        step("write down calls", calling.fan_out, seconds)
        called = step("call", calling.deliver, seconds)
        step("finish calls", calling.finish)
        step("tell owners", owners.tell, seconds)
        step("collect bounces", mailbox.collect, seconds)
        step("forget answers", chores.forget_answers, now)
        step("prune", pruning.prune)
        self.stdout.write(
            f"marked {marked or 0}, owed {made}, sent {done.sent}, refused {done.failed}, put off {done.put_off}, "
            f"dropped {done.dropped}, called {called.sent if called else 0}"
        )
        if done.is_down:
            self.stdout.write("The mail server cannot be reached; what waits is sent when it is back.")
        elif not failed and outbox.is_due():
            self.stdout.write("More is due: run it again, or let a worker run.")
        if failed:
            raise CommandError(f"Failed, see the log: {', '.join(failed)}. The other steps were done.")
