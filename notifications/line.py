"""Whether the way out works: a server that is down is tried by one worker at a time, ever more rarely."""

from __future__ import annotations

from django.db import connection

from notifications.models import Line

EMAIL = "email"
LONGEST_PAUSE = 15

_MAY_TRY = """
UPDATE notifications_line
SET try_again_at = statement_timestamp() + interval '1 s' * least(power(2, least(tries, 10)), %(longest)s)
WHERE name = %(name)s AND down_since IS NOT NULL AND try_again_at <= statement_timestamp()
RETURNING 1
"""
_DOWN = """
INSERT INTO notifications_line AS l (name, down_since, try_again_at, tries, said)
VALUES (%(name)s, statement_timestamp(), statement_timestamp() + interval '1 s', 1, %(said)s)
ON CONFLICT (name) DO UPDATE SET
    down_since = coalesce(l.down_since, statement_timestamp()),
    tries = l.tries + 1,
    try_again_at = statement_timestamp() + interval '1 s' * least(power(2, least(l.tries, 10)), %(longest)s),
    said = %(said)s
"""


def may_try(name: str = EMAIL) -> bool:
    """True while the line is up; while it is down, for one caller each time the pause is over."""
    if not Line.objects.filter(name=name, down_since__isnull=False).exists():
        return True
    with connection.cursor() as cursor:
        cursor.execute(_MAY_TRY, {"name": name, "longest": LONGEST_PAUSE})
        return cursor.fetchone() is not None


def down(said: str, name: str = EMAIL) -> None:
    """The server did not answer as it should: the next try waits 1, 2, 4 .. 15 seconds."""
    with connection.cursor() as cursor:
        cursor.execute(_DOWN, {"name": name, "said": said[:300], "longest": LONGEST_PAUSE})


def up(name: str = EMAIL) -> None:
    """The server has taken or refused a mail: it works."""
    Line.objects.filter(name=name, down_since__isnull=False).update(
        down_since=None, try_again_at=None, tries=0, said=""
    )
