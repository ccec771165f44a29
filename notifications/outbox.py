"""The outbox: claim what is due, start and settle each delivery alone, free what a dead worker held.

Every instant here is the database's: hosts whose clocks differ must not take each other's leases. Nothing here waits
for the world, and no transaction is open while a mail is on the wire.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from notifications import claiming
from notifications.models import Kind, Outcome, Why
from notifications.prepared import counts, first_row
from tracker.kit.deadlocks import again_after_deadlock

CLAIM = 250
CRASHES = 5
# What is put off is tried again for so long after the first time (RFC 5321, 4.5.4.1), and so often at least.
GIVE_UP_AFTER, TRIES = timedelta(days=5), 8
FIRST_RETRY, LONGEST_RETRY = 30.0, 6 * 3600.0


# In send time-outs: how long a claim holds, so that a dead worker's mails go on within a minute; what a mail may take to
# be written and sent, and what to be settled while the database comes back.
LEASE, ON_THE_WIRE, SETTLING = 4, 2, 1


def lease() -> timedelta:
    """How long a claim holds."""
    return timedelta(seconds=max(8, LEASE * settings.EMAIL_TIMEOUT))


def room() -> float:
    """For how many seconds after a claim its mails may be started: what is left then is what one may take."""
    return lease().total_seconds() - _reserve()


def _reserve() -> float:
    return float((ON_THE_WIRE + SETTLING) * settings.EMAIL_TIMEOUT)


@dataclass(frozen=True, slots=True)
class Claimed:
    """One delivery of a claim. A suspect has failed us before."""

    id: uuid.UUID
    token: uuid.UUID
    is_suspect: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """How one attempt ended: the outcome, the server's code and words, and whether they were said of the reader alone,
    before the mail."""

    outcome: str
    code: int | None = None
    reply: str = ""
    is_of_reader: bool = False


# Claims that ran out: a mail that was on the wire counts a crash (five: a person must look), the others just go on.
_RECOVER = """
WITH lost AS MATERIALIZED (
    SELECT id, started_at IS NOT NULL AS crashed, CASE
        WHEN subscriber_id IS NULL THEN 'dropped'
        WHEN started_at IS NOT NULL AND crashes + 1 >= %(crashes)s::int THEN 'quarantined'
        ELSE 'waiting' END AS state
    FROM notifications_delivery
    WHERE state = 'claimed' AND lease_until < statement_timestamp()
    ORDER BY lease_until LIMIT 1000 FOR UPDATE SKIP LOCKED
), freed AS (
    UPDATE notifications_delivery d SET
        state = lost.state,
        why = CASE lost.state WHEN 'dropped' THEN 'erased' ELSE '' END,
        settled_at = CASE WHEN lost.state <> 'waiting' THEN statement_timestamp() END,
        next_attempt_at = CASE WHEN lost.crashed
            THEN statement_timestamp() + interval '5 s' * power(2, d.crashes) ELSE d.next_attempt_at END,
        crashes = d.crashes + lost.crashed::int,
        token = NULL, lease_until = NULL, started_at = NULL
    FROM lost WHERE d.id = lost.id
    RETURNING d.id, lost.crashed
), said AS (
    INSERT INTO notifications_attempt (delivery_id, at, outcome, reply)
    SELECT id, statement_timestamp(), 'crashed', '' FROM freed WHERE crashed
)
SELECT count(*) FROM freed
"""

# Whether a delivery `d` is still wanted: by the question's subscription, by any subscription that brought one of its
# notices, or, for a reminder to staff, by an office (of which accord is looked at when it is claimed).
STILL_WANTED = """
CASE d.kind WHEN 'confirmation' THEN EXISTS (
    SELECT 1 FROM notifications_subscription s JOIN notifications_subscriber p ON p.id = s.subscriber_id
    WHERE s.id = d.subscription_id AND s.ended_at IS NULL AND p.state <> 'suppressed')
WHEN 'duty' THEN EXISTS (
    SELECT 1 FROM notifications_subscriber p JOIN auth_user u ON u.id = p.user_id
    WHERE p.id = d.subscriber_id AND p.state <> 'suppressed' AND u.is_active AND u.is_staff
      AND EXISTS (SELECT 1 FROM commitments_membership m WHERE m.user_id = u.id))
ELSE EXISTS (
    SELECT 1 FROM notifications_notice n JOIN notifications_subscription s ON s.id = ANY(n.wishes)
    JOIN notifications_subscriber p ON p.id = s.subscriber_id
    WHERE n.delivery_id = d.id AND p.id = d.subscriber_id AND p.state = 'confirmed'
      AND s.ended_at IS NULL AND s.confirmed_at IS NOT NULL AND s.paused_at IS NULL)
END
"""

# A token is held by claimed rows alone (delivery_claimed_has_lease), so asking for it asks for the state as well, and
# the planner takes the primary key instead of walking the index of leases.
# Less of the lease than one mail may take is as good as none.
_IS_NEXT = (
    "d.id = %(next)s::uuid AND d.lease_until > statement_timestamp() + %(reserve)s::interval"
    f" AND {STILL_WANTED}"
)
_START = f"""
UPDATE notifications_delivery d SET started_at = statement_timestamp()
WHERE d.token = %(token)s::uuid AND {_IS_NEXT}
RETURNING 1
"""  # noqa: S608  (made of this file's own constants)

# One statement for the end of one mail and the start of the next. A retry waits twice as long each time, with
# jitter. set_config(.., true): this commit need not wait for the disk; a database server that loses its last instant
# repeats a mail, a killed worker loses nothing.
_NEXT_STATE = f"""CASE
    WHEN %(outcome)s::text NOT IN ('retry', 'error') THEN %(outcome)s::text
    WHEN d.subscriber_id IS NULL THEN 'dropped'
    WHEN %(outcome)s::text = 'error' AND d.crashes + 1 >= {CRASHES} THEN 'quarantined'
    ELSE 'waiting' END"""
# Both rows in one UPDATE: the server makes a table's checks and the conditions of its indexes ready for each UPDATE
# anew, which takes longer than the rows do.
_SETTLE = f"""
WITH moved AS (
    UPDATE notifications_delivery d SET
        state = CASE WHEN d.id = %(id)s::uuid THEN {_NEXT_STATE} ELSE d.state END,
        why = CASE WHEN d.id = %(id)s::uuid AND {_NEXT_STATE} = 'dropped' THEN 'erased' ELSE d.why END,
        settled_at = CASE WHEN d.id = %(id)s::uuid AND {_NEXT_STATE} <> 'waiting' THEN statement_timestamp() END,
        next_attempt_at = CASE WHEN d.id = %(id)s::uuid AND {_NEXT_STATE} = 'waiting'
            THEN statement_timestamp() + interval '1 s' * (0.75 + random() / 2)
                 * least({FIRST_RETRY} * power(2, least(d.attempts, 16)), {LONGEST_RETRY})
            ELSE d.next_attempt_at END,
        attempts = CASE WHEN d.id = %(id)s::uuid THEN least(d.attempts + 1, 32000) ELSE d.attempts END,
        crashes = d.crashes + (d.id = %(id)s::uuid AND %(outcome)s::text = 'error')::int,
        token = CASE WHEN d.id = %(id)s::uuid THEN NULL ELSE d.token END,
        lease_until = CASE WHEN d.id = %(id)s::uuid THEN NULL ELSE d.lease_until END,
        started_at = CASE WHEN d.id = %(id)s::uuid THEN NULL ELSE statement_timestamp() END
    WHERE d.id = ANY(ARRAY[%(id)s::uuid, %(next)s::uuid]) AND d.token = %(token)s::uuid
      AND (d.id = %(id)s::uuid OR ({_IS_NEXT}))
    RETURNING d.id, d.subscriber_id
), said AS (
    INSERT INTO notifications_attempt (delivery_id, at, outcome, code, reply)
    SELECT id, statement_timestamp(), %(outcome)s::text, %(code)s::smallint,
           CASE WHEN subscriber_id IS NULL THEN '' ELSE %(reply)s::text END
    FROM moved WHERE id = %(id)s::uuid
)
SELECT count(*) FILTER (WHERE id = %(id)s::uuid), count(*) FILTER (WHERE id = %(next)s::uuid),
       length(set_config('synchronous_commit', 'off', true))
FROM moved
"""  # noqa: S608

# The same for a mail that was put off; a statement of its own, so that the others need not be ready to look at earlier
# tries. What ends it are the days since it was first put off: not those that it waited before, nor those that the server
# was away. Temporary refusals are the recipient's (the answer has a code). A conversation that breaks is no answer; when it
# does so again and again at this mail while the line works, a person must look at it: each try may have arrived.
_WAS_PUT_OFF_FOR_DAYS = f"""(
    SELECT count(*) + 1 >= {TRIES} AND min(a.at) < statement_timestamp() - interval '{GIVE_UP_AFTER.days} days'
    FROM notifications_attempt a WHERE a.delivery_id = d.id AND a.outcome = 'retry' AND a.at >= d.created_at
      AND (a.code IS NULL) = (%(code)s::smallint IS NULL))"""  # noqa: S608
_SETTLE_PUT_OFF = _SETTLE.replace(
    _NEXT_STATE,
    f"""CASE
    WHEN d.subscriber_id IS NULL THEN 'dropped'
    WHEN NOT {_WAS_PUT_OFF_FOR_DAYS} THEN 'waiting'
    WHEN %(code)s::smallint IS NOT NULL THEN 'failed'
    WHEN EXISTS (SELECT 1 FROM notifications_line WHERE down_since IS NOT NULL) THEN 'waiting'
    ELSE 'quarantined' END""",  # noqa: S608
)


def recover() -> int:
    """Frees the deliveries whose worker did not come back within its lease; returns how many."""
    return int(first_row(_RECOVER, {"crashes": CRASHES})[0])


# One look into the index of each kind.
_IS_DUE = """
SELECT bool_or(EXISTS (
    SELECT 1 FROM notifications_delivery d
    WHERE d.state = 'waiting' AND d.kind = k.kind AND d.next_attempt_at <= statement_timestamp()))
FROM unnest(%(kinds)s::text[]) AS k(kind)
"""


def is_due() -> bool:
    """Whether anything waits whose time has come."""
    return bool(first_row(_IS_DUE, {"kinds": Kind.values})[0])


def claim(limit: int = CLAIM, avoid: Sequence[str] = ()) -> list[Claimed]:
    """Takes up to `limit` due deliveries for this worker, oldest first, none of the domains to `avoid`.

    Confirmations and reminders to staff come first; of what is left alerts get a half, what many are told of and
    digests a quarter each, and each of them what the others do not need. Last comes one of those that failed us before.
    """
    token = uuid.uuid4()
    how = {"avoid": list(avoid), "token": token, "lease": lease()}
    taken: list[Claimed] = []

    def take(kind: Kind, share: int) -> None:
        taken.extend(Claimed(it, token) for it in claiming.in_turns(kind, share, how))

    take(Kind.CONFIRMATION, limit)
    take(Kind.DUTY, limit - len(taken))
    left = limit - len(taken)
    take(Kind.ALERT, left - 2 * (left // 4))
    take(Kind.MANY, left // 4)
    take(Kind.DIGEST, left // 4)
    for kind in (Kind.ALERT, Kind.MANY, Kind.DIGEST):
        take(kind, limit - len(taken))
    return [*taken, *(Claimed(it, token, is_suspect=True) for it in claiming.a_suspect(how))]


def start(it: Claimed) -> bool:
    """Says that this mail goes on the wire now; False when it is not ours any more, or no longer wanted."""
    return first_row(_START, {"next": it.id, "token": it.token, "reserve": f"{_reserve()} s"}) is not None


def settle(
    it: Claimed, ended: Ended, then: Claimed | None = None, meanwhile: Callable[[], None] | None = None
) -> tuple[bool, bool]:
    """Writes down how a mail ended and starts the next one; whether it was still ours, and whether the next is.

    `meanwhile` is done while the database is at it.
    """
    done, started, _off = counts(
        _SETTLE_PUT_OFF if ended.outcome == Outcome.RETRY else _SETTLE,
        {
            "next": str(then.id) if then else None,
            "id": str(it.id),
            "token": str(it.token),
            "outcome": str(ended.outcome),
            "code": None if ended.code is None else str(ended.code),
            "reply": ended.reply,
            "reserve": f"{_reserve()} s",
        },
        meanwhile,
    )
    return bool(done), bool(started)


# What of a claim a change is about, locked in one order: who erases somebody takes their mails in that order, too.
_OURS = """
WITH ours AS MATERIALIZED (
    SELECT id FROM notifications_delivery WHERE id = ANY(%(ids)s::uuid[]) AND token = %(token)s::uuid AND {which}
    ORDER BY id FOR NO KEY UPDATE
)
UPDATE notifications_delivery d SET {change} FROM ours WHERE d.id = ours.id
"""
_DROP = _OURS.format(
    which="started_at IS NULL AND lease_until > statement_timestamp() + %(reserve)s::interval",
    change="state = 'dropped', why = %(why)s, settled_at = statement_timestamp(), token = NULL, lease_until = NULL,"
    " started_at = NULL",
)
_RENEW = _OURS.format(
    which="lease_until > statement_timestamp()",
    change="lease_until = statement_timestamp() + %(lease)s::interval",
)
_RELEASE = _OURS.format(
    which="started_at IS NULL AND subscriber_id IS NOT NULL",
    change="state = 'waiting', token = NULL, lease_until = NULL, next_attempt_at = CASE WHEN %(pause)s > 0"
    " THEN statement_timestamp() + interval '1 s' * %(pause)s ELSE d.next_attempt_at END",
)


@again_after_deadlock
def _change(statement: str, them: Sequence[Claimed], **values: str | float) -> int:
    if not them:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(statement, {"ids": [it.id for it in them], "token": them[0].token, **values})
        return int(cursor.rowcount)


def drop(them: Sequence[Claimed], why: Why) -> int:
    """Ends claimed deliveries that shall not be sent; returns how many were still ours. Of a lease that is as good as over
    nothing is ours: whoever may not start a mail for that has not learned that it is unwanted."""
    return _change(_DROP, them, why=str(why), reserve=f"{_reserve()} s")


def renew(them: Sequence[Claimed]) -> int:
    """Begins the lease of claimed deliveries anew; returns how many were still ours."""
    return _change(_RENEW, them, lease=f"{lease().total_seconds()} s")


def release(them: Sequence[Claimed], pause: float = 0.0) -> int:
    """Gives back claimed deliveries that were not started, as if nobody had taken them, to be taken again after `pause`
    seconds; returns how many."""
    return _change(_RELEASE, them, pause=pause)


# Of the questions about one subscription one at most waits (delivery_confirmation_once): the newest that was chosen,
# and none while another is on its way.
_SEND_AGAIN = """
WITH chosen AS MATERIALIZED (
    SELECT DISTINCT ON (coalesce(subscription_id::text, id::text)) id FROM notifications_delivery d
    WHERE id = ANY(%(ids)s) AND state IN ('failed', 'quarantined') AND subscriber_id IS NOT NULL
      AND (subscription_id IS NULL OR NOT EXISTS (
        SELECT 1 FROM notifications_delivery other WHERE other.subscription_id = d.subscription_id
          AND other.kind = 'confirmation' AND other.state IN ('waiting', 'claimed')))
    ORDER BY coalesce(subscription_id::text, id::text), created_at DESC, id
)
UPDATE notifications_delivery d SET state = 'waiting', settled_at = NULL, crashes = 0, attempts = 0,
    created_at = statement_timestamp(), next_attempt_at = statement_timestamp()
FROM chosen WHERE d.id = chosen.id AND d.state IN ('failed', 'quarantined') AND d.subscriber_id IS NOT NULL
"""


def send_again(ids: Sequence[uuid.UUID]) -> int:
    """Puts quarantined and refused deliveries back at the end of the queue; returns how many. The staff's button."""
    try:
        return _put_back(ids)
    except IntegrityError:
        return _put_back(ids)  # somebody has signed up in this instant: now the new question is seen


@again_after_deadlock
@transaction.atomic
def _put_back(ids: Sequence[uuid.UUID]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_SEND_AGAIN, {"ids": list(ids)})
        return int(cursor.rowcount)


# The index of what is due begins with the kind: one step down it for each.
_OLDEST = """
SELECT min(first.at) FROM unnest(%(kinds)s::text[]) AS k(kind) CROSS JOIN LATERAL (
    SELECT d.next_attempt_at AS at FROM notifications_delivery d WHERE d.state = 'waiting' AND d.kind = k.kind
    ORDER BY d.next_attempt_at LIMIT 1) AS first
"""


def oldest_waiting() -> datetime | None:
    """Since when the mail that is longest overdue has been due (UTC); None when nothing waits. For the health page."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST, {"kinds": Kind.values})
        found: datetime | None = cursor.fetchone()[0]
    return found
