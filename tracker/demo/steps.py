"""How the demo shows what it is doing: one line per step, with a count of seconds where a terminal can show it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Steps:
    """Prints each step when it begins and how it ended."""

    def __init__(self) -> None:
        self.is_terminal = sys.stdout.isatty()

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """One step; what is given to the callable stands behind the time when it is done."""
        notes: list[str] = []
        began = time.monotonic()
        done = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(title, began, done), daemon=True)
        if self.is_terminal:
            ticker.start()
        try:
            yield notes.append
        except BaseException:
            done.set()
            if self.is_terminal:
                ticker.join()
                print(f"\r  {title:<42} failed")
            raise
        done.set()
        if self.is_terminal:
            ticker.join()
        text = "  ".join(note for note in notes if note)
        start = "\r" if self.is_terminal else ""
        print(f"{start}  {title:<42} {time.monotonic() - began:5.1f} s  {text}".rstrip(), flush=True)

    @staticmethod
    def _tick(title: str, began: float, done: threading.Event) -> None:
        """Keeps the line of the step in motion."""
        while not done.wait(0.2):
            print(f"\r  {title:<42} {time.monotonic() - began:5.1f} s", end="", flush=True)
