"""What the post room remembers of itself: how far it has read, whether the ways out work, how often people asked."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from commitments.models import Commitment


class Bookmark(models.Model):
    """How far a reader of the log has come: everything up to `seq` is done."""

    name = models.CharField(max_length=40, primary_key=True)
    seq = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} {self.seq}"


class Unfinished(models.Model):
    """An event whose first readers were told and many others not yet: everyone up to `recipient` is done. The log is
    read on meanwhile, so that what few wait for is not kept behind what a million are told.

    `scopes` are those that the event fell into when it was read: a filter that fitted then is told to its last reader,
    whatever has become of the commitment since."""

    number = models.BigIntegerField(primary_key=True)
    scopes = ArrayField(models.TextField())
    recipient = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.number}"


class Unplanned(models.Model):
    """A commitment whose reminders could not be planned, by a fault of ours: the others are not held up by it, and it is
    tried again, ever more rarely. Its rungs from `began_at` on are still wanted."""

    commitment = models.OneToOneField(
        Commitment, models.CASCADE, primary_key=True, related_name="+", verbose_name=_("commitment")
    )
    began_at = models.DateTimeField(_("since"))
    try_again_at = models.DateTimeField(_("next attempt"))
    tries = models.PositiveIntegerField(_("attempts"), default=1)
    said = models.CharField(_("what was said"), max_length=300, blank=True, default="")

    class Meta:
        verbose_name = _("commitment without reminders")
        verbose_name_plural = _("commitments without reminders")

    def __str__(self) -> str:
        return f"{self.commitment}"


class Line(models.Model):
    """Whether the way out works: while a server is down only one try at a time is made, ever more rarely."""

    name = models.CharField(_("name"), max_length=40, primary_key=True)
    down_since = models.DateTimeField(_("down since"), null=True, blank=True)
    try_again_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    tries = models.PositiveIntegerField(_("attempts"), default=0)
    said = models.CharField(_("what was said"), max_length=300, blank=True, default="")

    class Meta:
        verbose_name = _("mail connection")
        verbose_name_plural = _("mail connections")

    def __str__(self) -> str:
        return self.name


class DomainPause(models.Model):
    """A recipients' domain whose mails the server put off, one after the other: nothing goes there until `until`."""

    domain = models.CharField(max_length=253, primary_key=True)
    until = models.DateTimeField()
    tries = models.PositiveIntegerField(default=0)
    said = models.CharField(max_length=300, blank=True, default="")

    def __str__(self) -> str:
        return self.domain


class SignUpCount(models.Model):
    """How many sign-ups an address or a network has made in a window; the key is a keyed hash, not the address."""

    key = models.CharField(max_length=64, primary_key=True)
    since = models.DateTimeField()
    count = models.PositiveIntegerField()

    class Meta:
        # prune: windows that are over.
        indexes = [models.Index(fields=["since"], name="signupcount_since")]

    def __str__(self) -> str:
        return f"{self.count}"


class Home(models.Model):
    """Which database sends: one row. A restored copy carries it along and finds that it is somewhere else."""

    place = models.CharField(max_length=400)
    since = models.DateTimeField()

    def __str__(self) -> str:
        return self.place
