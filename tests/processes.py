"""The product as processes of its own: granian, a Celery worker, beat, and a Valkey that a test may empty or kill."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import redis

from tests.servers import ROOT, FreshDatabase
from tests.sinks import SmtpSink
from tracker.embedded.family import Child, Family
from tracker.embedded.valkey import Valkey


def wait_until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true answer of the condition; raises AssertionError naming `what` after that many seconds."""
    give_up = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < give_up, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Product:
    """The running product; `url` is its address, `home` holds the output of its processes."""

    home: Path
    family: Family
    valkey: Valkey
    port: int
    environment: dict[str, str]

    @property
    def url(self) -> str:
        """The address of its web server."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, name: str, *command: str) -> Child:
        """Starts a Python module as a process of the product."""
        return self.family.start(
            name,
            [sys.executable, "-m", *command],
            self.home / f"{name}.log",
            environment=self.environment,
            directory=ROOT,
        )

    def start_web(self) -> Child:
        """Granian, and waits until it answers."""
        web = self.start(
            "web", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(self.port),
            "--workers", "1", "--blocking-threads", "2", "--no-ws", "--log-level", "warning",
            "tracker.wsgi:application",
        )  # fmt: skip
        wait_until(self._answers, 30, "the web server answers")
        return web

    def start_worker(self) -> Child:
        """One Celery worker with one child process."""
        return self.start(
            "worker", "celery", "-A", "tracker.celery:app", "worker", "--pool", "prefork", "--concurrency", "1",
            "--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat",
        )  # fmt: skip

    def start_beat(self) -> Child:
        """Celery beat."""
        return self.start(
            "beat", "celery", "-A", "tracker.celery:app", "beat", "--loglevel",
            "WARNING",
        )  # fmt: skip

    def kill(self, child: Child) -> None:
        """`kill -9` of the process and of everything it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.process.wait()
        self.family.forget(child)

    def empty_redis(self) -> None:
        """FLUSHALL: everything that Redis knew is gone."""
        with redis.Redis(unix_socket_path=str(self.valkey.socket)) as client:
            client.flushall()

    def output(self) -> str:
        """What the processes said, for the message of a failed test."""
        return "\n".join(f"{path.name}: {path.read_text()[-2000:]}" for path in self.home.glob("*.log"))

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/livez", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False


@contextlib.contextmanager
def product(database: FreshDatabase, sink: SmtpSink) -> Iterator[Product]:
    """A product on that database that mails to that sink; nothing of it is left afterwards."""
    with tempfile.TemporaryDirectory(prefix="accord-story-", dir="/tmp") as place, Family() as family:
        home = Path(place)
        valkey = Valkey(home / "vk", family)
        valkey.start()
        port = free_port()
        environment = database.environment(
            REDIS_URL=valkey.url,
            SITE_URL=f"http://127.0.0.1:{port}",
            ALLOWED_HOSTS="127.0.0.1",
            EMAIL_HOST=sink.host,
            EMAIL_PORT=str(sink.port),
            BEAT_SECONDS="1",
        )
        yield Product(home, family, valkey, port, environment)
