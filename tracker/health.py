"""`/livez` and `/readyz`: whether this process lives, and whether it can serve, with how fresh the work is.

`/readyz` is 503 only when this process itself cannot serve (its database is out of reach): a dead scanner must not
take the pages down with it. What is late stands in the body, for a monitor to read. `/metrics` goes in here, too.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
import structlog
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from commitments import checkpoints, jobs
from commitments.log import head
from notifications import home
from notifications.models import Line
from notifications.outbox import oldest_waiting
from tracker import metrics

log = structlog.get_logger(__name__)


class Probes:
    """Answers the two addresses before anything else: no host name, session or language is asked of a monitor."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/livez":
            return _answer({"status": "alive"}, 200)
        if request.path == "/readyz":
            return readyz()
        if request.path == "/metrics":
            return metrics.answer(request)
        return self.get_response(request)


def _answer(body: dict[str, Any], status: int) -> HttpResponse:
    response = HttpResponse(orjson.dumps(body), status=status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    if status == 503:
        response.headers["Retry-After"] = "5"
    return response


def _age(since: datetime | None, now: datetime) -> float | None:
    """Seconds since an instant, a tenth exact; None for none."""
    return None if since is None else round(max((now - since).total_seconds(), 0.0), 1)


def readings(now: datetime) -> dict[str, Any]:
    """Ages in seconds of each job's last look (None: never), of the oldest mail that is overdue, and the log's head."""
    beats = jobs.last_looks()
    waiting = oldest_waiting()
    down = set(Line.objects.filter(down_since__isnull=False).values_list("name", flat=True))
    return {
        **{f"last_{name}_seconds": _age(beats.get(name), now) for name in jobs.ALL},
        "late": [job.name for job in jobs.late(beats, now)],
        "oldest_waiting_mail_seconds": _age(waiting, now) if waiting and waiting <= now else 0.0,
        "mail_server_down": "email" in down,
        "bounce_mailbox_down": "mailbox" in down,
        "sending": "held back: a copy" if home.is_stranger() else "on",
        "log_head": head().cursor,
        "checkpoints": checkpoints.last_seconds(now),
    }


def readyz() -> HttpResponse:
    """200 with the readings, or 503 when the database is out of reach."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 3000")
        body = readings(timezone.now())
        with connection.cursor() as cursor:
            cursor.execute("RESET statement_timeout")
    except DatabaseError:
        log.error("not_ready", why="database out of reach")
        connection.close()
        return _answer({"status": "unavailable", "database": "out of reach"}, 503)
    return _answer({"status": "ready", "database": "reached", **body}, 200)
