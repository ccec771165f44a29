"""The product behind a web server of its own, for the benchmarks that ask it over loopback."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

from tracker.embedded.family import Child, Family


def commands(port: int) -> dict[str, list[str]]:
    """Two processes of four threads each: what an operator would start on two cores."""
    place = Path(sys.executable).parent
    where = f"127.0.0.1:{port}"
    return {
        "granian": [
            str(place / "granian"), "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "2",
            "--blocking-threads", "4", "--no-ws", "--log-level", "warning", "tracker.wsgi:application",
        ],
        "gunicorn": [
            str(place / "gunicorn"), "--bind", where, "--workers", "2", "--threads", "4", "--worker-class", "gthread",
            "--keep-alive", "30", "--log-level", "warning", "tracker.wsgi:application",
        ],
    }  # fmt: skip


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def started(family: Family, name: str, port: int, home: Path) -> Child:
    """One of the `commands`, once it takes connections; raises RuntimeError when it does not within a minute."""
    child = family.start(name, commands(port)[name], home / f"{name}.log", environment=dict(os.environ))
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return child
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{name} does not answer: {child.last_words(6)}")
