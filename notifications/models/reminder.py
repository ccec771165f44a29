"""Notices of what comes: each rung of a ladder as a row, planned before it goes, and who wants to hear no more of it."""

from __future__ import annotations

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from commitments.models import Assessment, Commitment, Deadline
from notifications.models.people import Subscriber


class Audience(models.TextChoices):
    """To whom a rung goes."""

    WATCHERS = "watchers", _("whoever follows it")
    OFFICER = "officer", _("the responsible officers")
    MANAGER = "manager", _("the managers")
    LEAD = "lead", _("the leads of the accord")
    ONE = "one", _("one person, as asked")


class ReminderState(models.TextChoices):
    """Where a reminder is on its way."""

    PLANNED = "planned", _("planned")
    TOLD = "told", _("told")
    MERGED = "merged", _("merged into a later one")
    DROPPED = "dropped", _("dropped")


class WhyNot(models.TextChoices):
    """Why a reminder was dropped."""

    MOVED = "moved", _("the date moved")
    CLOSED = "closed", _("settled before its time")
    PAUSED = "paused", _("the clocks stand still")
    BLOCKED = "blocked", _("what it needs is not fulfilled")
    ENDED = "ended", _("the duty has ended or sleeps")
    PASSED = "passed", _("its time is over")
    NEEDLESS = "needless", _("no longer called for")
    NOBODY = "nobody", _("nobody is there to hear it")
    NOTED = "noted", _("noted by all whom it is for")


class ReminderQuerySet(models.QuerySet["Reminder"]):
    """Readings of reminders."""

    def planned(self) -> Self:
        """Not told yet, and not dropped."""
        return self.filter(state=ReminderState.PLANNED)


class Reminder(models.Model):
    """One rung of the ladder of a deadline, or of a judgement that waits for review (then `deadline` is null).

    `due_at` (UTC) is when it goes. `about_at` is the instant that it speaks of (the end of the window, or the
    submission); a deadline that has moved has another, and its old rungs are dropped. `told_up_to` is the last
    subscriber who was told, so that a million watchers are told in batches; `scopes` are the ones that it was in when
    the first of them were.
    """

    commitment = models.ForeignKey(Commitment, models.CASCADE, related_name="+", verbose_name=_("commitment"))
    deadline = models.ForeignKey(
        Deadline, models.CASCADE, null=True, blank=True, related_name="reminders", verbose_name=_("date")
    )
    assessment = models.ForeignKey(
        Assessment, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("judgement")
    )
    rung = models.CharField(_("rung"), max_length=12)
    audience = models.CharField(_("to whom"), max_length=12, choices=Audience.choices)
    subscriber = models.ForeignKey(
        Subscriber,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("The one who asked to be reminded again."),
        verbose_name=_("reader"),
    )
    about_at = models.DateTimeField(_("of which instant"))
    due_at = models.DateTimeField(_("goes on"))
    state = models.CharField(
        _("state"), max_length=12, choices=ReminderState.choices, default=ReminderState.PLANNED
    )
    why = models.CharField(_("why dropped"), max_length=12, choices=WhyNot.choices, blank=True, default="")
    told_up_to = models.BigIntegerField(default=0)
    scopes = ArrayField(models.TextField(), default=list, blank=True)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)

    objects = ReminderQuerySet.as_manager()

    class Meta:
        verbose_name = _("reminder")
        verbose_name_plural = _("reminders")
        ordering = ["due_at", "id"]
        constraints = [
            # Planning twice makes one: each rung once for each audience and each date that the deadline has had.
            models.UniqueConstraint(
                fields=["deadline", "assessment", "about_at", "rung", "audience", "subscriber"],
                name="reminder_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(deadline__isnull=False, assessment__isnull=True)
                | Q(deadline__isnull=True, assessment__isnull=False),
                name="reminder_of_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(audience=Audience.ONE, subscriber__isnull=False)
                | (~Q(audience=Audience.ONE) & Q(subscriber__isnull=True)),
                name="reminder_one_has_subscriber",
            ),
            models.CheckConstraint(condition=Q(audience__in=Audience.values), name="reminder_audience_known"),
            models.CheckConstraint(
                condition=(Q(state=ReminderState.DROPPED) & ~Q(why=""))
                | (~Q(state=ReminderState.DROPPED) & Q(why="")),
                name="reminder_dropped_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(state=ReminderState.PLANNED, settled_at__isnull=True)
                | (~Q(state=ReminderState.PLANNED) & Q(settled_at__isnull=False)),
                name="reminder_settled_has_instant",
            ),
        ]
        indexes = [
            # What is due now, and the staff's list of what comes next.
            models.Index(
                fields=["due_at", "id"], name="reminder_planned", condition=Q(state=ReminderState.PLANNED)
            ),
            # prune: what has been settled for long.
            models.Index(
                fields=["settled_at"], name="reminder_settled", condition=Q(settled_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.commitment.code} · {self.get_audience_display()} · {self.due_at:%Y-%m-%d %H:%M} UTC"


class Hush(models.Model):
    """That a person wants no more reminders about a thing as long as it stays as it is: for good, or until an instant.

    Bound to `about_at`: when the date moves, the ladder speaks again.
    """

    subscriber = models.ForeignKey(Subscriber, models.CASCADE, related_name="hushes")
    deadline = models.ForeignKey(Deadline, models.CASCADE, null=True, blank=True, related_name="+")
    assessment = models.ForeignKey(Assessment, models.CASCADE, null=True, blank=True, related_name="+")
    about_at = models.DateTimeField()
    said_at = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("acknowledgement")
        verbose_name_plural = _("acknowledgements")
        constraints = [
            models.UniqueConstraint(
                fields=["deadline", "assessment", "about_at", "subscriber"],
                name="hush_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.about_at}"
