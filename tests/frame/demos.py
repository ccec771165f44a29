"""Runs the demo as a person would, and looks at it from outside."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx

from tests.servers import ROOT

# What no process of the demo may get of the caller's environment; the tests' own servers least of all.
HIDDEN = (
    "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "SITE_URL", "ACCORD_ENV", "DJANGO_SETTINGS_MODULE", "STATIC_ROOT",
    "BEAT_SECONDS",
)  # fmt: skip


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Demo:
    """One demo with its data in `home`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[str] | None = None
        self.output = ""

    def command(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Starts a command of manage.py in the demo's clone."""
        environment = {key: value for key, value in os.environ.items() if key not in HIDDEN}
        environment |= {"ACCORD_DEMO_HOME": str(self.home), "ACCORD_USE_THIS_PYTHON": "1", **more}
        return subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, **more: str) -> tuple[int, str]:
        """Runs a command to its end: its exit code and what it said."""
        process = self.command(*arguments, **more)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output

    def launch(self, *arguments: str, **more: str) -> None:
        """Starts the demo and listens to what it says."""
        self.process = self.command("demo", "--port", str(self.port), *arguments, **more)
        self.output = ""
        threading.Thread(target=self._listen, args=(self.process,), daemon=True).start()

    def start(self, *arguments: str, **more: str) -> float:
        """Starts the demo and returns after how many seconds it answered; fails with what it said."""
        began = time.monotonic()
        self.launch(*arguments, **more)
        self.wait_to_hear("\n  administrator ", 90)
        assert httpx.get(f"{self.url}/", timeout=30, trust_env=False).status_code == 200
        return time.monotonic() - began

    def end(self, number: int) -> int:
        """Sends the command a signal, waits, and returns its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def _listen(self, process: subprocess.Popen[str]) -> None:
        """Takes down what it says, so that it never waits for a listener."""
        assert process.stdout is not None
        for line in process.stdout:
            self.output += line

    def wait_to_hear(self, words: str, seconds: float = 30) -> None:
        """Returns when it has said the words; fails with what it said when it ends, or after so many seconds."""
        give_up = time.monotonic() + seconds
        while words not in self.output:
            assert self.process is not None
            assert self.process.poll() is None, f"it ended (code {self.process.returncode}):\n{self.output}"
            assert time.monotonic() < give_up, f"it did not say {words!r}:\n{self.output}"
            time.sleep(0.05)

    def addresses(self) -> list[str]:
        """The addresses it has printed."""
        return re.findall(rf"{re.escape(self.url)}\S*", self.output)

    def passwords(self) -> dict[str, str]:
        """The accounts it has printed."""
        return dict(re.findall(r"^  (editor|reviewer|administrator) +(\S+)", self.output, re.MULTILINE))

    def processes(self) -> dict[int, int]:
        """Every living process that belongs to it, from outside: process id to proportional memory in kB."""
        mark = os.fsencode(self.home)
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                texts = [(entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()]
                texts.append(os.fsencode(os.readlink(entry / "cwd")))
                if any(mark in text for text in texts):
                    rollup = (entry / "smaps_rollup").read_text()
                    found[int(entry.name)] = int(re.findall(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[0])
            except (OSError, IndexError):
                continue
        return found

    def is_gone(self, seconds: float = 15) -> bool:
        """True when nothing of it runs any more, at the latest after so many seconds."""
        give_up = time.monotonic() + seconds
        while self.processes():
            if time.monotonic() > give_up:
                return False
            time.sleep(0.1)
        return True
