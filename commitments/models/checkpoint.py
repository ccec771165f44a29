"""Signed checkpoints of the log: what we have vouched for can no longer be rewritten unnoticed."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class CheckpointKey(models.Model):
    """A public key (Ed25519, RFC 8032) under which checkpoints were signed; the private one is never in here.

    `code` is the first sixteen hexadecimal digits of SHA-256 over its 32 bytes; `public` those bytes, base64.
    """

    code = models.CharField(max_length=16, primary_key=True, db_collation="C")
    public = models.CharField(max_length=44, unique=True)
    first_used_at = models.DateTimeField()
    retired_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When another key took over; what it signed stays valid.")
    )

    class Meta:
        verbose_name = _("checkpoint key")
        verbose_name_plural = _("checkpoint keys")
        ordering = ["first_used_at"]

    def __str__(self) -> str:
        return self.code


class Checkpoint(models.Model):
    """The signature over one event's number and hash (see commitments.checkpoints.text_of). Never changed."""

    seq = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    at = models.DateTimeField()
    site = models.CharField(max_length=300)
    key = models.ForeignKey(CheckpointKey, models.PROTECT, related_name="checkpoints")
    signature = models.CharField(max_length=88)

    class Meta:
        verbose_name = _("checkpoint")
        verbose_name_plural = _("checkpoints")
        ordering = ["seq", "id"]
        constraints = [
            models.UniqueConstraint(fields=["seq", "key"], name="checkpoint_once"),
            models.CheckConstraint(condition=Q(seq__gte=1), name="checkpoint_seq_from_one"),
        ]
        triggers = [
            pgtrigger.Protect(name="checkpoint_append_only", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return f"{self.seq}-{self.hash[:8]}"
