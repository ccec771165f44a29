"""The published methodology: what each coded word means, and the rules between them, in plain words."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from commitments.words import (
    ALLOWED,
    MOVES,
    REVERSALS,
    Act,
    Authority,
    Bearing,
    Bound,
    Clock,
    ClosedAs,
    Confidence,
    Contested,
    DeadlineType,
    DependencyType,
    Kind,
    Nature,
    Origin,
    Plain,
    Provenance,
    Role,
    Settlement,
    Stage,
    Stance,
    Status,
    Strength,
    Timeliness,
    Upkeep,
)

MEANINGS: dict[type[TextChoices], dict[str, Promise]] = {
    Plain: {
        Plain.KEPT: _("What was promised exists, or a continuing duty was honoured when last reviewed."),
        Plain.UNDER_WAY: _("Something is done or agreed towards it, and no binding date has passed."),
        Plain.LATE: _("A date that the text or an agreement set has passed, and it is not met."),
        Plain.NOT_KEPT: _("Evidence, or a binding date that passed, shows that it failed."),
        Plain.NOT_JUDGED: _("Nobody has judged it yet. Silence is not failure."),
        Plain.STANDBY: _(
            "It binds only under a condition that has not come about. It counts in no percentage."
        ),
        Plain.CLOSED: _("It was replaced, waived, ended or became pointless; the reason is given."),
        Plain.CONTEXT: _("A recital: it gives background and is never judged."),
    },
    Status: {
        Status.NOT_ASSESSED: _("There is no judgement yet. Silence is not failure."),
        Status.NOT_STARTED: _("Evidence or a source says that nothing has begun."),
        Status.IN_PROGRESS: _("An action towards it is shown by evidence, or its start is agreed."),
        Status.STALLED: _("Evidence shows that work on it has stopped."),
        Status.PARTLY_FULFILLED: _("A part of the promised result exists."),
        Status.FULFILLED: _("The promised result exists."),
        Status.UPHELD: _("A continuing duty was honoured when it was last reviewed."),
        Status.NOT_FULFILLED: _("Evidence shows that it failed, or a binding date passed without it."),
        Status.SUPERSEDED: _(
            "It was replaced, waived or ended, or has become pointless, with the reason why."
        ),
    },
    Timeliness: {
        Timeliness.ENDED: _("The accord or the commitment has ended, or the entry is closed."),
        Timeliness.PAUSED: _("The parties recorded a pause, and it is in force."),
        Timeliness.DORMANT: _("It binds only under a condition, and nothing has triggered it."),
        Timeliness.OVERDUE: _("An open date that the text or an agreement set has passed."),
        Timeliness.RUNNING: _("A clock that an event started is running."),
        Timeliness.IN_WINDOW: _("The date is a span of days, and we are in it."),
        Timeliness.DUE_SOON: _("The nearest open date is at most 30 days away."),
        Timeliness.SCHEDULED: _("An open date lies further ahead."),
        Timeliness.BEHIND_TARGET: _(
            "A date that only press or editors named has passed. It makes nobody late."
        ),
        Timeliness.AWAITING_ANCHOR: _("It ends with an event that has not happened."),
        Timeliness.MET_LATE: _("Every date was met, at least one of them after its last day."),
        Timeliness.MET_ON_TIME: _("Every date was met by its last day."),
        Timeliness.NO_DEADLINE: _("No date is set for it."),
    },
    Upkeep: {
        Upkeep.CURRENT: _("Nothing of ours is due."),
        Upkeep.VERDICT_DUE: _("A period or a date has passed, and we have not judged since."),
        Upkeep.REVIEW_DUE: _("The date for our review of a continuing duty has passed."),
        Upkeep.EVIDENCE_STALE: _("Our review is late by as much time again as lay between reviews."),
    },
    Kind: {
        Kind.DELIVERABLE: _("A result that will exist or not."),
        Kind.RECURRING: _("Something to be done again and again, each time by a date."),
        Kind.CONTINUING: _("A duty without an end of its own, judged by review."),
        Kind.CONDITIONAL: _("A duty that begins when something happens."),
        Kind.FINANCIAL: _("A sum of money over a time."),
        Kind.BASELINE: _("A recital that gives background. It is never judged."),
    },
    Strength: {
        Strength.BINDING_RESULT: _("The text promises the result itself."),
        Strength.FIRM: _("The text says that the party will do it."),
        Strength.BEST_EFFORTS: _("The text promises to try, to work towards or to continue efforts."),
        Strength.INTENT: _("The text states an intention."),
        Strength.EXPLORATORY: _("The text promises to consider or explore. It counts in no percentage."),
        Strength.DECLARATORY: _("The text states a view or a wish. It counts in no percentage."),
    },
    Provenance: {
        Provenance.OFFICIAL_TEXT: _("The wording stands in the official text of the accord."),
        Provenance.RELATED_INSTRUMENT: _("It stands in another agreement that belongs to it."),
        Provenance.OFFICIAL_RECORD: _("It stands in an official record, such as a ministry's announcement."),
        Provenance.PRESS: _("Only the press reports it."),
        Provenance.ANALYST: _("Only an analyst writes of it."),
        Provenance.FORECAST: _("It was foretold before the text existed."),
    },
    Role: {
        Role.BOUND: _("Must do it; its time zone decides when a day ends."),
        Role.BENEFICIARY: _("Gains by it."),
        Role.COUNTERPART: _("Works with those who are bound, without being bound here."),
        Role.ATTRIBUTED_TO: _("Others say that it is bound; the text does not."),
    },
    Authority: {
        Authority.TEXT: _("The text sets the date. Passing it makes a party late."),
        Authority.AGREED: _("The parties agreed on the date later. Passing it makes a party late."),
        Authority.PRESS: _("The press names the date. Passing it makes nobody late."),
        Authority.EDITORIAL: _("Our editors expect it by then. Passing it makes nobody late."),
    },
    DeadlineType: {
        DeadlineType.TARGET: _("The day by which the whole is due."),
        DeadlineType.MILESTONE: _("The day by which a part is due."),
        DeadlineType.OCCURRENCE: _("One time of something that recurs."),
        DeadlineType.CLOCK: _("A length of time from an event, counted to the second."),
        DeadlineType.REVIEW: _("The day on which we look again. It is ours, never a party's."),
    },
    Clock: {
        Clock.PARTY: _("The parties' clock: only this one can make a party late."),
        Clock.TRACKER: _("Our own clock: when it runs out, we are late, not a party."),
    },
    ClosedAs: {
        ClosedAs.MET: _("What was due was done."),
        ClosedAs.WAIVED: _("Those who may gave it up, with the reason."),
        ClosedAs.ENDED: _("The commitment itself was closed."),
    },
    Nature: {
        Nature.OFFICIAL: _("Published by a state or an organisation concerned."),
        Nature.PRESS: _("Reported by the press."),
        Nature.ANALYSIS: _("Written by somebody who studies it."),
        Nature.FORECAST: _("Written before the fact. It supports nothing."),
    },
    Act: {
        Act.ANNOUNCEMENT: _("Somebody said that it will be done. It carries no further than “in progress”."),
        Act.ACTION: _("Something was done towards it."),
        Act.OUTCOME: _("The result is there."),
    },
    Bearing: {
        Bearing.SUPPORTS: _("It speaks for fulfilment."),
        Bearing.CONTRADICTS: _("It speaks against fulfilment."),
        Bearing.CONTEXT: _("It gives background and proves nothing."),
    },
    Stage: {
        Stage.PLEDGED: _("Said to be given; nothing may have moved."),
        Stage.ALLOCATED: _("Set aside for it in a budget or a decision."),
        Stage.DELIVERED: _("Given: it has reached those for whom it is meant."),
    },
    Bound: {
        Bound.EXACT: _("This sum, no more and no less."),
        Bound.MINIMUM: _("This sum or more, such as “over 12 billion”."),
        Bound.MAXIMUM: _("This sum or less, such as “up to 12 billion”."),
        Bound.UNSPECIFIED: _("Money is promised and no source names how much."),
    },
    Contested: {
        Contested.NONE: _("No party has disputed what we say."),
        Contested.CONTESTED: _("A party disputes what we say, and that is not resolved."),
        Contested.RESOLVED: _("A party disputed what we said; how it ended is told with its position."),
    },
    Stance: {
        Stance.DISPUTES: _("The party says that the record is wrong."),
        Stance.ACCEPTS: _("The party says that the record is right."),
        Stance.EXPLAINS: _("The party adds reasons or facts and disputes nothing."),
    },
    Settlement: {
        Settlement.CORRECTED: _("The party was right, and the record was corrected."),
        Settlement.KEPT: _("We looked at it again, and the record stays as it is."),
        Settlement.WITHDRAWN: _("The party no longer says so."),
        Settlement.OVERTAKEN: _("Something has happened since that settles the question."),
        Settlement.MISTAKEN: _(
            "The mistake was ours: the party never said so, and nothing was contested by it."
        ),
    },
    Confidence: {
        Confidence.HIGH: _("Sources that know agree."),
        Confidence.MEDIUM: _("There is good reason, and a gap."),
        Confidence.LOW: _("It is the best reading of thin evidence."),
    },
    DependencyType: {
        DependencyType.HARD: _("It cannot be done before the other is fulfilled."),
        DependencyType.SOFT: _("The other makes it easier."),
        DependencyType.PART_OF: _("It is a part of the other."),
        DependencyType.SHARES_TRIGGER: _("The same event starts both."),
        DependencyType.ENABLED_BY: _("The other makes it possible."),
    },
    Origin: {
        Origin.LIVE: _("It was recorded when it happened here."),
        Origin.BACKFILL: _("It is older than its entry here. It is shown, and alerts nobody."),
    },
}

# anchor, the words, heading, what the list is for
SECTIONS: tuple[tuple[str, type[TextChoices], Promise, Promise], ...] = (
    ("standing", Plain, _("In plain words"), _("Every page and mail leads with one of these words.")),
    (
        "status",
        Status,
        _("Status: what people judge"),
        _("A judgement with a reason, a day from which it holds, evidence, and the office that made it."),
    ),
    (
        "timeliness",
        Timeliness,
        _("Timeliness: what the parties' clock says"),
        _("Computed from the dates, never typed. The first that applies, from the top."),
    ),
    (
        "upkeep",
        Upkeep,
        _("Upkeep: what our own clock says"),
        _("Our own delay. Pages say “awaiting our assessment”; it is never a party's fault."),
    ),
    ("kind", Kind, _("Kinds of commitment"), _("What sort of promise it is decides how it can be judged.")),
    ("strength", Strength, _("Strength of the verb"), _("How far the words of the text go.")),
    ("provenance", Provenance, _("Provenance"), _("Where the wording of the duty comes from.")),
    ("role", Role, _("Parties and roles"), _("What a state or an organisation is to a commitment.")),
    ("authority", Authority, _("Who set a date"), _("Only the text and an agreement of the parties bind.")),
    ("deadline_type", DeadlineType, _("Sorts of date"), _("What falls due on it.")),
    ("clock", Clock, _("Whose clock"), _("Whether a date is the parties' or ours.")),
    ("closed_as", ClosedAs, _("How a date closes"), _("Why a date is no longer open.")),
    ("nature", Nature, _("Nature of a source"), _("Who speaks.")),
    ("act", Act, _("What evidence shows"), _("Saying, doing and having done are kept apart.")),
    ("bearing", Bearing, _("Which way evidence points"), _("For, against, or neither.")),
    ("confidence", Confidence, _("Confidence"), _("How sure an assessment is.")),
    (
        "stage",
        Stage,
        _("Stages of money"),
        _(
            "They are never added together, currencies are never converted, and a sum inside a sum is counted once."
        ),
    ),
    ("bound", Bound, _("How a sum limits"), _("What a named sum of money promises.")),
    (
        "contested",
        Contested,
        _("Contested"),
        _("Whether a party disputes what we say. It stands beside our judgement and does not change it."),
    ),
    ("stance", Stance, _("What a party says"), _("In its own words, with source and day.")),
    (
        "settlement",
        Settlement,
        _("How a position is resolved"),
        _("A position that is resolved stays visible."),
    ),
    ("dependency", DependencyType, _("Dependencies"), _("How one commitment leans on another.")),
    ("origin", Origin, _("News and history"), _("Whether an event was recorded live or entered later.")),
)

GUARDS: tuple[Promise, ...] = (
    _("Every judgement gives a reason."),
    _(
        "“Fulfilled”, “partly fulfilled” and “upheld” need evidence of an action or an outcome that had happened by the "
        "day from which the judgement holds."
    ),
    _("An announcement carries no further than “in progress”."),
    _("A forecast supports nothing."),
    _(
        "A fact from before the commitment began is background, unless the commitment names a period for counting that "
        "holds it."
    ),
    _(
        "“Not fulfilled” needs evidence, or a passed date that the text or an agreement set. It never stands beside a "
        "date that was met."
    ),
    _("Going back from “fulfilled” or “superseded” needs evidence against it, and a second person."),
    _("A judgement holds from a day that has come, and not from before the commitment began."),
    _("Where the accord asks for four eyes, nobody publishes what they drafted."),
)

COUNTING: tuple[Promise, ...] = (
    _("Every number stands beside the number it is a part of."),
    _(
        "“Fully fulfilled” is how many of those that count are fulfilled or upheld. “Progress” adds up the weight that "
        "each of them has by its status; the weights stand below."
    ),
    _(
        "What binds several parties counts for each of them, by the judgement of its own share where there is one."
    ),
    _(
        "The course over time rests on the days from which judgements hold: a later judgement of an earlier time "
        "changes it back to that day."
    ),
    _(
        "Left out of the count: what is exploratory or declaratory, context, what nobody is bound to, what cannot be "
        "verified, and what is on standby."
    ),
    _(
        "A date ends at midnight at the end of its last day, in the latest of the time zones of those who are bound. "
        "“Autumn 2025” ends with the last day of November."
    ),
    _("Hours are counted from an instant to an instant; changes of the clock do not matter."),
)


@dataclass(frozen=True, slots=True)
class Word:
    """One entry of the vocabulary page."""

    anchor: str
    code: str
    label: str
    meaning: Promise
    moves: tuple[tuple[str, str, bool], ...] = ()
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """One list of the vocabulary page."""

    anchor: str
    heading: Promise
    lead: Promise
    words: tuple[Word, ...]


def _word(anchor: str, words: type[TextChoices], code: str) -> Word:
    label = str(words(code).label)
    meaning = MEANINGS[words][code]
    if words is not Status:
        return Word(f"{anchor}-{code}", code, label, meaning)
    moves = tuple((str(to), str(Status(to).label), (code, to) in REVERSALS) for to in MOVES[code])
    kinds = tuple(str(kind.label) for kind in Kind if kind in ALLOWED[code])
    return Word(f"{anchor}-{code}", code, label, meaning, moves, kinds if len(kinds) < len(Kind) else ())


def vocabulary() -> list[Group]:
    """The whole vocabulary in the active language, in the order of the page; each word has its own anchor."""
    return [
        Group(anchor, heading, lead, tuple(_word(anchor, words, code) for code in words.values))
        for anchor, words, heading, lead in SECTIONS
    ]
