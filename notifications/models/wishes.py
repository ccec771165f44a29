"""What is wanted: a subscription to a scope of the record, how often, and which kinds of news."""

from __future__ import annotations

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Case, F, Func, Q, Value, When
from django.db.models.functions import Cast, Concat
from django.db.models.lookups import LessThanOrEqual
from django.utils.translation import gettext_lazy as _

from commitments.models import Accord, Commitment, Party, Section, Topic
from notifications.models.people import Subscriber

# What a subscription may be of, besides everything.
TARGETS = ("accord", "section", "party", "topic", "commitment", "saved")


class Rhythm(models.TextChoices):
    """How often news comes."""

    INSTANTLY = "instantly", _("at once")
    DAILY = "daily", _("once a day")
    WEEKLY = "weekly", _("once a week")


class SavedFilter(models.Model):
    """A filter of an accord's list, as the page was asked: `asked` holds the checked parameters, `code` their
    canonical text. One row serves everybody who saved the same."""

    accord = models.ForeignKey(Accord, models.CASCADE, related_name="+", db_index=False)
    asked = models.JSONField()
    code = models.CharField(max_length=1000)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["accord", "code"], name="savedfilter_once")]

    def __str__(self) -> str:
        return self.code


def _of(name: str, column: str) -> When:
    """The scope `name:key` where that column is set."""
    return When(
        **{f"{column}__isnull": False},
        then=Concat(Value(f"{name}:"), Cast(column, models.CharField()), output_field=models.CharField()),
    )


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    """Readings of subscriptions."""

    def live(self) -> Self:
        """Not ended."""
        return self.filter(ended_at__isnull=True)

    def confirmed(self) -> Self:
        """Confirmed by the owner of the address, and not ended."""
        return self.live().filter(confirmed_at__isnull=False)

    def active(self) -> Self:
        """Confirmed, not ended, and not paused: news goes out for these."""
        return self.confirmed().filter(paused_at__isnull=True)


class Subscription(models.Model):
    """One wish to hear: of one target, or of everything when no target is set.

    `scope` is the target as one word (`commitment:7`, `all`), which fan_out looks up. `kinds` are codes of News (none:
    all of them). `starts_after` is the head of the log at the confirmation, or when a pause ended: only later events
    are told.
    """

    subscriber = models.ForeignKey(
        Subscriber, models.CASCADE, related_name="subscriptions", verbose_name=_("reader")
    )
    accord = models.ForeignKey(
        Accord, models.CASCADE, null=True, blank=True, related_name="+", db_index=False
    )
    section = models.ForeignKey(
        Section, models.CASCADE, null=True, blank=True, related_name="+", db_index=False
    )
    party = models.ForeignKey(Party, models.CASCADE, null=True, blank=True, related_name="+", db_index=False)
    topic = models.ForeignKey(Topic, models.CASCADE, null=True, blank=True, related_name="+", db_index=False)
    commitment = models.ForeignKey(
        Commitment, models.CASCADE, null=True, blank=True, related_name="+", db_index=False
    )
    saved = models.ForeignKey(
        SavedFilter, models.CASCADE, null=True, blank=True, related_name="wishes", db_index=False
    )
    scope = models.GeneratedField(
        expression=Case(
            _of("accord", "accord_id"),
            _of("section", "section_id"),
            _of("party", "party_id"),
            _of("topic", "topic_id"),
            _of("commitment", "commitment_id"),
            _of("saved", "saved_id"),
            default=Value("all"),
            output_field=models.CharField(max_length=40),
        ),
        output_field=models.CharField(max_length=40),
        db_persist=True,
        verbose_name=_("what is followed"),
    )
    rhythm = models.CharField(_("how often"), max_length=12, choices=Rhythm.choices, default=Rhythm.INSTANTLY)
    kinds = ArrayField(
        models.CharField(max_length=20), default=list, blank=True, verbose_name=_("kinds of news")
    )
    asked_at = models.DateTimeField(_("asked"))
    confirmed_at = models.DateTimeField(_("confirmed on"), null=True, blank=True)
    starts_after = models.BigIntegerField(_("news from number"), null=True, blank=True)
    paused_at = models.DateTimeField(_("paused on"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        ordering = ["id"]
        constraints = [
            # One live wish per scope. The order of the columns serves fan_out as well, which walks the
            # subscribers of a scope by their number.
            models.UniqueConstraint(
                fields=["scope", "subscriber"],
                condition=Q(ended_at__isnull=True),
                name="subscription_scope_once",
            ),
            models.CheckConstraint(
                condition=LessThanOrEqual(
                    Func(*map(F, TARGETS), function="num_nonnulls", output_field=models.IntegerField()),
                    Value(1),
                ),
                name="subscription_one_target",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_at__isnull=True, starts_after__isnull=True)
                | Q(confirmed_at__isnull=False, starts_after__isnull=False),
                name="subscription_confirmed_has_start",
            ),
            models.CheckConstraint(condition=Q(rhythm__in=Rhythm.values), name="subscription_rhythm_known"),
        ]

    def __str__(self) -> str:
        # Staff read it above the row that names what is followed.
        return self.get_rhythm_display()
