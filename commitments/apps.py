"""The record as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CommitmentsConfig(AppConfig):
    """What was promised and what became of it."""

    name = "commitments"
    verbose_name = _("The record")
