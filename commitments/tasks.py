"""The record's tasks: thin, safe to run twice, by hand, or from two beats at once."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from commitments import chores, jobs, operations


@shared_task(name="commitments.scan")
def scan() -> int:
    """Marks what has passed; returns how many deadlines were marked."""
    return operations.scan(timezone.now())


@shared_task(name="commitments.publish_planned")
def publish_planned() -> int:
    """Publishes what was approved for an instant that has come; returns how many."""
    return chores.publish_planned(timezone.now())


@shared_task(name="commitments.draw_occurrences")
def draw_occurrences() -> int:
    """Once an hour: the dates of every rhythm up to the horizon; returns how many are new."""
    now = timezone.now()
    return chores.draw_occurrences(now) if jobs.is_due(jobs.DRAW, now) else 0


@shared_task(name="commitments.write_checkpoint")
def write_checkpoint() -> int:
    """Once an hour: signs the head of the log when a day has passed; returns its number, else 0."""
    now = timezone.now()
    return chores.sign_the_log(now) if jobs.is_due(jobs.SIGN, now) else 0


@shared_task(name="commitments.prune_answers")
def prune_answers() -> int:
    """Once an hour: forgets the answers to writes that were kept for a day; returns how many."""
    now = timezone.now()
    return chores.forget_answers(now) if jobs.is_due(jobs.FORGET, now) else 0
