"""The post room as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    """Who wants to know, and getting it to them."""

    name = "notifications"
    verbose_name = _("The post room")
