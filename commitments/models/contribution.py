"""Money that was pledged, allocated or delivered towards a commitment."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from commitments.models.accord import Party, Source
from commitments.models.commitment import Commitment
from commitments.models.evidence import Evidence
from commitments.models.fields import one_of, word_field
from commitments.words import Bound, Stage


class ContributionQuerySet(models.QuerySet["Contribution"]):
    """Readings of contributions."""

    def standing(self) -> Self:
        """Not withdrawn: what sums are made of."""
        return self.filter(withdrawn_at__isnull=True)


class Contribution(models.Model):
    """One sum at one stage, in one currency, as a source tells it.

    `amount` is null where sources disagree: then only the range `amount_low` to `amount_high` is known; else the three
    are equal. `bound` minimum: the source says “over” or “at least”. `day` is the EDTF value of the day of the fact,
    `happened_on` its last day. Withdrawn ones stay, with the reason.
    """

    commitment = models.ForeignKey(Commitment, models.PROTECT, related_name="contributions")
    number = models.PositiveSmallIntegerField()
    file_key = models.CharField(max_length=40, blank=True, default="")
    stage = word_field(Stage)
    amount = models.DecimalField(max_digits=24, decimal_places=4, null=True, blank=True)
    amount_low = models.DecimalField(max_digits=24, decimal_places=4)
    amount_high = models.DecimalField(max_digits=24, decimal_places=4)
    bound = word_field(Bound, default=Bound.EXACT)
    currency = models.CharField(max_length=3, help_text=_("ISO 4217."))
    day = models.CharField(max_length=40, help_text=_("EDTF"))
    happened_on = models.DateField(help_text=_("The last day of the window."))
    party = models.ForeignKey(
        Party,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="contributions",
        help_text=_("Who gives it."),
    )
    source = models.ForeignKey(Source, models.PROTECT, related_name="contributions")
    evidence = models.ForeignKey(
        Evidence, models.PROTECT, null=True, blank=True, related_name="contributions"
    )
    locator = models.CharField(max_length=80, blank=True, default="")
    note = models.TextField(blank=True, default="")
    language = models.CharField(max_length=8, default="en", help_text=_("The language of the note."))
    origin = models.CharField(max_length=10, default="live")
    recorded_at = models.DateTimeField()
    recorded_by = models.CharField(max_length=80, blank=True, default="")
    recorded_by_person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_why = models.TextField(blank=True, default="")

    objects = ContributionQuerySet.as_manager()

    class Meta:
        verbose_name = _("contribution")
        verbose_name_plural = _("contributions")
        ordering = ["commitment", "number"]
        constraints = [
            models.UniqueConstraint(fields=["commitment", "number"], name="contribution_number_once"),
            one_of("contribution", "stage", Stage),
            models.CheckConstraint(
                condition=Q(bound__in=[Bound.EXACT, Bound.MINIMUM]), name="contribution_bound_known"
            ),
            models.CheckConstraint(
                condition=Q(currency__regex=r"^[A-Z]{3}$"), name="contribution_currency_code"
            ),
            models.CheckConstraint(
                condition=Q(amount_low__gt=0, amount_high__gte=F("amount_low")),
                name="contribution_positive_range",
            ),
            models.CheckConstraint(
                condition=Q(amount__isnull=True, amount_high__gt=F("amount_low"))
                | Q(amount=F("amount_low"), amount_high=F("amount_low")),
                name="contribution_sum_or_range",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, withdrawn_why="")
                | (Q(withdrawn_at__isnull=False) & ~Q(withdrawn_why="")),
                name="contribution_withdrawn_with_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.get_stage_display()}"

    @property
    def code(self) -> str:
        """The public code, such as JUA-A03-C1."""
        return f"{self.commitment.code}-C{self.number}"
