"""What a party says about what the record says of it; it stands beside our judgement."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from commitments.models.accord import Party, Source
from commitments.models.assessment import Assessment
from commitments.models.commitment import Commitment
from commitments.models.fields import one_of, word_field
from commitments.words import Settlement, Stance


class Position(models.Model):
    """One statement of a party, in its own words, with its source and day. Open until it is resolved.

    While one that disputes is open the commitment is contested; when all of them are resolved, the dispute is. One that was
    entered by mistake stays visible and counts as nothing.
    """

    commitment = models.ForeignKey(Commitment, models.PROTECT, related_name="positions")
    number = models.PositiveSmallIntegerField()
    file_key = models.CharField(max_length=40, blank=True, default="")
    party = models.ForeignKey(Party, models.PROTECT, related_name="positions")
    stance = word_field(Stance)
    text = models.TextField()
    language = models.CharField(max_length=8, default="en", help_text=_("The language of the text."))
    source = models.ForeignKey(Source, models.PROTECT, related_name="positions")
    locator = models.CharField(max_length=80, blank=True, default="")
    stated_on = models.DateField()
    assessment = models.ForeignKey(
        Assessment,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="positions",
        help_text=_("The judgement it speaks of; empty: the entry as a whole."),
    )
    origin = models.CharField(max_length=10, default="live")
    recorded_at = models.DateTimeField()
    recorded_by = models.CharField(max_length=80, blank=True, default="")
    recorded_by_person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_as = word_field(Settlement, blank=True, default="")
    resolved_why = models.TextField(blank=True, default="")

    class Meta:
        verbose_name = _("position")
        verbose_name_plural = _("positions")
        ordering = ["commitment", "number"]
        constraints = [
            models.UniqueConstraint(fields=["commitment", "number"], name="position_number_once"),
            one_of("position", "stance", Stance),
            one_of("position", "resolved_as", Settlement, blank=True),
            models.CheckConstraint(condition=~Q(text=""), name="position_has_text"),
            models.CheckConstraint(
                condition=Q(resolved_at__isnull=True, resolved_as="", resolved_why="")
                | (Q(resolved_at__isnull=False) & ~Q(resolved_as="") & ~Q(resolved_why="")),
                name="position_resolved_with_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.get_stance_display()}"

    @property
    def code(self) -> str:
        """The public code, such as JUA-B07-S1."""
        return f"{self.commitment.code}-S{self.number}"

    @property
    def is_open(self) -> bool:
        """Not resolved."""
        return self.resolved_at is None

    @property
    def is_mistaken(self) -> bool:
        """Entered by mistake: the party never said so."""
        return self.resolved_as == Settlement.MISTAKEN
