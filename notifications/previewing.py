"""Every mail as it would read now, without sending it: what is owed, what an event or a reminder would say, the question."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Q
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from commitments.models import Accord, Commitment, Event
from notifications import letters, owners, parcels
from notifications.letters import PLACES, Letter
from notifications.models import (
    Delivery,
    DisabledWhy,
    Endpoint,
    Notice,
    Reminder,
    ReminderState,
    Rhythm,
    Subscription,
)
from notifications.outbox import Claimed
from notifications.reminder_letters import reminders
from notifications.reminder_words import sentence
from notifications.scopes import EVERYTHING
from notifications.summing import digest
from notifications.telling import TOLD

LISTED = 12


class NoSuchMail(Exception):
    """There is no mail of that name; carries why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A mail that can be looked at: its name in an address, and what it is about."""

    name: str
    title: str


def samples() -> Iterator[Sample]:
    """One mail of every sort that the record has something for."""
    yield Sample("question", _("The question to somebody who signs up"))
    for kind in sorted(TOLD):
        event = (
            Event.objects.filter(kind=kind, commitment__isnull=False)
            .select_related("commitment")
            .order_by("-seq")
            .first()
        )
        if event is not None and event.commitment is not None:
            yield Sample(
                f"event-{event.seq}",
                capfirst(f"{event.get_kind_display()}: {event.commitment.code} ({event.seq})"),
            )
    yield Sample("digest-daily", _("A daily digest of the latest news"))
    yield Sample("digest-weekly", _("A weekly digest of the latest news"))
    yield Sample("digest-act", _("The latest news as if one act had brought it"))
    yield Sample("endpoint-owner", _("To the owner of an endpoint that was given up"))
    # Each rung for each audience once, one that is still to come where there is one.
    rungs = Reminder.objects.select_related("commitment", "deadline").annotate(
        is_planned=Q(state=ReminderState.PLANNED)
    )
    for row in rungs.order_by("audience", "rung", "-is_planned", "due_at").distinct("audience", "rung"):
        yield Sample(
            f"reminder-{row.pk}",
            capfirst(f"{row.get_audience_display()}: {row.commitment.code}. {sentence(row, row.due_at)}"),
        )


def letter(name: str, language: str) -> Letter:
    """The mail of that name in that language, with its personal links made harmless; raises NoSuchMail."""
    sort, _dash, key = name.partition("-")
    made = {
        "question": _question,
        "event": _event,
        "digest": _digest,
        "reminder": _reminder,
        "delivery": _owed,
        "endpoint": _owner,
    }
    if sort not in made:
        raise NoSuchMail(name)
    found = made[sort](key, language)
    return Letter(
        found.subject,
        PLACES.sub("#", found.text),
        PLACES.sub("#", found.html),
        found.thread,
        found.list_id,
    )


def _question(key: str, language: str) -> Letter:
    target = Commitment.objects.select_related("accord").order_by("code").first()
    wish = Subscription(commitment=target, rhythm=Rhythm.INSTANTLY if target else Rhythm.WEEKLY)
    wish.scope = EVERYTHING
    return letters.question(wish, language)


def _owner(key: str, language: str) -> Letter:
    if key != "owner":
        raise NoSuchMail(key)
    return owners.letter(Endpoint(pk=0, name="newsroom", why=DisabledWhy.FAILING), language)


def _number(key: str) -> int:
    if not (key.isascii() and key.isdecimal() and len(key) < 19):
        raise NoSuchMail(key)
    return int(key)


def _event(key: str, language: str) -> Letter:
    event = Event.objects.filter(seq=_number(key), kind__in=TOLD, commitment__isnull=False).first()
    if event is None:
        raise NoSuchMail(key)
    return letters.alert(event, language, [f"accord:{event.accord_id}"])


def _digest(key: str, language: str) -> Letter:
    rhythms = {"daily": Rhythm.DAILY, "weekly": Rhythm.WEEKLY, "act": ""}
    if key not in rhythms:
        raise NoSuchMail(key)
    latest = Event.objects.filter(kind__in=TOLD, commitment__isnull=False).order_by("-seq")[:LISTED]
    events = sorted(latest, key=lambda event: event.seq)
    if not events:
        raise NoSuchMail(_("The log holds no news yet."))
    accord = Accord.objects.get(pk=events[-1].accord_id)
    return digest(
        [event for event in events if event.accord_id == accord.pk],
        language,
        rhythms[key],
        [f"accord:{accord.pk}"],
    )


def _reminder(key: str, language: str) -> Letter:
    rows = Reminder.objects.select_related("commitment", "deadline", "assessment")
    row = rows.filter(pk=_number(key)).first()
    if row is None:
        raise NoSuchMail(key)
    of = [f"commitment:{row.commitment_id}"] if row.audience == "watchers" else []
    # It speaks of the day on which it goes.
    return reminders([row], language, of, row.due_at)


def _owed(key: str, language: str) -> Letter:
    try:
        found = Delivery.objects.filter(pk=uuid.UUID(key)).first()
    except ValueError:
        raise NoSuchMail(key) from None
    if found is None:
        raise NoSuchMail(key)
    if not found.subscription_id and not Notice.objects.filter(delivery=found).exists():
        raise NoSuchMail(_("Nothing is left of what it was about."))
    packed = parcels.pack([Claimed(found.pk, uuid.uuid4())])
    if not packed.parcels:
        why = _("It would not be sent now: nothing in it is wanted any more.")
        if packed.untrue:
            why = _("It would not be sent now: nothing in it is true any more.")
        if packed.merged:
            why = _("It would not be sent now: a later mail says the same.")
        if packed.paused:
            why = _(
                "It would not be sent now: its reader has paused this. What is in it goes with a later digest."
            )
        if packed.undecided:
            why = _("It would wait now: it takes back what is on its way to the same reader.")
        raise NoSuchMail(why)
    return parcels.write(packed.parcels[0], language)
