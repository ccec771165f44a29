"""Mail providers' own reports of bounces and complaints, as django-anymail reads them: which providers, which mail."""

from __future__ import annotations

import re
import uuid
from typing import Any

from anymail.exceptions import AnymailWebhookValidationFailure
from anymail.signals import AnymailTrackingEvent, EventType, RejectReason
from anymail.urls import urlpatterns
from anymail.webhooks.base import AnymailCoreWebhookView
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from notifications import bouncing
from notifications.bouncing import Weight
from notifications.models import BounceWay, Delivery, State

# The receiving server's own words begin with its code.
_SERVER_SAYS = re.compile(r"\s*(?:smtp;\s*)?([45]\d\d)\b", re.I)
# The reader, or the provider in their name, wants no more mail: as good as a mailbox that is not there.
_UNWELCOME = {RejectReason.SPAM, RejectReason.UNSUBSCRIBED}
_NOT_THE_READER = {RejectReason.BLOCKED, RejectReason.TIMED_OUT}
_NOT_READ = (ValueError, LookupError, TypeError, AttributeError, RecursionError, ImproperlyConfigured)


class Forged(Exception):
    """The report does not prove that it comes from the provider."""


class Unreadable(Exception):
    """The report is the provider's, and not one that can be read."""


def _view() -> AnymailCoreWebhookView:
    """The library's reader of the reports of the provider that is set."""
    (found,) = [it for it in urlpatterns if it.name == f"{settings.BOUNCE_PROVIDER}_tracking_webhook"]
    view: AnymailCoreWebhookView = found.callback.view_class(**found.callback.view_initkwargs)
    return view


def read(request: HttpRequest) -> int:
    """Reads one post of the provider and writes down what it says of our mails; returns how many bounces were new.

    Raises Forged without the provider's signature or name and password, Unreadable for what its form does not allow,
    and nothing is written then.
    """
    view = _view()
    try:
        view.run_validators(request)
    except AnymailWebhookValidationFailure as error:
        raise Forged(str(error)) from error
    except _NOT_READ as error:
        raise Forged("the proof of its origin cannot be read") from error
    try:
        events = [it for it in view.parse_events(request) if isinstance(it, AnymailTrackingEvent)]
        reports = [found for event in events if (found := _report(event))]
    except _NOT_READ as error:
        raise Unreadable(type(error).__name__) from error
    return sum(_note(*report) for report in reports)


def _report(event: AnymailTrackingEvent) -> tuple[str, str, Weight, str] | None:
    """The recipient, all that the provider said, what it means for the address, and the code; None for what is no bounce
    (a mail that is put off is still on its way)."""
    if not isinstance(event.recipient, str) or not event.recipient.isprintable():
        return None
    said = f"{event.message_id} {event.metadata} {event.esp_event}"
    if event.event_type == EventType.UNSUBSCRIBED:
        return event.recipient, said, Weight.HARD, "unsubscribed"
    if event.event_type == EventType.COMPLAINED:
        # Postmark's word for a filter that took the mail for spam: its reader has said nothing.
        is_filtered = _word(event.esp_event, "Type") == "spamnotification"
        return event.recipient, said, Weight.NOTHING if is_filtered else Weight.HARD, "complaint"
    if event.event_type in (EventType.BOUNCED, EventType.REJECTED, EventType.FAILED):
        status = bouncing.status_in(f"{event.mta_response or ''} {event.description or ''}")
        if status:
            return event.recipient, said, bouncing.weigh(status), status
        return event.recipient, said, *_without_status(event)
    return None


def _without_status(event: AnymailTrackingEvent) -> tuple[Weight, str]:
    """What a bounce means that carries no enhanced status, by the provider's word, and its code."""
    server = _SERVER_SAYS.match(str(event.mta_response or ""))
    code = server[1] if server else ""
    if event.reject_reason in _UNWELCOME:
        # A server that takes the mail for spam does not speak for its reader.
        return (Weight.NOTHING, code) if server else (Weight.HARD, str(event.reject_reason)[:12])
    if event.reject_reason in _NOT_THE_READER:
        return Weight.NOTHING, code
    if event.reject_reason == RejectReason.INVALID or _is_hard(event.esp_event):
        return Weight.HARD, code
    is_unclear = event.reject_reason == RejectReason.BOUNCED or (code and int(code) in bouncing.BARE)
    return Weight.UNCLEAR if is_unclear else Weight.NOTHING, code


def _word(said: Any, name: str) -> str:
    """A word of the provider's report, in small letters."""
    return str(said.get(name)).lower() if hasattr(said, "get") else ""


def _is_hard(said: Any) -> bool:
    """Whether the provider's own word for a bounce is that it is final; the library's words drop that."""
    words = (_word(said, name) for name in ("Type", "type", "event", "SuppressionReason"))
    return any("hard" in word for word in words) or _word(said, "hard_bounce") == "true"


def _note(recipient: str, said: str, weight: Weight, code: str) -> int:
    delivery = _delivery(recipient.strip().lower(), said)
    return int(delivery is not None and bouncing.record(delivery, weight, code, BounceWay.PROVIDER))


def _delivery(email: str, said: str) -> uuid.UUID | None:
    """The mail to that address which the report names by our Message-ID, else the last one that was sent there: not
    every provider gives back the Message-ID of a mail that came by SMTP."""
    theirs = Delivery.objects.filter(subscriber__email=email)
    ours = re.compile(
        rf"([0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}})@{re.escape(settings.SITE_HOST)}", re.I
    )
    named: Any = theirs.filter(pk__in=[uuid.UUID(it) for it in ours.findall(said)]).first()
    if named is None:
        named = theirs.filter(state=State.SENT).order_by("-settled_at").first()
    return named.pk if named else None
