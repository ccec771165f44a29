"""A commitment: one promise, its terms, and where it stands now (kept by the verbs)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q, Value
from django.utils.translation import gettext_lazy as _

from commitments.models.accord import Accord, Instrument, Party, Provision, Section, Source, Topic
from commitments.models.fields import code_field, one_of, word_field
from commitments.words import (
    Authority,
    Contested,
    DependencyType,
    Kind,
    Provenance,
    Role,
    Status,
    Strength,
)
from tracker.kit.far import far
from tracker.kit.localized import LocalizedTextField, pick


class CodeAt(Func):
    """The code that holds at an instant: one lookup in the course that the verbs stored."""

    output_field = models.CharField()

    def __init__(self, codes: str, now: datetime) -> None:
        super().__init__(F(codes), Value(now, output_field=models.DateTimeField()), F("turns_at"))

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, Any]:  # type: ignore[override]
        """`codes[width_bucket(now, turns_at) + 1]`; before the first turn the bucket is 0."""
        parts = [compiler.compile(expression) for expression in self.source_expressions]
        (codes, _p0), (now, _p1), (turns, _p2) = parts
        params = [value for _sql, values in parts for value in values]
        return f"({codes})[width_bucket({now}::timestamptz, {turns}) + 1]", params


class CommitmentQuerySet(models.QuerySet["Commitment"]):
    """Readings of commitments that every door shares."""

    def standing_at(self, now: datetime) -> Self:
        """Adds `timeliness` and `upkeep` as of that instant."""
        return self.annotate(timeliness=CodeAt("turns_timeliness", now), upkeep=CodeAt("turns_upkeep", now))

    def counted(self) -> Self:
        """Those that count in percentages: not exploratory, declaratory, baseline, unverifiable or unbound."""
        return self.filter(is_counted=True)

    def real(self) -> Self:
        """Those of accords that exist."""
        return self.filter(accord__is_example=False)


class Commitment(models.Model):
    """One obligation of an accord.

    `status`, `status_on`, the turns and `due_at` are kept by the verbs; timeliness at an instant is
    `turns_timeliness[width_bucket(now, turns_at) + 1]`.
    """

    accord = models.ForeignKey(Accord, models.PROTECT, related_name="commitments")
    code = code_field(unique=True)
    title = LocalizedTextField()
    summary = LocalizedTextField()
    section = models.ForeignKey(Section, models.PROTECT, related_name="commitments")
    provisions = models.ManyToManyField(Provision, related_name="commitments", blank=True)
    instrument = models.ForeignKey(
        Instrument, models.PROTECT, null=True, blank=True, related_name="commitments"
    )
    related_instruments = models.ManyToManyField(Instrument, related_name="+", blank=True)
    kind = word_field(Kind)
    strength = word_field(Strength)
    verb_words = models.CharField(max_length=200, blank=True, default="")
    verb_source = models.CharField(max_length=200, blank=True, default="")
    provenance = word_field(Provenance)
    topics = models.ManyToManyField(Topic, related_name="commitments", blank=True)
    is_verifiable = models.BooleanField(default=True)
    unverifiable_why = LocalizedTextField(blank=True)
    review_every = models.CharField(
        max_length=20,
        blank=True,
        default="",
        help_text=_("ISO 8601 period, such as P6M: how long after a judgement we look again."),
    )
    is_counted = models.BooleanField(default=True, help_text=_("Counts in percentages."))
    starts_on = models.DateField(help_text=_("By default the accord's signature."))
    ends_on = models.DateField(null=True, blank=True)
    ends_edtf = models.CharField(max_length=40, blank=True, default="")
    ends_when = models.TextField(blank=True, default="", help_text=_("The event that ends it, in words."))
    awaits_event = models.BooleanField(default=False)
    triggered_at = models.DateTimeField(
        null=True, blank=True, help_text=_("From when a conditional duty binds; kept by the verbs.")
    )
    period = models.JSONField(null=True, blank=True)
    qualifiers = models.JSONField(default=dict, blank=True)
    amount = models.JSONField(null=True, blank=True)
    portfolio = models.JSONField(null=True, blank=True)
    trigger = models.JSONField(null=True, blank=True)
    rhythm = models.JSONField(null=True, blank=True)
    cautions = models.JSONField(default=list, blank=True)

    status = word_field(Status, default=Status.NOT_ASSESSED)
    status_on = models.DateField(null=True, blank=True, help_text=_("The day from which the status holds."))
    contested = word_field(Contested, default=Contested.NONE)
    due_at = models.DateTimeField(null=True, blank=True)
    due_authority = word_field(Authority, blank=True, default="")
    turns_at = ArrayField(models.DateTimeField(), default=list, blank=True)
    turns_timeliness = ArrayField(models.CharField(max_length=24), default=list, blank=True)
    turns_upkeep = ArrayField(models.CharField(max_length=24), default=list, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    objects = CommitmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("commitment")
        verbose_name_plural = _("commitments")
        ordering = ["code"]
        constraints = [
            one_of("commitment", "kind", Kind),
            one_of("commitment", "strength", Strength),
            one_of("commitment", "provenance", Provenance),
            one_of("commitment", "status", Status),
            one_of("commitment", "due_authority", Authority, blank=True),
            one_of("commitment", "contested", Contested),
            models.CheckConstraint(condition=Q(title__has_key="en"), name="commitment_title_has_english"),
            models.CheckConstraint(
                condition=~Q(kind=Kind.BASELINE) | Q(status=Status.NOT_ASSESSED),
                name="commitment_baseline_unjudged",
            ),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="commitment_ends_after_start",
            ),
        ]
        indexes = [
            # The API's lists by accord, and by due date, page by these keys.
            models.Index(fields=["accord", "code"], name="commitment_accord_code"),
            models.Index(far("due_at"), "code", name="commitment_due"),
            models.Index(far("changed_at"), "code", name="commitment_changed"),
            models.Index(fields=["status", "code"], name="commitment_status"),
            # Lists of what a party disputes, or has disputed; the many others need no entry.
            models.Index(
                fields=["contested", "code"],
                name="commitment_contested",
                condition=~Q(contested=Contested.NONE),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {pick(self.title)}"

    @property
    def is_triggered(self) -> bool:
        """Whether a trigger has been recorded; what it says of instants is `triggered_at`."""
        return self.triggered_at is not None


class Participation(models.Model):
    """What a party is to a commitment; `source` where only one publication names it."""

    commitment = models.ForeignKey(Commitment, models.CASCADE, related_name="participations")
    party = models.ForeignKey(Party, models.PROTECT, related_name="participations")
    role = word_field(Role)
    source = models.CharField(max_length=2048, blank=True, default="")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["commitment", "party", "role"], name="participation_once"),
            one_of("participation", "role", Role),
        ]

    def __str__(self) -> str:
        return f"{self.party} ({self.get_role_display()})"


class Citation(models.Model):
    """The lines of a source that carry a commitment."""

    commitment = models.ForeignKey(Commitment, models.CASCADE, related_name="citations")
    source = models.ForeignKey(Source, models.PROTECT, related_name="citations")
    lines = ArrayField(models.CharField(max_length=40), default=list, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["commitment", "source"], name="citation_once")]

    def __str__(self) -> str:
        return f"{self.source} {', '.join(self.lines)}"


class Dependency(models.Model):
    """One commitment leans on another."""

    commitment = models.ForeignKey(Commitment, models.CASCADE, related_name="dependencies")
    on = models.ForeignKey(Commitment, models.PROTECT, related_name="dependents")
    type = word_field(DependencyType)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["commitment", "on", "type"], name="dependency_once"),
            models.CheckConstraint(condition=~Q(commitment=F("on")), name="dependency_not_on_itself"),
            one_of("dependency", "type", DependencyType),
        ]

    def __str__(self) -> str:
        return f"{self.get_type_display()} {self.on}"


class Step(models.Model):
    """A dated fact on the way; a step without a date has not been found."""

    commitment = models.ForeignKey(Commitment, models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField(default=0)
    label = LocalizedTextField()
    on = models.CharField(max_length=40, blank=True, default="", help_text=_("EDTF"))
    happened_on = models.DateField(null=True, blank=True, help_text=_("The last day of the window."))
    source = models.ForeignKey(Source, models.PROTECT, null=True, blank=True, related_name="+")
    locator = models.CharField(max_length=80, blank=True, default="")

    class Meta:
        ordering = ["commitment", "position"]

    def __str__(self) -> str:
        return f"{pick(self.label)} {self.on}"
