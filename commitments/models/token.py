"""Tokens of the API, which act for a member of staff within bounds, and the answers that are kept for asking again."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from commitments.models.accord import Accord
from commitments.models.commitment import Commitment

# Nobody needs a token for longer; the database keeps the bound.
LONGEST = timedelta(days=366)


class Scope(models.TextChoices):
    """What a token may be used for, besides reading faster: the families of verbs."""

    READ = "read", _("read, at the higher limit")
    ASSESS = "assess", _("judgements")
    EVIDENCE = "evidence", _("evidence")
    DEADLINES = "deadlines", _("deadlines and pauses")
    TRIGGERS = "triggers", _("triggers")


class TokenQuerySet(models.QuerySet["ApiToken"]):
    """Tokens, read by adjectives."""

    def alive(self, now: datetime) -> TokenQuerySet:
        """Neither revoked nor run out at `now` (UTC)."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=now)


class ApiToken(models.Model):
    """A bearer token (RFC 6750): only the SHA-256 of its secret is kept, so nobody can read it here.

    It acts as its owner: whatever the owner's roles do not allow, no scope does. `handle` is the public part by
    which it is found; `last_four` helps its owner to tell one from another. `last_used_at` is right to the hour.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(
        _("name"), max_length=80, help_text=_("What it is for: the program or the place that will hold it.")
    )
    handle = models.CharField(max_length=12, unique=True, db_collation="C")
    digest = models.CharField(max_length=64, editable=False)
    last_four = models.CharField(max_length=4)
    scopes = ArrayField(models.CharField(max_length=24), verbose_name=_("scopes"))
    accord = models.ForeignKey(
        Accord,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="api_tokens",
        verbose_name=_("accord"),
        help_text=_("Empty: every accord for which its owner has a role."),
    )
    made_at = models.DateTimeField(_("made"))
    expires_at = models.DateTimeField(_("runs out"))
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    objects = TokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ["-made_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(scopes__contained_by=list(Scope.values)) & Q(scopes__len__gte=1),
                name="apitoken_scopes_known",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("made_at")) & Q(expires_at__lte=F("made_at") + LONGEST),
                name="apitoken_runs_out_in_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (act_{self.handle}…{self.last_four})"


class KeptAnswer(models.Model):
    """What a token's write was answered, under its Idempotency-Key, for a day: asking again changes nothing.

    Saved by the very transaction that changes the record, so there is one exactly when the write has happened.
    `key` is the SHA-256 of the key, `asked` that of the request. The events that it wrote are the first `written`
    ones of the commitment after event `after_seq`: while it was locked nobody else could write any. An order about a
    whole accord has no commitment; all that it was answered is its `result`.
    """

    token = models.ForeignKey(ApiToken, models.CASCADE, related_name="answers")
    key = models.CharField(max_length=64)
    asked = models.CharField(max_length=64)
    commitment = models.ForeignKey(Commitment, models.CASCADE, null=True, blank=True, related_name="+")
    status = models.SmallIntegerField()
    result = models.JSONField()
    version = models.PositiveIntegerField()
    after_seq = models.BigIntegerField()
    written = models.PositiveSmallIntegerField()
    kept_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("kept answer")
        verbose_name_plural = _("kept answers")
        constraints = [
            models.UniqueConstraint(fields=["token", "key"], name="keptanswer_once"),
        ]

    def __str__(self) -> str:
        return f"{self.token_id} · {self.key[:8]}"
