"""Machines that want to know: an Endpoint with its Secrets, the calls it is owed (Call), and each Try with its answer."""

from __future__ import annotations

import uuid
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from commitments.models import Accord, Commitment, Party, Section, Topic
from commitments.words import EventKind
from notifications.models.wishes import SavedFilter


class Format(models.TextChoices):
    """What an endpoint understands."""

    STANDARD = "standard", _("Standard Webhooks (signed JSON)")
    CHAT = "chat", _("chat message (Slack, Mattermost and others)")


class EndpointState(models.TextChoices):
    """Whether an endpoint is called."""

    LIVE = "live", pgettext_lazy("endpoint", "live")
    PAUSED = "paused", _("paused")
    DISABLED = "disabled", _("disabled")


class DisabledWhy(models.TextChoices):
    """Why an endpoint was disabled."""

    GONE = "gone", _("it answered that it is gone (410)")
    FAILING = "failing", _("it failed for days")
    STAFF = "staff", _("by a member of staff")


class CallKind(models.TextChoices):
    """What a call carries."""

    EVENT = "event", _("event")
    PING = "ping", _("test ping")


class CallState(models.TextChoices):
    """Where a call is on its way."""

    WAITING = "waiting", _("waiting")
    CLAIMED = "claimed", _("with a worker")
    SENT = "sent", _("taken by the endpoint")
    FAILED = "failed", _("given up")
    QUARANTINED = "quarantined", _("in quarantine")
    DROPPED = "dropped", _("dropped: no longer true")


class TryOutcome(models.TextChoices):
    """How one attempt at a call ended."""

    SENT = "sent", _("taken")
    RETRY = "retry", _("put off")
    FAILED = "failed", _("given up")
    ERROR = "error", _("our own error")
    CRASHED = "crashed", _("the worker ended")


CALL_OVER = [CallState.SENT, CallState.FAILED, CallState.QUARANTINED, CallState.DROPPED]


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    """Readings of endpoints."""

    def listening(self) -> Self:
        """Those that are owed news: also while they are paused."""
        return self.exclude(state=EndpointState.DISABLED)


class Endpoint(models.Model):
    """An address that is called with news. `told_up_to` is the log's number up to which its calls are written down.

    One worker holds an endpoint at a time (`holder`, `held_until`), so that `at_once` holds everywhere; `failures`
    counts the attempts that failed since the last success, `rest_until` keeps it in peace for a while; `answered_at` says
    when it took a call last: one that does is given more threads than one that may hang. `owner_told_at` is set as well
    when its owner cannot be told; then `owner_said` is what the server answered.
    """

    uuid = models.UUIDField(_("identifier"), default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=80, unique=True)
    format = models.CharField(_("format"), max_length=10, choices=Format.choices, default=Format.STANDARD)
    url = models.CharField(_("address"), max_length=2048)
    language = models.CharField(_("language"), max_length=8, choices=settings.LANGUAGES, default="en")
    accord = models.ForeignKey(
        Accord, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("accord")
    )
    commitment = models.ForeignKey(
        Commitment, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("commitment")
    )
    section = models.ForeignKey(
        Section, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("section")
    )
    party = models.ForeignKey(
        Party, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("party")
    )
    topic = models.ForeignKey(
        Topic, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("topic")
    )
    saved = models.ForeignKey(
        SavedFilter,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("filter of the list"),
    )
    kinds = ArrayField(
        models.CharField(max_length=40, choices=EventKind.choices),
        verbose_name=_("kinds of event"),
        default=list,
        blank=True,
    )
    at_once = models.PositiveSmallIntegerField(
        _("calls at once"), default=4, validators=[MinValueValidator(1), MaxValueValidator(16)]
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("owner"),
    )
    state = models.CharField(
        _("state"), max_length=10, choices=EndpointState.choices, default=EndpointState.LIVE
    )
    why = models.CharField(
        _("why disabled"), max_length=10, choices=DisabledWhy.choices, blank=True, default=""
    )
    changed_at = models.DateTimeField(_("changed"), help_text=_("When its state last changed."))
    created_at = models.DateTimeField(_("written down"))
    told_up_to = models.BigIntegerField()
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    rest_until = models.DateTimeField(_("left in peace until"), null=True, blank=True)
    served_at = models.DateTimeField(_("last served"), null=True, blank=True)
    answered_at = models.DateTimeField(_("last answered"), null=True, blank=True)
    holder = models.UUIDField(_("worker"), null=True, blank=True)
    held_until = models.DateTimeField(_("with a worker until"), null=True, blank=True)
    owner_told_at = models.DateTimeField(null=True, blank=True)
    owner_said = models.CharField(max_length=300, blank=True, default="", db_default="")
    owner_next_try_at = models.DateTimeField(null=True, blank=True)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        verbose_name = _("endpoint")
        verbose_name_plural = _("endpoints")
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(url__regex=r"^https?://[^[:space:]@/?#]+([/?#][^[:space:]]*)?$"),
                name="endpoint_url_plain",
            ),
            models.CheckConstraint(condition=Q(format__in=Format.values), name="endpoint_format_known"),
            models.CheckConstraint(condition=Q(state__in=EndpointState.values), name="endpoint_state_known"),
            models.CheckConstraint(
                condition=(Q(state=EndpointState.DISABLED) & ~Q(why=""))
                | (~Q(state=EndpointState.DISABLED) & Q(why="")),
                name="endpoint_disabled_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(at_once__gte=1, at_once__lte=16), name="endpoint_at_once_bounded"
            ),
            models.CheckConstraint(
                condition=Q(commitment__isnull=True, section__isnull=True) | Q(accord__isnull=False),
                name="endpoint_commitment_has_accord",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Secret(models.Model):
    """A key that signs calls, sealed with the site's secret key. The newest has no end; a former one has, while
    receivers change over: two live ones at most."""

    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="secrets")
    sealed = models.TextField()
    made_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint"], condition=Q(ends_at__isnull=True), name="secret_newest_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.made_at:%Y-%m-%d}"


class Call(models.Model):
    """One call that is owed. `id` is its webhook-id for ever; `number` is the event's seq (rows never point at events).

    Claims work as those of mails: a lease by the database's clock, a fresh token, `started_at` while on the wire.
    """

    id = models.UUIDField(_("identifier"), primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(
        Endpoint, models.CASCADE, related_name="calls", db_index=False, verbose_name=_("endpoint")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=CallKind.choices, default=CallKind.EVENT)
    number = models.BigIntegerField(
        _("number"), null=True, blank=True, help_text=_("The event's number in the log.")
    )
    state = models.CharField(_("state"), max_length=12, choices=CallState.choices, default=CallState.WAITING)
    created_at = models.DateTimeField(_("written down"))
    next_attempt_at = models.DateTimeField(_("next attempt"))
    lease_until = models.DateTimeField(_("with a worker until"), null=True, blank=True)
    token = models.UUIDField(_("token of the worker"), null=True, blank=True)
    started_at = models.DateTimeField(_("put on the wire"), null=True, blank=True)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    crashes = models.PositiveSmallIntegerField(_("crashes"), default=0)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        ordering = ["-created_at"]
        constraints = [
            # An endpoint is owed an event once, however often the log is read.
            models.UniqueConstraint(fields=["endpoint", "number"], name="call_event_once"),
            models.CheckConstraint(
                condition=Q(kind=CallKind.EVENT, number__isnull=False)
                | Q(kind=CallKind.PING, number__isnull=True),
                name="call_event_has_number",
            ),
            models.CheckConstraint(condition=Q(state__in=CallState.values), name="call_state_known"),
            models.CheckConstraint(
                condition=Q(state=CallState.CLAIMED, token__isnull=False, lease_until__isnull=False)
                | (
                    Q(token__isnull=True, lease_until__isnull=True, started_at__isnull=True)
                    & ~Q(state=CallState.CLAIMED)
                ),
                name="call_claimed_has_lease",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[CallState.WAITING, CallState.CLAIMED], settled_at__isnull=True)
                | Q(state__in=CALL_OVER, settled_at__isnull=False),
                name="call_settled_has_instant",
            ),
        ]
        indexes = [
            # hold and claim: what is due at an endpoint, oldest first.
            models.Index(
                fields=["endpoint", "next_attempt_at"],
                name="call_due",
                condition=Q(state=CallState.WAITING),
            ),
            # recover: claims whose lease has run out.
            models.Index(fields=["lease_until"], name="call_leased", condition=Q(state=CallState.CLAIMED)),
            # prune: what has been over for long.
            models.Index(fields=["settled_at"], name="call_over", condition=Q(settled_at__isnull=False)),
            # The staff's list, newest first.
            models.Index(fields=["created_at", "id"], name="call_newest"),
            # The staff's list of what needs a person.
            models.Index(
                fields=["settled_at"],
                name="call_needs_person",
                condition=Q(state__in=[CallState.FAILED, CallState.QUARANTINED]),
            ),
        ]

    def __str__(self) -> str:
        about = self.get_kind_display() if self.number is None else f"{self.get_kind_display()} {self.number}"
        return f"{about} · {self.created_at:%Y-%m-%d %H:%M} UTC"


class Try(models.Model):
    """One attempt at a call: what was sent (its digest: the body can be made again from the event), what came back."""

    call = models.ForeignKey(Call, models.CASCADE, related_name="tries", verbose_name=_("webhook delivery"))
    at = models.DateTimeField(_("when"))
    outcome = models.CharField(_("how it ended"), max_length=10, choices=TryOutcome.choices)
    code = models.PositiveSmallIntegerField(_("code"), null=True, blank=True, help_text=_("The HTTP status."))
    error = models.CharField(
        _("error"), max_length=40, blank=True, default="", help_text=_("Why there was no answer, in a word.")
    )
    milliseconds = models.PositiveIntegerField(_("milliseconds"), default=0)
    host = models.CharField(_("host"), max_length=260, blank=True, default="")
    request_headers = models.JSONField(_("headers of the request"), default=dict)
    request_bytes = models.PositiveIntegerField(_("bytes of the request"), default=0)
    request_digest = models.CharField(
        _("digest of the request"), max_length=64, blank=True, default="", help_text=_("SHA-256 of the body.")
    )
    answer_headers = models.JSONField(_("headers of the answer"), default=dict)
    answer = models.CharField(_("answer"), max_length=1000, blank=True, default="")

    class Meta:
        verbose_name = _("attempt at a webhook")
        verbose_name_plural = _("attempts at webhooks")
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(outcome__in=TryOutcome.values), name="try_outcome_known")
        ]

    def __str__(self) -> str:
        return f"{self.outcome} {self.code or self.error}".strip()
