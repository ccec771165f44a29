"""What a source shows about a commitment."""

from __future__ import annotations

import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from commitments.models.accord import Source
from commitments.models.commitment import Commitment
from commitments.models.fields import one_of, word_field
from commitments.words import Act, Bearing, Nature
from tracker.kit.far import far


class EvidenceQuerySet(models.QuerySet["Evidence"]):
    """Readings of evidence."""

    def standing(self) -> Self:
        """Public and not withdrawn."""
        return self.filter(public_at__isnull=False, withdrawn_at__isnull=True)

    def public(self) -> Self:
        """Shown to everyone: what stands, and what was withdrawn, with the reason."""
        return self.filter(public_at__isnull=False)


class Evidence(models.Model):
    """One exhibit: a source, the place in it, and which way it points for one commitment.

    `happened` is the EDTF value of the fact's own date, `happened_on` its last day; the source keeps the date of
    publication. Both may be unknown. `origin` tells evidence entered from history from news.
    """

    commitment = models.ForeignKey(Commitment, models.PROTECT, related_name="evidence")
    number = models.PositiveSmallIntegerField()
    file_key = models.CharField(max_length=40, blank=True, default="")
    exhibit = models.UUIDField(
        default=uuid.uuid4, help_text=_("The same for every commitment that this piece of evidence is about.")
    )
    source = models.ForeignKey(Source, models.PROTECT, related_name="evidence")
    locator = models.CharField(max_length=80, blank=True, default="")
    quote = models.CharField(max_length=300, blank=True, default="")
    nature = word_field(Nature)
    act = word_field(Act)
    bearing = word_field(Bearing)
    happened = models.CharField(max_length=40, blank=True, default="")
    happened_on = models.DateField(null=True, blank=True)
    origin = models.CharField(max_length=10, default="live")
    added_at = models.DateTimeField()
    public_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("Empty while it belongs to a draft: it becomes public with its assessment."),
    )
    added_by = models.CharField(max_length=80, blank=True, default="")
    added_by_person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    verified_on = models.DateField(
        null=True, blank=True, help_text=_("The day on which somebody else compared it with its source.")
    )
    verified_by = models.CharField(max_length=80, blank=True, default="", help_text=_("An office."))
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_why = models.TextField(blank=True, default="")

    objects = EvidenceQuerySet.as_manager()

    class Meta:
        verbose_name = _("evidence")
        verbose_name_plural = _("evidence")
        ordering = ["commitment", "number"]
        constraints = [
            models.UniqueConstraint(fields=["commitment", "number"], name="evidence_number_once"),
            one_of("evidence", "nature", Nature),
            one_of("evidence", "act", Act),
            one_of("evidence", "bearing", Bearing),
            models.UniqueConstraint(fields=["exhibit", "commitment"], name="evidence_exhibit_once"),
            models.CheckConstraint(
                condition=models.Q(verified_on__isnull=True, verified_by="")
                | (models.Q(verified_on__isnull=False) & ~models.Q(verified_by="")),
                name="evidence_verified_by_an_office",
            ),
            models.CheckConstraint(
                condition=models.Q(withdrawn_at__isnull=True, withdrawn_why="")
                | (models.Q(withdrawn_at__isnull=False) & ~models.Q(withdrawn_why="")),
                name="evidence_withdrawn_with_reason",
            ),
        ]

        indexes = [
            # The API's list by publication.
            models.Index(far("public_at"), "id", name="evidence_public"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.source}"

    @property
    def code(self) -> str:
        """The public code, such as JUA-B07-E2."""
        return f"{self.commitment.code}-E{self.number}"
