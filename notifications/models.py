"""Who wants to know what (Subscriber, Subscription), and what is owed to them (Notice, Delivery, Attempt)."""

from __future__ import annotations

import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from commitments.models import Accord, Commitment


class SubscriberState(models.TextChoices):
    """What an address has said."""

    PENDING = "pending", _("not confirmed yet")
    CONFIRMED = "confirmed", _("confirmed")
    SUPPRESSED = "suppressed", _("never to be written to")


class Kind(models.TextChoices):
    """What a delivery is for. Confirmations go before alerts: somebody is waiting for them."""

    CONFIRMATION = "confirmation", _("confirmation")
    ALERT = "alert", _("alert")


class State(models.TextChoices):
    """Where a delivery is on its way."""

    WAITING = "waiting", _("waiting")
    CLAIMED = "claimed", _("with a worker")
    SENT = "sent", _("sent")
    FAILED = "failed", _("refused for good")
    QUARANTINED = "quarantined", _("in quarantine")
    DROPPED = "dropped", _("dropped")


class Why(models.TextChoices):
    """Why a delivery was dropped."""

    UNWANTED = "unwanted", _("no longer wanted")
    UNTRUE = "untrue", _("no longer true")
    ERASED = "erased", _("address erased")


class Outcome(models.TextChoices):
    """How one attempt ended."""

    SENT = "sent", _("accepted")
    RETRY = "retry", _("put off")
    FAILED = "failed", _("refused for good")
    ERROR = "error", _("our own error")
    CRASHED = "crashed", _("the worker ended")


OVER = [State.SENT, State.FAILED, State.QUARANTINED, State.DROPPED]


class Subscriber(models.Model):
    """An address and its language. The only place where an address is kept: erasing this row erases the person.

    `uuid` is what signed links carry, never the address.
    """

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    email = models.CharField(max_length=254, unique=True, help_text=_("In small letters."))
    language = models.CharField(max_length=8, choices=settings.LANGUAGES, default="en")
    state = models.CharField(max_length=12, choices=SubscriberState.choices, default=SubscriberState.PENDING)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField(help_text=_("When the person last did something."))

    class Meta:
        verbose_name = _("subscriber")
        verbose_name_plural = _("subscribers")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(email=Lower("email")), name="subscriber_email_small_letters"),
            # No line break, space or angle bracket ever reaches a mail header from here.
            models.CheckConstraint(
                condition=Q(email__regex=r"^[!-;=?-~]+@[!-;=?-~]+$"), name="subscriber_email_plain"
            ),
            models.CheckConstraint(
                condition=Q(state__in=SubscriberState.values), name="subscriber_state_known"
            ),
            models.CheckConstraint(
                condition=Q(language__in=[code for code, _name in settings.LANGUAGES]),
                name="subscriber_language_known",
            ),
        ]
        indexes = [
            # prune: addresses that nobody confirmed, or that follow nothing any more.
            models.Index(fields=["changed_at"], name="subscriber_changed"),
        ]

    def __str__(self) -> str:
        return f"{self.uuid}"


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    """Readings of subscriptions."""

    def live(self) -> Self:
        """Not ended."""
        return self.filter(ended_at__isnull=True)

    def confirmed(self) -> Self:
        """Confirmed by the owner of the address, and not ended."""
        return self.live().filter(confirmed_at__isnull=False)


class Subscription(models.Model):
    """One wish to hear: of everything in an accord (no commitment), or of one commitment of it.

    `starts_after` is the head of the log at the confirmation: only later events are told.
    """

    subscriber = models.ForeignKey(Subscriber, models.CASCADE, related_name="subscriptions")
    accord = models.ForeignKey(Accord, models.CASCADE, related_name="+", db_index=False)
    commitment = models.ForeignKey(
        Commitment, models.CASCADE, null=True, blank=True, related_name="+", db_index=False
    )
    asked_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    starts_after = models.BigIntegerField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        ordering = ["id"]
        constraints = [
            # One live wish per scope. The order of the columns serves fan_out as well, which walks the
            # subscribers of an accord, or of a commitment, by their number.
            models.UniqueConstraint(
                fields=["accord", "subscriber"],
                condition=Q(ended_at__isnull=True, commitment__isnull=True),
                name="subscription_accord_once",
            ),
            models.UniqueConstraint(
                fields=["commitment", "subscriber"],
                condition=Q(ended_at__isnull=True, commitment__isnull=False),
                name="subscription_commitment_once",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_at__isnull=True, starts_after__isnull=True)
                | Q(confirmed_at__isnull=False, starts_after__isnull=False),
                name="subscription_confirmed_has_start",
            ),
        ]

    def __str__(self) -> str:
        return str(self.commitment or self.accord)


class Delivery(models.Model):
    """One mail that is owed. `id` is its Message-ID for ever: a copy that is sent again carries the same one.

    A claim sets `lease_until` (by the database's clock) and a fresh `token`; only the holder of the token may
    settle it. `started_at` is set when the mail goes on the wire, so that only a started one counts a crash
    against itself. The address is not kept here.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    subscriber = models.ForeignKey(
        Subscriber, models.SET_NULL, null=True, blank=True, related_name="deliveries"
    )
    subscription = models.ForeignKey(
        Subscription,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text=_("The one that a confirmation asks about."),
    )
    state = models.CharField(max_length=12, choices=State.choices, default=State.WAITING)
    why = models.CharField(max_length=12, choices=Why.choices, blank=True, default="")
    created_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    token = models.UUIDField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    crashes = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="delivery_kind_known"),
            models.CheckConstraint(
                condition=Q(state=State.CLAIMED, token__isnull=False, lease_until__isnull=False)
                | (
                    Q(token__isnull=True, lease_until__isnull=True, started_at__isnull=True)
                    & ~Q(state=State.CLAIMED)
                ),
                name="delivery_claimed_has_lease",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[State.WAITING, State.CLAIMED], settled_at__isnull=True)
                | Q(state__in=OVER, settled_at__isnull=False),
                name="delivery_settled_has_instant",
            ),
            models.CheckConstraint(
                condition=(Q(state=State.DROPPED) & ~Q(why="")) | (~Q(state=State.DROPPED) & Q(why="")),
                name="delivery_dropped_has_reason",
            ),
            models.CheckConstraint(
                condition=~Q(state=State.WAITING) | Q(subscriber__isnull=False),
                name="delivery_waiting_has_subscriber",
            ),
            # Signing up twice while the first confirmation is on its way sends one mail.
            models.UniqueConstraint(
                fields=["subscription"],
                condition=Q(kind=Kind.CONFIRMATION, state__in=[State.WAITING, State.CLAIMED]),
                name="delivery_confirmation_once",
            ),
        ]
        indexes = [
            # claim: what is due, oldest first, confirmations before alerts.
            models.Index(
                fields=["kind", "next_attempt_at"], name="delivery_due", condition=Q(state=State.WAITING)
            ),
            # recover: claims whose lease has run out.
            models.Index(fields=["lease_until"], name="delivery_leased", condition=Q(state=State.CLAIMED)),
            # prune: what has been over for long.
            models.Index(fields=["settled_at"], name="delivery_over", condition=Q(settled_at__isnull=False)),
            # The staff's list of what needs a person.
            models.Index(
                fields=["settled_at"],
                name="delivery_needs_person",
                condition=Q(state__in=[State.FAILED, State.QUARANTINED]),
            ),
            # sign_up: the last confirmation of a subscription; erase: the rows that name it.
            models.Index(
                fields=["subscription", "created_at"],
                name="delivery_subscription",
                condition=Q(subscription__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id}"


class Notice(models.Model):
    """That a subscriber is to be told of one source, once: `event` with its seq (reminders will be another).

    Rows never point at events: `number` is the event's seq.
    """

    EVENT = "event"

    subscriber = models.ForeignKey(Subscriber, models.CASCADE, related_name="notices", db_index=False)
    source = models.CharField(max_length=12, default=EVENT)
    number = models.BigIntegerField()
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="notices")

    class Meta:
        constraints = [
            # Whoever follows an accord and its commitment hears once; a second fan_out creates nothing.
            models.UniqueConstraint(fields=["subscriber", "source", "number"], name="notice_once"),
            models.CheckConstraint(condition=Q(source__in=["event"]), name="notice_source_known"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.number}"


class Attempt(models.Model):
    """One try to send a delivery, and the answer, with every address taken out of it."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="tries")
    at = models.DateTimeField()
    outcome = models.CharField(max_length=12, choices=Outcome.choices)
    code = models.PositiveSmallIntegerField(null=True, blank=True, help_text=_("The server's reply code."))
    reply = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(outcome__in=Outcome.values), name="attempt_outcome_known")
        ]

    def __str__(self) -> str:
        return f"{self.outcome} {self.code or ''}".strip()


class Bookmark(models.Model):
    """How far a reader of the log has come: everything up to `seq` is done, and of the next event everyone up to
    `recipient`, so that a million recipients are told in batches."""

    name = models.CharField(max_length=40, primary_key=True)
    seq = models.BigIntegerField(default=0)
    recipient = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} {self.seq}"


class Line(models.Model):
    """Whether the way out works: while a server is down only one try at a time is made, ever more rarely."""

    name = models.CharField(max_length=40, primary_key=True)
    down_since = models.DateTimeField(null=True, blank=True)
    try_again_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    said = models.CharField(max_length=300, blank=True, default="")

    def __str__(self) -> str:
        return self.name


class SignUpCount(models.Model):
    """How many sign-ups an address or a network has made in a window; the key is a keyed hash, not the address."""

    key = models.CharField(max_length=64, primary_key=True)
    since = models.DateTimeField()
    count = models.PositiveIntegerField()

    class Meta:
        # prune: windows that are over.
        indexes = [models.Index(fields=["since"], name="signupcount_since")]

    def __str__(self) -> str:
        return f"{self.count}"
