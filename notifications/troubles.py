"""What staff should know of the post room: a copy that sends nothing, a server that is down, what needs a person."""

from __future__ import annotations

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from notifications import home
from tracker.kit.briefly import Briefly

# One look in five seconds serves every page of the staff in this process: partial indexes answer the first three.
_LOOK = """
SELECT EXISTS (SELECT 1 FROM notifications_line WHERE name = 'email' AND down_since IS NOT NULL),
    EXISTS (SELECT 1 FROM notifications_line WHERE name = 'mailbox' AND down_since IS NOT NULL),
    (SELECT count(*) FROM notifications_delivery WHERE state IN ('failed', 'quarantined') AND state = 'quarantined')
    + (SELECT count(*) FROM notifications_call WHERE state IN ('failed', 'quarantined') AND state = 'quarantined'),
    (SELECT count(*) FROM notifications_endpoint WHERE state = 'disabled' AND why <> 'staff'),
    (SELECT count(*) FROM notifications_unplanned)
"""


def _read() -> tuple[bool, bool, bool, int, int, int]:
    with connection.cursor() as cursor:
        cursor.execute(_LOOK)
        is_down, is_unread, aside, given_up, unplanned = cursor.fetchone()
    return home.is_stranger(), bool(is_down), bool(is_unread), int(aside), int(given_up), int(unplanned)


_look = Briefly(_read, 5.0)


def what_is_wrong() -> list[str]:
    """Sentences in the active language; empty when all is well. At most five seconds old."""
    found = []
    is_stranger, is_down, is_unread, aside, given_up, unplanned = _look()
    if is_stranger:
        found.append(
            _(
                "This database is a copy of another one: no mail and no webhook leaves it until "
                "“manage.py resume_sending” has run."
            )
        )
    if is_down:
        found.append(_("The mail server cannot be reached; what waits is sent when it is back."))
    if is_unread:
        found.append(_("The mailbox of the bounces cannot be read; what lies there is read later."))
    if aside:
        found.append(
            ngettext(
                "%(count)d delivery is in quarantine and waits for a person.",
                "%(count)d deliveries are in quarantine and wait for a person.",
                aside,
            )
            % {"count": aside}
        )
    if given_up:
        found.append(
            ngettext(
                "%(count)d endpoint was disabled because it failed.",
                "%(count)d endpoints were disabled because they failed.",
                given_up,
            )
            % {"count": given_up}
        )
    if unplanned:
        found.append(
            ngettext(
                "The reminders of %(count)d commitment could not be planned: a fault of ours. It is tried again.",
                "The reminders of %(count)d commitments could not be planned: a fault of ours. It is tried again.",
                unplanned,
            )
            % {"count": unplanned}
        )
    return found
