"""The private calendar of a subscriber: what opens it, as a digest."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from notifications.models.people import Subscriber


class PrivateCalendar(models.Model):
    """An address at which a calendar program reads the dates of all that a subscriber follows.

    `digest` is SHA-256 of the token in that address, in hexadecimal: 256 random bits need no salt and no slow hash.
    One row a subscriber: a new address replaces the old one. It goes when the subscriber is erased.
    """

    subscriber = models.OneToOneField(Subscriber, models.CASCADE, primary_key=True, related_name="calendar")
    digest = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()

    class Meta:
        verbose_name = _("private calendar")
        verbose_name_plural = _("private calendars")
        constraints = [
            models.CheckConstraint(
                condition=Q(digest__regex=r"^[0-9a-f]{64}$"), name="calendar_keeps_a_digest"
            )
        ]

    def __str__(self) -> str:
        return f"{self.subscriber_id}"
