"""The test run's own PostgreSQL and Valkey: one pair for all workers, a migrated template, clones of it."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tracker.embedded.family import Family
from tracker.embedded.postgres import Postgres
from tracker.embedded.valkey import Valkey

ROOT = Path(__file__).resolve().parent.parent
HOME = "ACCORD_TEST_HOME"
TEMPLATE = "accord_template"


def set_environment(home: Path, postgres_url: str, redis_url: str) -> None:
    """Every setting the tests run with. What the caller's environment says is overwritten, never used: a test
    that reached a real database or broker would be a disaster."""
    for name in list(os.environ):
        if name.startswith(("EMAIL_", "DEMO_", "ALERT_", "ALLOWED_", "SECRET_KEY", "DJANGO_")):
            del os.environ[name]
    os.environ.update(
        {
            HOME: str(home),
            "ACCORD_ENV": "test",
            "DJANGO_SETTINGS_MODULE": "tracker.settings",
            "DATABASE_URL": postgres_url,
            "REDIS_URL": redis_url,
            "SECRET_KEY": secrets.token_urlsafe(64),
            "SITE_URL": "http://testserver",
            "DEBUG": "false",
            "BEAT_SECONDS": "1",
            "API_HEAD_MS": "0",
            "API_PER_MINUTE": "100000000",
            "ALERT_HOLD_SECONDS": "0",
            "LOG_LEVEL": "WARNING",
            "STATIC_ROOT": str(home / "static"),
        }
    )


class Servers:
    """The pair, owned by the process that controls the run. Starts in about a second."""

    def __init__(self) -> None:
        # Short, since Unix sockets live in it; private, since mkdtemp makes it so.
        self.home = Path(tempfile.mkdtemp(prefix="accord-test-", dir="/tmp"))
        self.family = Family()
        self.postgres = Postgres(self.home / "pg", self.family, durable=False, connections=200)
        self.valkey = Valkey(self.home / "vk", self.family)
        set_environment(self.home, self.postgres.url(TEMPLATE), self.valkey.url)
        # Empty, yet there: the server of static files warns at each client that is made without it.
        Path(os.environ["STATIC_ROOT"]).mkdir()

    def start(self) -> None:
        """Starts both, and lets the template be migrated while the tests are being collected."""
        self.postgres.start()
        self.valkey.start()
        self.postgres.create(TEMPLATE)
        migration = subprocess.Popen(
            [sys.executable, "-m", "django", "migrate", "--verbosity", "0"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._await, args=(migration,), daemon=True).start()

    def _await(self, migration: subprocess.Popen[str]) -> None:
        """Leaves the outcome in a file that every worker can see."""
        output, _ = migration.communicate()
        waiting = self.home / "template.new"
        waiting.write_text("" if migration.returncode == 0 else output or "it was ended")
        waiting.replace(self.home / "template")

    def stop(self) -> None:
        """Ends both and removes everything."""
        self.family.close()
        shutil.rmtree(self.home, ignore_errors=True)
        if self.postgres.home.exists():  # as root without namespaces it lives elsewhere
            shutil.rmtree(self.postgres.home, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class FreshDatabase:
    """A database of one test's own, and the environment for processes that shall work on it."""

    name: str
    url: str

    def environment(self, **more: str) -> dict[str, str]:
        """The environment for a process of the product on this database."""
        return {**os.environ, "DATABASE_URL": self.url, "PYTHONPATH": str(ROOT), **more}


def wait_for_template(timeout: float = 120.0) -> None:
    """Returns when the template is migrated; raises RuntimeError with the migration's own words."""
    outcome = Path(os.environ[HOME]) / "template"
    give_up = time.monotonic() + timeout
    while not outcome.exists():
        if time.monotonic() > give_up:
            raise RuntimeError(f"the template database was not ready after {timeout:.0f} s")
        time.sleep(0.05)
    if text := outcome.read_text():
        raise RuntimeError(f"the template database could not be migrated:\n{text}")


def address(database: str) -> str:
    """The address of another database on the run's server."""
    return os.environ["DATABASE_URL"].replace(
        f"/{os.environ['DATABASE_URL'].split('/')[3].split('?')[0]}?", f"/{database}?"
    )


@contextlib.contextmanager
def clone(prefix: str, template: str = TEMPLATE) -> Iterator[FreshDatabase]:
    """A new copy of the migrated template, or of another one, dropped afterwards with whoever is still connected to it."""
    wait_for_template()
    name = f"{prefix}_{uuid.uuid4().hex[:12]}"
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
    with psycopg.connect(address("postgres"), autocommit=True) as connection:
        connection.execute(copy.format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield FreshDatabase(name, address(name))
    finally:
        with psycopg.connect(address("postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )


@contextlib.contextmanager
def restored(prefix: str, original: str) -> Iterator[FreshDatabase]:
    """A database restored from a backup (pg_dump, pg_restore) into a new server of its own, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=f"accord-{prefix}-", dir="/tmp") as place, Family() as family:
        home = Path(place)
        backup = home / "backup.dump"
        server = Postgres(home / "pg", family, durable=False)
        server.start()
        try:
            server.create(prefix)
            for command in (
                ["pg_dump", "--format", "custom", "--file", str(backup), address(original)],
                ["pg_restore", "--exit-on-error", "--no-owner", "--dbname", server.url(prefix), str(backup)],
            ):
                program = server.programs.bin / command[0]
                done = subprocess.run(
                    [str(program), *command[1:]], capture_output=True, text=True, check=False
                )
                if done.returncode:
                    raise RuntimeError(f"{command[0]}: {done.stderr[-2000:]}")
            yield FreshDatabase(prefix, server.url(prefix))
        finally:
            server.stop()
            server.remove_sockets()
            if server.home != home / "pg":
                shutil.rmtree(server.home, ignore_errors=True)
