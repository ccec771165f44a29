"""Saving many rows in one statement: what bulk_update says in a CASE per row and column, PostgreSQL reads from arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models

BATCH = 5_000


def save_rows(rows: Iterable[models.Model], fields: Sequence[str]) -> None:
    """Saves the named fields of rows of one model, some thousand at a time; auto_now is not seen to."""
    given = iter(rows)
    while batch := list(islice(given, BATCH)):
        _save(batch, fields)


def _save(rows: Sequence[models.Model], names: Sequence[str]) -> None:
    meta = rows[0]._meta
    fields = [meta.get_field(name) for name in names]
    sets, given, params = [], ["%s::bigint[]"], [[row.pk for row in rows]]
    for number, field in enumerate(fields):
        assert isinstance(field, models.Field)
        kind = field.db_type(connection)
        values = [field.get_db_prep_save(getattr(row, field.attname), connection) for row in rows]
        if isinstance(field, ArrayField):
            # Lists of different lengths make no array of arrays: each goes as its text.
            values, given_kind = [_literal(value) for value in values], "text"
        else:
            given_kind = str(kind)
        sets.append(f'"{field.column}" = given.f{number}::{kind}')
        given.append(f"%s::{given_kind}[]")
        params.append(values)
    columns = ", ".join(["key", *(f"f{number}" for number in range(len(fields)))])
    with connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE "{meta.db_table}" AS old SET {", ".join(sets)} '  # noqa: S608
            f"FROM unnest({', '.join(given)}) AS given({columns}) WHERE old.id = given.key",
            params,
        )


def _literal(values: Sequence[Any] | None) -> str | None:
    """A list as PostgreSQL writes one; the values are instants and codes."""
    if values is None:
        return None
    items = ('"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)
    return "{" + ",".join(items) + "}"
