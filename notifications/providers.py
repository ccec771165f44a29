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
from notifications.models import BounceWay, Delivery, State

_STATUS = re.compile(r"\b[45]\.\d{1,3}\.\d{1,3}\b")
# The reader, or the provider in their name, wants no more mail: as good as a mailbox that is not there.
_UNWELCOME = {RejectReason.SPAM, RejectReason.UNSUBSCRIBED}
_GONE = {RejectReason.INVALID, RejectReason.BOUNCED}
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


def _report(event: AnymailTrackingEvent) -> tuple[str, str, bool, str] | None:
    """The recipient, all that the provider said, whether it is final for the address, and the code; None for what is
    no bounce (a mail that is put off is still on its way)."""
    if not isinstance(event.recipient, str) or not event.recipient.isprintable():
        return None
    said = f"{event.message_id} {event.metadata} {event.esp_event}"
    status = _STATUS.search(f"{event.mta_response or ''} {event.description or ''}")
    code = status[0] if status else ""
    if event.event_type == EventType.COMPLAINED:
        return event.recipient, said, True, "complaint"
    if event.event_type == EventType.UNSUBSCRIBED:
        return event.recipient, said, True, "unsubscribed"
    if event.event_type in (EventType.BOUNCED, EventType.REJECTED, EventType.FAILED):
        if event.reject_reason in _UNWELCOME:
            return event.recipient, said, True, str(event.reject_reason)[:12]
        gone = event.reject_reason in _GONE and not _is_soft(event.esp_event)
        return event.recipient, said, bool(bouncing.is_hard(code)) if code else gone, code
    return None


def _is_soft(said: Any) -> bool:
    """Whether the provider's own word for a bounce is that it need not be final; the library's word drops that."""
    words = (
        {name: said.get(name) for name in ("Type", "event", "hard_bounce")} if hasattr(said, "get") else {}
    )
    return words.get("hard_bounce") is False or "soft" in f"{words.get('Type')} {words.get('event')}".lower()


def _note(recipient: str, said: str, hard: bool, code: str) -> int:
    delivery = _delivery(recipient.strip().lower(), said)
    return int(delivery is not None and bouncing.record(delivery, hard, code, BounceWay.PROVIDER))


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
