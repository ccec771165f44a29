"""The record's tasks: thin, safe to run twice, by hand, or from two beats at once."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from commitments import checkpoints, operations, tokens


@shared_task(name="commitments.scan")
def scan() -> int:
    """Marks what has passed; returns how many deadlines were marked."""
    return operations.scan(timezone.now())


@shared_task(name="commitments.publish_planned")
def publish_planned() -> int:
    """Publishes what was approved for an instant that has come; returns how many."""
    return operations.publish_what_is_planned(timezone.now())


@shared_task(name="commitments.draw_occurrences")
def draw_occurrences() -> int:
    """Draws the dates of every rhythm up to the horizon; returns how many are new."""
    return len(operations.draw_occurrences(today=timezone.localdate()))


@shared_task(name="commitments.write_checkpoint")
def write_checkpoint() -> int:
    """Signs the head of the log once a day; returns its number, else 0."""
    written = checkpoints.write_when_due(timezone.now())
    return written.seq if written else 0


@shared_task(name="commitments.prune_answers")
def prune_answers() -> int:
    """Forgets the answers to writes that were kept for a day; returns how many."""
    return tokens.forget_answers(timezone.now())
