"""Writing down what is owed: one notice per reader and source, in a mail of its own, in the one mail about a turn that
makes many pieces of news, or in the reader's open digest.

Set-based: one statement per source and batch of readers, whoever many follow.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import connection

from notifications.models import Kind
from tracker.kit.deadlocks import again_after_deadlock

# Every subscription has begun before that position of the log.
ALWAYS = 1 << 62

# The next time that the digest's hour strikes for a subscriber `p`, as an instant after %(now)s. The hour is added to
# the local day and only then becomes an instant: one that a change of clocks leaves out comes an hour later, one that
# comes twice is taken once.
NEXT_DIGEST = """
(SELECT min(c.at) FROM (
    SELECT (day + make_interval(hours => p.hour)) AT TIME ZONE p.zone AS at, extract(isodow FROM day) AS weekday
    FROM (SELECT date_trunc('day', {now} AT TIME ZONE p.zone) + make_interval(days => n) AS day
          FROM generate_series(0, 8) AS n) AS days) AS c
 WHERE c.at > {now} AND ({rhythm} = 'daily' OR c.weekday = p.weekday))
"""

# One source, one batch of recipients in the order of their keys. Each scope walks one index from the last recipient on,
# so the batch costs what it holds, however many follow. Who was told before gets nothing (notice_once). Whoever wants
# any of it at once gets a mail; the others get a line in the open digest of their rhythm, which is locked meanwhile, so
# that no worker claims it between our look and our commit. Where the source is one of many of its turn, whoever wants it at
# once gets a line, too: in their open alert, which is a mail like a digest that is open, without a rhythm.
# A digest that would go while this source is still held waits until that is over. News that come faster than a hold
# lasts put it off again and again: it goes in their first pause, with all of them. To cap that would send what may still
# be taken back, and to leave the line for the digest after it would tell of it a week late.
#
# A hold counts from now at most: an event that was written by a clock that ran ahead, and the events after it, which
# the log stamps no earlier, wait like all others. Digests are locked in the order of their readers, so that two tellings
# do not wait for each other as long as each is alone in its transaction.
_HELD_UNTIL = "least(%(not_before)s, statement_timestamp() + %(hold)s::interval)"
_TELL = f"""
WITH reached AS MATERIALIZED (
    SELECT subscriber_id, bool_or(rhythm = 'instantly') AS at_once,
           CASE WHEN bool_or(rhythm = 'daily') THEN 'daily' ELSE 'weekly' END AS rhythm,
           array_agg(id ORDER BY id) AS wishes
    FROM unnest(%(scopes)s::text[]) AS wanted(scope), LATERAL (
        SELECT s.id, s.subscriber_id, s.rhythm FROM notifications_subscription s
        WHERE s.scope = wanted.scope AND s.ended_at IS NULL AND s.confirmed_at IS NOT NULL AND s.paused_at IS NULL
          AND s.starts_after < %(starts_before)s AND s.subscriber_id > %(last)s
          AND (s.kinds = '{{}}' OR %(sort)s = ANY(s.kinds))
        ORDER BY s.subscriber_id LIMIT %(batch)s) AS found
    GROUP BY subscriber_id ORDER BY subscriber_id LIMIT %(batch)s
), fresh AS MATERIALIZED (
    SELECT r.*, r.at_once AND NOT %(together)s AS is_alone, p.zone, p.hour, p.weekday,
           split_part(p.email, '@', 2) AS domain
    FROM reached r JOIN notifications_subscriber p ON p.id = r.subscriber_id
    WHERE NOT r.subscriber_id = ANY(%(hushed)s::bigint[])
), noticed AS (
    INSERT INTO notifications_notice (subscriber_id, source, number, wishes, delivery_id)
    SELECT subscriber_id, %(source)s, %(number)s, wishes, gen_random_uuid() FROM fresh WHERE is_alone
    ON CONFLICT (subscriber_id, source, number) DO NOTHING
    RETURNING subscriber_id, delivery_id
), owed AS (
    INSERT INTO notifications_delivery
        (id, kind, subscriber_id, state, why, domain, rhythm, is_open, created_at, next_attempt_at, attempts, crashes)
    SELECT n.delivery_id, %(kind)s, n.subscriber_id, 'waiting', '', f.domain, '', false,
           statement_timestamp(), greatest(statement_timestamp(), {_HELD_UNTIL}), 0, 0
    FROM noticed n JOIN fresh f USING (subscriber_id)
    RETURNING 1
), digests AS (
    INSERT INTO notifications_delivery AS d
        (id, kind, subscriber_id, state, why, domain, rhythm, is_open, created_at, next_attempt_at, attempts, crashes)
    SELECT gen_random_uuid(), CASE WHEN at_once THEN %(kind)s::text ELSE 'digest' END, p.subscriber_id, 'waiting', '',
           p.domain, CASE WHEN at_once THEN '' ELSE p.rhythm END, true, statement_timestamp(),
           greatest(CASE WHEN at_once THEN statement_timestamp()
                    ELSE {NEXT_DIGEST.format(now="statement_timestamp()", rhythm="p.rhythm")} END, {_HELD_UNTIL}), 0, 0
    FROM fresh p WHERE NOT is_alone AND NOT EXISTS (
        SELECT 1 FROM notifications_notice n
        WHERE n.subscriber_id = p.subscriber_id AND n.source = %(source)s AND n.number = %(number)s)
    ORDER BY p.subscriber_id
    ON CONFLICT (subscriber_id, rhythm) WHERE is_open
        DO UPDATE SET is_open = true, next_attempt_at = CASE WHEN {_HELD_UNTIL} > statement_timestamp()
            THEN greatest(d.next_attempt_at, {_HELD_UNTIL}) ELSE d.next_attempt_at END
    RETURNING d.id, d.subscriber_id
), listed AS (
    INSERT INTO notifications_notice (subscriber_id, source, number, wishes, delivery_id)
    SELECT f.subscriber_id, %(source)s, %(number)s, f.wishes, d.id
    FROM digests d JOIN fresh f USING (subscriber_id)
    ON CONFLICT (subscriber_id, source, number) DO NOTHING
    RETURNING 1
)
SELECT (SELECT count(*) FROM reached), (SELECT max(subscriber_id) FROM reached),
       (SELECT count(*) FROM owed) + (SELECT count(*) FROM listed)
"""  # noqa: S608  (made of this file's own constants)

# The same for one of many. What is at once is not put off by what comes after it, so an open alert takes nothing that must
# be held for longer than it waits: it is closed, and goes when it would. (The turn that it is about is told before the
# ones after it, to almost everybody.) The rows are closed before the insertion looks for open ones.
_TELL_TOGETHER = _TELL.replace(
    "), digests AS (",
    f"""), closed AS (
    UPDATE notifications_delivery d SET is_open = false FROM fresh f
    WHERE f.at_once AND d.subscriber_id = f.subscriber_id AND d.rhythm = '' AND d.is_open
      AND d.next_attempt_at < {_HELD_UNTIL}
    RETURNING 1
), digests AS (""",  # noqa: S608
).replace("WHERE NOT is_alone AND", "WHERE (SELECT count(*) FROM closed) >= 0 AND")

# Lines that a mail which goes leaves out, each into a mail that is dropped: whoever gets the mail has not been told of
# them, and is not told of what takes them back. Not of a mail that was tried: it may have arrived with them.
_LEAVE_OUT = """
WITH out AS MATERIALIZED (
    SELECT n.id, n.subscriber_id, gen_random_uuid() AS delivery
    FROM notifications_notice n JOIN notifications_delivery d ON d.id = n.delivery_id
    WHERE n.id = ANY(%(notices)s::bigint[]) AND d.token = %(token)s AND d.attempts = 0 AND d.crashes = 0
), readers AS MATERIALIZED (
    SELECT id FROM notifications_subscriber WHERE id IN (SELECT subscriber_id FROM out) ORDER BY id FOR KEY SHARE
), dropped AS (
    INSERT INTO notifications_delivery
        (id, kind, subscriber_id, state, why, domain, rhythm, is_open, created_at, next_attempt_at, settled_at, attempts,
         crashes)
    SELECT o.delivery, 'alert', o.subscriber_id, 'dropped', 'untrue', '', '', false, statement_timestamp(),
           statement_timestamp(), statement_timestamp(), 0, 0
    FROM out o JOIN readers r ON r.id = o.subscriber_id
    RETURNING id
)
UPDATE notifications_notice n SET delivery_id = out.delivery
FROM out JOIN dropped ON dropped.id = out.delivery WHERE n.id = out.id
"""

# Notices of claimed digests into the open digest of the same reader and rhythm; those of a digest that was tried into one
# of their own, which counts as tried as well: they may have arrived, so what takes them back must be told. The reader's
# row is held meanwhile, as by who erases it.
_KEEP = f"""
WITH kept AS MATERIALIZED (
    SELECT n.id, n.subscriber_id, d.rhythm, d.attempts, d.crashes,
           CASE WHEN d.attempts > 0 OR d.crashes > 0 THEN d.id END AS tried
    FROM notifications_notice n JOIN notifications_delivery d ON d.id = n.delivery_id
    WHERE n.id = ANY(%(notices)s::bigint[]) AND d.token = %(token)s
), readers AS MATERIALIZED (
    SELECT * FROM notifications_subscriber WHERE id IN (SELECT subscriber_id FROM kept) ORDER BY id FOR KEY SHARE
), wanted AS MATERIALIZED (
    SELECT gen_random_uuid() AS id, k.*, split_part(p.email, '@', 2) AS domain,
           {NEXT_DIGEST.format(now="statement_timestamp()", rhythm="k.rhythm")} AS at
    FROM readers p
    JOIN (SELECT DISTINCT subscriber_id, rhythm, tried, attempts * (tried IS NOT NULL)::int AS attempts,
                 crashes * (tried IS NOT NULL)::int AS crashes FROM kept) AS k ON k.subscriber_id = p.id
), digests AS (
    INSERT INTO notifications_delivery AS d
        (id, kind, subscriber_id, state, why, domain, rhythm, is_open, created_at, next_attempt_at, attempts, crashes)
    SELECT id, 'digest', subscriber_id, 'waiting', '', domain, rhythm, tried IS NULL, statement_timestamp(), at,
           attempts, crashes
    FROM wanted ORDER BY subscriber_id, rhythm
    ON CONFLICT (subscriber_id, rhythm) WHERE is_open DO UPDATE SET is_open = true
    RETURNING d.id, d.subscriber_id, d.rhythm, d.is_open
)
UPDATE notifications_notice n SET delivery_id = coalesce(w.id, o.id)
FROM kept k
LEFT JOIN wanted w ON w.tried = k.tried
LEFT JOIN digests o ON o.subscriber_id = k.subscriber_id AND o.rhythm = k.rhythm AND o.is_open
WHERE n.id = k.id AND coalesce(w.id, o.id) IS NOT NULL
"""  # noqa: S608

# The new hours are given, the row `p` still has the old ones: an open digest that goes before their next hour waits for a
# hold, or for us, since its own hour has struck.
_MOVE_DIGESTS = f"""
UPDATE notifications_delivery d
SET next_attempt_at = greatest(
    (SELECT {NEXT_DIGEST.format(now="statement_timestamp()", rhythm="d.rhythm")}
     FROM (SELECT %(zone)s::text AS zone, %(hour)s::int AS hour, %(weekday)s::int AS weekday) AS p),
    statement_timestamp() + %(hold)s::interval)
FROM notifications_subscriber p
WHERE p.id = d.subscriber_id AND p.id = %(subscriber)s AND d.is_open AND d.kind = 'digest'
  AND d.next_attempt_at >= {NEXT_DIGEST.format(now="statement_timestamp()", rhythm="d.rhythm")}
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Source:
    """What readers are told of: an event or a reminder by its number, and the sort of news. No mail goes `not_before`
    (UTC). Only subscriptions that began before position `starts_before` of the log are told. `is_one_of_many`: its turn of
    the log makes so much news that each reader gets one mail about all of it."""

    kind: str
    number: int
    sort: str
    not_before: datetime
    starts_before: int = ALWAYS
    is_one_of_many: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What one batch did: readers reached, the last one's key (at least the one it began after), notices made."""

    reached: int
    last: int
    made: int


def tell(source: Source, wanted: Sequence[str], last: int, room: int, hushed: Collection[int] = ()) -> Told:
    """Tells up to `room` readers of those scopes, after the one with the key `last`, except the `hushed`.

    The mails of those after the first batch give way to others (Kind.MANY).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _TELL_TOGETHER if source.is_one_of_many else _TELL,
            {
                "scopes": list(wanted),
                "kind": str(Kind.MANY if last else Kind.ALERT),
                "together": source.is_one_of_many,
                "source": source.kind,
                "number": source.number,
                "sort": str(source.sort),
                "starts_before": source.starts_before,
                "last": last,
                "batch": room,
                "hushed": list(hushed),
                "not_before": source.not_before,
                "hold": f"{settings.ALERT_HOLD.total_seconds()} s",
            },
        )
        reached, highest, made = cursor.fetchone()
    return Told(int(reached), int(highest or last), int(made))


def held_until(published: datetime) -> datetime:
    """Until when (UTC) a mail about something that people published then is held back: a retraction in between stops it."""
    return published + settings.ALERT_HOLD


@again_after_deadlock
def keep(notices: Sequence[int], token: uuid.UUID) -> None:
    """Moves notices, by key, from digests of that claim to the next digest of the same reader and rhythm; out of one that
    was tried, to a digest of their own."""
    if notices:
        with connection.cursor() as cursor:
            cursor.execute(_KEEP, {"notices": list(notices), "token": token})


@again_after_deadlock
def leave_out(notices: Sequence[int], token: uuid.UUID) -> None:
    """Takes notices, by key, out of mails of that claim that go without them: their readers are not told of these."""
    if notices:
        with connection.cursor() as cursor:
            cursor.execute(_LEAVE_OUT, {"notices": list(notices), "token": token})


def move_digests(subscriber: int, zone: str, hour: int, weekday: int) -> None:
    """Gives a subscriber's open digests the next hour that they have chosen now, before it is saved; when that is nearer
    than a hold is long, the end of the hold that news in it may still be under. One whose hour has struck, and which waits
    for us or for a hold, goes as it would."""
    with connection.cursor() as cursor:
        cursor.execute(
            _MOVE_DIGESTS,
            {
                "subscriber": subscriber,
                "zone": zone,
                "hour": hour,
                "weekday": weekday,
                "hold": f"{settings.ALERT_HOLD.total_seconds()} s",
            },
        )


def next_digest(rhythm: str, zone: str, hour: int, weekday: int, now: datetime) -> datetime:
    """When the next digest of that rhythm goes (UTC), by the rule that fan_out uses."""
    chosen = NEXT_DIGEST.format(now="%(now)s::timestamptz", rhythm="%(rhythm)s")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {chosen} FROM (SELECT %(zone)s::text AS zone, %(hour)s::int AS hour,"  # noqa: S608
            " %(weekday)s::int AS weekday) AS p",
            {"rhythm": rhythm, "zone": zone, "hour": hour, "weekday": weekday, "now": now},
        )
        found: datetime = cursor.fetchone()[0]
    return found.astimezone(UTC)
