"""The vocabulary as code: every coded word, its label, the legal moves, and what counts. Pure; labels are lazy."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

CODEBOOK = "1.0"


class Status(TextChoices):
    """What people judge."""

    NOT_ASSESSED = "not_assessed", _("not assessed")
    NOT_STARTED = "not_started", _("not started")
    IN_PROGRESS = "in_progress", _("in progress")
    STALLED = "stalled", _("stalled")
    PARTLY_FULFILLED = "partly_fulfilled", _("partly fulfilled")
    FULFILLED = "fulfilled", _("fulfilled")
    UPHELD = "upheld", _("upheld")
    NOT_FULFILLED = "not_fulfilled", _("not fulfilled")
    SUPERSEDED = "superseded", _("superseded")


class Timeliness(TextChoices):
    """What the parties' clock says; computed, never typed."""

    ENDED = "ended", _("ended")
    PAUSED = "paused", _("paused")
    DORMANT = "dormant", _("dormant")
    OVERDUE = "overdue", _("overdue")
    RUNNING = "running", _("clock running")
    IN_WINDOW = "in_window", _("in its window")
    DUE_SOON = "due_soon", _("due soon")
    SCHEDULED = "scheduled", _("scheduled")
    BEHIND_TARGET = "behind_target", _("behind target")
    AWAITING_ANCHOR = "awaiting_anchor", _("awaiting the event that ends it")
    MET_LATE = "met_late", _("met late")
    MET_ON_TIME = "met_on_time", _("met on time")
    NO_DEADLINE = "no_deadline", _("no deadline")


class Upkeep(TextChoices):
    """What our own clock says."""

    CURRENT = "current", _("current")
    VERDICT_DUE = "verdict_due", _("awaiting our verdict")
    REVIEW_DUE = "review_due", _("awaiting our review")
    EVIDENCE_STALE = "evidence_stale", _("evidence out of date")


class Kind(TextChoices):
    """What sort of promise it is."""

    DELIVERABLE = "deliverable", _("deliverable")
    RECURRING = "recurring", _("recurring duty")
    CONTINUING = "continuing", _("continuing duty")
    CONDITIONAL = "conditional", _("conditional duty")
    FINANCIAL = "financial", _("financial pledge")
    BASELINE = "baseline", _("baseline (context)")


class Strength(TextChoices):
    """How strong the verb of the text is."""

    BINDING_RESULT = "binding_result", _("binding result")
    FIRM = "firm", _("firm")
    BEST_EFFORTS = "best_efforts", _("best efforts")
    INTENT = "intent", _("intent")
    EXPLORATORY = "exploratory", _("exploratory")
    DECLARATORY = "declaratory", _("declaratory")


class Provenance(TextChoices):
    """Where the wording of the duty comes from."""

    OFFICIAL_TEXT = "official_text", _("official text")
    RELATED_INSTRUMENT = "related_instrument", _("related instrument")
    OFFICIAL_RECORD = "official_record", _("official record")
    PRESS = "press", _("press")
    ANALYST = "analyst", _("analyst")
    FORECAST = "forecast", _("forecast")


class Authority(TextChoices):
    """Who set a deadline."""

    TEXT = "text", _("the text")
    AGREED = "agreed", _("an agreement of the parties")
    PRESS = "press", _("press reports")
    EDITORIAL = "editorial", _("our editors")


class DeadlineType(TextChoices):
    """What sort of date it is."""

    TARGET = "target", _("target")
    MILESTONE = "milestone", _("milestone")
    OCCURRENCE = "occurrence", _("occurrence")
    CLOCK = "clock", _("running clock")
    REVIEW = "review", _("review")


class Clock(TextChoices):
    """Whose clock a deadline is."""

    PARTY = "party", _("the parties")
    TRACKER = "tracker", _("this tracker")


class ClosedAs(TextChoices):
    """Why a deadline is no longer open."""

    MET = "met", _("met")
    WAIVED = "waived", _("waived")
    ENDED = "ended", _("the commitment was closed")


class Effect(TextChoices):
    """What a recorded fact does to a duty."""

    STARTS = "starts", _("brings the duty to life")
    ENDS = "ends", _("ends the duty")


class Nature(TextChoices):
    """What sort of publication a source is."""

    OFFICIAL = "official", _("official")
    PRESS = "press", _("press")
    ANALYSIS = "analysis", _("analysis")
    FORECAST = "forecast", _("forecast")


class Act(TextChoices):
    """What a piece of evidence shows."""

    ANNOUNCEMENT = "announcement", _("announcement")
    ACTION = "action", _("action")
    OUTCOME = "outcome", _("outcome")


class Bearing(TextChoices):
    """Which way a piece of evidence points."""

    SUPPORTS = "supports", _("supports")
    CONTRADICTS = "contradicts", _("contradicts")
    CONTEXT = "context", _("context")


class Confidence(TextChoices):
    """How sure an assessment is."""

    HIGH = "high", _("high")
    MEDIUM = "medium", _("medium")
    LOW = "low", _("low")


class Review(TextChoices):
    """Where an assessment stands between its author and the public."""

    DRAFT = "draft", _("draft")
    SUBMITTED = "submitted", _("submitted")
    CHANGES_REQUESTED = "changes_requested", _("changes requested")
    PUBLISHED = "published", _("published")
    REJECTED = "rejected", _("rejected")
    RETRACTED = "retracted", _("retracted")


class Stage(TextChoices):
    """How far money has come; the stages are never added together."""

    PLEDGED = "pledged", _("pledged")
    ALLOCATED = "allocated", _("allocated")
    DELIVERED = "delivered", _("delivered")


class Bound(TextChoices):
    """How a sum limits what was promised."""

    EXACT = "exact", _("exactly")
    MINIMUM = "minimum", _("at least")
    MAXIMUM = "maximum", _("at most")
    UNSPECIFIED = "unspecified", _("no sum is named")


class Stance(TextChoices):
    """What a party says about the record."""

    DISPUTES = "disputes", _("disputes")
    ACCEPTS = "accepts", _("accepts")
    EXPLAINS = "explains", _("explains")


class Settlement(TextChoices):
    """How a party's position was resolved."""

    CORRECTED = "corrected", _("we corrected the record")
    KEPT = "kept", _("the record stands as it is")
    WITHDRAWN = "withdrawn", _("the party withdrew it")
    OVERTAKEN = "overtaken", _("overtaken by events")
    MISTAKEN = "mistaken", _("it was entered by mistake")


class Contested(TextChoices):
    """Whether a party disputes the record; computed from the positions that do."""

    NONE = "none", _("not contested")
    CONTESTED = "contested", _("contested")
    RESOLVED = "resolved", _("dispute resolved")


class Role(TextChoices):
    """What a party is to a commitment."""

    BOUND = "bound", _("bound")
    BENEFICIARY = "beneficiary", _("benefits")
    COUNTERPART = "counterpart", _("counterpart")
    ATTRIBUTED_TO = "attributed_to", _("named by others")


class DependencyType(TextChoices):
    """How one commitment leans on another."""

    HARD = "hard", _("needs")
    SOFT = "soft", _("eased by")
    PART_OF = "part_of", _("part of")
    SHARES_TRIGGER = "shares_trigger", _("shares its trigger with")
    ENABLED_BY = "enabled_by", _("enabled by")


class Origin(TextChoices):
    """Whether an event is news or history that was entered later."""

    LIVE = "live", _("live")
    BACKFILL = "backfill", _("entered from history")


class StaffRole(TextChoices):
    """What a member of staff may do, per accord."""

    VIEWER = "viewer", _("viewer")
    EDITOR = "editor", _("editor")
    REVIEWER = "reviewer", _("reviewer")
    ADMINISTRATOR = "administrator", _("administrator")


class Plain(TextChoices):
    """The standing in plain words, for pages and mails."""

    KEPT = "kept", pgettext_lazy("standing", "Kept")
    UNDER_WAY = "under_way", pgettext_lazy("standing", "Under way")
    LATE = "late", pgettext_lazy("standing", "Late")
    NOT_KEPT = "not_kept", pgettext_lazy("standing", "Not kept")
    NOT_JUDGED = "not_judged", pgettext_lazy("standing", "Not yet judged")
    STANDBY = "standby", pgettext_lazy("standing", "On standby")
    CLOSED = "closed", pgettext_lazy("standing", "Closed")
    CONTEXT = "context", pgettext_lazy("standing", "Context")


class Uncounted(TextChoices):
    """Why a commitment stands in no percentage; the first that applies."""

    BASELINE = "baseline", _("context, not a promise")
    UNBOUND = "unbound", _("nobody is bound")
    UNVERIFIABLE = "unverifiable", _("cannot be verified from outside")
    EXPLORATORY = "exploratory", _("its words only explore")
    DECLARATORY = "declaratory", _("its words only declare")
    DORMANT = "dormant", _("on standby until its trigger")


class EventKind(TextChoices):
    """The log's words, in the past tense."""

    ACCORD_REGISTERED = "accord_registered", _("accord registered")
    COMMITMENT_REGISTERED = "commitment_registered", _("commitment registered")
    COMMITMENT_CORRECTED = "commitment_corrected", _("commitment corrected")
    STATUS_PUBLISHED = "status_published", _("status published")
    STATUS_RETRACTED = "status_retracted", _("status retracted")
    DEADLINE_SET = "deadline_set", _("deadline set")
    DEADLINE_MOVED = "deadline_moved", _("deadline moved")
    DEADLINE_MET = "deadline_met", _("deadline met")
    DEADLINE_WAIVED = "deadline_waived", _("deadline waived")
    CLOCK_PAUSED = "clock_paused", _("clock paused")
    CLOCK_RESUMED = "clock_resumed", _("clock resumed")
    TRIGGER_RECORDED = "trigger_recorded", _("trigger recorded")
    TRIGGER_WITHDRAWN = "trigger_withdrawn", _("trigger withdrawn")
    BECAME_OVERDUE = "became_overdue", _("became overdue")
    FELL_BEHIND_TARGET = "fell_behind_target", _("fell behind target")
    VERDICT_BECAME_DUE = "verdict_became_due", _("our verdict became due")
    REVIEW_BECAME_DUE = "review_became_due", _("our review became due")
    EVIDENCE_ADDED = "evidence_added", _("evidence added")
    EVIDENCE_WITHDRAWN = "evidence_withdrawn", _("evidence withdrawn")
    CONTRIBUTION_RECORDED = "contribution_recorded", _("contribution recorded")
    CONTRIBUTION_WITHDRAWN = "contribution_withdrawn", _("contribution withdrawn")
    POSITION_STATED = "position_stated", _("position stated")
    POSITION_RESOLVED = "position_resolved", _("position resolved")
    EVIDENCE_VERIFIED = "evidence_verified", _("evidence verified")
    NOTE_REDACTED = "note_redacted", _("note redacted")
    WORDING_REDACTED = "wording_redacted", _("wording redacted")


_S = Status
# The status a judgement may carry, by kind (VOCABULARY: "for kinds").
ALLOWED: dict[str, frozenset[str]] = {
    Status.NOT_ASSESSED: frozenset(Kind.values),
    Status.NOT_STARTED: frozenset({Kind.DELIVERABLE, Kind.RECURRING, Kind.FINANCIAL}),
    Status.IN_PROGRESS: frozenset(Kind.values) - {Kind.BASELINE},
    Status.STALLED: frozenset(Kind.values) - {Kind.BASELINE},
    Status.PARTLY_FULFILLED: frozenset({Kind.DELIVERABLE, Kind.FINANCIAL, Kind.RECURRING}),
    Status.FULFILLED: frozenset({Kind.DELIVERABLE, Kind.FINANCIAL, Kind.CONDITIONAL, Kind.RECURRING}),
    Status.UPHELD: frozenset({Kind.CONTINUING}),
    Status.NOT_FULFILLED: frozenset(Kind.values) - {Kind.BASELINE},
    Status.SUPERSEDED: frozenset(Kind.values) - {Kind.BASELINE},
}
# From each status to the ones that may follow; reaffirming the same status is always legal.
MOVES: dict[str, tuple[str, ...]] = {
    _S.NOT_ASSESSED: tuple(status for status in _S.values if status != _S.NOT_ASSESSED),
    _S.NOT_STARTED: (
        _S.IN_PROGRESS,
        _S.STALLED,
        _S.PARTLY_FULFILLED,
        _S.FULFILLED,
        _S.UPHELD,
        _S.NOT_FULFILLED,
        _S.SUPERSEDED,
    ),
    _S.IN_PROGRESS: (
        _S.STALLED,
        _S.PARTLY_FULFILLED,
        _S.FULFILLED,
        _S.UPHELD,
        _S.NOT_FULFILLED,
        _S.SUPERSEDED,
    ),
    _S.STALLED: (
        _S.IN_PROGRESS,
        _S.PARTLY_FULFILLED,
        _S.FULFILLED,
        _S.UPHELD,
        _S.NOT_FULFILLED,
        _S.SUPERSEDED,
    ),
    _S.PARTLY_FULFILLED: (_S.IN_PROGRESS, _S.STALLED, _S.FULFILLED, _S.NOT_FULFILLED, _S.SUPERSEDED),
    _S.FULFILLED: (_S.IN_PROGRESS, _S.PARTLY_FULFILLED, _S.NOT_FULFILLED),
    _S.UPHELD: (_S.IN_PROGRESS, _S.STALLED, _S.NOT_FULFILLED, _S.SUPERSEDED),
    _S.NOT_FULFILLED: (_S.IN_PROGRESS, _S.PARTLY_FULFILLED, _S.FULFILLED, _S.SUPERSEDED),
    _S.SUPERSEDED: (_S.IN_PROGRESS,),
}
REVERSALS = frozenset({(_S.FULFILLED, to) for to in MOVES[_S.FULFILLED]} | {(_S.SUPERSEDED, _S.IN_PROGRESS)})
KEPT = frozenset({_S.FULFILLED, _S.UPHELD})
NEEDS_PROOF = frozenset({_S.FULFILLED, _S.PARTLY_FULFILLED, _S.UPHELD})
# A judgement that speaks against a party: it may be given notice and a time to reply first.
ADVERSE = frozenset({_S.NOT_FULFILLED, _S.STALLED})
# A commitment with one of these is over: its open deadlines close.
FINAL = frozenset({_S.FULFILLED, _S.SUPERSEDED})
UNCOUNTED_STRENGTHS = frozenset({Strength.EXPLORATORY, Strength.DECLARATORY})


# How far each status goes towards "progress", in quarters. What has stopped is not undone; what is closed cannot grow.
QUARTERS: dict[str, int] = {
    Status.NOT_ASSESSED: 0,
    Status.NOT_STARTED: 0,
    Status.IN_PROGRESS: 1,
    Status.STALLED: 1,
    Status.PARTLY_FULFILLED: 2,
    Status.FULFILLED: 4,
    Status.UPHELD: 4,
    Status.NOT_FULFILLED: 0,
    Status.SUPERSEDED: 0,
}


def legal_moves(status: str, kind: str) -> list[str]:
    """The statuses that may follow `status` for a commitment of that kind; the same one (a reaffirmation) first."""
    return [to for to in (status, *MOVES[status]) if kind in ALLOWED[to]]
