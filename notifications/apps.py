"""The post room as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    """Who wants to know, and getting it to them."""

    name = "notifications"
    verbose_name = _("The post room")

    def ready(self) -> None:
        """Enters the post room among those who can say how many people an event would reach."""
        from commitments.announcing import count_audience
        from notifications.telling import audience_of

        if audience_of not in count_audience:
            count_audience.append(audience_of)
