"""The record's own chores besides the scan, each noted when it is done: by the hour, or as often as beat ticks."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from commitments import checkpoints, jobs, operations, tokens


def publish_planned(now: datetime) -> int:
    """Publishes what was approved for an instant that has come; returns how many."""
    return jobs.do(jobs.PLANNED, now, lambda: operations.publish_what_is_planned(now))


def draw_occurrences(now: datetime) -> int:
    """Draws the dates of every rhythm up to the horizon; returns how many are new."""
    return jobs.do(jobs.DRAW, now, lambda: len(operations.draw_occurrences(today=timezone.localdate(now))))


def sign_the_log(now: datetime) -> int:
    """Signs the head of the log once a day; returns its number, else 0."""

    def sign() -> int:
        written = checkpoints.write_when_due(now)
        return written.seq if written else 0

    return jobs.do(jobs.SIGN, now, sign)


def forget_answers(now: datetime) -> int:
    """Forgets the answers to writes that were kept for a day; returns how many."""
    return jobs.do(jobs.FORGET, now, lambda: tokens.forget_answers(now))
