"""The ground a benchmark stands on: a private PostgreSQL with its durability on, and an empty database for each."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tracker.bootstrap import ROOT
from tracker.embedded.family import Family
from tracker.embedded.postgres import Postgres

TEMPLATE = "bench_template"


@dataclass(frozen=True, slots=True)
class Ground:
    """A running server whose template has the product's tables."""

    postgres: Postgres
    home: Path

    def environment(self, database: str) -> dict[str, str]:
        """For a process on that database. What the caller's environment says of servers is overwritten: a benchmark
        never touches real data."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")},
            "PYTHONPATH": str(ROOT),
            "ACCORD_ENV": "test",
            "DJANGO_SETTINGS_MODULE": "tracker.settings",
            "DATABASE_URL": self.postgres.url(database),
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "SECRET_KEY": secrets.token_urlsafe(64),
            "SITE_URL": "http://bench.example",
            "LOG_LEVEL": "WARNING",
            "STATIC_ROOT": str(self.home / "static"),
        }

    def run(self, database: str, *module: str) -> int:
        """Runs a Python module on that database; returns its exit code."""
        command = [sys.executable, "-m", *module]
        return subprocess.run(command, env=self.environment(database), cwd=ROOT, check=False).returncode

    def measure(self, name: str, options: list[str]) -> int:
        """Runs one benchmark on a database of its own, which is gone afterwards; returns its exit code."""
        database = f"bench_{name}"
        self.postgres.create(database, TEMPLATE)
        try:
            return self.run(database, "tracker.bench.one", name, *options)
        finally:
            self.postgres.drop(database)


@contextlib.contextmanager
def ground() -> Iterator[Ground]:
    """Starts the server and migrates; everything is gone afterwards. Raises NoProgram where it cannot start."""
    home = Path(tempfile.mkdtemp(prefix="accord-bench-", dir="/tmp"))
    with Family() as family:
        postgres = Postgres(home / "pg", family, connections=100)
        try:
            postgres.start()
            postgres.create(TEMPLATE)
            found = Ground(postgres, home)
            if found.run(TEMPLATE, "django", "migrate", "--verbosity", "0"):
                raise RuntimeError("the tables could not be made")
            yield found
        finally:
            family.close()
            postgres.remove_sockets()
            shutil.rmtree(home, ignore_errors=True)
            if postgres.home.exists():
                shutil.rmtree(postgres.home, ignore_errors=True)
