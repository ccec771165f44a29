"""A table against the record: what each row would change, and its entry, all or nothing, as history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from commitments import operations
from commitments.accord_files import BadFile, FileError
from commitments.actors import Actor, loader
from commitments.importing.report import Progress
from commitments.importing.turn import one_load
from commitments.log import operation
from commitments.models import Accord, Commitment, Deadline
from commitments.refusals import Refused
from commitments.tables.cells import dictionaries
from commitments.tables.columns import Mapping, placed
from commitments.tables.orders import FILE_KEY, Order, Reader
from commitments.tables.reading import Table
from commitments.words import Origin, Role

BATCH = 1_000
MOST_ERRORS = 200
# What a correction can change, by the field of the table.
CORRECTABLE = {
    "title": "title",
    "summary": "summary",
    "cautions": "cautions",
    "verb": "verb_words",
    "verb_source": "verb_source",
    "strength": "strength",
    "provenance": "provenance",
}
ROLES = {"bound": Role.BOUND, "beneficiaries": Role.BENEFICIARY, "counterparts": Role.COUNTERPART}


@dataclass(slots=True)
class Change:
    """What a row means for the record: `what` is new, same or differs; differences as (field, old, new)."""

    line: int
    code: str
    what: str
    differences: list[tuple[str, str, str]] = field(default_factory=list)
    words_only: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Import:
    """What an import found and did; `corrected` counts commitments whose differences were entered."""

    changes: list[Change] = field(default_factory=list)
    added: int = 0
    deadlines: int = 0
    corrected: int = 0

    def count(self, what: str) -> int:
        """How many rows are new, the same, or differ."""
        return sum(change.what == what for change in self.changes)


def import_table(
    accord: Accord,
    table: Table,
    mapping: Mapping,
    *,
    dry_run: bool = False,
    why: str = "",
    progress: Progress = lambda *_args: None,
) -> Import:
    """Enters a table into an accord; raises BadFile with every error that was found, and changes nothing then.

    New rows are registered; a row that differs from the record changes it only with `why`, the reason of the
    correction, and only where a verb can. With `dry_run` nothing is entered.
    """
    reader = Reader(table, mapping, placed(table, mapping), dictionaries(accord, mapping.values))
    orders = []
    for done, row in enumerate(table.rows, 1):
        order = reader.read(row)
        if order is not None:
            orders.append(order)
        if len(reader.errors) >= MOST_ERRORS:
            break
        if done % BATCH == 0 or done == len(table.rows):
            progress("read", done, len(table.rows))
    if reader.errors:
        raise BadFile(*reader.errors)
    result = Import()
    known = _compare(accord, orders, result)
    if not dry_run:
        _enter(accord, orders, known, result, why, progress)
    return result


def _compare(accord: Accord, orders: Sequence[Order], result: Import) -> dict[str, Commitment]:
    known: dict[str, Commitment] = {}
    for batch in _batches(orders):
        rows = (
            Commitment.objects.filter(code__in=[order.commitment.code for order in batch])
            .select_related("accord", "section")
            .prefetch_related(
                "participations__party", "topics", "provisions", "citations__source", "deadlines"
            )
        )
        known |= {row.code: row for row in rows}
    elsewhere = [
        FileError(order.line, "code", f"{order.commitment.code}: {known[order.commitment.code].accord}")
        for order in orders
        if order.commitment.code in known and known[order.commitment.code].accord_id != accord.pk
    ]
    if elsewhere:
        raise BadFile(*elsewhere[:MOST_ERRORS])
    for order in orders:
        row = known.get(order.commitment.code)
        differences = _differences(row, order) if row else []
        what = "new" if row is None else "differs" if differences else "same"
        words = [(name, order.said[name][0]) for name in order.words_only]
        result.changes.append(Change(order.line, order.commitment.code, what, differences, words))
    return known


def _differences(row: Commitment, order: Order) -> list[tuple[str, str, str]]:
    found = []
    for name, value in order.said.items():
        if name == "deadline":
            old, new = _deadline_now(row, order)
        elif name in {"title", "summary"}:
            for language, text in value.items():
                before = getattr(row, name).get(language, "")
                if before != text:
                    found.append((f"{name}.{language}", before, text))
            continue
        else:
            old, new = _shown(_now(row, name)), _shown(_meant(order, name, value))
        if old != new:
            found.append((name, old, new))
    return found


def _meant(order: Order, name: str, value: Any) -> Any:
    """What the table says of a field, in the form in which `_now` reads the record."""
    if name == "ends":
        words, edtf = value
        return edtf or words
    return sorted(value) if isinstance(value, list) and name not in {"cautions", "lines"} else value


def _now(row: Commitment, name: str) -> Any:
    """What the record says of a field of the table."""
    if name in ROLES:
        return sorted(one.party.code for one in row.participations.all() if one.role == ROLES[name])
    if name in {"topics", "provisions"}:
        return sorted(one.code for one in getattr(row, name).all())
    citations = list(row.citations.all())
    readings: dict[str, Callable[[], Any]] = {
        "code": lambda: row.code,
        "section": lambda: row.section.code,
        "verb": lambda: row.verb_words,
        "source": lambda: sorted(one.source.code for one in citations),
        "lines": lambda: citations[0].lines if citations else [],
        "ends": lambda: row.ends_edtf or row.ends_when,
        "verifiable": lambda: row.is_verifiable,
    }
    return readings[name]() if name in readings else getattr(row, name, None)


def _of_table(row: Commitment) -> Deadline | None:
    return next((one for one in row.deadlines.all() if one.file_key == FILE_KEY), None)


def _deadline_now(row: Commitment, order: Order) -> tuple[str, str]:
    words, edtf = order.said["deadline"]
    own = _of_table(row)
    if own is not None:
        return own.edtf or own.words, edtf or words
    # A date that came another way is the same date.
    others = {one.edtf or one.words for one in row.deadlines.all()}
    return (edtf or words if (edtf or words) in others else ""), edtf or words


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return "" if value is None else str(value)


def _batches(orders: Sequence[Order]) -> Iterator[Sequence[Order]]:
    for start in range(0, len(orders), BATCH):
        yield orders[start : start + BATCH]


@operation
def _enter(
    accord: Accord,
    orders: Sequence[Order],
    known: dict[str, Commitment],
    result: Import,
    why: str,
    progress: Progress,
) -> None:
    actor = loader()
    new = [order for order in orders if order.commitment.code not in known]
    with one_load(accord.code, timezone.now()):
        done = 0
        for batch in _batches(new):
            _told(batch, lambda some: _register(accord, some, actor))
            done += len(batch)
            progress("commitments", done, len(new))
        result.added = len(new)
        result.deadlines = sum(order.deadline is not None for order in new)
        if why.strip():
            for change, order in zip(result.changes, orders, strict=True):
                if change.what == "differs":
                    _told([order], lambda some: _correct(known[some[0].commitment.code], some[0], why, actor))
                    result.corrected += 1


def _told(orders: Sequence[Order], verb: Callable[[Sequence[Order]], None]) -> None:
    """Gives a verb all orders at once; when it refuses, one by one, so that the message names the line."""
    try:
        verb(orders)
    except Refused as error:
        if len(orders) == 1:
            raise BadFile(
                *(FileError(orders[0].line, p.field or "row", p.message) for p in error.problems)
            ) from None
        for order in orders:
            _told([order], verb)
        raise


@operation
def _register(accord: Accord, orders: Sequence[Order], actor: Actor) -> None:
    operations.register_commitments(
        accord, [order.commitment for order in orders], actor=actor, origin=Origin.BACKFILL
    )
    deadlines = [order.deadline for order in orders if order.deadline]
    if deadlines:
        operations.set_deadlines(deadlines, actor=actor, origin=Origin.BACKFILL)


@operation
def _correct(row: Commitment, order: Order, why: str, actor: Actor) -> None:
    changes: dict[str, Any] = {}
    for name, attribute in CORRECTABLE.items():
        if name in order.said:
            value = order.said[name]
            changes[attribute] = getattr(row, name) | value if isinstance(value, dict) else value
    operations.correct_commitments({row.code: changes}, actor=actor, why=why, origin=Origin.BACKFILL)
    if order.deadline is None:
        return
    old, new = _deadline_now(row, order)
    own = _of_table(row)
    if old == new:
        return
    if own is None:
        operations.set_deadlines([order.deadline], actor=actor, origin=Origin.BACKFILL)
    elif order.deadline.edtf and own.closed_at is None:
        own.commitment = row
        operations.move_deadlines(
            {own.code: order.deadline.edtf},
            actor=actor,
            why=why,
            authority=order.deadline.authority,
            origin=Origin.BACKFILL,
        )
