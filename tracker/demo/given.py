"""Servers given by DATABASE_URL and REDIS_URL: used only when empty or marked as a demo's.

A demo makes accounts whose passwords it prints, and `--reset` deletes everything: neither may ever reach data
that somebody lives on.
"""

from __future__ import annotations

from tracker.bootstrap import Refusal

MARK = "accord_demo_mark"


def check_database(url: str, *, reset: bool) -> None:
    """Marks an empty database as a demo's, accepts one that is marked (emptying it when `reset`), and raises
    Refusal for any other."""
    import psycopg
    from psycopg import sql

    if not url.startswith(("postgres://", "postgresql://")):
        raise Refusal("DATABASE_URL must begin with postgres:// : PostgreSQL is the only engine.")
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            row = connection.execute("SELECT to_regclass(%s)", [f"public.{MARK}"]).fetchone()
            is_marked = row is not None and row[0] is not None
            others = connection.execute(
                "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                "WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') "
                "AND n.nspname NOT LIKE 'pg\\_temp%' AND n.nspname NOT LIKE 'pg\\_toast%' "
                "AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') "
                "AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') LIMIT 1"
            ).fetchone()
            if not is_marked and others is not None:
                raise Refusal(
                    f"the database of DATABASE_URL holds {others[0]} and is not marked as a demo's, so it is left "
                    "alone: give an empty database, or unset DATABASE_URL."
                )
            if is_marked and reset:
                connection.execute("DROP SCHEMA public CASCADE")
                connection.execute("CREATE SCHEMA public")
                is_marked = False
            if not is_marked:
                connection.execute(
                    sql.SQL("CREATE TABLE public.{} (made_at timestamptz NOT NULL DEFAULT now())").format(
                        sql.Identifier(MARK)
                    )
                )
    except psycopg.Error as error:
        raise Refusal(f"the database of DATABASE_URL: {' '.join(str(error).split())[:300]}") from error


def check_redis(url: str, *, reset: bool) -> None:
    """The same for the Redis database of REDIS_URL: a worker of the demo must not eat another one's messages."""
    import redis

    plain = url.replace("redis+socket://", "unix://").replace("virtual_host=", "db=")
    try:
        with redis.Redis.from_url(plain, socket_connect_timeout=5, socket_timeout=5) as client:
            is_marked = bool(client.exists(MARK))
            if not is_marked and client.dbsize():
                raise Refusal(
                    "the Redis database of REDIS_URL holds keys and is not marked as a demo's, so it is left alone: "
                    "give an empty one (another number at the end of the address), or unset REDIS_URL."
                )
            if is_marked and reset:
                client.flushdb()
            client.set(MARK, "1")
    except (redis.RedisError, ValueError) as error:
        raise Refusal(f"the Redis of REDIS_URL: {' '.join(str(error).split())[:300]}") from error
