"""The jobs that must look again and again: when each last did, how often it must, and which of them is late.

Beat sends every task often; a job that is due once an hour asks here. So a beat or a worker that is started anew more
often than that loses no turn, as it would by counting in its own memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from commitments.models import Heartbeat

# Beat ticks every few seconds: a minute of silence means that something stands still.
SILENCE = timedelta(seconds=60)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Job:
    """A job by its name. `label` says what it did, for staff; it is late when it has not looked for `patience`."""

    name: str
    label: str | Promise
    patience: timedelta = SILENCE


SCAN, PLANNED = "scan", "publish_planned"
DRAW, SIGN, FORGET = "draw_occurrences", "write_checkpoint", "prune_answers"
# Every job of this installation: the record's own, then those that other rooms have entered.
ALL = {
    job.name: job
    for job in (
        Job(SCAN, _("The clock looked")),
        Job(PLANNED, _("Planned publications were looked for")),
        Job(DRAW, _("Recurring dates were drawn"), 3 * HOUR),
        Job(SIGN, _("The log was looked at for signing"), 3 * HOUR),
        Job(FORGET, _("Old answers were cleared away"), 3 * HOUR),
    )
}


def enter(*jobs: Job) -> None:
    """Adds the jobs of a room; twice does no harm."""
    ALL.update({job.name: job for job in jobs})


def looked(name: str, now: datetime, **found: object) -> None:
    """Notes that a job has looked at `now` (UTC), and what it found."""
    Heartbeat.objects.update_or_create(name=name, defaults={"at": now, "found": found})


def do(name: str, now: datetime, work: Callable[[], int]) -> int:
    """Does the work and notes it; what the work gives. What it raises is raised, and the job has not looked."""
    done = work()
    looked(name, now, done=done)
    return done


def is_due(name: str, now: datetime) -> bool:
    """Whether an hourly job has not looked for an hour. Two workers at once may both find it due."""
    last = Heartbeat.objects.filter(name=name).values_list("at", flat=True).first()
    return last is None or not now - HOUR < last <= now


def last_looks() -> dict[str, datetime]:
    """When each job last looked (UTC); one that never did is not in it."""
    return dict(Heartbeat.objects.filter(name__in=list(ALL)).values_list("name", "at"))


def late(known: Mapping[str, datetime], now: datetime) -> list[Job]:
    """The jobs that have been silent for longer than their patience, as of `now` (UTC)."""
    return [job for job in ALL.values() if (at := known.get(job.name)) is None or now - at > job.patience]
