"""The frame as a Django app: templates, static files, commands; and the name that staff read over django-axes."""

from axes.apps import AppConfig as AxesConfig
from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TrackerConfig(AppConfig):
    """Makes the frame's templates, static files and management commands visible to Django."""

    name = "tracker"


class SignInsConfig(AxesConfig):  # type: ignore[misc]
    """django-axes under a name that says what it keeps."""

    default = False
    verbose_name = _("Attempts to sign in")
