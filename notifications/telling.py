"""Who hears of an event: which kinds are told, and whom they reach."""

from __future__ import annotations

from commitments.models import Commitment
from commitments.words import EventKind
from notifications.models import SubscriberState, Subscription
from notifications.subscribing import scope

# What people are mailed about. Our own lateness (verdict_became_due, review_became_due) is told to staff only.
TOLD = frozenset(
    {
        EventKind.STATUS_PUBLISHED,
        EventKind.STATUS_RETRACTED,
        EventKind.EVIDENCE_ADDED,
        EventKind.EVIDENCE_WITHDRAWN,
        EventKind.DEADLINE_MOVED,
        EventKind.DEADLINE_MET,
        EventKind.BECAME_OVERDUE,
        EventKind.FELL_BEHIND_TARGET,
        EventKind.CONTRIBUTION_RECORDED,
        EventKind.CONTRIBUTION_WITHDRAWN,
        EventKind.POSITION_STATED,
        EventKind.POSITION_RESOLVED,
    }
)


def audience_of(commitment: Commitment) -> int:
    """How many people a live event on that commitment would reach now."""
    return (
        Subscription.objects.confirmed()
        .filter(scope(commitment.accord_id, commitment.pk), subscriber__state=SubscriberState.CONFIRMED)
        .values("subscriber")
        .distinct()
        .count()
    )
