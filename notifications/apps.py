"""The post room as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    """Who wants to know, and getting it to them."""

    name = "notifications"
    verbose_name = _("The post room")

    def ready(self) -> None:
        """Enters the post room among those who can say how many an event would reach, and what still waits."""
        from commitments import announcing
        from notifications.outbox import oldest_waiting
        from notifications.telling import audience_of
        from notifications.troubles import what_is_wrong

        if audience_of not in announcing.count_audience:
            announcing.count_audience.append(audience_of)
        if oldest_waiting not in announcing.oldest_waiting:
            announcing.oldest_waiting.append(oldest_waiting)
        if what_is_wrong not in announcing.troubles:
            announcing.troubles.append(what_is_wrong)
