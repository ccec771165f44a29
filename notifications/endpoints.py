"""What staff may do with endpoints: register, change, rotate the secret, pause, enable, ping, send again.

Endpoints are the post room's own matter, not part of the record: nothing here is an event. Every order raises Refusal
with the field and the rule, and leaves nothing behind then.
"""

from __future__ import annotations

import base64
import secrets
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from commitments.log import head
from commitments.models import Event, Participation
from commitments.spoken_dates import instant_in_words
from commitments.words import Origin, Role
from notifications import sealing
from notifications.models import (
    Call,
    CallKind,
    CallState,
    DisabledWhy,
    Endpoint,
    EndpointState,
    Format,
    Secret,
)
from notifications.scopes import fitting, kept_filter
from tracker.kit import outbound

# Receivers have this long to take over a new secret.
OVERLAP = timedelta(hours=24)
MOST_AT_A_TIME = 10_000
FIELDS = (
    "name", "format", "url", "language", "accord", "section", "party", "topic", "commitment", "saved", "kinds", "at_once",
    "owner",
)  # fmt: skip

log = structlog.get_logger(__name__)


class Refusal(ValidationError):
    """An order that cannot be carried out; `message_dict` names the field and the rule."""


def explain(code: str) -> str:
    """What an address is refused for, or why there was no answer from it, in words."""
    return {
        "scheme": _("The address must begin with https:// or http://."),
        "user": _("The address must not hold a user name or password."),
        "host": _("The host of the address cannot be read in one way only."),
        "port": _("The port of the address is not a port."),
        "length": _("The address must not be longer than 2,048 characters."),
        "characters": _("The address holds a space, a backslash or a control character."),
        "inside": _("The address leads to a network that is not public."),
        "redirect": _("The endpoint sent us on to another address; a call does not follow."),
        "timeout": _("There was no answer in time."),
        "name": _("The name of its host is not known."),
        "connect": _("No connection could be made."),
        "tls": _("Its certificate or its encryption could not be accepted."),
        "broken": _("The connection broke off before an answer was whole."),
    }.get(code, _("The address cannot be used."))


def checked_url(url: str) -> str:
    """The address with its scheme in small letters; raises Refusal for one that we would not call. A name is not asked of
    a name server here."""
    try:
        outbound.check(url)
    except outbound.Refused as error:
        raise Refusal({"url": explain(error.code)}) from error
    scheme, _colon, rest = url.partition(":")
    return f"{scheme.lower()}:{rest}"


def new_secret() -> str:
    """A secret in the standard's form: 256 random bits."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _apply(row: Endpoint, values: Mapping[str, Any]) -> None:
    for name in FIELDS:
        if name in values:
            setattr(row, name, values[name])
    row.url = checked_url(row.url)
    if row.commitment is not None:
        if row.accord is not None and row.accord != row.commitment.accord:
            raise Refusal({"commitment": _("This commitment belongs to another accord.")})
        row.accord = row.commitment.accord
    if row.section is not None:
        if row.accord is not None and row.accord != row.section.accord:
            raise Refusal({"section": _("This part belongs to another accord.")})
        row.accord = row.section.accord
    if row.saved is not None:
        if row.accord is not None and row.accord != row.saved.accord:
            raise Refusal({"saved": _("This list is that of another accord.")})
        row.accord, row.saved = row.saved.accord, kept_filter(row.saved)
    try:
        row.full_clean(exclude=["owner"])
    except Refusal:
        raise
    except ValidationError as error:
        raise Refusal(error.message_dict) from error


@transaction.atomic
def register(values: Mapping[str, Any], now: datetime | None = None) -> tuple[Endpoint, str]:
    """A new endpoint that hears of what happens from now on, and its secret, which is shown this once.

    A chat room has none: its address is its secret. Raises Refusal.
    """
    now = now or timezone.now()
    row = Endpoint(created_at=now, changed_at=now, told_up_to=head().seq)
    _apply(row, values)
    row.save()
    secret = ""
    if row.format == Format.STANDARD:
        secret = new_secret()
        Secret.objects.create(endpoint=row, sealed=sealing.seal(secret), made_at=now)
    return row, secret


@transaction.atomic
def change(endpoint: Endpoint, values: Mapping[str, Any]) -> Endpoint:
    """Other terms for an endpoint; calls that wait go to the new address. Raises Refusal."""
    row = _locked(endpoint)
    if "format" in values and values["format"] != row.format:
        raise Refusal({"format": _("The format stays: register another endpoint.")})
    before = row.url
    _apply(row, values)
    if row.url != before:
        row.failures, row.failing_since, row.rest_until = 0, None, None
        # Of the new address nothing is known, and what the former one still answers says nothing of it.
        row.answered_at = row.holder = row.held_until = None
    about = ["failures", "failing_since", "rest_until", "answered_at", "holder", "held_until"]
    row.save(update_fields=[*FIELDS, *(about if row.url != before else [])])
    return row


@transaction.atomic
def rotate(endpoint: Endpoint, now: datetime | None = None) -> str:
    """A new secret, shown this once; the former one signs as well for a day. Never more than two are live: while a
    former one is, nothing is made, so that a page that is loaded again ends no secret that a receiver checks with.
    Raises Refusal."""
    now = now or timezone.now()
    row = _locked(endpoint)
    if row.format != Format.STANDARD:
        raise Refusal({"format": _("A chat room has no secret: its address is its secret.")})
    former = row.secrets.filter(ends_at__gt=now).first()
    if former is not None and former.ends_at is not None:
        until = {"until": instant_in_words(former.ends_at)}
        raise Refusal(
            {"secret": _("A former secret signs until %(until)s; another can be made after that.") % until}
        )
    row.secrets.filter(ends_at__isnull=False).delete()
    row.secrets.update(ends_at=now + OVERLAP)
    secret = new_secret()
    Secret.objects.create(endpoint=row, sealed=sealing.seal(secret), made_at=now)
    return secret


def tend_secrets(now: datetime) -> int:
    """Seals secrets with the site's key of today, so that a former key may be forgotten, and removes those whose end was
    before `now` (UTC); returns how many were sealed."""
    Secret.objects.filter(ends_at__lte=now).delete()
    done = 0
    for row in Secret.objects.all():
        try:
            sealed = sealing.sealed_anew(row.sealed)
        except sealing.Unreadable:
            log.error("secret_unreadable", endpoint=row.endpoint_id)
            continue
        if sealed != row.sealed:
            done += Secret.objects.filter(pk=row.pk, sealed=row.sealed).update(sealed=sealed)
    return done


@transaction.atomic
def set_state(endpoint: Endpoint, state: EndpointState, now: datetime | None = None) -> bool:
    """Pauses (news are kept for later), disables (news are not kept, and what waits is given up) or enables; False when
    it stands so already.

    Enabling a disabled endpoint begins at the head of the log; what it missed can be sent as a range.
    """
    now = now or timezone.now()
    row = _locked(endpoint)
    if row.state == state:
        return False
    if row.state == EndpointState.DISABLED:
        row.told_up_to = head().seq
    if EndpointState.DISABLED in (row.state, state):
        # Also what was with a worker when it was disabled, and has come back since.
        row.calls.filter(state=CallState.WAITING, kind=CallKind.EVENT).update(
            state=CallState.FAILED, settled_at=now
        )
    row.state, row.changed_at = state, now
    row.why = DisabledWhy.STAFF if state == EndpointState.DISABLED else ""
    row.failures, row.failing_since, row.rest_until = 0, None, None
    row.owner_told_at, row.owner_next_try_at, row.owner_said = None, None, ""
    row.save()
    return True


def ping(endpoint: Endpoint) -> Call:
    """A test call, also to an endpoint that is paused or disabled, or rests; its answer is in the delivery log."""
    now = timezone.now()
    return Call.objects.create(endpoint=endpoint, kind=CallKind.PING, created_at=now, next_attempt_at=now)


@transaction.atomic
def send_again(calls: Sequence[uuid.UUID]) -> int:
    """Lets calls that are over, or wait, go out now, with the same webhook-id, also where their endpoint rests; returns
    how many. Raises Refusal when one of the endpoints is disabled."""
    chosen = Call.objects.filter(pk__in=calls)
    rows = Endpoint.objects.select_for_update(no_key=True).filter(pk__in=chosen.values("endpoint"))
    for row in rows.order_by("pk"):
        if row.state == EndpointState.DISABLED and chosen.filter(endpoint=row, kind=CallKind.EVENT).exists():
            raise Refusal({"endpoint": _("“%(name)s” is disabled: enable it first.") % {"name": row.name}})
    resting = Endpoint.objects.filter(pk__in=chosen.values("endpoint"), rest_until__gt=Now())
    resting.update(rest_until=Now())
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notifications_call SET state = 'waiting', settled_at = NULL, crashes = 0, attempts = 0,"
            " next_attempt_at = statement_timestamp() WHERE id = ANY(%s) AND state <> 'claimed'",
            [list(calls)],
        )
        return int(cursor.rowcount)


@transaction.atomic
def send_range(endpoint: Endpoint, first: int, last: int) -> int:
    """Sends the events numbered `first` to `last` (both included) that the endpoint asks for, again or for the first
    time, however old; history entered later stays untold. Returns how many. Raises Refusal."""
    row = _locked(endpoint)
    if first < 1 or last < first:
        raise Refusal({"last": _("The last number must not be before the first, which is at least 1.")})
    if last - first >= MOST_AT_A_TIME:
        raise Refusal({"last": _("At most %(most)d events at a time.") % {"most": MOST_AT_A_TIME}})
    if row.state == EndpointState.DISABLED:
        raise Refusal({"first": _("Enable the endpoint first.")})
    wanted = Event.objects.filter(Q(seq__gte=first, seq__lte=last), wants(row), origin=Origin.LIVE)
    numbers = list(wanted.values_list("seq", flat=True))
    now = timezone.now()
    owed = dict(row.calls.filter(number__in=numbers).values_list("number", "pk"))
    Call.objects.bulk_create(
        [
            Call(endpoint=row, number=number, created_at=now, next_attempt_at=now)
            for number in numbers
            if number not in owed
        ],
        ignore_conflicts=True,
    )
    again = send_again(list(owed.values()))
    return again + len(numbers) - len(owed)


def wants(row: Endpoint) -> Q:
    """The events that an endpoint asked for. An invented accord is nobody's news who did not ask for it."""
    found = Q()
    if row.accord_id is None and row.party_id is None:
        found &= Q(accord__is_example=False)
    if row.accord_id is not None:
        found &= Q(accord=row.accord_id)
    if row.commitment_id is not None:
        found &= Q(commitment=row.commitment_id)
    if row.section_id is not None:
        found &= Q(commitment__section=row.section_id)
    if row.party_id is not None:
        bound = Participation.objects.filter(party=row.party_id, role=Role.BOUND)
        found &= Q(commitment__in=bound.values("commitment"))
    if row.topic_id is not None:
        found &= Q(commitment__topics=row.topic_id)
    if row.saved is not None:
        found &= Q(commitment__in=fitting(row.saved, timezone.now()).values("pk"))
    if row.kinds:
        found &= Q(kind__in=row.kinds)
    return found


def _locked(endpoint: Endpoint) -> Endpoint:
    return Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
