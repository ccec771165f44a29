"""What every test may ask for: the run's own servers, databases, a mail sink, a browser."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import pytest
from django.conf import settings as configured
from pytest_django import DjangoDbBlocker

from tests import servers
from tests.servers import FreshDatabase, Servers
from tests.sinks import SmtpSink
from tests.web_sinks import WebSink, web_sink
from tracker.kit.briefly import forget_all

# The process that controls the run owns the servers; its workers find them in the environment. The addresses
# are set while this file is imported, since the settings are read before any hook of ours could run.
_own: Servers | None = None
if "PYTEST_XDIST_WORKER" not in os.environ:
    if configured.configured:
        # DJANGO_SETTINGS_MODULE in the environment has made pytest-django read the settings already, and with them
        # the caller's database: no test may run on that.
        pytest.exit("Unset DJANGO_SETTINGS_MODULE: the tests bring their own settings and servers.", 4)
    _own = Servers()

# Only now, so that nothing can have read the settings of the caller's environment.
import django  # noqa: E402
from django.conf import settings as django_settings  # noqa: E402
from django.db import connection, connections  # noqa: E402

assert django_settings.ACCORD_ENV == "test"
django.setup()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first."""
    items.sort(key=lambda item: item.get_closest_marker("processes") is None)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Starts the servers before the workers start."""
    if _own is not None and not session.config.option.collectonly:
        _own.start()


def pytest_unconfigure() -> None:
    """Ends the servers after the last worker."""
    if _own is not None:
        _own.stop()


def _switch(name: str) -> str:
    """Points every thread's next connection at another database; returns the name that stood there."""
    connections.close_all()
    before = str(connection.settings_dict["NAME"])
    connection.settings_dict["NAME"] = name
    return before


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """One clone of the migrated template per worker; tests with `db` leave it as it was, by rolling back."""
    with servers.clone("worker") as database:
        with django_db_blocker.unblock():
            before = _switch(database.name)
        yield
        with django_db_blocker.unblock():
            _switch(before)


@pytest.fixture
def fresh_db(
    request: pytest.FixtureRequest,
    django_test_environment: None,
    django_db_blocker: DjangoDbBlocker,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[FreshDatabase]:
    """A database of this test's own, for real commits, threads and processes. Never emptied (the log's
    triggers forbid it) but dropped. Not together with `db`, which would hold it in a transaction."""
    assert "db" not in request.fixturenames, "use either db or fresh_db"
    with servers.clone("fresh") as database, django_db_blocker.unblock():
        before = _switch(database.name)
        monkeypatch.setenv("DATABASE_URL", database.url)
        try:
            yield database
        finally:
            monkeypatch.undo()
            _switch(before)


@pytest.fixture(autouse=True)
def _read_anew() -> None:
    """What the process has just read is of the database of the test before."""
    forget_all()


@pytest.fixture
def redis_url(worker_id: str) -> str:
    """An empty numbered database of this worker's own on the run's Valkey. For FLUSHALL and for killing it
    take `private_valkey`."""
    import redis

    number = (int(worker_id.removeprefix("gw")) + 1) % 16 if worker_id != "master" else 0
    home = Path(os.environ[servers.HOME])
    path = home / "vk" / "run" / "valkey.sock"
    with redis.Redis(unix_socket_path=str(path), db=number) as client:
        client.flushdb()
    return f"redis+socket://{path}?virtual_host={number}"


@pytest.fixture
def sink(settings: Any) -> Iterator[WebSink]:
    """A web server of the test's own that the guarded client may go to."""
    with web_sink() as it:
        settings.OUTBOUND_LOOPBACK_PORTS = frozenset({it.port})
        yield it


@pytest.fixture
def smtp_sink(settings: object) -> Iterator[SmtpSink]:
    """A real SMTP server; this process's settings point at it (others need EMAIL_HOST and EMAIL_PORT)."""
    sink = SmtpSink()
    sink.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # type: ignore[attr-defined]
    settings.EMAIL_HOST, settings.EMAIL_PORT = sink.host, sink.port  # type: ignore[attr-defined]
    yield sink
    sink.stop()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a chromium. Without one the test is skipped, or fails when CI=true."""
    for name in (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"):
        if name and (found := shutil.which(name)):
            return found
    reason = "no chromium: install the package chromium, or set CHROMIUM to its path"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)
