"""The Celery app: Redis only wakes; every obligation stands in a table, so a lost message costs a tick.

No result backend, no eta, countdown or retry. A message expires after 60 seconds, which a worker learns when it takes it;
that a stopped one does not come back to a mountain of them is the work of beat, which stops adding (beat.py). Socket
time-outs, so that a hung broker never holds a process up.
"""

import os

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")

from django.conf import settings  # noqa: E402  (the settings module must be named first)

app = Celery("tracker")


def broker(url: str) -> dict[str, object]:
    """The broker's settings for a Redis address; `redis+socket:///path` is a Unix socket."""
    options: dict[str, object] = {
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "retry_on_timeout": True,
        "health_check_interval": 10,
        "visibility_timeout": 3600,
    }
    return {"broker_url": url, "broker_transport_options": options}


app.conf.update(
    **broker(settings.REDIS_URL),
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    task_ignore_result=True,
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    task_publish_retry=False,
    task_serializer="json",
    accept_content=["json"],
    timezone="UTC",
    beat_scheduler="tracker.beat:Scheduler",
    beat_schedule={
        name: {"task": name, "schedule": seconds, "options": {"expires": 60}}
        for seconds, names in (
            (
                float(settings.BEAT_SECONDS),
                (
                    "commitments.scan",
                    "commitments.publish_planned",
                    "notifications.remind",
                    "notifications.fan_out",
                    "notifications.deliver",
                    "notifications.call",
                ),
            ),
            # Hourly chores ask a table when they were done last: a beat that starts anew each half hour skips none.
            (
                15.0,
                (
                    "commitments.draw_occurrences",
                    "commitments.write_checkpoint",
                    "commitments.prune_answers",
                    "notifications.prune",
                ),
            ),
            (
                60.0,
                ("notifications.collect_bounces",),
            ),
        )
        for name in names
    },
)
app.autodiscover_tasks()


@setup_logging.connect
def _use_our_logging(**_: object) -> None:
    """Celery leaves the log format to the settings."""
