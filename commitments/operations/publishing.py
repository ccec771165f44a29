"""Verbs on judgements that are ready: put them in force, close what they settle; take them back, for a reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from commitments.actors import Actor
from commitments.log import append, operation
from commitments.models import Assessment, Deadline, Evidence
from commitments.operations.assessments import check, locked_assessments
from commitments.operations.evidence import say_added
from commitments.operations.guards import reply_pending, second_person
from commitments.operations.keeping import (
    close_what_ends,
    refresh,
)
from commitments.operations.rhythms import plan_review
from commitments.refusals import Refused, refuse
from commitments.words import (
    REVERSALS,
    ClosedAs,
    EventKind,
    Origin,
    Review,
    Status,
)


@operation
def publish_assessments(
    codes: Sequence[str],
    *,
    actor: Actor,
    origin: str | None = None,
    version: int | None = None,
    now: datetime | None = None,
) -> list[Assessment]:
    """Publishes submitted judgements, looking at every guard again; closes the deadlines they settle.

    New evidence becomes public with them. What a machine has drafted (history from a file) needs no submission.
    Raises Refused with every guard that fails, Stale when the commitment moved on, NotAllowed by role.
    """
    now = now or timezone.now()
    wanted = (Review.SUBMITTED, Review.DRAFT) if actor.is_machine else (Review.SUBMITTED,)
    drafts = locked_assessments(codes, actor, "publish", wanted, version)
    owners = [draft.commitment_id for draft in drafts]
    if len(set(owners)) < len(owners):
        # Each judgement of one commitment must see the one before it in force.
        return [publish_assessments([draft.code], actor=actor, origin=origin, now=now)[0] for draft in drafts]
    facts = [_put_in_force(draft, actor, origin or draft.origin, now) for draft in drafts]
    refresh([draft.commitment for draft in drafts])
    for assessment, said in zip(drafts, facts, strict=True):
        append(
            EventKind.STATUS_PUBLISHED,
            assessment.commitment.accord,
            assessment.commitment,
            by=actor.office,
            origin=origin or assessment.origin,
            happened_on=assessment.effective_on,
            facts={**said, "after": current_status(assessment)},
            note=assessment.reason,
            language=assessment.language,
        )
    return drafts


def current_status(assessment: Assessment) -> str:
    """The status in force of what it judges: the commitment as a whole, or one party's share."""
    rows = Assessment.objects.published().filter(commitment=assessment.commitment, party=assessment.party_id)
    current = rows.latest_first().first()
    return current.status if current else Status.NOT_ASSESSED


def _put_in_force(assessment: Assessment, actor: Actor, origin: str, now: datetime) -> dict[str, Any]:
    """Checks and publishes one draft, and closes what it settles; returns the facts of its event but `after`."""
    commitment = assessment.commitment
    evidence = list(assessment.evidence.select_related("source").order_by("number"))
    before = check(assessment, now, [item for item in evidence if item.withdrawn_at is None])
    previous = before.status if before else Status.NOT_ASSESSED
    is_reversal = (previous, assessment.status) in REVERSALS
    pending = [*second_person(assessment, is_reversal, actor.person_id), *reply_pending(assessment, now)]
    if pending:
        raise Refused(*pending)
    status_before = current_status(assessment)
    assessment.review, assessment.published_at = Review.PUBLISHED, now
    assessment.published_by_id = actor.person_id
    assessment.save(update_fields=["review", "published_at", "published_by"])
    for item in evidence:
        if item.public_at is None:
            item.public_at = now
            item.commitment = commitment
            item.save(update_fields=["public_at"])
            say_added(item, actor, origin)
    current = (
        Assessment.objects.published()
        .filter(commitment=commitment, party=assessment.party_id)
        .latest_first()
        .first()
    )
    is_current = current is not None and current.pk == assessment.pk
    closed: dict[int, list[str]] = {}
    if is_current and assessment.party_id is None:
        # What judges one party's share settles no date of the whole.
        closed = close_what_ends([commitment], {commitment.pk: assessment}, now)
        plan_review(assessment, actor, origin)
    return published_facts(assessment, evidence, status_before, closed.get(commitment.pk, []), is_reversal)


def published_facts(
    assessment: Assessment,
    evidence: Sequence[Evidence],
    status_before: str,
    closed: Sequence[str],
    is_reversal: bool,
) -> dict[str, Any]:
    """What the log says of a judgement that has become public, but for the status after it."""
    return {
        "assessment": assessment.code,
        "status": assessment.status,
        "effective_on": assessment.effective_on,
        "confidence": assessment.confidence,
        "codebook": assessment.codebook,
        "assessor": assessment.assessor,
        "party": assessment.party.code if assessment.party else None,
        "before": status_before,
        "evidence": [f"{assessment.commitment.code}-E{item.number}" for item in evidence],
        "closed": closed,
        "reversal": is_reversal,
    }


@operation
def retract_assessments(
    codes: Sequence[str],
    *,
    actor: Actor,
    why: str,
    version: int | None = None,
    now: datetime | None = None,
    origin: str = Origin.LIVE,
) -> list[Assessment]:
    """Retracts published judgements, for a reason; they stay visible, and what they closed is open again."""
    if not why.strip():
        raise refuse("why", "required", _("A retraction needs a reason."))
    now = now or timezone.now()
    retracted = []
    for assessment in locked_assessments(codes, actor, "retract", (Review.PUBLISHED,), version):
        commitment = assessment.commitment
        status_before = current_status(assessment)
        assessment.review, assessment.retracted_at = Review.RETRACTED, now
        assessment.retracted_why = why.strip()
        assessment.save(update_fields=["review", "retracted_at", "retracted_why"])
        reopened = []
        for deadline in (
            Deadline.objects.select_for_update(no_key=True).filter(closed_by=assessment).order_by("id")
        ):
            deadline.commitment = commitment
            deadline.closed_as, deadline.closed_at, deadline.closed_by = "", None, None
            deadline.met_on = deadline.met_at = None
            deadline.save(update_fields=["closed_as", "closed_at", "closed_by", "met_on", "met_at"])
            reopened.append(deadline.code)
        ended = _end_planned_reviews(assessment, now)
        refresh([commitment])
        append(
            EventKind.STATUS_RETRACTED,
            commitment.accord,
            commitment,
            by=actor.office,
            origin=origin,
            happened_on=timezone.localdate(now),
            facts={
                "assessment": assessment.code,
                "status": assessment.status,
                "party": assessment.party.code if assessment.party else None,
                "before": status_before,
                "after": current_status(assessment),
                "reopened": reopened,
                "ended": ended,
            },
            note=why.strip(),
        )
        retracted.append(assessment)
    return retracted


def _end_planned_reviews(assessment: Assessment, now: datetime) -> list[str]:
    """Ends the open reviews that a judgement had planned; their codes."""
    rows = list(
        Deadline.objects.select_for_update(no_key=True, of=("self",))
        .open()
        .filter(set_by=assessment)
        .order_by("id")
    )
    for row in rows:
        row.commitment = assessment.commitment
        row.closed_as, row.closed_at, row.overdue_since = ClosedAs.ENDED, now, None
        row.save(update_fields=["closed_as", "closed_at", "overdue_since"])
    return [row.code for row in rows]
