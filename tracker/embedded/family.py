"""Processes that never outlive the one that started them, not even when that is killed with SIGKILL."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType

GUARD = str(Path(__file__).with_name("guard.py"))
INTERPRETER = [sys.executable, "-I", "-S", GUARD]


class Child:
    """One process of the family: leader of a process group of its own, output in a file."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], stop_signal: int, log: Path) -> None:
        self.name = name
        self.process = process
        self.stop_signal = stop_signal
        self.log = log

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its group."""
        return self.process.pid

    def is_running(self) -> bool:
        """True until it has ended."""
        return self.process.poll() is None

    def last_words(self, lines: int = 3) -> str:
        """The end of its output, on one line, to be shown when it failed."""
        try:
            text = self.log.read_text(errors="replace")
        except OSError:
            return ""
        return " | ".join(line.strip() for line in text.splitlines()[-lines:] if line.strip())


class Family:
    """Starts children and ends them, the youngest first; a watchdog ends them should we be killed.

    Start children from the main thread: Linux counts the end of the thread that forked as the parent's death.
    `keep_open` are descriptors that the watchdog holds until all have ended: a lock stays locked that long.
    """

    def __init__(self, keep_open: Iterable[int] = ()) -> None:
        self.children: list[Child] = []
        reading, self._pipe = os.pipe()
        os.set_inheritable(reading, False)
        self._watchdog = subprocess.Popen(
            [*INTERPRETER, "watch", str(reading)],
            pass_fds=(reading, *keep_open),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(reading)

    def __enter__(self) -> Family:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(
        self,
        name: str,
        command: list[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        stop_signal: int = signal.SIGTERM,
        identity: str = "same",
        directory: Path | None = None,
        is_heard: bool = False,
    ) -> Child:
        """Starts a program (its path absolute) in a session of its own; its output is added to `log`, or only
        its errors when it `is_heard`: then its output is read from `process.stdout`.

        `identity` is what `guard.become` understands. Raises OSError when the log cannot be written.
        """
        with log.open("ab") as output:
            process = subprocess.Popen(
                [
                    *INTERPRETER, "exec", str(os.getpid()), str(int(stop_signal)), str(self._pipe), identity,
                    *command,
                ],
                pass_fds=(self._pipe,),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if is_heard else output,
                stderr=output,
                env=None if environment is None else dict(environment),
                cwd=directory,
                start_new_session=True,
            )  # fmt: skip
        child = Child(name, process, stop_signal, log)
        self.children.append(child)
        return child

    def stop(self, child: Child, patience: float = 10.0) -> None:
        """Asks a child to end, makes it after `patience` seconds, and forgets it."""
        if child.is_running():
            _signal_group(child.pid, child.stop_signal)
            give_up = time.monotonic() + patience
            while child.is_running() and time.monotonic() < give_up:
                time.sleep(0.02)
        _signal_group(child.pid, signal.SIGKILL)  # also what the leader left behind in its group
        child.process.wait()
        self.forget(child)

    def forget(self, child: Child) -> None:
        """Tells the watchdog that a child has ended, so that its number may be used by others again."""
        if child in self.children:
            self.children.remove(child)
            os.write(self._pipe, b"- %d\n" % child.pid)

    def close(self, patience: float = 10.0) -> None:
        """Ends all, the youngest first, and then the watchdog."""
        for child in reversed(list(self.children)):
            self.stop(child, patience)
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
            self._watchdog.wait()


def _signal_group(group: int, number: int) -> None:
    """Sends a signal to a process group that may have ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
