"""Mails that came back."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from notifications.models.people import Subscriber


class BounceWay(models.TextChoices):
    """Who said that a mail came back."""

    SMTP = "smtp", _("the mail server refused it")
    MAILBOX = "mailbox", _("a notification came back")
    PROVIDER = "provider", _("the mail provider said so")


class Bounce(models.Model):
    """One mail that came back. It goes with its reader; `delivery` is the mail's id, also after the mail was pruned."""

    subscriber = models.ForeignKey(Subscriber, models.CASCADE, related_name="bounces")
    delivery = models.UUIDField()
    at = models.DateTimeField()
    is_hard = models.BooleanField(help_text=_("The mailbox is not there: the address is suppressed."))
    code = models.CharField(
        max_length=12, blank=True, default="", help_text=_("The enhanced status, as 5.1.1.")
    )
    way = models.CharField(max_length=10, choices=BounceWay.choices)

    class Meta:
        verbose_name = _("bounce")
        verbose_name_plural = _("bounces")
        ordering = ["-id"]
        constraints = [
            # However often a provider repeats itself, it counts once.
            models.UniqueConstraint(fields=["delivery", "is_hard"], name="bounce_once"),
            models.CheckConstraint(condition=Q(way__in=BounceWay.values), name="bounce_way_known"),
        ]

    def __str__(self) -> str:
        return self.code
