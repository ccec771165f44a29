"""A judgement of a commitment: its status from a day on, the reason, the evidence."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from commitments.models.accord import Party
from commitments.models.commitment import Commitment
from commitments.models.evidence import Evidence
from commitments.models.fields import one_of, word_field
from commitments.words import Confidence, Review, Status
from tracker.kit.far import far


class AssessmentQuerySet(models.QuerySet["Assessment"]):
    """Readings of assessments."""

    def published(self) -> Self:
        """In force: published and not retracted."""
        return self.filter(review=Review.PUBLISHED)

    def public(self) -> Self:
        """Shown to everyone: published ones, and retracted ones with the reason."""
        return self.filter(review__in=[Review.PUBLISHED, Review.RETRACTED])

    def of_the_whole(self) -> Self:
        """Of the commitment itself, not of one party's share."""
        return self.filter(party__isnull=True)

    def latest_first(self) -> Self:
        """The current one first: the latest effective date, ties by the later publication."""
        return self.order_by("-effective_on", "-published_at", "-number")


class Assessment(models.Model):
    """A status with reason, effective date and evidence, on its way from a draft to the public record."""

    commitment = models.ForeignKey(Commitment, models.PROTECT, related_name="assessments")
    number = models.PositiveSmallIntegerField()
    file_key = models.CharField(max_length=40, blank=True, default="")
    party = models.ForeignKey(
        Party,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("The bound party whose share is judged; empty: the commitment as a whole."),
    )
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
    submitted_at = models.DateTimeField(null=True, blank=True)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    review_note = models.TextField(
        blank=True,
        default="",
        help_text=_("What the reviewer asks to change, or why it was rejected; not public."),
    )
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    reviewed_office = models.CharField(max_length=80, blank=True, default="")
    publish_at = models.DateTimeField(
        null=True, blank=True, help_text=_("Approved, and public from then on (UTC).")
    )
    notice_to = ArrayField(
        models.CharField(max_length=80),
        default=list,
        blank=True,
        help_text=_("Parties asked to reply, by code."),
    )
    notice_at = models.DateTimeField(null=True, blank=True)
    reply_by = models.DateTimeField(null=True, blank=True)
    reply = models.TextField(blank=True, default="", help_text=_("What was answered; not public."))
    replied_at = models.DateTimeField(null=True, blank=True)
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
                condition=Q(
                    published_at__isnull=True,
                    review__in=[Review.DRAFT, Review.SUBMITTED, Review.CHANGES_REQUESTED, Review.REJECTED],
                )
                | Q(published_at__isnull=False, review__in=[Review.PUBLISHED, Review.RETRACTED]),
                name="assessment_published_has_instant",
            ),
            models.CheckConstraint(
                condition=Q(publish_at__isnull=True)
                | ~Q(review__in=[Review.DRAFT, Review.CHANGES_REQUESTED]),
                name="assessment_planned_is_submitted",
            ),
            models.CheckConstraint(
                condition=Q(notice_at__isnull=True) | Q(reply_by__gt=F("notice_at")),
                name="assessment_time_to_reply",
            ),
            models.CheckConstraint(
                condition=(Q(review=Review.RETRACTED, retracted_at__isnull=False) & ~Q(retracted_why=""))
                | (~Q(review=Review.RETRACTED) & Q(retracted_at__isnull=True)),
                name="assessment_retracted_with_reason",
            ),
        ]
        indexes = [
            # The API's list by publication.
            models.Index(far("published_at"), "id", name="assessment_public"),
            # What waits for its instant of publication.
            models.Index(
                fields=["publish_at", "id"],
                name="assessment_to_publish",
                condition=Q(review=Review.SUBMITTED, publish_at__isnull=False),
            ),
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
