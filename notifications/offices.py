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


def members(accord: int, audience: str, without: int | None = None) -> list[Membership]:
    """The memberships that an audience of staff means for an accord: active people who can be written to, and not the
    user `without`, who cannot review what they drafted themselves. Where a role has nobody of that sort, the next one
    up is asked."""
    reach = (
        Membership.objects.filter(
            Q(accord=accord) | Q(accord=None),
            user__is_active=True,
            user__is_staff=True,
            role__in=ROLES[audience],
        )
        .exclude(user=without)
        .select_related("user")
        .order_by("user_id", "-accord_id")
    )
    rows = [row for row in reach if _PLAIN.fullmatch(_address(row.user))]
    refused = set(
        Subscriber.objects.filter(
            email__in={_address(row.user) for row in rows}, state=SubscriberState.SUPPRESSED
        ).values_list("email", flat=True)
    )
    for role in ROLES[audience]:
        found = [row for row in rows if row.role == role and _address(row.user) not in refused]
        if found:
            return found
    return []


def _address(user: Any) -> str:
    return str(user.email or "").strip().lower()


def subscribers(
    accord: int, audience: str, now: datetime, without: int | None = None, language: str = "en"
) -> list[Subscriber]:
    """The people of an audience (see `members`) as rows that can be written to; each address once."""
    people = {_address(row.user): row.user_id for row in members(accord, audience, without)}
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
    return rows


class Holders:
    """Who holds which office now, of these users, read once: for a claim that is looked through."""

    def __init__(self, users: Collection[int]) -> None:
        held = Membership.objects.filter(user__in=users, user__is_active=True, user__is_staff=True)
        self._held = set(held.values_list("user_id", "accord_id", "role")) if users else set()

    def may_hear(self, user: int, accord: int, audience: str) -> bool:
        """Whether the user still holds an office that hears what that audience hears of the accord; who asked to be
        reminded again, any office of it."""
        roles = ROLES.get(audience, StaffRole.values)
        return any((user, where, role) in self._held for where in (accord, None) for role in roles)


def named(wanted: Collection[tuple[int, str, int | None]]) -> dict[tuple[int, str, int | None], str]:
    """The offices behind each accord, audience and author that is not asked, for staff to read before a notice goes."""
    found: dict[tuple[int, str, int | None], str] = defaultdict(str)
    for accord, audience, without in wanted:
        if audience in ROLES:
            rows = members(accord, audience, without)
            found[accord, audience, without] = ", ".join(
                dict.fromkeys(f"{row.office} ({row.user})" for row in rows)
            )
    return found
