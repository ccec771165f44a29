"""Orders on judgements: draft, revise, submit, ask for changes, publish now or at a set time, reject, retract."""

from __future__ import annotations

from typing import Any

from commitments import operations
from commitments.api.writing.body import (
    Field,
    day,
    flag,
    instant,
    many,
    number,
    text,
    word,
)
from commitments.api.writing.exhibits import EXAMPLE as EVIDENCE_EXAMPLE
from commitments.api.writing.exhibits import EXHIBIT, evidence_of
from commitments.api.writing.orders import Given, Made, Order
from commitments.models import Assessment, Scope
from commitments.operations import Judgement
from commitments.words import Confidence, Status
from tracker.kit.localized import LANGUAGES

WHY = text("why", meaning="Why; it stays in the log, for everybody to read.", required=True)
JUDGED = (
    word("status", Status.values, "What is judged.", required=True),
    day("effective_on", "The day from which this is so, not today's date.", required=True),
    text("reason", meaning="What was done and where it is shown; public once published.", required=True),
    word("confidence", Confidence.values, "How sure the office is.", required=True),
    many("evidence", number(), "The numbers of evidence of this commitment."),
    many("new_evidence", EXHIBIT, "Evidence that becomes public with the judgement."),
    word("language", LANGUAGES, "The language of the reason; English without it."),
    text("party", 80, "The code of a bound party whose share is judged; without it the whole."),
    flag("submit", "Hand it at once to somebody who may publish it."),
)


def judgement_of(given: Given) -> Judgement:
    """What the body says, as the verb takes it."""
    body = given.body
    return Judgement(
        commitment=given.commitment.code,
        status=body["status"],
        effective_on=body["effective_on"],
        reason=body["reason"],
        confidence=body["confidence"],
        evidence=list(dict.fromkeys(body["evidence"])),
        new_evidence=[evidence_of(given.commitment.code, item) for item in body["new_evidence"]],
        language=body["language"] or "en",
        party=body["party"] or None,
    )


def _made(row: Assessment) -> Made:
    planned = row.review == "submitted" and row.publish_at is not None
    return Made("assessment", row.code, "planned" if planned else row.review)


def _draft(given: Given) -> Made:
    give = operations.draft_and_submit if given.body["submit"] else operations.draft_assessments
    (row,) = give([judgement_of(given)], actor=given.actor, version=given.version, now=given.now)
    return _made(row)


def _revise(given: Given) -> Made:
    (row,) = operations.revise_assessments(
        {given.target: judgement_of(given)}, actor=given.actor, version=given.version, now=given.now
    )
    if given.body["submit"]:
        (row,) = operations.submit_assessments([given.target], actor=given.actor, now=given.now)
    return _made(row)


def _submit(given: Given) -> Made:
    (row,) = operations.submit_assessments(
        [given.target], actor=given.actor, version=given.version, now=given.now
    )
    return _made(row)


def _request_changes(given: Given) -> Made:
    (row,) = operations.request_changes(
        [given.target], actor=given.actor, why=given.body["why"], version=given.version
    )
    return _made(row)


def _publish(given: Given) -> Made:
    at = given.body["at"]
    if at is None:
        (row,) = operations.publish_assessments(
            [given.target], actor=given.actor, version=given.version, now=given.now
        )
    else:
        (row,) = operations.plan_publication(
            [given.target], actor=given.actor, at=at, version=given.version, now=given.now
        )
    return _made(row)


def _reject(given: Given) -> Made:
    (row,) = operations.reject_assessments(
        [given.target], actor=given.actor, why=given.body["why"], version=given.version
    )
    return _made(row)


def _retract(given: Given) -> Made:
    (row,) = operations.retract_assessments(
        [given.target], actor=given.actor, why=given.body["why"], version=given.version, now=given.now
    )
    return _made(row)


_EXAMPLE = {
    "status": "in_progress",
    "effective_on": "2024-08-01",
    "reason": "The ministry has announced the first delivery.",
    "confidence": "high",
    "new_evidence": [EVIDENCE_EXAMPLE],
    "submit": True,
}


def _order(
    name: str, path: str, verb: str, summary: str, give: Any, example: dict[str, Any], *fields: Field
) -> Order:
    return Order(
        name, f"assessments/{{number}}/{path}/", Scope.ASSESS, verb, "assessment", "A", summary, give, example, fields,
        tells_moves=True,
    )  # fmt: skip


ORDERS = (
    Order(
        "draft_assessment", "assessments/", Scope.ASSESS, "draft", "assessment", "A",
        "Draft a judgement, and submit it on request; nothing of it is public",
        _draft, _EXAMPLE, JUDGED, 201, tells_moves=True,
    ),
    _order("revise_assessment", "revise", "draft", "Rewrite a draft", _revise, _EXAMPLE, *JUDGED),
    _order("submit_assessment", "submit", "draft", "Hand a draft to somebody who may publish it", _submit, {}),
    _order(
        "request_changes", "request-changes", "review", "Give a submitted judgement back to its author",
        _request_changes, {"why": "Say where the delivery is shown."},
        text("why", meaning="What should be changed; the staff read it, nobody else.", required=True),
    ),
    _order(
        "publish_assessment", "publish", "publish", "Publish a submitted judgement, now or at a set time",
        _publish, {},
        instant("at", "Approve it now; it becomes public at that instant. Without it: at once."),
    ),
    _order(
        "reject_assessment", "reject", "reject", "Reject a judgement that is not public", _reject,
        {"why": "It repeats an earlier one."}, text("why", meaning="The staff read it, nobody else."),
    ),
    _order(
        "retract_assessment", "retract", "retract", "Retract a published judgement; it stays visible as retracted",
        _retract, {"why": "The announcement was taken back."}, WHY,
    ),
)  # fmt: skip
