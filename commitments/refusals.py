"""How a verb says no: the field, the rule, and a message in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: the field it is about (empty: the whole order), a stable code, the message."""

    field: str
    code: str
    message: str


class Refused(Exception):
    """A verb refuses an order; nothing was changed. Carries every problem that was found."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(" ".join(problem.message for problem in problems))
        self.problems: Sequence[Problem] = problems


class NotAllowed(Refused):
    """The actor's role does not permit this."""


class Stale(Refused):
    """Somebody else changed the row since the actor read it; the message carries both values."""


def refuse(field: str, code: str, message: str) -> Refused:
    """A refusal with one problem."""
    return Refused(Problem(field, code, message))
