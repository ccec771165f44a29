"""A site of a test's own and a browser to look at it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from playwright.sync_api import Browser, sync_playwright

from tests.servers import ROOT, FreshDatabase


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def site(fresh_db: FreshDatabase, settings: Any) -> Iterator[str]:
    """The address of a site of this test's own, which is empty."""
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    server = ThreadedWSGIServer(("127.0.0.1", 0), _Quiet, connections_override={})
    server.set_app(get_wsgi_application())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def accords(site: str) -> None:
    """Both accords, as the demo has them."""
    for name in ("japan-ukraine-2024", "example-accord"):
        call_command("load_accord", Path(ROOT, "fixtures", f"{name}.yaml"), verbosity=0)


@pytest.fixture
def browser(chromium: str) -> Iterator[Browser]:
    """A chromium without a window."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()
