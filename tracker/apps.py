"""The frame as a Django app: templates, static files, commands."""

from django.apps import AppConfig


class TrackerConfig(AppConfig):
    """Makes the frame's templates, static files and management commands visible to Django."""

    name = "tracker"
