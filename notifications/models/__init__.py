"""The nouns of the post room, one file each. Doors import them from here."""

from notifications.models.bounce import Bounce, BounceAbout, BounceWay
from notifications.models.calendar import PrivateCalendar
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
from notifications.models.marks import Bookmark, DomainPause, Home, Line, SignUpCount, Unfinished, Unplanned
from notifications.models.outbox import OVER, Attempt, Delivery, Kind, Notice, Outcome, State, Why
from notifications.models.people import Subscriber, SubscriberState, Weekday
from notifications.models.reminder import Audience, Hush, Reminder, ReminderState, WhyNot
from notifications.models.wishes import TARGETS, Rhythm, SavedFilter, Subscription

__all__ = [
    "CALL_OVER",
    "OVER",
    "TARGETS",
    "Attempt",
    "Audience",
    "Bookmark",
    "Bounce",
    "BounceAbout",
    "BounceWay",
    "Call",
    "CallKind",
    "CallState",
    "Delivery",
    "DisabledWhy",
    "DomainPause",
    "Endpoint",
    "EndpointState",
    "Format",
    "Home",
    "Hush",
    "Kind",
    "Line",
    "Notice",
    "Outcome",
    "PrivateCalendar",
    "Reminder",
    "ReminderState",
    "Rhythm",
    "SavedFilter",
    "Secret",
    "SignUpCount",
    "State",
    "Subscriber",
    "SubscriberState",
    "Subscription",
    "Try",
    "TryOutcome",
    "Unfinished",
    "Unplanned",
    "Weekday",
    "Why",
    "WhyNot",
]
