"""The log: one row per public fact, in commit order, chained by hashes, never changed; and the erasable notes."""

from __future__ import annotations

from typing import Self

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from commitments.models.accord import Accord
from commitments.models.commitment import Commitment
from commitments.models.fields import word_field
from commitments.words import EventKind, Origin


class EventQuerySet(models.QuerySet["Event"]):
    """Readings of the log."""

    def after(self, seq: int) -> Self:
        """The events after that position, in order."""
        return self.filter(seq__gt=seq).order_by("seq")

    def news(self) -> Self:
        """Live events of accords: history entered later alerts nobody."""
        return self.filter(origin=Origin.LIVE)


class Event(models.Model):
    """One public fact. Written by commitments.log alone.

    `body` is the exact UTF-8 text that is hashed: hash = SHA-256(prev_hash + body), both as ASCII/UTF-8 text,
    lower-case hexadecimal. The columns repeat what the body says, for queries; `verify_log` compares them.
    """

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    kind = word_field(EventKind)
    origin = models.CharField(max_length=10, choices=Origin.choices)
    # Without a constraint: every turn of the log would lock the accord's row and write into it, thousands of times in
    # a scan. An accord is never deleted, and an event whose accord were gone would be missing to `verify`.
    accord = models.ForeignKey(
        Accord, models.PROTECT, related_name="events", db_index=False, db_constraint=False
    )
    commitment = models.ForeignKey(
        Commitment, models.PROTECT, null=True, blank=True, related_name="events", db_index=False
    )
    by = models.CharField(max_length=80, blank=True, default="", help_text=_("An office; empty: the clock."))
    happened_on = models.DateField(null=True, blank=True)
    crossed_at = models.DateTimeField(null=True, blank=True)
    note_digest = models.CharField(max_length=64, blank=True, default="")
    body = models.TextField()
    prev_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    objects = EventQuerySet.as_manager()

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["seq"]
        constraints = [
            models.CheckConstraint(condition=Q(seq__gte=1), name="event_seq_from_one"),
            models.CheckConstraint(condition=Q(origin__in=Origin.values), name="event_origin_known"),
        ]
        indexes = [
            # The timeline of a commitment, and the feed of an accord.
            models.Index(fields=["commitment", "seq"], name="event_commitment_seq"),
            models.Index(fields=["accord", "seq"], name="event_accord_seq"),
        ]
        triggers = [
            pgtrigger.Protect(name="event_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="event_no_truncate",
                level=pgtrigger.Statement,
                when=pgtrigger.Before,
                operation=pgtrigger.Truncate,
                func="RAISE EXCEPTION 'the log is append-only: commitments_event cannot be truncated';",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"


class Note(models.Model):
    """The words that belong to an event, kept apart so that they can be erased while the chain still verifies.

    The event carries `digest` = SHA-256(salt + text); `text` and `salt` go when the note is redacted.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    salt = models.CharField(max_length=64, blank=True, default="")
    text = models.TextField(blank=True, default="")
    language = models.CharField(max_length=8, default="en")
    redacted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")

    def __str__(self) -> str:
        return self.text[:80]
