"""A judgement of a commitment: its status from a day on, the reason, the evidence."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from commitments.models.commitment import Commitment
from commitments.models.evidence import Evidence
from commitments.models.fields import one_of, word_field
from commitments.words import Confidence, Review, Status


class AssessmentQuerySet(models.QuerySet["Assessment"]):
    """Readings of assessments."""

    def published(self) -> Self:
        """In force: published and not retracted."""
        return self.filter(review=Review.PUBLISHED)

    def public(self) -> Self:
        """Shown to everyone: published ones, and retracted ones with the reason."""
        return self.filter(review__in=[Review.PUBLISHED, Review.RETRACTED])

    def latest_first(self) -> Self:
        """The current one first: the latest effective date, ties by the later publication."""
        return self.order_by("-effective_on", "-published_at", "-number")


class Assessment(models.Model):
    """A status with reason, effective date and evidence, on its way from a draft to the public record."""

    commitment = models.ForeignKey(Commitment, models.PROTECT, related_name="assessments")
    number = models.PositiveSmallIntegerField()
    file_key = models.CharField(max_length=40, blank=True, default="")
    status = word_field(Status)
    effective_on = models.DateField()
    reason = models.TextField()
    language = models.CharField(max_length=8, default="en", help_text=_("The language of the reason."))
    confidence = word_field(Confidence)
    assessor = models.CharField(max_length=80, help_text=_("An office, never a person."))
    codebook = models.CharField(max_length=20)
    evidence = models.ManyToManyField(Evidence, related_name="assessments", blank=True)
    review = word_field(Review, default=Review.DRAFT)
    origin = models.CharField(max_length=10, default="live")
    drafted_at = models.DateTimeField()
    drafted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    published_at = models.DateTimeField(null=True, blank=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    retracted_at = models.DateTimeField(null=True, blank=True)
    retracted_why = models.TextField(blank=True, default="")

    objects = AssessmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("assessment")
        verbose_name_plural = _("assessments")
        ordering = ["commitment", "number"]
        constraints = [
            models.UniqueConstraint(fields=["commitment", "number"], name="assessment_number_once"),
            one_of("assessment", "status", Status),
            one_of("assessment", "confidence", Confidence),
            one_of("assessment", "review", Review),
            models.CheckConstraint(condition=~Q(reason=""), name="assessment_has_reason"),
            models.CheckConstraint(
                condition=Q(published_at__isnull=True, review__in=[Review.DRAFT, Review.REJECTED])
                | Q(published_at__isnull=False, review__in=[Review.PUBLISHED, Review.RETRACTED]),
                name="assessment_published_has_instant",
            ),
            models.CheckConstraint(
                condition=(Q(review=Review.RETRACTED, retracted_at__isnull=False) & ~Q(retracted_why=""))
                | (~Q(review=Review.RETRACTED) & Q(retracted_at__isnull=True)),
                name="assessment_retracted_with_reason",
            ),
        ]
        indexes = [
            # The current assessment of a commitment, and its history.
            models.Index(
                fields=["commitment", "-effective_on", "-published_at"],
                name="assessment_current",
                condition=Q(review=Review.PUBLISHED),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.get_status_display()}"

    @property
    def code(self) -> str:
        """The public code, such as JUA-B07-A3."""
        return f"{self.commitment.code}-A{self.number}"
