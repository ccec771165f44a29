"""The log: `operation` opens a turn, `append` says what happened, `head` reads where it ends. The only writer of Event.

A turn is one durable transaction at READ COMMITTED. Events are collected while the verb works and are numbered,
stamped, chained and inserted at its very end, under the log's advisory lock, which is therefore the last lock taken
and held for an instant: readers see sequence numbers in commit order, without gaps, and nothing waits in a circle.
"""

from __future__ import annotations

import functools
import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, ParamSpec, TypeVar

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from commitments.models import Accord, Commitment, Note
from commitments.words import EventKind, Origin

P = ParamSpec("P")
R = TypeVar("R")
VERSION = 1
GENESIS = "0" * 64
# Two halves of the advisory lock that orders the log: any constant pair will do, as long as nothing else uses it.
LOG_LOCK = (0x4143, 0x4C4F)
BATCH = 1000
_LOCK = f"SET CONSTRAINTS ALL IMMEDIATE; SELECT pg_advisory_xact_lock({LOG_LOCK[0]}, {LOG_LOCK[1]})"
_LAST = "SELECT seq, hash, at FROM commitments_event ORDER BY seq DESC LIMIT 1"
# Three statements in one message. Deferred foreign keys are checked first, so that nothing can wait or fail under the
# log's lock; the head is read after the lock: at READ COMMITTED a statement sees what was committed before it began,
# and so what the previous holder of the lock left.
_TAKE_THE_TURN = f"{_LOCK}; {_LAST}"
_COLUMNS = "seq, at, kind, origin, accord_id, commitment_id, by, happened_on, crossed_at, note_digest, body, prev_hash, hash"
_COPY = f"COPY commitments_event ({_COLUMNS}) FROM STDIN"
# The chain of one event, made where its predecessor stands: with the lock before it and the commit behind it in one
# message, nobody waits under the lock for a client that has no processor. `at` and `seq` are written into the body.
_APPEND = f"""
INSERT INTO commitments_event ({_COLUMNS})
SELECT seq, at, %s, %s, %s, %s, %s, %s, %s, %s, body, prev, encode(sha256(convert_to(prev || body, 'UTF8')), 'hex')
FROM (
    SELECT seq, at, prev, %s || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || %s || seq || %s AS body
    FROM (
        SELECT coalesce(seq, 0) + 1 AS seq, greatest(%s::timestamptz, at) AS at, coalesce(hash, '{GENESIS}') AS prev
        FROM (VALUES (1)) AS turn LEFT JOIN ({_LAST}) AS last ON true
    ) AS placed
) AS told
"""  # noqa: S608 - columns of our own
# So many events are chained by the database, one statement each; more are chained here and copied, which is three
# messages and costs less by the row.
FEW = 8


class NotInTurn(RuntimeError):
    """`append` was called outside an operation: a fact would have no transaction to belong to."""


@dataclass(slots=True)
class Pending:
    """A fact that waits for the end of its turn, in the log's own types: instants and dates are texts already."""

    kind: str
    accord_id: int
    accord_code: str
    commitment_id: int | None
    commitment_code: str | None
    by: str
    origin: str
    facts: dict[str, Any]
    happened_on: str | None = None
    crossed_at: str | None = None
    note: str = ""
    language: str = "en"


@dataclass(slots=True)
class Turn:
    """What one outermost operation has collected."""

    pending: list[Pending] = field(default_factory=list)


_turn: ContextVar[Turn | None] = ContextVar("turn", default=None)


def operation(function: Callable[P, R]) -> Callable[P, R]:
    """Makes a function a verb: the outermost one is a durable transaction that ends with its events in the log.

    A nested operation is a savepoint whose events go when it fails. Nothing is appended when it raises.
    """

    @functools.wraps(function)
    def verb(*args: P.args, **kwargs: P.kwargs) -> R:
        outer = _turn.get()
        if outer is not None:
            mark = len(outer.pending)
            try:
                with transaction.atomic():
                    return function(*args, **kwargs)
            except BaseException:
                del outer.pending[mark:]
                raise
        with transaction.atomic(durable=True):
            turn = Turn()
            token = _turn.set(turn)
            try:
                result = function(*args, **kwargs)
            finally:
                _turn.reset(token)
            if turn.pending:
                _write(turn.pending)
            return result

    return verb


def give_up_waiting(milliseconds: int | None = None) -> None:
    """Inside an operation: a lock that others hold is waited for this long at most (staff should not hang)."""
    limit = settings.STAFF_LOCK_TIMEOUT_MS if milliseconds is None else milliseconds
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{limit}ms"])


def append(
    kind: EventKind,
    accord: Accord,
    commitment: Commitment | None = None,
    *,
    by: str = "",
    origin: str = Origin.LIVE,
    facts: Mapping[str, Any] | None = None,
    happened_on: date | None = None,
    crossed_at: datetime | None = None,
    note: str = "",
    language: str = "en",
) -> None:
    """Says that something happened; it stands in the log when the outermost operation commits.

    `facts` hold codes and values only (texts, never floats); prose goes into `note`, which is hashed with a salt and
    kept erasable. Raises NotInTurn outside an operation and TypeError for a fact that JSON cannot tell exactly.
    """
    append_many(
        [
            Pending(
                kind=str(kind),
                accord_id=accord.pk,
                accord_code=accord.code,
                commitment_id=commitment.pk if commitment else None,
                commitment_code=commitment.code if commitment else None,
                by=by,
                origin=str(origin),
                facts={name: _exact(value) for name, value in (facts or {}).items()},
                happened_on=happened_on.isoformat() if happened_on else None,
                crossed_at=stamp(crossed_at) if crossed_at else None,
                note=note,
                language=language,
            )
        ]
    )


def append_many(pending: Iterable[Pending]) -> None:
    """`append` for a verb that brings thousands at once and read them as the log writes them.

    Raises NotInTurn outside an operation.
    """
    pending = list(pending)
    turn = _turn.get()
    if turn is None:
        raise NotInTurn(f"{', '.join({fact.kind for fact in pending})} was appended outside an operation")
    turn.pending.extend(pending)


def collected() -> tuple[Pending, ...]:
    """What the turn has collected so far, in order. Raises NotInTurn outside an operation."""
    turn = _turn.get()
    if turn is None:
        raise NotInTurn("nothing is collected outside an operation")
    return tuple(turn.pending)


def stamp(instant: datetime) -> str:
    """An instant as the log writes it: UTC with six digits, `2025-12-01T00:00:00.000000Z`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def _exact(value: Any) -> Any:
    """The value in the log's own types; raises TypeError for one that would not read back the same."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return value
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): _exact(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = [_exact(item) for item in value]
        return sorted(items) if isinstance(value, set | frozenset) else items
    raise TypeError(f"the log cannot keep a {type(value).__name__}: use texts for numbers with a fraction")


def canonical(document: Mapping[str, Any]) -> str:
    """The one text of a document: JSON, keys sorted, no spaces, UTF-8."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS).decode()


def chain(prev_hash: str, body: str) -> str:
    """SHA-256 over the previous hash and the body, lower-case hexadecimal."""
    return hashlib.sha256(prev_hash.encode() + body.encode()).hexdigest()


def note_digest(salt: str, text: str) -> str:
    """SHA-256 over salt and note."""
    return hashlib.sha256((salt + text).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """The last event of the log; seq 0 when it is empty."""

    seq: int
    hash: str
    at: datetime | None

    @property
    def cursor(self) -> str:
        """SEQ-hash8, so that a restored or foreign log is noticed."""
        return f"{self.seq}-{self.hash[:8]}"


def head() -> Head:
    """Where the log ends, as this transaction sees it."""
    # Each answer of the feed asks for it, so no queryset is compiled for it.
    with connection.cursor() as cursor:
        cursor.execute(_LAST)
        last = cursor.fetchone()
    return Head(last[0], last[1], last[2].astimezone(UTC)) if last else Head(0, GENESIS, None)


def _write(pending: list[Pending]) -> None:
    """Numbers, stamps, chains and inserts, under the log's lock, which is the last one taken."""
    notes: list[Note] = []
    digests: list[str] = []
    for fact in pending:
        if fact.note:
            salt = secrets.token_hex(16)
            digests.append(note_digest(salt, fact.note))
            notes.append(Note(digest=digests[-1], salt=salt, text=fact.note, language=fact.language))
        else:
            digests.append("")
    Note.objects.bulk_create(notes, batch_size=BATCH)
    with connection.cursor() as cursor:
        if len(pending) <= FEW:
            statements, values = [_LOCK], []
            now = stamp(timezone.now())
            for fact, digest in zip(pending, digests, strict=True):
                statements.append(_APPEND)
                values += [*_beside(fact, digest), *_around(fact, digest), now]
            if not connection.savepoint_ids:
                # The outermost block is ours and ends here; Django finds nothing left to commit.
                statements.append("COMMIT")
            cursor.execute("; ".join(statements), values)
            return
        cursor.execute(_TAKE_THE_TURN)
        cursor.nextset()
        cursor.nextset()
        found = cursor.fetchone()
        rows = _chained(pending, digests, Head(*found) if found else Head(0, GENESIS, None))
        # Texts, made as late as can be: the log's lock is held meanwhile, and a scan brings thousands of events.
        with cursor.copy(_COPY) as copy:
            for row in rows:
                copy.write_row(row)


def _beside(fact: Pending, digest: str) -> tuple[Any, ...]:
    """The columns that repeat what the body says, from `kind` to `note_digest`."""
    return (
        fact.kind, fact.origin, fact.accord_id, fact.commitment_id, fact.by, fact.happened_on, fact.crossed_at, digest,
    )  # fmt: skip


def _said(fact: Pending, digest: str) -> dict[str, Any]:
    """What the body says, but for its place in the log: `at` and `seq`."""
    return {
        "v": VERSION,
        "kind": fact.kind,
        "origin": fact.origin,
        "accord": fact.accord_code,
        "commitment": fact.commitment_code,
        "by": fact.by or None,
        "happened_on": fact.happened_on,
        "crossed_at": fact.crossed_at,
        "note": digest or None,
        "facts": fact.facts,
    }


def _around(fact: Pending, digest: str) -> tuple[str, str, str]:
    """The canonical text of a body around the values of `at` and of `seq`, which have their place by the alphabet."""
    said = _said(fact, digest)
    before = canonical({name: value for name, value in said.items() if name < "at"})
    between = canonical({name: value for name, value in said.items() if "at" < name < "seq"})
    after = canonical({name: value for name, value in said.items() if name > "seq"})
    return f'{before[:-1]},"at":"', f'",{between[1:-1]},"seq":', f",{after[1:]}"


def _chained(pending: list[Pending], digests: list[str], last: Head) -> Iterator[tuple[Any, ...]]:
    """The rows that follow the last event: numbered, stamped, each chained to the one before."""
    now = timezone.now()
    at = stamp(max(now, last.at) if last.at else now)
    seq, prev_hash = last.seq, last.hash
    for fact, digest in zip(pending, digests, strict=True):
        seq += 1
        body = canonical({**_said(fact, digest), "seq": seq, "at": at})
        hashed = chain(prev_hash, body)
        yield (seq, at, *_beside(fact, digest), body, prev_hash, hashed)
        prev_hash = hashed
