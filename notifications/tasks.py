"""The post room's tasks: thin, time-boxed, safe to run twice, by hand, or from two beats at once."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings

from notifications import delivering, fanning, outbox, pruning


@shared_task(name="notifications.fan_out", time_limit=120)
def fan_out() -> int:
    """Writes down what is owed for new events; returns how many deliveries were made."""
    return fanning.fan_out(float(settings.BEAT_SECONDS))


# A mail that never ends is cut off with its process; the lease then frees the others and counts a crash against it.
@shared_task(name="notifications.deliver", time_limit=2 * int(outbox.lease().total_seconds()))
def deliver() -> int:
    """Sends what is due for about one beat; returns how many mails were taken by the server."""
    return delivering.deliver(float(settings.BEAT_SECONDS)).sent


@shared_task(name="notifications.prune", time_limit=3600)
def prune() -> int:
    """Removes what is no longer needed; returns how much."""
    return pruning.prune()
