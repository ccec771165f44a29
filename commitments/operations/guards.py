"""The guards of the vocabulary: what a judgement may claim, given the evidence, the deadlines and who speaks.

Each refusal has a field, a stable code and a message that says the rule. Pure reading: nothing is saved here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from django.utils.translation import gettext as _

from commitments.deadlines import DateError, parse_window
from commitments.models import Assessment, Commitment, Deadline, Evidence
from commitments.refusals import Problem
from commitments.standing import BINDING
from commitments.words import (
    ALLOWED,
    MOVES,
    NEEDS_PROOF,
    REVERSALS,
    Act,
    Bearing,
    Clock,
    ClosedAs,
    Confidence,
    DeadlineType,
    Kind,
    Nature,
    Origin,
    Status,
    legal_moves,
)


def known_on(evidence: Evidence) -> date | None:
    """The day of the fact, else of its publication; None when neither is known."""
    return evidence.happened_on or evidence.source.published_on


def is_before_start(evidence: Evidence, commitment: Commitment) -> bool:
    """Whether the fact lies before the commitment began and outside its counting period (then it is context)."""
    day = known_on(evidence)
    if day is None or day >= commitment.starts_on:
        return False
    period = (commitment.period or {}).get("edtf")
    if period:
        try:
            window = parse_window(period)
        except DateError:
            return True
        in_period = (window.first is None or day >= window.first) and (
            window.last is None or day <= window.last
        )
        return not in_period
    return True


def supports(evidence: Evidence, commitment: Commitment) -> bool:
    """Whether it supports anything at all: not a forecast, not a fact from before the commitment."""
    return (
        evidence.bearing == Bearing.SUPPORTS
        and Nature.FORECAST not in (evidence.nature, evidence.source.nature)
        and not is_before_start(evidence, commitment)
    )


def proves(evidence: Evidence, commitment: Commitment, effective_on: date, status: str, origin: str) -> bool:
    """Whether it carries a claim of a result: a supporting action or outcome that had happened by that day.

    A fact whose date is not known can carry only history (origin backfill): a live judgement needs the date.
    """
    if status not in NEEDS_PROOF or not supports(evidence, commitment) or evidence.act == Act.ANNOUNCEMENT:
        return False
    day = known_on(evidence)
    return origin == Origin.BACKFILL if day is None else day <= effective_on


def problems_of(
    assessment: Assessment,
    evidence: Sequence[Evidence],
    deadlines: Sequence[Deadline],
    before: Assessment | None,
    after: Assessment | None,
    today: date,
) -> list[Problem]:
    """Everything the vocabulary forbids about this judgement; empty when it may be published.

    `before` is the judgement in force on its effective day, `after` the next one that was published (None: none);
    `today` is the latest calendar day that has begun anywhere.
    """
    commitment = assessment.commitment
    found = [
        *_form(assessment, commitment, today),
        *_moves(assessment, commitment, before, after),
    ]
    if any(problem.code == "kind" for problem in found):
        return found
    return [
        *found,
        *_proof(assessment, commitment, evidence, before),
        *_failure(assessment, commitment, evidence, deadlines),
        *_recurring(assessment, commitment, deadlines),
    ]


def _form(assessment: Assessment, commitment: Commitment, today: date) -> list[Problem]:
    found = []
    if not assessment.reason.strip():
        found.append(Problem("reason", "reason", _("A judgement needs a reason.")))
    if assessment.status not in Status.values:
        allowed = ", ".join(Status.values)
        found.append(
            Problem(
                "status",
                "kind",
                _("“%(word)s” is not one of %(allowed)s.") % {"word": assessment.status, "allowed": allowed},
            )
        )
    if assessment.confidence not in Confidence.values:
        found.append(Problem("confidence", "confidence", _("Say how sure it is: high, medium or low.")))
    if assessment.effective_on > today:
        found.append(
            Problem("effective_on", "future", _("A judgement cannot hold from a day in the future."))
        )
    if assessment.effective_on < commitment.starts_on:
        found.append(
            Problem(
                "effective_on",
                "before_start",
                _("The commitment began on %(day)s: a judgement cannot hold from an earlier day.")
                % {"day": commitment.starts_on.isoformat()},
            )
        )
    return found


def _moves(
    assessment: Assessment, commitment: Commitment, before: Assessment | None, after: Assessment | None
) -> list[Problem]:
    status = assessment.status
    if status not in Status.values:
        return []
    if commitment.kind not in ALLOWED[status]:
        if commitment.kind == Kind.BASELINE:
            message = _("A baseline is context and is never judged.")
        else:
            message = _("“%(status)s” is not for a %(kind)s.") % {
                "status": Status(status).label,
                "kind": Kind(commitment.kind).label,
            }
        return [Problem("status", "kind", message)]
    previous = before.status if before else Status.NOT_ASSESSED
    found = []
    if status not in (previous, *MOVES[previous]):
        labels = ", ".join(f"“{Status(to).label}”" for to in legal_moves(previous, commitment.kind))
        found.append(
            Problem(
                "status",
                "move",
                _("From “%(from)s” there is no move to “%(to)s”. Open are: %(moves)s.")
                % {"from": Status(previous).label, "to": Status(status).label, "moves": labels},
            )
        )
    if after is not None and after.status not in (status, *MOVES[status]):
        found.append(
            Problem(
                "effective_on",
                "later_move",
                _("On %(day)s “%(after)s” was published, and there is no move to it from “%(to)s”.")
                % {
                    "day": after.effective_on.isoformat(),
                    "after": Status(after.status).label,
                    "to": Status(status).label,
                },
            )
        )
    if commitment.kind == Kind.CONDITIONAL and status in {*NEEDS_PROOF, Status.NOT_FULFILLED, Status.STALLED}:
        if commitment.triggered_at is None:
            text = _("Nothing has triggered this duty yet: it is on standby, neither kept nor broken.")
            found.append(Problem("status", "dormant", text))
        elif assessment.effective_on < commitment.triggered_at.date():
            text = _("The duty came to life on %(day)s: it was neither kept nor broken before.")
            day = commitment.triggered_at.date().isoformat()
            found.append(Problem("effective_on", "dormant", text % {"day": day}))
    return found


def _proof(
    assessment: Assessment, commitment: Commitment, evidence: Sequence[Evidence], before: Assessment | None
) -> list[Problem]:
    status, found = assessment.status, []
    supporting = [item for item in evidence if item.bearing == Bearing.SUPPORTS]
    real = [item for item in supporting if supports(item, commitment)]
    label = str(Status(status).label)
    if status in NEEDS_PROOF and not any(
        proves(item, commitment, assessment.effective_on, status, assessment.origin) for item in real
    ):
        found.append(_why_unproven(label, assessment, supporting, real))
    if status == Status.IN_PROGRESS and not real:
        found.append(
            Problem(
                "evidence",
                "no_support",
                _("“%(status)s” needs evidence of an action, or that it was announced or agreed.")
                % {"status": label},
            )
        )
    previous = before.status if before else Status.NOT_ASSESSED
    if (previous, status) in REVERSALS and not any(item.bearing == Bearing.CONTRADICTS for item in evidence):
        found.append(
            Problem(
                "evidence",
                "reversal",
                _("Going back from “%(from)s” needs evidence that contradicts it.")
                % {"from": Status(previous).label},
            )
        )
    return found


def _why_unproven(
    label: str, assessment: Assessment, supporting: Sequence[Evidence], real: Sequence[Evidence]
) -> Problem:
    """The refusal that names the rule the offered evidence fails."""
    commitment = assessment.commitment
    words = {"status": label, "day": assessment.effective_on.isoformat()}
    if not supporting:
        text = _("“%(status)s” needs at least one piece of evidence that supports it.")
        return Problem("evidence", "no_proof", text % words)
    if not real:
        if any(is_before_start(item, commitment) for item in supporting):
            text = _("A fact from before the commitment began is context: it cannot support “%(status)s”.")
            return Problem("evidence", "too_old", text % words)
        return Problem("evidence", "forecast", _("A forecast supports nothing."))
    if all(item.act == Act.ANNOUNCEMENT for item in real):
        text = _(
            "An announcement carries no further than “in progress”: “%(status)s” needs an action or an outcome."
        )
        return Problem("evidence", "announcement", text % words)
    if any(known_on(item) is None for item in real):
        text = _("“%(status)s” needs evidence whose date is known: say when the fact happened.")
        return Problem("evidence", "undated", text % words)
    text = _("No supporting action or outcome had happened by %(day)s.")
    return Problem("evidence", "too_late", text % words)


def _failure(
    assessment: Assessment,
    commitment: Commitment,
    evidence: Sequence[Evidence],
    deadlines: Sequence[Deadline],
) -> list[Problem]:
    if assessment.status != Status.NOT_FULFILLED:
        return []
    party = [d for d in deadlines if d.clock == Clock.PARTY]
    if any(d.closed_as == ClosedAs.MET for d in party):
        return [
            Problem("status", "met", _("A deadline was met: “not fulfilled” cannot stand beside it.")),
        ]
    shown = any(
        item.bearing == Bearing.CONTRADICTS
        and Nature.FORECAST not in (item.nature, item.source.nature)
        and not is_before_start(item, commitment)
        for item in evidence
    )
    passed = any(
        d.authority in BINDING
        and d.closed_as == ""
        and d.last_on is not None
        and d.last_on < assessment.effective_on
        for d in party
    )
    if shown or passed:
        return []
    return [
        Problem(
            "evidence",
            "no_failure",
            _(
                "“Not fulfilled” needs evidence that contradicts fulfilment, or a passed deadline that the text or an "
                "agreement set. Silence is not failure."
            ),
        )
    ]


def _recurring(
    assessment: Assessment, commitment: Commitment, deadlines: Sequence[Deadline]
) -> list[Problem]:
    """A recurring duty is fulfilled when every occurrence is met, not before."""
    if assessment.status != Status.FULFILLED or commitment.kind != Kind.RECURRING:
        return []
    if not any(d.type == DeadlineType.OCCURRENCE and not d.closed_as for d in deadlines):
        return []
    text = _("A recurring duty is fulfilled when all its occurrences are met: at least one is still open.")
    return [Problem("status", "occurrences", text)]


def second_person(assessment: Assessment, reversal: bool, person_id: int | None) -> list[Problem]:
    """Four eyes: where the accord asks for them, and for every reversal, nobody publishes what they drafted."""
    if person_id is None or assessment.drafted_by_id != person_id:
        return []
    if reversal:
        return [
            Problem(
                "", "second_person", _("A reversal needs a second person: somebody else must publish it.")
            )
        ]
    if assessment.commitment.accord.four_eyes:
        return [
            Problem(
                "",
                "four_eyes",
                _("This accord asks for four eyes: nobody publishes what they drafted themselves."),
            )
        ]
    return []


def reply_pending(assessment: Assessment, now: datetime) -> list[Problem]:
    """A party that was given notice has its time to reply before a judgement against it is public."""
    if assessment.reply_by is None or assessment.replied_at is not None or assessment.reply_by <= now:
        return []
    return [
        Problem(
            "",
            "reply_pending",
            _("%(parties)s may reply until %(instant)s (UTC): publish it then, or record the reply first.")
            % {
                "parties": ", ".join(assessment.notice_to),
                "instant": assessment.reply_by.strftime("%Y-%m-%d %H:%M"),
            },
        )
    ]
