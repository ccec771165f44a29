"""Who acts: a member of staff through an office, the loader, or the clock; and what each may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from commitments.models import Accord, Deputy, Membership
from commitments.refusals import NotAllowed, Problem
from commitments.words import StaffRole

RANK = {
    StaffRole.VIEWER: 0,
    StaffRole.EDITOR: 1,
    StaffRole.REVIEWER: 2,
    StaffRole.ADMINISTRATOR: 3,
}
# The least role that may do it.
NEEDS = {
    "draft": StaffRole.EDITOR,
    "review": StaffRole.REVIEWER,
    "publish": StaffRole.REVIEWER,
    "reject": StaffRole.REVIEWER,
    "retract": StaffRole.REVIEWER,
    "attach_evidence": StaffRole.EDITOR,
    "withdraw_evidence": StaffRole.REVIEWER,
    "record_contribution": StaffRole.EDITOR,
    "withdraw_contribution": StaffRole.REVIEWER,
    "state_position": StaffRole.EDITOR,
    "resolve_position": StaffRole.REVIEWER,
    "set_deadline": StaffRole.REVIEWER,
    "move_deadline": StaffRole.REVIEWER,
    "meet_deadline": StaffRole.REVIEWER,
    "waive_deadline": StaffRole.REVIEWER,
    "pause": StaffRole.REVIEWER,
    "record_trigger": StaffRole.REVIEWER,
    "verify_evidence": StaffRole.EDITOR,
    "register": StaffRole.ADMINISTRATOR,
    "correct": StaffRole.REVIEWER,
    "redact": StaffRole.ADMINISTRATOR,
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who gives an order. `office` is what the log shows; `person_id` never leaves the staff's own rows.

    `roles` map an accord's id (None: every accord) to a role. The machine (loader, clock) may do everything.
    """

    office: str
    person_id: int | None = None
    roles: Mapping[int | None, str] = field(default_factory=dict)
    is_machine: bool = False

    @classmethod
    def of(cls, user: Any, today: date | None = None) -> Actor:
        """The actor a signed-in user is, also for absent colleagues; without any membership one who may do nothing."""
        memberships = list(Membership.objects.filter(user_id=user.pk)) if user.is_active else []
        stood_for = _stood_for(user, today or timezone.localdate()) if user.is_active else []
        roles: dict[int | None, str] = {}
        for m in (*memberships, *stood_for):
            # The higher of one's own role and of those one stands in for.
            if m.accord_id not in roles or RANK[StaffRole(m.role)] > RANK[StaffRole(roles[m.accord_id])]:
                roles[m.accord_id] = m.role
        office = next((m.office for m in memberships if m.accord_id is None), "")
        office = office or next((m.office for m in (*memberships, *stood_for)), "")
        return cls(office=office, person_id=user.pk, roles=roles)

    def may(self, verb: str, accord: Accord) -> bool:
        """Whether the role for that accord (else the general one) reaches what the verb needs."""
        if self.is_machine:
            return True
        role = self.roles.get(accord.pk, self.roles.get(None))
        return role is not None and RANK[StaffRole(role)] >= RANK[NEEDS[verb]]

    def require(self, verb: str, accord: Accord) -> None:
        """Raises NotAllowed, naming the role that is needed, unless the actor may."""
        if not self.may(verb, accord):
            raise NotAllowed(
                Problem(
                    "",
                    "role",
                    _("This needs the role “%(role)s” for %(accord)s.")
                    % {"role": NEEDS[verb].label, "accord": accord},
                )
            )


def _stood_for(user: Any, today: date) -> list[Membership]:
    """The roles of absent colleagues whose deputy this user is today (UTC)."""
    absent = Deputy.objects.filter(deputy_id=user.pk, from_on__lte=today, until_on__gte=today)
    return list(
        Membership.objects.filter(user_id__in=absent.values("absent_id"), user__is_active=True).order_by("id")
    )


CLOCK = Actor(office="", is_machine=True)


def loader(office: str = "records-desk") -> Actor:
    """The machine that enters history from a file."""
    return Actor(office=office, is_machine=True)
