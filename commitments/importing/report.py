"""What a load tells: what it added, where file and record differ, and which line a verb refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from commitments.accord_files import AccordFile, BadFile, FileError
from commitments.refusals import Refused

Progress = Callable[[str, int, int], None]
Entry = dict[str, Any]
Place = tuple[str | int, ...]


@dataclass(slots=True)
class Report:
    """What a load did: how many rows it added by noun, and where the file and the record differ."""

    accord: str = ""
    added: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    def count(self, noun: str, number: int = 1) -> None:
        """Adds to the number of new rows of a noun."""
        self.added[noun] = self.added.get(noun, 0) + number


class At:
    """Turns a verb's refusal into an error of the file, with its line."""

    def __init__(self, file: AccordFile, path: Place) -> None:
        self.file = file
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Refused):
            name = self.file.name(self.path)
            raise BadFile(
                *(
                    FileError(self.file.line(self.path), f"{name}.{p.field}" if p.field else name, p.message)
                    for p in error.problems
                )
            ) from None


def day(text: str | None) -> date | None:
    """The date of an ISO text; None for none."""
    return date.fromisoformat(text) if text else None
