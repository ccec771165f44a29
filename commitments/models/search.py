"""The words by which a commitment is found: apart from it, so that its row stays narrow and cheap to change."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from commitments.models.commitment import Commitment


class SearchEntry(models.Model):
    """Kept by the verbs that write words. What is in it, and how it is asked: commitments.searching."""

    commitment = models.OneToOneField(
        Commitment, models.CASCADE, primary_key=True, related_name="search_entry"
    )
    words = SearchVectorField()

    class Meta:
        indexes = [GinIndex(fields=["words"], name="searchentry_words")]

    def __str__(self) -> str:
        return f"{self.commitment_id}"
