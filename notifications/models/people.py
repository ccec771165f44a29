"""Who wants to know: an address, with the language and the hour of its mails."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Lower
from django.db.models.lookups import IsNull
from django.utils.translation import gettext_lazy as _


def masked(email: str) -> str:
    """An address that its owner recognises and nobody else can use: `a…@example.org`."""
    local, _at, domain = email.partition("@")
    return f"{local[:1]}…@{domain}"


class SubscriberState(models.TextChoices):
    """What an address has said."""

    PENDING = "pending", _("not confirmed yet")
    CONFIRMED = "confirmed", _("confirmed")
    SUPPRESSED = "suppressed", _("never to be written to")


class Weekday(models.IntegerChoices):
    """The day of a weekly digest, as ISO 8601 counts them."""

    MONDAY = 1, _("Monday")
    TUESDAY = 2, _("Tuesday")
    WEDNESDAY = 3, _("Wednesday")
    THURSDAY = 4, _("Thursday")
    FRIDAY = 5, _("Friday")
    SATURDAY = 6, _("Saturday")
    SUNDAY = 7, _("Sunday")


class Subscriber(models.Model):
    """An address, its language, and when its digests come: `hour` and `weekday` on the clocks of the IANA `zone`.

    The only place where an address is kept: erasing this row erases the person. `uuid` is what signed links carry,
    never the address. `user` is set for a member of staff who gets the reminders of their office.
    """

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    email = models.CharField(_("address"), max_length=254, unique=True, help_text=_("In small letters."))
    language = models.CharField(_("language"), max_length=8, choices=settings.LANGUAGES, default="en")
    zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    hour = models.PositiveSmallIntegerField(
        _("hour"), default=8, validators=[MinValueValidator(0), MaxValueValidator(23)]
    )
    weekday = models.PositiveSmallIntegerField(
        _("day of the week"), choices=Weekday.choices, default=Weekday.MONDAY
    )
    state = models.CharField(
        _("state"), max_length=12, choices=SubscriberState.choices, default=SubscriberState.PENDING
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("member of staff"),
    )
    created_at = models.DateTimeField(_("written down"))
    changed_at = models.DateTimeField(_("last acted"), help_text=_("When the person last did something."))

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
            models.CheckConstraint(
                condition=Q(hour__lte=23, weekday__gte=1, weekday__lte=7), name="subscriber_hour_of_the_week"
            ),
            # fan_out computes the digest's instant in the database: a zone it does not know would stop everybody.
            models.CheckConstraint(
                condition=IsNull(
                    Func(
                        F("zone"),
                        Value(datetime(2000, 1, 1, tzinfo=UTC), output_field=models.DateTimeField()),
                        function="timezone",
                        output_field=models.DateTimeField(),
                    ),
                    False,
                ),
                name="subscriber_zone_known",
            ),
        ]
        indexes = [
            # prune: addresses that nobody confirmed, or that follow nothing any more.
            models.Index(fields=["changed_at"], name="subscriber_changed"),
        ]

    def __str__(self) -> str:
        # The number tells people apart whose masked addresses are the same.
        return f"{masked(self.email)} · {self.pk}"
