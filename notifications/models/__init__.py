"""The nouns of the post room, one file each. Doors import them from here."""

from notifications.models.marks import Bookmark, Line, SignUpCount
from notifications.models.outbox import OVER, Attempt, Delivery, Kind, Notice, Outcome, State, Why
from notifications.models.people import Subscriber, SubscriberState, Subscription

__all__ = [
    "OVER",
    "Attempt",
    "Bookmark",
    "Delivery",
    "Kind",
    "Line",
    "Notice",
    "Outcome",
    "SignUpCount",
    "State",
    "Subscriber",
    "SubscriberState",
    "Subscription",
    "Why",
]
