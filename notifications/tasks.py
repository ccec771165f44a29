"""The post room's tasks: thin, time-boxed, safe to run twice, by hand, or from two beats at once."""

from __future__ import annotations

from celery import shared_task
from celery.signals import worker_process_shutdown
from django.conf import settings
from django.utils import timezone

from commitments import jobs
from notifications import calling, delivering, fanning, mailbox, outbox, owners, pruning, reminding


@shared_task(name="notifications.remind", time_limit=120)
def remind() -> int:
    """Plans the reminders that the log asks for and tells those that are due; returns how many notices were made."""
    return reminding.plan_and_remind(seconds=float(settings.BEAT_SECONDS))


@shared_task(name="notifications.fan_out", time_limit=120)
def fan_out() -> int:
    """Writes down what is owed for new events; returns how many deliveries were made."""
    return fanning.fan_out(float(settings.BEAT_SECONDS))


# A mail that never ends is cut off with its process; the lease then frees the others and counts a crash against it.
@shared_task(name="notifications.deliver", time_limit=2 * int(outbox.lease().total_seconds()))
def deliver() -> int:
    """Sends what is due for about one beat; returns how many mails were taken by the server."""
    return delivering.deliver(float(settings.BEAT_SECONDS)).sent


# Webhooks that hang are left to a thread of this process; a round itself ends with the tick.
@shared_task(name="notifications.call", time_limit=120)
def call() -> int:
    """Writes down the webhooks that are owed and sends what is due for about one beat; returns how many were taken."""
    calling.fan_out(float(settings.BEAT_SECONDS))
    sent = calling.deliver(float(settings.BEAT_SECONDS)).sent
    owners.tell(float(settings.BEAT_SECONDS))
    return sent


@shared_task(name="notifications.collect_bounces", time_limit=120)
def collect_bounces() -> int:
    """Reads the mailbox of the return path, where there is one; returns how many bounces were new."""
    return mailbox.collect().recorded


@worker_process_shutdown.connect
def _wait_for_answers(**_: object) -> None:
    """A worker that is asked to end takes the answers that are still out."""
    calling.finish()


@shared_task(name="notifications.prune", time_limit=3600)
def prune() -> int:
    """Once an hour: removes what is no longer needed; returns how much."""
    return pruning.prune() if jobs.is_due(pruning.PRUNE, timezone.now()) else 0
