"""The demo's processes: the servers, the mail catcher, the web server, the Celery worker and beat."""

from __future__ import annotations

import os
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tracker.bootstrap import ROOT, Refusal
from tracker.demo import given, state
from tracker.demo.steps import Step, Steps
from tracker.embedded.family import Child, Family
from tracker.embedded.postgres import Postgres
from tracker.embedded.valkey import Valkey

# What the processes get of the caller's environment: nothing that could point at a real server or mailbox.
PASSED_ON = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LANGUAGE",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "LOG_LEVEL",
    "BEAT_SECONDS",
)
# A process that dies more often than this within a minute is not started again.
RESTARTS_A_MINUTE = 5


class Processes:
    """Everything that runs in a demo; `family` ends it, the youngest first."""

    def __init__(self, place: Path, family: Family, url: str, port: int) -> None:
        self.place = place
        self.family = family
        self.url = url
        self.port = port
        self.postgres: Postgres | None = None
        self.valkey: Valkey | None = None
        self.database_url = os.environ.get("DATABASE_URL", "")
        self.redis_url = os.environ.get("REDIS_URL", "")
        self.catcher_port = 0
        self.deaths: dict[str, list[float]] = {}

    @contextmanager
    def cleaned_up(self) -> Iterator[None]:
        """Removes the sockets that had to live elsewhere, when everything has ended."""
        try:
            yield
        finally:
            for server in (self.postgres, self.valkey):
                if server is not None:
                    server.remove_sockets()

    def reset(self) -> None:
        """Deletes the demo's directory, and the data that `nobody` owns for it."""
        state.empty(self.place)
        if not self.database_url:
            shutil.rmtree(Postgres(self.place / "postgres", self.family).home, ignore_errors=True)

    def make_directories(self) -> None:
        """Logs and mails; the secrets are made now, so that they are there when the accounts need them."""
        for name in ("logs", "mails"):
            (self.place / name).mkdir(mode=0o700, exist_ok=True)
        for log in (self.place / "logs").glob("*.log"):
            if log.stat().st_size > 5_000_000:
                log.unlink()
        state.read_secrets(self.place)

    def start_database(self, *, reset: bool) -> str:
        """PostgreSQL of our own, or the given one when it is empty or a demo's; returns what it is."""
        if self.database_url:
            given.check_database(self.database_url, reset=reset)
            return "the one of DATABASE_URL"
        self.postgres = Postgres(self.place / "postgres", self.family)
        self.postgres.start()
        if not self.postgres.has("accord"):
            self.postgres.create("accord")
        self.database_url = self.postgres.url("accord")
        return f"version {self.postgres.programs.major}"

    def start_redis(self, *, reset: bool) -> str:
        """Valkey of our own, or the given server when its database is empty or a demo's."""
        if self.redis_url:
            given.check_redis(self.redis_url, reset=reset)
            return "the one of REDIS_URL"
        self.valkey = Valkey(self.place / "valkey", self.family)
        self.valkey.start()
        self.redis_url = self.valkey.url
        return ""

    def start_catcher(self) -> str:
        """The SMTP catcher; waits until it listens and learns its port."""
        told = self.place / "mails" / "port"
        told.unlink(missing_ok=True)
        child = self._start(
            "catcher", "tracker.demo.catcher", str(self.place / "mails"), str(self.catcher_port)
        )
        self._wait(child, told.exists, 20)
        self.catcher_port = int(told.read_text())
        return f"smtp://127.0.0.1:{self.catcher_port}"

    def environment(self) -> dict[str, str]:
        """The settings of every process of the demo, and of commands that use its servers."""
        return {
            "ACCORD_ENV": "demo",
            "DJANGO_SETTINGS_MODULE": "tracker.settings",
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "SECRET_KEY": state.read_secrets(self.place)["SECRET_KEY"],
            "CHECKPOINT_KEY": state.read_secrets(self.place)["CHECKPOINT_KEY"],
            "SITE_URL": self.url,
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": str(self.catcher_port),
            "ALERT_HOLD_SECONDS": "5",
            "DEFAULT_FROM_EMAIL": "Accord Tracker <alerts@demo.example>",
            "METRICS_LOOPBACK": "true",
            "DEMO_MAIL_DIR": str(self.place / "mails"),
            "STATIC_ROOT": str(self.place / "static"),
        }

    def prepare(self, steps: Steps, files: list[Path]) -> None:
        """Tables, accords, accounts; shows each step. Raises Refusal with what went wrong."""
        arguments = [str(self.place / "secrets.json"), *(str(file) for file in files)]
        (self.place / "logs" / "preparing.log").unlink(missing_ok=True)
        child = self._start("preparing", "tracker.demo.preparing", *arguments, is_heard=True)
        step: Step | None = None
        assert child.process.stdout is not None
        with child.process.stdout as output:
            try:
                for line in output:
                    kind, _, text = line.decode(errors="replace").strip().partition(" ")
                    if kind == "begin":
                        step = steps.begin(text)
                    elif kind == "at" and step:
                        done, total, stage = text.split(" ", 2)
                        step.at(int(done), int(total), stage)
                    elif kind == "end" and step:
                        step.end(text)
                        step = None
            finally:
                if step:
                    step.fail()
        code = child.process.wait()
        self.family.forget(child)
        if code:
            raise Refusal(child.last_words(6) or f"preparing the data failed with exit code {code}")

    def start_product(self) -> None:
        """The production processes: granian, one Celery worker, Celery beat."""
        self.start_web()
        self.start_worker()
        self.start_beat()

    def start_web(self) -> Child:
        """Granian with one process and a few threads."""
        return self._start(
            "web", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(self.port),
            "--workers", "1", "--blocking-threads", "4", "--no-ws", "--log-level", "warning",
            "--respawn-failed-workers", "tracker.wsgi:application",
        )  # fmt: skip

    def start_worker(self) -> Child:
        """A Celery worker with two processes, so that one long task never holds the clock up."""
        return self._start(
            "worker", "celery", "-A", "tracker.celery:app", "worker", "--pool", "prefork", "--concurrency", "2",
            "--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat",
        )  # fmt: skip

    def start_beat(self) -> Child:
        """The clock; its schedule is in the code, so it keeps no file."""
        return self._start(
            "beat", "celery", "-A", "tracker.celery:app", "beat",
            "--loglevel", "WARNING",
        )  # fmt: skip

    def wait_until_it_answers(self) -> None:
        """Returns when the front page answers 200 and the worker and the beat run."""
        watched = [child for child in self.family.children if child.name in {"web", "worker", "beat"}]
        web = next(child for child in watched if child.name == "web")
        self._wait(web, self._answers, 60)
        for child in watched:
            if not child.is_running():
                raise Refusal(f"the {child.name} ended: {child.last_words()}")

    def _answers(self) -> bool:
        """True when the web server answers at all; a page that fails is shown as it is."""
        try:
            # The address is ours, on this machine; proxies of the environment have no part in it.
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(f"{self.url}/", timeout=10) as response:
                return bool(response.status == 200)
        except urllib.error.HTTPError as error:
            raise Refusal(
                f"the front page answers {error.code}; see {self.place / 'logs' / 'web.log'}"
            ) from None
        except OSError:
            return False

    def keep_running(self) -> None:
        """Starts again what ends by itself; raises Refusal when something ends again and again."""
        start_again = {
            "web": self.start_web, "worker": self.start_worker, "beat": self.start_beat,
            "catcher": self.start_catcher, "postgres": self._postgres_again, "valkey": self._valkey_again,
        }  # fmt: skip
        while True:
            time.sleep(0.5)
            for rank, child in enumerate(list(self.family.children)):
                if child.is_running():
                    continue
                self._count_death(child)
                self.family.stop(child)  # whatever it has left in its process group
                start_again[child.name]()
                # Keeps its rank: the servers are ended last.
                self.family.children.insert(rank, self.family.children.pop())

    def _count_death(self, child: Child) -> None:
        """Says that a process ended; raises Refusal at the sixth time within a minute."""
        now = time.monotonic()
        times = [at for at in self.deaths.get(child.name, []) if now - at < 60] + [now]
        self.deaths[child.name] = times
        how = f"{child.name} ended (code {child.process.returncode})"
        if len(times) > RESTARTS_A_MINUTE:
            raise Refusal(f"{how} {len(times)} times within a minute: {child.last_words()}")
        print(f"  {time.strftime('%H:%M:%S')}  {how}; starting it again.", flush=True)

    def _postgres_again(self) -> None:
        """The same server on the same data."""
        assert self.postgres is not None
        self.postgres.start()

    def _valkey_again(self) -> None:
        """The same server, empty: nothing in it may be missed."""
        assert self.valkey is not None
        self.valkey.start()

    def _start(self, name: str, module: str, *arguments: str, is_heard: bool = False) -> Child:
        """Starts a Python module as a process of the demo; its output goes to `logs/NAME.log`, or to us and
        only its errors there when it `is_heard`."""
        kept = {key: value for key, value in os.environ.items() if key in PASSED_ON or key.startswith("LC_")}
        return self.family.start(
            name,
            [sys.executable, "-m", module, *arguments],
            self.place / "logs" / f"{name}.log",
            environment=kept | self.environment() | {"PYTHONUNBUFFERED": "1"},
            directory=ROOT,
            is_heard=is_heard,
        )

    @staticmethod
    def _wait(child: Child, condition: Callable[[], bool], seconds: float) -> None:
        """Waits for a condition while the child lives; raises Refusal with its last words when it does not."""
        give_up = time.monotonic() + seconds
        while not condition():
            if not child.is_running():
                raise Refusal(f"the {child.name} ended: {child.last_words() or child.process.returncode}")
            if time.monotonic() > give_up:
                raise Refusal(f"the {child.name} did not answer within {seconds:.0f} s: {child.last_words()}")
            time.sleep(0.05)
