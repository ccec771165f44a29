"""Whether this database is the one that sends: a restored copy owes the same mails as its original, and sends none of
them until an operator says that it takes the original's place."""

from __future__ import annotations

from django.conf import settings
from django.db import connection
from django.utils import timezone

from notifications.models import Home


def here() -> str:
    """What tells this database from a copy of it: the server's identity, the database's own number, the site."""
    with connection.cursor() as cursor:
        # Some hosts keep the server's identity to themselves; the number and the site still tell most copies apart.
        cursor.execute(
            "SELECT oid::text, has_function_privilege('pg_control_system()', 'execute')"
            " FROM pg_database WHERE datname = current_database()"
        )
        database, may_ask = cursor.fetchone()
        server = ""
        if may_ask:
            cursor.execute("SELECT system_identifier::text FROM pg_control_system()")
            server = str(cursor.fetchone()[0])
    return f"{server}/{database}/{settings.SITE_HOST}"


def is_home() -> bool:
    """Whether anything may leave from here. The first time ever makes this the home."""
    known = Home.objects.filter(pk=1).values_list("place", flat=True).first()
    if known is None:
        Home.objects.get_or_create(pk=1, defaults={"place": here(), "since": timezone.now()})
        known = Home.objects.values_list("place", flat=True).get(pk=1)
    return known == here()


def is_stranger() -> bool:
    """Whether sending is held back because this is a copy; says nothing and changes nothing."""
    known = Home.objects.filter(pk=1).values_list("place", flat=True).first()
    return known is not None and known != here()


def settle_here() -> None:
    """Makes this database the one that sends. For operators: `manage.py resume_sending`."""
    Home.objects.update_or_create(pk=1, defaults={"place": here(), "since": timezone.now()})
