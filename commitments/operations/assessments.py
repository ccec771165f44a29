"""Verbs on judgements: draft, publish, reject and retract them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from commitments.actors import Actor
from commitments.log import append, operation
from commitments.models import Assessment, Commitment, Deadline, Evidence
from commitments.operations.evidence import NewEvidence, add_rows, say_added
from commitments.operations.guards import problems_of, second_person
from commitments.operations.keeping import (
    check_version,
    close_what_ends,
    locked,
    next_numbers,
    number_for,
    refresh,
)
from commitments.refusals import Refused, refuse
from commitments.words import CODEBOOK, REVERSALS, EventKind, Origin, Review, Status


@dataclass(frozen=True, slots=True)
class Judgement:
    """A status to draft: evidence by number of the commitment's own rows, and new evidence that goes with it."""

    commitment: str
    status: str
    effective_on: date
    reason: str
    confidence: str
    evidence: Sequence[int] = ()
    new_evidence: Sequence[NewEvidence] = ()
    language: str = "en"
    file_key: str = ""
    # Of history alone: who judged, under which codebook, and the number it had.
    assessor: str = ""
    codebook: str = ""
    number: int | None = None


def latest_day(now: datetime) -> date:
    """The latest calendar day that has begun anywhere on Earth (UTC+14)."""
    return (now + timedelta(hours=14)).date()


def neighbours(assessment: Assessment) -> tuple[Assessment | None, Assessment | None]:
    """The published judgement in force on its effective day, and the next one after that day."""
    published = (
        Assessment.objects.published().filter(commitment=assessment.commitment).exclude(pk=assessment.pk)
    )
    before = published.filter(effective_on__lte=assessment.effective_on).latest_first().first()
    after = (
        published.filter(effective_on__gt=assessment.effective_on)
        .order_by("effective_on", "published_at", "number")
        .first()
    )
    return before, after


def check(
    assessment: Assessment, now: datetime, evidence: Sequence[Evidence] | None = None
) -> Assessment | None:
    """Raises Refused with everything that keeps this (saved) judgement from being published at `now` (UTC).

    Returns the judgement in force on its effective day. `evidence` saves reading the standing evidence again.
    """
    before, after = neighbours(assessment)
    if evidence is None:
        evidence = [
            item
            for item in assessment.evidence.select_related("source").order_by("number")
            if item.withdrawn_at is None
        ]
    deadlines = list(Deadline.objects.filter(commitment=assessment.commitment))
    problems = problems_of(assessment, evidence, deadlines, before, after, latest_day(now))
    if problems:
        raise Refused(*problems)
    return before


@operation
def draft_assessments(
    judgements: Sequence[Judgement],
    *,
    actor: Actor,
    origin: str = Origin.LIVE,
    version: int | None = None,
    now: datetime | None = None,
) -> list[Assessment]:
    """Drafts judgements: kept on their own rows, not public, in no log; refused at once where no guard would pass."""
    now = now or timezone.now()
    rows = locked([judgement.commitment for judgement in judgements], actor)
    for commitment in rows.values():
        actor.require("draft", commitment.accord)
        check_version(commitment, version)
    numbers = next_numbers(Assessment, rows.values())
    new = []
    for judgement in judgements:
        commitment = rows[judgement.commitment]
        if not judgement.reason.strip():
            raise refuse("reason", "reason", _("A judgement needs a reason."))
        assessment = Assessment(
            commitment=commitment,
            number=number_for(Assessment, numbers, commitment, judgement.number),
            file_key=judgement.file_key,
            status=judgement.status if judgement.status in Status.values else "",
            effective_on=judgement.effective_on,
            reason=judgement.reason.strip(),
            language=judgement.language,
            confidence=judgement.confidence,
            assessor=judgement.assessor or actor.office,
            codebook=judgement.codebook or CODEBOOK,
            origin=origin,
            drafted_at=now,
            drafted_by_id=actor.person_id,
        )
        if not assessment.status:
            raise refuse(
                "status",
                "unknown",
                _("“%(word)s” is not one of %(allowed)s.")
                % {"word": judgement.status, "allowed": ", ".join(Status.values)},
            )
        if judgement.confidence not in {"high", "medium", "low"}:
            raise refuse("confidence", "confidence", _("Say how sure it is: high, medium or low."))
        assessment.save()
        assessment.evidence.set(_evidence_of(judgement, commitment, actor, origin))
        check(assessment, now)
        new.append(assessment)
    return new


def _evidence_of(judgement: Judgement, commitment: Commitment, actor: Actor, origin: str) -> list[Evidence]:
    known = list(Evidence.objects.standing().filter(commitment=commitment, number__in=judgement.evidence))
    missing = set(judgement.evidence) - {item.number for item in known}
    if missing:
        raise refuse(
            "evidence",
            "unknown",
            _("%(code)s has no standing evidence with the number %(numbers)s.")
            % {"code": commitment.code, "numbers": ", ".join(str(number) for number in sorted(missing))},
        )
    added = add_rows(
        judgement.new_evidence, {commitment.code: commitment}, actor=actor, origin=origin, public_at=None
    )
    return [*known, *added]


def _locked_drafts(
    codes: Sequence[str], actor: Actor, verb: str, wanted: str, version: int | None
) -> list[Assessment]:
    """The assessments of those codes with their commitments locked; refused unless in the wanted state."""
    owners = {code: code.rpartition("-A") for code in codes}
    rows = locked([owner for owner, _dash, _number in owners.values()], actor)
    found = []
    for code in sorted(codes, key=lambda code: (owners[code][0], len(code), code)):
        owner, _dash, number = owners[code]
        commitment = rows[owner]
        actor.require(verb, commitment.accord)
        check_version(commitment, version)
        assessment = (
            Assessment.objects.filter(commitment=commitment, number=int(number)).first()
            if number.isdecimal() and len(number) <= 4
            else None
        )
        if assessment is None:
            raise refuse("assessment", "unknown", _("There is no assessment %(code)s.") % {"code": code})
        assessment.commitment = commitment
        if assessment.review != wanted:
            raise refuse(
                "assessment",
                "state",
                _("%(code)s is “%(state)s”: this is for one that is “%(wanted)s”.")
                % {"code": code, "state": assessment.get_review_display(), "wanted": Review(wanted).label},
            )
        found.append(assessment)
    return found


@operation
def publish_assessments(
    codes: Sequence[str],
    *,
    actor: Actor,
    origin: str | None = None,
    version: int | None = None,
    now: datetime | None = None,
) -> list[Assessment]:
    """Publishes drafts, looking at every guard again; closes the deadlines they settle; new evidence becomes public.

    Raises Refused with every guard that fails, Stale when the commitment moved on, NotAllowed by role.
    """
    now = now or timezone.now()
    drafts = _locked_drafts(codes, actor, "publish", Review.DRAFT, version)
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
            facts={**said, "after": assessment.commitment.status},
            note=assessment.reason,
            language=assessment.language,
        )
    return drafts


def _put_in_force(assessment: Assessment, actor: Actor, origin: str, now: datetime) -> dict[str, Any]:
    """Checks and publishes one draft, and closes what it settles; returns the facts of its event but `after`."""
    commitment = assessment.commitment
    evidence = list(assessment.evidence.select_related("source").order_by("number"))
    before = check(assessment, now, [item for item in evidence if item.withdrawn_at is None])
    previous = before.status if before else Status.NOT_ASSESSED
    is_reversal = (previous, assessment.status) in REVERSALS
    second = second_person(assessment, is_reversal, actor.person_id)
    if second:
        raise Refused(*second)
    assessment.review, assessment.published_at = Review.PUBLISHED, now
    assessment.published_by_id = actor.person_id
    assessment.save(update_fields=["review", "published_at", "published_by"])
    for item in evidence:
        if item.public_at is None:
            item.public_at = now
            item.commitment = commitment
            item.save(update_fields=["public_at"])
            say_added(item, actor, origin)
    current = Assessment.objects.published().filter(commitment=commitment).latest_first().first()
    is_current = current is not None and current.pk == assessment.pk
    closed = close_what_ends([commitment], {commitment.pk: assessment}, now) if is_current else {}
    return {
        "assessment": assessment.code,
        "status": assessment.status,
        "effective_on": assessment.effective_on,
        "confidence": assessment.confidence,
        "codebook": assessment.codebook,
        "assessor": assessment.assessor,
        "before": commitment.status,
        "evidence": [item.code for item in evidence],
        "closed": closed.get(commitment.pk, []),
        "reversal": is_reversal,
    }


@operation
def reject_assessments(codes: Sequence[str], *, actor: Actor, version: int | None = None) -> list[Assessment]:
    """Rejects drafts: they stay on their rows and are never public."""
    rejected = []
    for assessment in _locked_drafts(codes, actor, "reject", Review.DRAFT, version):
        assessment.review = Review.REJECTED
        assessment.save(update_fields=["review"])
        rejected.append(assessment)
    return rejected


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
    for assessment in _locked_drafts(codes, actor, "retract", Review.PUBLISHED, version):
        commitment = assessment.commitment
        assessment.review, assessment.retracted_at = Review.RETRACTED, now
        assessment.retracted_why = why.strip()
        assessment.save(update_fields=["review", "retracted_at", "retracted_why"])
        status_before = commitment.status
        reopened = []
        for deadline in (
            Deadline.objects.select_for_update(no_key=True).filter(closed_by=assessment).order_by("id")
        ):
            deadline.commitment = commitment
            deadline.closed_as, deadline.closed_at, deadline.closed_by, deadline.met_on = "", None, None, None
            deadline.save(update_fields=["closed_as", "closed_at", "closed_by", "met_on"])
            reopened.append(deadline.code)
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
                "before": status_before,
                "after": commitment.status,
                "reopened": reopened,
            },
            note=why.strip(),
        )
        retracted.append(assessment)
    return retracted
