"""Every date by which something is due, on the parties' clock or on ours."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from commitments.models.accord import Source
from commitments.models.commitment import Commitment
from commitments.models.fields import one_of, word_field
from commitments.words import Authority, Clock, ClosedAs, DeadlineType
from tracker.kit.far import far
from tracker.kit.localized import LocalizedTextField, pick


class DeadlineQuerySet(models.QuerySet["Deadline"]):
    """Readings of deadlines."""

    def open(self) -> Self:
        """Not met, not waived, not closed with their commitment."""
        return self.filter(closed_at__isnull=True)

    def past_due(self, now: datetime) -> Self:
        """Whose window is over at that instant, pauses counted."""
        return self.filter(crosses_at__lte=now)

    def unmarked(self) -> Self:
        """That the scan has not marked yet."""
        return self.filter(overdue_since__isnull=True)


class Deadline(models.Model):
    """A date by which something is due. Kept narrow: the scan rewrites these rows.

    `words` as written, `anchor_on` the day they were written, `edtf` the value they resolve to, `first_on` to
    `last_on` the window, `opens_at` and `due_at` its instants (UTC) in the zones of the bound parties;
    `original_edtf` and `original_due_at` never change. `crosses_at` is the instant at which it passes: `due_at`, or the
    end of a pause that it falls in (null while that end is not known); the scan reads it. `overdue_since` is the mark
    that the scan leaves. A length without `due_at` is a pattern: a trigger starts a clock of that length.
    """

    # No index of their own on the keys: the scan would write into each of them (see `indexes`).
    commitment = models.ForeignKey(Commitment, models.PROTECT, related_name="deadlines", db_index=False)
    number = models.PositiveSmallIntegerField()
    file_key = models.CharField(max_length=40, blank=True, default="")
    label = LocalizedTextField()
    type = word_field(DeadlineType)
    authority = word_field(Authority)
    clock = word_field(Clock)
    words = models.CharField(max_length=300, blank=True, default="")
    anchor_on = models.DateField(null=True, blank=True)
    edtf = models.CharField(max_length=40, blank=True, default="")
    duration = models.CharField(max_length=20, blank=True, default="")
    first_on = models.DateField(null=True, blank=True)
    last_on = models.DateField(null=True, blank=True)
    opens_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    crosses_at = models.DateTimeField(null=True, blank=True)
    occurs_on = models.DateField(
        null=True, blank=True, help_text=_("The day of the rhythm that this occurrence stands for.")
    )
    trigger = models.ForeignKey(
        "commitments.Trigger", models.PROTECT, null=True, blank=True, related_name="clocks", db_index=False
    )
    source = models.ForeignKey(
        Source,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text=_("Where its present date stands."),
    )
    original_edtf = models.CharField(max_length=40, blank=True, default="")
    original_due_at = models.DateTimeField(null=True, blank=True)
    revision = models.PositiveSmallIntegerField(default=0)
    met_on = models.DateField(null=True, blank=True)
    met_at = models.DateTimeField(
        null=True, blank=True, help_text=_("To the second, for a clock that a trigger started.")
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_as = word_field(ClosedAs, blank=True, default="")
    closed_by = models.ForeignKey(
        "commitments.Assessment",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text=_("The assessment that closed it, so that a retraction opens it again."),
    )
    set_by = models.ForeignKey(
        "commitments.Assessment",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text=_("The assessment that planned this review; its retraction ends it."),
    )
    overdue_since = models.DateTimeField(null=True, blank=True)

    objects = DeadlineQuerySet.as_manager()

    class Meta:
        verbose_name = _("deadline")
        verbose_name_plural = _("deadlines")
        ordering = ["commitment", "number"]
        constraints = [
            models.UniqueConstraint(fields=["commitment", "number"], name="deadline_number_once"),
            # The rolling horizon may be drawn twice: each day of a rhythm stands once.
            models.UniqueConstraint(
                fields=["commitment", "occurs_on"],
                name="deadline_occurrence_once",
                condition=Q(occurs_on__isnull=False),
            ),
            one_of("deadline", "type", DeadlineType),
            one_of("deadline", "authority", Authority),
            one_of("deadline", "clock", Clock),
            one_of("deadline", "closed_as", ClosedAs, blank=True),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, closed_as="")
                | (Q(closed_at__isnull=False) & ~Q(closed_as="")),
                name="deadline_closed_with_reason",
            ),
            models.CheckConstraint(
                condition=Q(met_on__isnull=True) | Q(closed_as=ClosedAs.MET), name="deadline_met_is_closed"
            ),
            models.CheckConstraint(
                condition=Q(type=DeadlineType.REVIEW, clock=Clock.TRACKER) | ~Q(type=DeadlineType.REVIEW),
                name="deadline_reviews_are_ours",
            ),
            models.CheckConstraint(
                condition=Q(first_on__isnull=True) | Q(last_on__isnull=True) | Q(first_on__lte=F("last_on")),
                name="deadline_window_in_order",
            ),
        ]
        indexes = [
            # The API's list by date.
            models.Index(far("due_at"), "id", name="deadline_due"),
            # The scan: what is past due, open and unmarked; its cost follows the number due.
            models.Index(
                fields=["crosses_at", "id"],
                name="deadline_to_mark",
                condition=Q(closed_at__isnull=True, overdue_since__isnull=True),
            ),
            # The clocks of a trigger, what a judgement closed or planned, the dates of a source: few rows have one.
            *(
                models.Index(fields=[name], name=f"deadline_{name}", condition=Q((f"{name}__isnull", False)))
                for name in ("trigger", "closed_by", "set_by", "source")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {pick(self.label)}"

    @property
    def is_pattern(self) -> bool:
        """The length of a clock that waits for its trigger."""
        return bool(self.duration) and self.due_at is None

    @property
    def code(self) -> str:
        """The public code, such as JUA-H01-D1."""
        return f"{self.commitment.code}-D{self.number}"
