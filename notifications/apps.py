"""The post room as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    """Who wants to know, and getting it to them."""

    name = "notifications"
    verbose_name = _("The post room")

    def ready(self) -> None:
        """Enters the post room among those who can say how many an event would reach, and what still waits; and its
        jobs."""
        from commitments import announcing, jobs
        from notifications.calling import CALL
        from notifications.delivering import DELIVER
        from notifications.fanning import FAN_OUT
        from notifications.mailbox import COLLECT
        from notifications.outbox import oldest_waiting
        from notifications.planning import PLAN
        from notifications.pruning import PRUNE
        from notifications.reminding import FIRE
        from notifications.telling import audience_of
        from notifications.troubles import what_is_wrong

        if audience_of not in announcing.count_audience:
            announcing.count_audience.append(audience_of)
        if oldest_waiting not in announcing.oldest_waiting:
            announcing.oldest_waiting.append(oldest_waiting)
        if what_is_wrong not in announcing.troubles:
            announcing.troubles.append(what_is_wrong)
        jobs.enter(
            jobs.Job(FAN_OUT, _("News was given out")),
            jobs.Job(PLAN, _("Reminders were planned")),
            jobs.Job(FIRE, _("Reminders were given out")),
            jobs.Job(DELIVER, _("Mail was sent out")),
            jobs.Job(CALL, _("Webhooks that are owed were looked for")),
            jobs.Job(COLLECT, _("The mailbox of bounces was looked at"), 10 * jobs.SILENCE),
            jobs.Job(PRUNE, _("What is no longer needed was cleared away"), 3 * jobs.HOUR),
        )
