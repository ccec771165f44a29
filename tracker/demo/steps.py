"""How the demo shows what it is doing: one line per step, which a terminal sees moving."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

WIDTH = 40


class Step:
    """One step: `at` says how far it is, `note` what came of it. Ended by `end` or `fail`."""

    def __init__(self, title: str, *, is_terminal: bool) -> None:
        self.title = title
        self.is_terminal = is_terminal
        self.began = time.monotonic()
        self.progress = ""
        self._ended = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)
        if is_terminal:
            self._ticker.start()

    def at(self, done: int, total: int, stage: str = "") -> None:
        """How far it is, for a terminal."""
        filled = 20 * done // max(total, 1)
        self.progress = f"[{'#' * filled}{'.' * (20 - filled)}] {done} of {total} {stage}"

    def end(self, note: str = "") -> None:
        """It is done."""
        self._stop()
        seconds = time.monotonic() - self.began
        self._print(f"  {self.title:<{WIDTH}} {seconds:5.1f} s  {note}".rstrip())

    def fail(self) -> None:
        """It did not work; why is told by whoever called."""
        self._stop()
        self._print(f"  {self.title:<{WIDTH}}  not finished")

    def _stop(self) -> None:
        """Stops the moving line."""
        self._ended.set()
        if self.is_terminal:
            self._ticker.join()

    def _print(self, line: str) -> None:
        """The step's last line, over the moving one."""
        print(f"\r\033[K{line}" if self.is_terminal else line, flush=True)

    def _tick(self) -> None:
        """Keeps the line in motion."""
        while not self._ended.wait(0.1):
            seconds = time.monotonic() - self.began
            line = f"  {self.title:<{WIDTH}} {seconds:5.1f} s  {self.progress}"
            print(f"\r\033[K{line[:110]}", end="", flush=True)


class Steps:
    """Prints each step when it is done, and on a terminal while it runs."""

    def __init__(self) -> None:
        self.is_terminal = sys.stdout.isatty()

    def begin(self, title: str) -> Step:
        """A step that somebody will end."""
        return Step(title, is_terminal=self.is_terminal)

    @contextmanager
    def step(self, title: str) -> Iterator[list[str]]:
        """A step that lasts as long as the block; what is put into the list stands behind its time."""
        step = self.begin(title)
        notes: list[str] = []
        try:
            yield notes
        except BaseException:
            step.fail()
            raise
        step.end("  ".join(note for note in notes if note))
