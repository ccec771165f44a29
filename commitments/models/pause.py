"""Spans in which the clocks of a commitment stand still, and what was ordered for all commitments of an accord at once."""

from __future__ import annotations

from datetime import date
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from commitments.models.accord import Accord, Source
from commitments.models.commitment import Commitment


class SuspensionQuerySet(models.QuerySet["Suspension"]):
    """Readings of suspensions."""

    def in_force(self, today: date) -> Self:
        """Those that hold on that day."""
        return self.filter(Q(until_on__isnull=True) | Q(until_on__gt=today), from_on__lte=today)


class Suspension(models.Model):
    """That an accord as a whole was suspended, from a day until a day (exclusive; null: until it is resumed).

    What it does are the pauses of its commitments that carry it, and the log tells of those; this row remembers which
    they are, so that exactly they end when the accord goes on.
    """

    accord = models.ForeignKey(Accord, models.PROTECT, related_name="suspensions")
    from_on = models.DateField()
    until_on = models.DateField(null=True, blank=True)
    reason = models.TextField()
    source = models.ForeignKey(Source, models.PROTECT, null=True, blank=True, related_name="+")
    recorded_at = models.DateTimeField()
    resumed_at = models.DateTimeField(null=True, blank=True, help_text=_("When its end was recorded."))

    objects = SuspensionQuerySet.as_manager()

    class Meta:
        verbose_name = _("suspension")
        verbose_name_plural = _("suspensions")
        ordering = ["accord", "from_on"]
        constraints = [
            models.CheckConstraint(
                condition=Q(until_on__isnull=True) | Q(until_on__gt=F("from_on")), name="suspension_in_order"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="suspension_has_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.accord} {self.from_on}"


class Pause(models.Model):
    """A recorded pause: from a day, until a day (exclusive; null: until it is resumed), with its reason and source.

    `from_at` and `until_at` are its instants (UTC): the day begins and ends in the zones of the bound parties.
    """

    commitment = models.ForeignKey(Commitment, models.PROTECT, related_name="pauses")
    number = models.PositiveSmallIntegerField()
    file_key = models.CharField(max_length=40, blank=True, default="")
    from_on = models.DateField()
    until_on = models.DateField(null=True, blank=True)
    from_at = models.DateTimeField()
    until_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField()
    source = models.ForeignKey(Source, models.PROTECT, null=True, blank=True, related_name="+")
    suspension = models.ForeignKey(
        Suspension,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="pauses",
        help_text=_("The suspension of the accord that it belongs to."),
    )
    recorded_at = models.DateTimeField()
    resumed_at = models.DateTimeField(null=True, blank=True, help_text=_("When its end was recorded."))

    class Meta:
        verbose_name = _("pause")
        verbose_name_plural = _("pauses")
        ordering = ["commitment", "number"]
        constraints = [
            models.UniqueConstraint(fields=["commitment", "number"], name="pause_number_once"),
            models.CheckConstraint(
                condition=Q(until_on__isnull=True) | Q(until_on__gt=F("from_on")), name="pause_in_order"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="pause_has_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.from_on}"

    @property
    def code(self) -> str:
        """The public code, such as JUA-H01-P1."""
        return f"{self.commitment.code}-P{self.number}"
