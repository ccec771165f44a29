"""The record's tasks: thin, safe to run twice, by hand, or from two beats at once."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from commitments import operations


@shared_task(name="commitments.scan")
def scan() -> int:
    """Marks what has passed; returns how many deadlines were marked."""
    return operations.scan(timezone.now())
