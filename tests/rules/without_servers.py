"""A pytest plugin for the mutation run: Django configured, no server and no database, since the rules need none."""

from __future__ import annotations

import os

os.environ.update(
    {
        "ACCORD_ENV": "test",
        "DJANGO_SETTINGS_MODULE": "tracker.settings",
        "DATABASE_URL": "postgres://nobody@localhost/none",
        "REDIS_URL": "redis://localhost/0",
        "SECRET_KEY": "only-for-rules-that-read-no-database-and-sign-nothing-at-all",
        "SITE_URL": "http://localhost",
    }
)

import django  # noqa: E402 - the environment first

django.setup()
