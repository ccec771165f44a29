"""The words of a commitment as they once read: what the log proves by a digest, kept so that it can be shown."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from commitments.models.commitment import Commitment


class Wording(models.Model):
    """One wording, written when a commitment is registered or corrected, and never changed; it can be taken down.

    `digest` is the `terms` of the events `commitment_registered` and `commitment_corrected`: SHA-256 over the canonical
    JSON of `words` (commitments.wordings).
    """

    digest = models.CharField(max_length=64, primary_key=True)
    commitment = models.ForeignKey(Commitment, models.CASCADE, related_name="wordings")
    words = models.JSONField(null=True)
    redacted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("wording")
        verbose_name_plural = _("wordings")

    def __str__(self) -> str:
        return f"{self.commitment_id} {self.digest[:8]}"
