"""Who wants to know what: an address, and each wish to hear."""

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
