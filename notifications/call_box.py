"""The outbox of calls: hold an endpoint, claim, start and settle its calls, free what died.

Every instant is the database's, and no transaction is open while a call is on the wire; see outbox.py for mails.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection

from notifications.channels.webhook import SCHEDULE, Told
from notifications.prepared import rows, several
from tracker.kit.outbound import SECONDS

CRASHES = 5
# What a worker may still need after its round: the call on the wire, and settling it.
GRACE = SECONDS + 15.0
# An endpoint that does not answer is left in peace for 2, 4, 8 .. seconds, one that refuses from the third time on.
LONGEST_REST = 300
FAILING_DAYS, SEVERAL, NOT_LONG_AGO_DAYS = 5, 5, 2


@dataclass(frozen=True, slots=True)
class Held:
    """An endpoint that this worker holds. `takes_all`: not only pings; `is_proven`: it has taken a call within the
    last day."""

    id: int
    url: str
    format: str
    language: str
    at_once: int
    failures: int
    takes_all: bool
    is_proven: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """A claimed call."""

    id: uuid.UUID
    endpoint: int
    kind: str
    number: int | None


@dataclass(frozen=True, slots=True)
class Conduct:
    """How an endpoint behaved in a few calls: whether it took one, failed since, was silent, asked for patience, is gone.
    `is_step`: a failure that counts; `is_test`: it took a ping, which says nothing of when it wants other calls."""

    endpoint: int
    is_well: bool
    has_failed: bool = False
    is_step: bool = True
    is_silent: bool = False
    patience: float | None = None
    is_gone: bool = False
    is_test: bool = False


_RECOVER = f"""
WITH lost AS MATERIALIZED (
    SELECT id, started_at IS NOT NULL AS crashed,
           started_at IS NOT NULL AND crashes + 1 >= {CRASHES} AS is_poison
    FROM notifications_call WHERE state = 'claimed' AND lease_until < statement_timestamp()
    ORDER BY lease_until LIMIT 1000 FOR UPDATE SKIP LOCKED
), freed AS (
    UPDATE notifications_call c SET
        state = CASE WHEN lost.is_poison THEN 'quarantined' ELSE 'waiting' END,
        settled_at = CASE WHEN lost.is_poison THEN statement_timestamp() END,
        crashes = c.crashes + lost.crashed::int, token = NULL, lease_until = NULL, started_at = NULL
    FROM lost WHERE c.id = lost.id RETURNING c.id, lost.crashed
), said AS (
    INSERT INTO notifications_try (call_id, at, outcome, error, milliseconds, host, request_headers, request_bytes,
                                   request_digest, answer_headers, answer)
    SELECT id, statement_timestamp(), 'crashed', '', 0, '', '{{}}', 0, '', '{{}}', '' FROM freed WHERE crashed
)
SELECT count(*) FROM freed
"""  # noqa: S608  (made of this file's own constants)

# What still waits at an endpoint that was disabled, by an answer or by staff, is given up: when it is enabled it begins
# anew. A test is sent whatever its state.
_END = """
WITH idle AS MATERIALIZED (
    SELECT c.id FROM notifications_endpoint p CROSS JOIN LATERAL (
        SELECT w.id FROM notifications_call w WHERE w.endpoint_id = p.id AND w.state = 'waiting' AND w.kind = 'event'
        ORDER BY w.next_attempt_at LIMIT 5000 FOR UPDATE SKIP LOCKED
    ) AS c WHERE p.state = 'disabled'
)
UPDATE notifications_call c SET state = 'failed', settled_at = statement_timestamp() FROM idle WHERE c.id = idle.id
"""

# Well-behaved endpoints first, then who was served longest ago. One that is paused or disabled, or rests, is held for its
# pings only: they have no number, and are found by the index of those.
_TAKES_ALL = "(p.state = 'live' AND (p.rest_until IS NULL OR p.rest_until <= statement_timestamp()))"
_HOLD = f"""
WITH free AS MATERIALIZED (
    SELECT p.id FROM notifications_endpoint p
    WHERE (p.held_until IS NULL OR p.held_until < statement_timestamp())
      AND ({_TAKES_ALL} AND EXISTS (SELECT 1 FROM notifications_call c WHERE c.endpoint_id = p.id
               AND c.state = 'waiting' AND c.next_attempt_at <= statement_timestamp())
           OR EXISTS (SELECT 1 FROM notifications_call c WHERE c.endpoint_id = p.id AND c.number IS NULL
               AND c.state = 'waiting' AND c.next_attempt_at <= statement_timestamp()))
    ORDER BY p.failures > 0, p.served_at NULLS FIRST, p.id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE notifications_endpoint p SET holder = %(token)s, served_at = statement_timestamp(),
    held_until = statement_timestamp() + interval '1 s' * %(seconds)s
FROM free WHERE p.id = free.id
RETURNING p.id, p.url, p.format, p.language, p.at_once, p.failures, {_TAKES_ALL},
    coalesce(p.answered_at > statement_timestamp() - interval '1 day', false)
"""  # noqa: S608

_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT c.id FROM unnest(%(endpoints)s::bigint[], %(all)s::boolean[]) AS p(id, takes_all)
    CROSS JOIN LATERAL (
        SELECT w.id FROM notifications_call w
        WHERE w.endpoint_id = p.id AND w.state = 'waiting' AND w.next_attempt_at <= statement_timestamp()
          AND (p.takes_all OR w.kind = 'ping')
        ORDER BY w.next_attempt_at, w.number LIMIT %(each)s::integer FOR UPDATE SKIP LOCKED
    ) AS c
), taken AS (
    UPDATE notifications_call c SET state = 'claimed', token = %(token)s::uuid, started_at = NULL,
        lease_until = statement_timestamp() + interval '1 s' * %(seconds)s::double precision
    FROM due WHERE c.id = due.id RETURNING c.id, c.endpoint_id, c.kind, c.number, c.next_attempt_at
)
SELECT id, endpoint_id, kind, number FROM taken ORDER BY next_attempt_at, number
"""

# That a call was on its way is worth knowing after a worker's death, not after the database's: no wait for the disk.
_START = """
WITH ours AS (
    UPDATE notifications_call SET started_at = statement_timestamp()
    WHERE id = ANY(%(ids)s::uuid[]) AND token = %(token)s::uuid
      AND lease_until > statement_timestamp() + interval '1 s' * %(left)s::double precision
    RETURNING id
)
SELECT id, set_config('synchronous_commit', 'off', true) FROM ours
"""

# What has come back in this instant, in one statement; each row only by its token. A retry waits as the schedule says
# (the attempt's number is its place), or as long as the receiver asked for, whichever is later.
_SETTLE = f"""
WITH said AS MATERIALIZED (
    SELECT *, set_config('synchronous_commit', 'off', true) FROM jsonb_to_recordset(%(said)s::jsonb) AS s(
        id uuid, outcome text, code smallint, error text, milliseconds integer, host text, request_headers jsonb,
        request_bytes integer, request_digest text, answer_headers jsonb, answer text, patience double precision)
), held AS MATERIALIZED (
    SELECT c.id, c.attempts, CASE
        WHEN s.outcome = 'error' THEN CASE WHEN c.crashes + 1 >= {CRASHES} THEN 'quarantined' ELSE 'waiting' END
        WHEN s.outcome <> 'retry' THEN s.outcome
        WHEN c.kind = 'ping' OR c.attempts >= cardinality(%(schedule)s::integer[]) THEN 'failed'
        ELSE 'waiting' END AS state
    FROM notifications_call c JOIN said s ON s.id = c.id WHERE c.token = %(token)s::uuid FOR UPDATE OF c
), done AS (
    UPDATE notifications_call c SET
        state = held.state,
        settled_at = CASE WHEN held.state <> 'waiting' THEN statement_timestamp() END,
        next_attempt_at = CASE WHEN held.state <> 'waiting' THEN c.next_attempt_at
            ELSE statement_timestamp() + interval '1 s' * greatest(
                (%(schedule)s::integer[])[least(held.attempts + 1, cardinality(%(schedule)s::integer[]))]
                * (0.9 + random() / 5), coalesce(s.patience, 0)) END,
        attempts = least(c.attempts + 1, 32000),
        crashes = c.crashes + (s.outcome = 'error')::int,
        token = NULL, lease_until = NULL, started_at = NULL
    FROM held JOIN said s ON s.id = held.id WHERE c.id = held.id
    RETURNING c.id, held.state
), kept AS (
    INSERT INTO notifications_try (call_id, at, outcome, code, error, milliseconds, host, request_headers,
                                   request_bytes, request_digest, answer_headers, answer)
    SELECT s.id, statement_timestamp(), CASE WHEN d.state = 'failed' THEN 'failed' ELSE s.outcome END, s.code, s.error,
           s.milliseconds, s.host, s.request_headers, s.request_bytes, s.request_digest, s.answer_headers, s.answer
    FROM said s JOIN done d ON d.id = s.id
)
SELECT id, state FROM done
"""  # noqa: S608

# Failures that are written down together, or while the endpoint is left in peace already, are one step. A run of them is
# counted from its first, and begins anew after days in which nothing was tried; an endpoint is lost when it is long, of
# several steps, and the last one not long ago: two tries with a quiet week between them are none.
_FAILED_BEFORE = "CASE WHEN %(well)s THEN 0 ELSE p.failures END"
_IS_LOST = f"""(%(gone)s OR (%(failed)s AND NOT %(well)s AND p.failures >= {SEVERAL}
    AND p.failing_since < statement_timestamp() - interval '{FAILING_DAYS} days'
    AND p.rest_until > statement_timestamp() - interval '{NOT_LONG_AGO_DAYS} days'))"""
_CONDUCT = f"""
UPDATE notifications_endpoint p SET
    failures = {_FAILED_BEFORE} + (%(failed)s AND %(step)s)::int,
    failing_since = CASE WHEN NOT %(failed)s THEN CASE WHEN %(well)s THEN NULL ELSE p.failing_since END
        WHEN %(well)s OR p.rest_until < statement_timestamp() - interval '{FAILING_DAYS} days' THEN statement_timestamp()
        ELSE coalesce(p.failing_since, statement_timestamp()) END,
    rest_until = CASE WHEN %(failed)s THEN greatest(
            CASE WHEN %(well)s THEN NULL ELSE p.rest_until END,
            statement_timestamp() + interval '1 s' * greatest(coalesce(%(patience)s::double precision, 0),
                CASE WHEN NOT %(step)s THEN 0
                     WHEN %(silent)s THEN least(power(2, least({_FAILED_BEFORE} + 1, 20)), {LONGEST_REST})
                     WHEN {_FAILED_BEFORE} >= 2 THEN least(power(2, least({_FAILED_BEFORE} - 1, 20)), {LONGEST_REST})
                     ELSE 0 END))
        WHEN %(well)s AND NOT %(test)s THEN NULL ELSE p.rest_until END,
    state = CASE WHEN {_IS_LOST} THEN 'disabled' ELSE p.state END,
    why = CASE WHEN p.state = 'disabled' OR NOT {_IS_LOST} THEN p.why WHEN %(gone)s THEN 'gone' ELSE 'failing' END,
    changed_at = CASE WHEN p.state <> 'disabled' AND {_IS_LOST} THEN statement_timestamp() ELSE p.changed_at END
WHERE p.id = %(endpoint)s AND p.holder = %(holder)s
RETURNING p.failures, p.state = 'live', p.rest_until > statement_timestamp()
"""  # noqa: S608


def recover() -> int:
    """Frees the calls whose worker did not come back within its lease; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(_RECOVER)
        return int(cursor.fetchone()[0])


def end_idle() -> int:
    """Gives up what waits at disabled endpoints; returns how many calls, of many the first thousands."""
    with connection.cursor() as cursor:
        cursor.execute(_END)
        return int(cursor.rowcount)


def hold(token: uuid.UUID, limit: int, seconds: float) -> list[Held]:
    """Takes up to `limit` endpoints with due calls for this worker alone, for so many seconds and the grace."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, {"token": token, "limit": limit, "seconds": seconds + GRACE})
        return [Held(*row) for row in cursor.fetchall()]


def let_go(token: uuid.UUID, endpoints: Sequence[int], answered: Sequence[int] = ()) -> None:
    """Gives endpoints back; notes those that took a call while they were held."""
    if endpoints:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE notifications_endpoint SET holder = NULL, held_until = NULL,"
                " answered_at = CASE WHEN id = ANY(%s) THEN statement_timestamp() ELSE answered_at END"
                " WHERE id = ANY(%s) AND holder = %s",
                [list(answered), list(endpoints), token],
            )


def claim(token: uuid.UUID, endpoints: Sequence[Held], each: int, seconds: float) -> list[Taken]:
    """Takes up to `each` due calls of each endpoint, oldest first."""
    values = {
        "token": str(token),
        "endpoints": several(it.id for it in endpoints),
        "all": several(it.takes_all for it in endpoints),
        "each": each,
        "seconds": seconds + GRACE,
    }
    return [Taken(*row) for row in rows(_CLAIM, values)]


def start(token: uuid.UUID, calls: Sequence[Taken]) -> set[uuid.UUID]:
    """Says that these go on the wire now; which of them are still ours for long enough."""
    if not calls:
        return set()
    values = {"ids": several(it.id for it in calls), "token": str(token), "left": SECONDS + 2}
    return {row[0] for row in rows(_START, values)}


def settle(token: uuid.UUID, ended: Sequence[tuple[uuid.UUID, Told]]) -> dict[uuid.UUID, str]:
    """Writes down how calls ended, each by its token; the state of those that were still ours."""
    said = [
        {
            "id": call,
            "outcome": str(told.outcome),
            "code": told.code,
            "error": told.error,
            "milliseconds": told.milliseconds,
            "host": told.host,
            "request_headers": told.request_headers,
            "request_bytes": told.request_bytes,
            "request_digest": told.request_digest,
            "answer_headers": told.answer_headers,
            "answer": told.answer,
            "patience": told.patience,
        }
        for call, told in ended
    ]
    values = {"said": orjson.dumps(said).decode(), "schedule": several(SCHEDULE), "token": str(token)}
    return dict(rows(_SETTLE, values))


def conduct(token: uuid.UUID, how: Conduct) -> tuple[int, bool] | None:
    """Remembers how an endpoint behaved; its failures since the last success, and whether it may be called on now.
    None when we hold it no more."""
    values: dict[str, Any] = {
        "endpoint": how.endpoint,
        "holder": token,
        "well": how.is_well,
        "failed": how.has_failed,
        "step": how.is_step,
        "silent": how.is_silent,
        "patience": how.patience,
        "gone": how.is_gone,
        "test": how.is_test,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CONDUCT, values)
        row = cursor.fetchone()
    return None if row is None else (int(row[0]), bool(row[1]) and not row[2])


def release(token: uuid.UUID, calls: Sequence[uuid.UUID]) -> int:
    """Gives back calls that were not started, as if nobody had taken them; returns how many."""
    if not calls:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notifications_call SET state = 'waiting', token = NULL, lease_until = NULL"
            " WHERE id = ANY(%s) AND token = %s AND started_at IS NULL",
            [list(calls), token],
        )
        return int(cursor.rowcount)


def drop(token: uuid.UUID, calls: Sequence[uuid.UUID]) -> int:
    """Ends claimed calls about what is no longer true; returns how many."""
    if not calls:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notifications_call SET state = 'dropped', settled_at = statement_timestamp(),"
            " token = NULL, lease_until = NULL WHERE id = ANY(%s) AND token = %s AND started_at IS NULL",
            [list(calls), token],
        )
        return int(cursor.rowcount)
