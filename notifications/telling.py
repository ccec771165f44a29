"""Which events are news, of which sort, and how many people one would reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import pgettext_lazy

from commitments.models import Commitment
from commitments.words import Clock, EventKind
from notifications import scopes
from notifications.models import SubscriberState, Subscription


class News(TextChoices):
    """The sorts of news that a reader may choose from."""

    STATUS = "status", pgettext_lazy("news", "judgements published and retracted")
    LATE = "late", pgettext_lazy("news", "dates that pass")
    DATES = "dates", pgettext_lazy("news", "dates set, moved, met, waived or paused")
    AHEAD = "ahead", pgettext_lazy("news", "reminders of dates ahead")
    EVIDENCE = "evidence", pgettext_lazy("news", "evidence")
    MONEY = "money", pgettext_lazy("news", "money")
    POSITIONS = "positions", pgettext_lazy("news", "what the parties say of the record")
    WORDING = "wording", pgettext_lazy("news", "new entries and corrected wording")


# What people are mailed about. Our own lateness (verdict_became_due, review_became_due) is told to staff only.
SORT_OF: dict[str, News] = {
    EventKind.STATUS_PUBLISHED: News.STATUS,
    EventKind.STATUS_RETRACTED: News.STATUS,
    EventKind.BECAME_OVERDUE: News.LATE,
    EventKind.FELL_BEHIND_TARGET: News.LATE,
    EventKind.DEADLINE_SET: News.DATES,
    EventKind.DEADLINE_MOVED: News.DATES,
    EventKind.DEADLINE_MET: News.DATES,
    EventKind.DEADLINE_WAIVED: News.DATES,
    EventKind.CLOCK_PAUSED: News.DATES,
    EventKind.CLOCK_RESUMED: News.DATES,
    EventKind.TRIGGER_RECORDED: News.DATES,
    EventKind.TRIGGER_WITHDRAWN: News.DATES,
    EventKind.EVIDENCE_ADDED: News.EVIDENCE,
    EventKind.EVIDENCE_WITHDRAWN: News.EVIDENCE,
    EventKind.CONTRIBUTION_RECORDED: News.MONEY,
    EventKind.CONTRIBUTION_WITHDRAWN: News.MONEY,
    EventKind.POSITION_STATED: News.POSITIONS,
    EventKind.POSITION_RESOLVED: News.POSITIONS,
    EventKind.COMMITMENT_REGISTERED: News.WORDING,
    EventKind.COMMITMENT_CORRECTED: News.WORDING,
}
TOLD = frozenset(SORT_OF)


def is_news(kind: str, facts: Mapping[str, Any]) -> bool:
    """Whether readers are told of such an event. The dates of our own clock are not theirs, a day that a rhythm
    brings along is no surprise, and a clock that a trigger starts is told with its trigger."""
    if kind not in TOLD:
        return False
    if kind in {EventKind.DEADLINE_SET, EventKind.DEADLINE_MOVED}:
        if facts.get("clock") == Clock.TRACKER:
            return False
        if kind == EventKind.DEADLINE_SET:
            return not (facts.get("occurs_on") or facts.get("trigger"))
    return True


def audience_of(commitment: Commitment) -> int:
    """How many people a live event on that commitment would reach now."""
    wanted = scopes.of_commitments([commitment.pk])[commitment.pk]
    return (
        Subscription.objects.active()
        .filter(scope__in=wanted, subscriber__state=SubscriberState.CONFIRMED)
        .values("subscriber")
        .distinct()
        .count()
    )
