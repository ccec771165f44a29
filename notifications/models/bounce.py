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


class BounceAbout(models.TextChoices):
    """What the answer speaks of. Only the mailbox counts, and what is unclear where few at a domain hear it."""

    MAILBOX = "mailbox", _("the mailbox")
    UNCLEAR = "unclear", _("it does not say")
    OTHER = "other", _("our server, the mail, or the way")


class Bounce(models.Model):
    """One mail that came back. It goes with its reader; `delivery` is the mail's id, also after the mail was pruned."""

    subscriber = models.ForeignKey(
        Subscriber, models.CASCADE, related_name="bounces", verbose_name=_("reader")
    )
    delivery = models.UUIDField(_("delivery"))
    at = models.DateTimeField(_("when"))
    is_hard = models.BooleanField(
        _("the mailbox is not there"), help_text=_("The mailbox is not there: the address is suppressed.")
    )
    code = models.CharField(
        _("code"), max_length=12, blank=True, default="", help_text=_("The enhanced status, as 5.1.1.")
    )
    way = models.CharField(_("who says so"), max_length=10, choices=BounceWay.choices)
    about = models.CharField(
        _("about"),
        max_length=10,
        choices=BounceAbout.choices,
        default=BounceAbout.MAILBOX,
        db_default=BounceAbout.MAILBOX,
        help_text=_("What the answer speaks of; only the mailbox counts against the address."),
    )
    domain = models.CharField(_("domain"), max_length=253, blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("bounce")
        verbose_name_plural = _("bounces")
        ordering = ["-id"]
        constraints = [
            # However often a provider repeats itself, it counts once.
            models.UniqueConstraint(fields=["delivery", "is_hard"], name="bounce_once"),
            models.CheckConstraint(condition=Q(way__in=BounceWay.values), name="bounce_way_known"),
            models.CheckConstraint(condition=Q(about__in=BounceAbout.values), name="bounce_about_known"),
        ]
        indexes = [
            # record: whether others at the domain got the same answer on that day.
            models.Index(
                fields=["domain", "code", "at"],
                name="bounce_unclear",
                condition=Q(about=BounceAbout.UNCLEAR),
            ),
        ]

    def __str__(self) -> str:
        return self.code
