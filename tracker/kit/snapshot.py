"""One point in time for several reads: what a page or an answer shows must fit together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from psycopg import IsolationLevel


@contextmanager
def snapshot() -> Iterator[None]:
    """Reads inside see one state of the database (REPEATABLE READ, read only); nested, they join the outer one."""
    if connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()
    # The driver says it with BEGIN, which saves a message to the server for each answer.
    link: Any = connection.connection
    link.isolation_level, link.read_only = IsolationLevel.REPEATABLE_READ, True
    try:
        with transaction.atomic():
            yield
    finally:
        if not link.closed:
            link.isolation_level = link.read_only = None
