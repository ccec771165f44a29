"""Facts that bring a conditional duty to life, or that end a duty that ends on an event."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from commitments.models.accord import Source
from commitments.models.commitment import Commitment
from commitments.models.fields import one_of, word_field
from commitments.words import Effect


class TriggerQuerySet(models.QuerySet["Trigger"]):
    """Readings of triggers."""

    def public(self) -> Self:
        """Shown to everyone: not confidential, or no longer; withdrawn ones with the reason."""
        return self.filter(public_at__isnull=False)

    def standing(self) -> Self:
        """Public and not withdrawn."""
        return self.public().filter(withdrawn_at__isnull=True)


class Trigger(models.Model):
    """One fact that the terms of a commitment wait for, with its instants (UTC), each null where it is not known.

    A confidential fact stands with the staff alone (`public_at` null): its clock is theirs to see until the fact is
    published. `hidden` names instants that stay confidential although the fact is public. `fact` is a code of the
    commitment's `trigger` terms; an effect of `ends` says that the event has come on which the duty ends.
    """

    commitment = models.ForeignKey(Commitment, models.PROTECT, related_name="triggers")
    number = models.PositiveSmallIntegerField()
    file_key = models.CharField(max_length=40, blank=True, default="")
    fact = models.CharField(max_length=40)
    effect = word_field(Effect, default=Effect.STARTS)
    happened_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(null=True, blank=True)
    hidden = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    note = models.TextField(blank=True, default="")
    source = models.ForeignKey(Source, models.PROTECT, null=True, blank=True, related_name="+")
    origin = models.CharField(max_length=10, default="live")
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    public_at = models.DateTimeField(
        null=True, blank=True, help_text=_("Empty while the fact is confidential.")
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_why = models.TextField(blank=True, default="")

    objects = TriggerQuerySet.as_manager()

    class Meta:
        verbose_name = _("trigger")
        verbose_name_plural = _("triggers")
        ordering = ["commitment", "number"]
        constraints = [
            models.UniqueConstraint(fields=["commitment", "number"], name="trigger_number_once"),
            one_of("trigger", "effect", Effect),
            models.CheckConstraint(
                condition=Q(sent_at__isnull=True)
                | Q(received_at__isnull=True)
                | Q(sent_at__lte=F("received_at")),
                name="trigger_sent_before_received",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, withdrawn_why="")
                | (Q(withdrawn_at__isnull=False) & ~Q(withdrawn_why="")),
                name="trigger_withdrawn_with_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.fact}"

    @property
    def code(self) -> str:
        """The public code, such as JUA-H01-T1."""
        return f"{self.commitment.code}-T{self.number}"
