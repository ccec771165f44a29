"""The ground a benchmark stands on: a private PostgreSQL with its durability on, migrated, and empty."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tracker.embedded.family import Family
from tracker.embedded.postgres import Postgres


@contextlib.contextmanager
def ground() -> Iterator[Family]:
    """Starts the server, points Django at it and migrates; everything is gone afterwards.

    What the caller's environment says of servers is overwritten: a benchmark never touches real data.
    """
    home = Path(tempfile.mkdtemp(prefix="accord-bench-", dir="/tmp"))
    with Family() as family:
        postgres = Postgres(home / "pg", family, connections=100)
        try:
            postgres.start()
            postgres.create("bench")
            os.environ.update(
                ACCORD_ENV="test",
                DJANGO_SETTINGS_MODULE="tracker.settings",
                DATABASE_URL=postgres.url("bench"),
                REDIS_URL="redis://127.0.0.1:1/0",
                SECRET_KEY=secrets.token_urlsafe(64),
                SITE_URL="http://bench.example",
                LOG_LEVEL="WARNING",
                STATIC_ROOT=str(home / "static"),
            )
            import django

            django.setup()
            from django.core.management import call_command

            call_command("migrate", verbosity=0)
            yield family
            from django.db import connections

            connections.close_all()
        finally:
            family.close()
            shutil.rmtree(home, ignore_errors=True)
            if postgres.home.exists():
                shutil.rmtree(postgres.home, ignore_errors=True)
