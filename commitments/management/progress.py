"""A bar on the terminal that says how far a command is; silent where nobody watches."""

from __future__ import annotations

import sys
from typing import TextIO

WIDTH = 24


class Bar:
    """Draws one line and draws it anew; `end` leaves it standing."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr
        self.is_watched = self.stream.isatty()
        self._is_drawn = False

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Shows how many of how many are done."""
        if self.is_watched:
            filled = WIDTH * done // max(total, 1)
            bar = "#" * filled + "." * (WIDTH - filled)
            self.stream.write(f"\r  {stage:<12} [{bar}] {done}/{total} ")
            self.stream.flush()
            self._is_drawn = True

    def end(self) -> None:
        """Goes on to the next line, where a bar was drawn."""
        if self._is_drawn:
            self.stream.write("\n")
            self._is_drawn = False
