"""The clock that wakes the workers: it says nothing while nobody listens."""

from __future__ import annotations

from math import ceil
from typing import Any

import structlog
from celery.beat import Scheduler as InMemory
from celery.beat import SchedulingError
from django.conf import settings

from tracker.kit.quick import quick

log = structlog.get_logger(__name__)


class Scheduler(InMemory):
    """Celery's scheduler that keeps its schedule in memory (the usual one writes a file), with an end to the queue.

    A message that nobody takes within its time is of no use, but it lies in Redis until a worker throws it away: one
    that comes back after a day found sixty thousand, and a memory that is full refuses even what it would take. So
    nothing is added while more waits than two beats could say before the first of it is too old. A worker that lives
    never lets it come to that, however slow it is, since it throws away what is too old.
    """

    is_full = False

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Publishes a tick. One that Redis does not take is lost, which costs a beat, and the next is tried in its turn."""
        waiting = quick(settings.REDIS_URL).ask(lambda client: client.llen(self.app.conf.task_default_queue))
        is_full = waiting is not None and waiting >= self.most()
        if is_full != self.is_full:
            self.is_full = is_full
            log.warning("nobody_takes_ticks" if is_full else "ticks_are_taken", waiting=waiting)
        if is_full:
            return
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except SchedulingError as error:
            log.warning("tick_not_said", task=entry.task, error=str(error.__cause__ or error)[:200])

    def most(self) -> int:
        """How many messages may wait."""
        entries = self.app.conf.beat_schedule.values()
        of_one = (ceil(float(it["options"]["expires"]) / float(it["schedule"])) for it in entries)
        return 2 * sum(of_one)
