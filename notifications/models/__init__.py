"""The nouns of the post room, one file each. Doors import them from here."""

from notifications.models.endpoint import (
    CALL_OVER,
    Call,
    CallKind,
    CallState,
    DisabledWhy,
    Endpoint,
    EndpointState,
    Format,
    Secret,
    Try,
    TryOutcome,
)
from notifications.models.marks import Bookmark, Home, Line, SignUpCount
from notifications.models.outbox import OVER, Attempt, Delivery, Kind, Notice, Outcome, State, Why
from notifications.models.people import Subscriber, SubscriberState, Subscription

__all__ = [
    "CALL_OVER",
    "OVER",
    "Attempt",
    "Bookmark",
    "Call",
    "CallKind",
    "CallState",
    "Delivery",
    "DisabledWhy",
    "Endpoint",
    "EndpointState",
    "Format",
    "Home",
    "Kind",
    "Line",
    "Notice",
    "Outcome",
    "Secret",
    "SignUpCount",
    "State",
    "Subscriber",
    "SubscriberState",
    "Subscription",
    "Try",
    "TryOutcome",
    "Why",
]
