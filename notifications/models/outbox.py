"""What is owed to whom (Delivery, Notice) and how each try ended (Attempt)."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from notifications.models.people import Subscriber
from notifications.models.wishes import Rhythm, Subscription


class Kind(models.TextChoices):
    """What a delivery is for. Confirmations go before all others: somebody is waiting for them. What many are told of
    gives way to what few are told of."""

    CONFIRMATION = "confirmation", _("confirmation")
    ALERT = "alert", _("alert")
    MANY = "many", _("alert to many")
    DIGEST = "digest", _("digest")
    DUTY = "duty", _("reminder to staff")


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
    MERGED = "merged", _("told in a later mail")
    ERASED = "erased", _("address erased")


class Outcome(models.TextChoices):
    """How one attempt ended."""

    SENT = "sent", _("accepted")
    RETRY = "retry", _("put off")
    FAILED = "failed", _("refused for good")
    ERROR = "error", _("our own error")
    CRASHED = "crashed", _("the worker ended")


MAY_BE_OPEN = [Kind.DIGEST, Kind.ALERT, Kind.MANY]
OVER = [State.SENT, State.FAILED, State.QUARANTINED, State.DROPPED]


class Delivery(models.Model):
    """One mail that is owed. `id` is its Message-ID for ever: a copy that is sent again carries the same one.

    A claim sets `lease_until` (by the database's clock) and a fresh `token`; only the holder of the token may
    settle it. `started_at` is set when the mail goes on the wire, so that only a started one counts a crash
    against itself. The address is not kept here; its domain is, so that one slow domain does not hold up the others.

    A digest is open (`is_open`) until it is claimed: news joins the open one of its subscriber and rhythm. So is an alert
    (without a rhythm) about a turn of the log that makes many pieces of news.
    """

    id = models.UUIDField(_("identifier"), primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    subscriber = models.ForeignKey(
        Subscriber,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="deliveries",
        verbose_name=_("reader"),
    )
    subscription = models.ForeignKey(
        Subscription,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text=_("The one that a confirmation asks about."),
        verbose_name=_("subscription"),
    )
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.WAITING)
    why = models.CharField(_("why dropped"), max_length=12, choices=Why.choices, blank=True, default="")
    domain = models.CharField(_("domain"), max_length=253, blank=True, default="")
    rhythm = models.CharField(_("how often"), max_length=12, choices=Rhythm.choices, blank=True, default="")
    is_open = models.BooleanField(_("takes news"), default=False)
    created_at = models.DateTimeField(_("written down"))
    next_attempt_at = models.DateTimeField(_("next attempt"))
    lease_until = models.DateTimeField(_("with a worker until"), null=True, blank=True)
    token = models.UUIDField(_("token of the worker"), null=True, blank=True)
    started_at = models.DateTimeField(_("put on the wire"), null=True, blank=True)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    crashes = models.PositiveSmallIntegerField(_("crashes"), default=0)

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
            # One open digest per person and rhythm, and one open alert; fan_out finds it by this.
            models.UniqueConstraint(
                fields=["subscriber", "rhythm"], condition=Q(is_open=True), name="delivery_open_digest_once"
            ),
            models.CheckConstraint(
                condition=(Q(kind=Kind.DIGEST) & ~Q(rhythm="")) | (~Q(kind=Kind.DIGEST) & Q(rhythm="")),
                name="delivery_digest_has_rhythm",
            ),
            models.CheckConstraint(
                condition=Q(is_open=False) | Q(kind__in=MAY_BE_OPEN, state=State.WAITING),
                name="delivery_open_waits",
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
            # claim: the first of each domain.
            models.Index(
                fields=["kind", "domain", "next_attempt_at"],
                name="delivery_by_domain",
                condition=Q(state=State.WAITING, crashes=0),
            ),
            # claim: those that a worker did not survive, or could not write, one at a time.
            models.Index(
                fields=["next_attempt_at"],
                name="delivery_suspect",
                condition=Q(state=State.WAITING, crashes__gt=0),
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
            # The staff's list, newest first; a fan-out writes many in one instant, so that alone is not enough.
            models.Index(fields=["created_at", "id"], name="delivery_newest"),
            # sign_up: the last confirmation of a subscription; erase: the rows that name it.
            models.Index(
                fields=["subscription", "created_at"],
                name="delivery_subscription",
                condition=Q(subscription__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.created_at:%Y-%m-%d %H:%M} UTC"


class Notice(models.Model):
    """That a subscriber is to be told of one source, once: an event by its seq, a reminder by its key.

    Rows never point at events. `wishes` are the keys of the subscriptions that brought it; none for a reminder to staff.
    """

    EVENT, REMINDER = "event", "reminder"

    subscriber = models.ForeignKey(Subscriber, models.CASCADE, related_name="notices", db_index=False)
    source = models.CharField(max_length=12, default=EVENT)
    number = models.BigIntegerField()
    wishes = ArrayField(models.BigIntegerField(), default=list, blank=True)
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="notices")

    class Meta:
        constraints = [
            # Whoever follows an accord and its commitment hears once; a second fan_out creates nothing.
            models.UniqueConstraint(fields=["subscriber", "source", "number"], name="notice_once"),
            models.CheckConstraint(condition=Q(source__in=["event", "reminder"]), name="notice_source_known"),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.number}"


class Attempt(models.Model):
    """One try to send a delivery, and the answer, with every address taken out of it."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="tries", verbose_name=_("delivery"))
    at = models.DateTimeField(_("when"))
    outcome = models.CharField(_("how it ended"), max_length=12, choices=Outcome.choices)
    code = models.PositiveSmallIntegerField(
        _("code"), null=True, blank=True, help_text=_("The server's reply code.")
    )
    reply = models.CharField(_("what the server said"), max_length=300, blank=True, default="")

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(outcome__in=Outcome.values), name="attempt_outcome_known")
        ]
        indexes = [
            # The staff's list by outcome, and by code, newest first; most attempts are taken at once, and not looked for.
            models.Index(
                fields=["outcome", "id"], name="attempt_outcome", condition=~Q(outcome=Outcome.SENT)
            ),
            models.Index(fields=["code", "id"], name="attempt_code", condition=~Q(outcome=Outcome.SENT)),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} {self.code or ''}".strip()
