"""Statements that one worker runs a hundred thousand times: planned once, and asked while something else is done."""

from __future__ import annotations

import functools
import re
import select
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db import connection
from psycopg import pq

_PLACE = re.compile(r"%\((\w+)\)s")
# What each connection has planned; a connection that is made anew has planned nothing.
_planned: WeakKeyDictionary[Any, dict[str, bytes]] = WeakKeyDictionary()


@functools.lru_cache(maxsize=32)
def _numbered(statement: str) -> tuple[bytes, tuple[str, ...]]:
    """The statement as the server reads it (`$1`), and the names of its values in that order."""
    names = tuple(dict.fromkeys(_PLACE.findall(statement)))
    text = _PLACE.sub(lambda found: f"${names.index(found[1]) + 1}", statement)
    return text.replace("%%", "%").encode(), names


def first_row(statement: str, values: Mapping[str, Any]) -> Any:
    """The first row, or None."""
    return next(iter(rows(statement, values)), None)


def rows(statement: str, values: Mapping[str, Any]) -> list[Any]:
    """All rows. Planning these statements would take longer than running them."""
    connection.ensure_connection()
    raw = connection.connection
    if raw.prepare_threshold is None:  # Django's default; its own cursors never prepare, whatever stands here
        raw.prepare_threshold = 5
    with connection.wrap_database_errors, psycopg.Cursor(raw) as cursor:
        cursor.execute(statement, values, prepare=True)
        return cursor.fetchall()


def several(them: Iterable[object]) -> str:
    """Numbers or keys as one value, `{1,2,3}`: a list would be dumped and named item by item."""
    return "{" + ",".join(map(str, them)) + "}"


def counts(
    statement: str, values: Mapping[str, str | None], meanwhile: Callable[[], None] | None = None
) -> tuple[int, ...]:
    """The one row of whole numbers that the statement gives; `meanwhile` is done while the server works, and must not
    touch the database.

    Every value goes as text, so the statement names the type of each. Raises what Django raises for the database.
    """
    if connection.in_atomic_block:  # one among several statements: the short way takes no part in that
        row = first_row(statement, values)
        if meanwhile is not None:
            meanwhile()
        return tuple(int(number) for number in row)
    connection.ensure_connection()
    raw = connection.connection
    _numbers, names = _numbered(statement)
    said = [None if (value := values[it]) is None else value.encode() for it in names]
    with connection.wrap_database_errors, raw.lock:
        try:
            result = _asked(raw, statement, said, meanwhile)
        except psycopg.errors.InvalidSqlStatementName:
            # A rollback on this connection has made the server forget what it had planned. Nothing was done.
            _planned.pop(raw, None)
            result = _asked(raw, statement, said, None)
        return tuple(int(result.get_value(0, place) or 0) for place in range(result.nfields))


def _asked(raw: Any, statement: str, said: list[bytes | None], meanwhile: Callable[[], None] | None) -> Any:
    server = raw.pgconn
    server.send_query_prepared(_name(raw, server, statement), said)
    _flush(server)
    try:
        if meanwhile is not None:
            meanwhile()
    finally:
        result = _answer(server)
    return _good(raw, result)


def _name(raw: Any, server: Any, statement: str) -> bytes:
    known = _planned.setdefault(raw, {})
    if statement not in known:
        name = f"post_room_{len(known)}".encode()
        text, _names = _numbered(statement)
        server.send_prepare(name, text)
        _flush(server)
        _good(raw, _answer(server))
        known[statement] = name
    return known[statement]


def _flush(server: Any) -> None:
    while server.flush():  # the socket is full
        select.select([], [server.socket], [])


def _answer(server: Any) -> Any:
    """The answer to one statement. Waiting through psycopg's generators takes longer than these statements do. Raises
    psycopg.OperationalError when the line breaks."""
    waiting = select.poll()
    waiting.register(server.socket, select.POLLIN)
    while server.is_busy():
        waiting.poll()
        server.consume_input()
    result = server.get_result()
    while server.get_result() is not None:
        pass
    return result


def _good(raw: Any, result: Any) -> Any:
    if result.status not in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
        raise psycopg.errors.error_from_result(result, encoding=raw.info.encoding)
    return result
