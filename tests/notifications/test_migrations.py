"""The post room's migrations on a large table: an index is built beside the running processes, and may be broken off."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from tests.servers import FreshDatabase


@pytest.mark.parametrize(
    ("before", "table", "index"),
    [
        ("0005_endpoint_answered", "delivery", "delivery_by_domain"),
        ("0007_what_bounces_say", "attempt", "attempt_code"),
    ],
)
def test_an_index_whose_building_was_broken_off_is_built_anew(
    fresh_db: FreshDatabase, before: str, table: str, index: str
) -> None:
    def is_of_use() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = %s::regclass", [index])
            return bool(cursor.fetchone()[0])

    call_command("migrate", "notifications", before, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX {index} ON notifications_{table} (id)")
        cursor.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", [index])
    assert not is_of_use()
    call_command("migrate", "notifications", verbosity=0)
    assert is_of_use()


def test_names_of_fields_cost_the_database_nothing(db: None) -> None:
    said = StringIO()
    call_command("sqlmigrate", "notifications", "0010", stdout=said)
    lines = said.getvalue().splitlines()
    assert {line for line in lines if not line.startswith("--")} <= {"BEGIN;", "COMMIT;"}
