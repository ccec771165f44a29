"""Who is behind an office: the members of staff that a reminder reaches, as subscribers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import Q

from commitments.models import Membership
from commitments.words import StaffRole
from notifications.models import Audience, Subscriber, SubscriberState

# The role that answers for a rung; where nobody holds it, the next one up does.
ROLES: dict[str, tuple[str, ...]] = {
    Audience.OFFICER: (StaffRole.EDITOR, StaffRole.REVIEWER, StaffRole.ADMINISTRATOR),
    Audience.MANAGER: (StaffRole.REVIEWER, StaffRole.ADMINISTRATOR),
    Audience.LEAD: (StaffRole.ADMINISTRATOR,),
}
_PLAIN = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")


def members(accord: int, audience: str) -> list[Membership]:
    """The memberships that an audience of staff means for an accord, active people with an address only."""
    reach = Membership.objects.filter(
        Q(accord=accord) | Q(accord=None), user__is_active=True, user__is_staff=True
    ).select_related("user")
    for role in ROLES[audience]:
        found = [
            row
            for row in reach.filter(role=role).order_by("user_id", "-accord_id")
            if _PLAIN.fullmatch(_address(row.user))
        ]
        if found:
            return found
    return []


def _address(user: Any) -> str:
    return str(user.email or "").strip().lower()


def subscribers(accord: int, audience: str, now: datetime, language: str = "en") -> list[Subscriber]:
    """The people of an audience as rows that can be written to; each address once, none that must not be written to."""
    people = {_address(row.user): row.user_id for row in members(accord, audience)}
    if not people:
        return []
    Subscriber.objects.bulk_create(
        [
            Subscriber(email=email, language=language, user_id=user, created_at=now, changed_at=now)
            for email, user in people.items()
        ],
        ignore_conflicts=True,
    )
    rows = list(Subscriber.objects.filter(email__in=people).order_by("id"))
    for row in rows:
        if row.user_id != people[row.email]:
            row.user_id = people[row.email]
            row.save(update_fields=["user"])
    return [row for row in rows if row.state != SubscriberState.SUPPRESSED]


def named(pairs: Collection[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """The offices behind each pair of accord and audience, for staff to read before a notice goes."""
    found: dict[tuple[int, str], str] = defaultdict(str)
    for accord, audience in pairs:
        if audience in ROLES:
            offices = dict.fromkeys(f"{row.office} ({row.user})" for row in members(accord, audience))
            found[accord, audience] = ", ".join(offices)
    return found
