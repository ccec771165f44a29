"""Many rows in little time: one accord, its commitments and their deadlines, multiplied inside the database."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import connection

from commitments import operations
from commitments.actors import loader
from commitments.models import Accord, Citation, Commitment, Deadline, Evidence, Participation, Source
from commitments.operations import AccordFacts, NewCommitment, NewDeadline, NewEvidence

PER_COMMITMENT = 10


def run(statement: str, *values: Any) -> None:
    """One statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def an_accord() -> Accord:
    """An accord of two states, with one commitment and one deadline far ahead: the pattern of all others."""
    row = {
        "code": "BENCH", "slug": "bench", "is_example": True, "names": {"en": "Benchmark"},
        "short_names": {"en": "Benchmark"}, "signed_on": date(2020, 1, 1), "ends_on": date(2999, 1, 1),
        "loaded_on": date(2020, 1, 1),
    }  # fmt: skip
    parties = [
        {"code": "AAA", "kind": "state", "name": {"en": "A"}, "time_zone": "Asia/Tokyo", "party": True},
        {"code": "BBB", "kind": "state", "name": {"en": "B"}, "time_zone": "Europe/Kyiv", "party": True},
    ]
    facts = AccordFacts(accord=row, parties=parties, sections=[{"code": "A", "title": {"en": "A"}}])
    accord = operations.register_accord(facts, actor=loader())
    terms = NewCommitment(
        code="B-0", title={"en": "Keep a promise"}, summary={"en": "Both keep it."}, section="A",
        kind="deliverable", strength="firm", provenance="official_text", roles={"bound": ["AAA", "BBB"]},
    )  # fmt: skip
    operations.register_commitments(accord, [terms], actor=loader())
    pattern = NewDeadline("B-0", {"en": "Keep it"}, "target", "text", "party", edtf="2900-01-01")
    operations.set_deadlines([pattern], actor=loader())
    return accord


def multiply(rows: int) -> None:
    """Copies the pattern until there are about that many deadlines, ten to a commitment; what is there stays."""
    first, last = Commitment.objects.count(), rows // PER_COMMITMENT
    pattern = "(SELECT id FROM commitments_commitment WHERE code = 'B-0')"
    terms = ", ".join(
        f'"{field.column}"'
        for field in Commitment._meta.concrete_fields
        if field.column not in ("id", "code")
    )
    run(
        f"INSERT INTO commitments_commitment (code, {terms}) SELECT 'B-' || n, {terms} "
        "FROM commitments_commitment, generate_series(%s, %s) n WHERE code = 'B-0'",
        first,
        last,
    )
    run("ANALYZE commitments_commitment")
    run(
        "INSERT INTO commitments_participation (commitment_id, party_id, role, source) "
        "SELECT c.id, p.party_id, p.role, p.source FROM generate_series(%s, %s) n "
        "JOIN commitments_commitment c ON c.code = 'B-' || n, commitments_participation p "
        f"WHERE p.commitment_id = {pattern}",
        first,
        last,
    )
    columns = [
        field.column
        for field in Deadline._meta.concrete_fields
        if field.column not in ("id", "number", "commitment_id")
    ]
    named, copied = (", ".join(f'{prefix}"{name}"' for name in columns) for prefix in ("", "d."))
    run(
        f"INSERT INTO commitments_deadline (commitment_id, number, {named}) SELECT c.id, k, {copied} "
        "FROM generate_series(%s, %s) n JOIN commitments_commitment c ON c.code = 'B-' || n, "
        f"commitments_deadline d, generate_series(1, %s) k WHERE d.commitment_id = {pattern} ORDER BY n, k",
        first,
        last,
        PER_COMMITMENT,
    )
    run("VACUUM ANALYZE commitments_commitment")
    run("VACUUM ANALYZE commitments_participation")
    run("VACUUM ANALYZE commitments_deadline")


def attach_to_pattern() -> None:
    """A source with its lines and two pieces of evidence for the pattern."""
    one = Commitment.objects.get(code="B-0")
    said = {"code": "S1", "nature": "official", "title": "A statement", "publisher": "A ministry"}
    source = Source.objects.create(
        accord=one.accord, published="2024-06-13", published_on=date(2024, 6, 13), **said
    )
    Citation.objects.create(commitment=one, source=source, lines=["1-4"])
    for act in ("action", "outcome"):
        exhibit = NewEvidence("B-0", act, "supports", "official", source="S1", happened="2024-07-01")
        operations.attach_evidence([exhibit], actor=loader())


def spread(commitments: int) -> None:
    """Copies the pattern, with all that hangs on it, until there are that many commitments."""
    terms = ", ".join(
        f'"{field.column}"'
        for field in Commitment._meta.concrete_fields
        if field.column not in ("id", "code")
    )
    run(
        f"INSERT INTO commitments_commitment (code, {terms}) SELECT 'B-' || n, {terms} "
        "FROM commitments_commitment, generate_series(1, %s) n WHERE code = 'B-0'",
        commitments - 1,
    )
    run("ANALYZE commitments_commitment")
    for model in (Participation, Deadline, Citation, Evidence):
        table = model._meta.db_table
        columns = [
            field.column
            for field in model._meta.concrete_fields
            if field.column not in ("id", "commitment_id")
        ]
        named, copied = (", ".join(f'{prefix}"{name}"' for name in columns) for prefix in ("", "m."))
        run(
            f"INSERT INTO {table} (commitment_id, {named}) SELECT c.id, {copied} FROM commitments_commitment c, {table} m "
            "WHERE c.code <> 'B-0' AND m.commitment_id = (SELECT id FROM commitments_commitment WHERE code = 'B-0')"
        )
        run(f"VACUUM ANALYZE {table}")
    run("VACUUM ANALYZE commitments_commitment")


def make_due(number: int) -> None:
    """The first date of that many commitments ended in 2024."""
    run(
        "UPDATE commitments_deadline SET due_at = '2024-12-31 22:00Z', crosses_at = '2024-12-31 22:00Z', "
        "first_on = '2024-12-31', last_on = '2024-12-31', edtf = '2024-12-31' WHERE id IN ("
        "SELECT d.id FROM commitments_deadline d JOIN commitments_commitment c ON c.id = d.commitment_id "
        "WHERE c.code <> 'B-0' AND d.number = 1 ORDER BY d.id LIMIT %s)",
        number,
    )
    unmark()


def unmark() -> None:
    """Nothing has been marked yet; the table as it is after its nightly upkeep."""
    run("UPDATE commitments_deadline SET overdue_since = NULL WHERE overdue_since IS NOT NULL")
    run("VACUUM ANALYZE commitments_deadline")
