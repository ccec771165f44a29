"""Work that lost a deadlock is done again: the database has undone all of it."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import OperationalError
from psycopg.errors import DeadlockDetected

P = ParamSpec("P")
R = TypeVar("R")


def again_after_deadlock(verb: Callable[P, R]) -> Callable[P, R]:
    """Repeats, twice at most, a verb of one transaction that lost a deadlock: it changed nothing."""

    @functools.wraps(verb)
    def repeated(*args: P.args, **kwargs: P.kwargs) -> R:
        for pause in (0.05, 0.2):
            try:
                return verb(*args, **kwargs)
            except OperationalError as error:
                if not isinstance(error.__cause__, DeadlockDetected):
                    raise
                time.sleep(pause)
        return verb(*args, **kwargs)

    return repeated
