"""Verbs on judgements before they are public: draft, revise. reviewing.py hands them on, publishing.py ends the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from commitments.actors import Actor
from commitments.log import operation
from commitments.models import Assessment, Commitment, Deadline, Evidence, Participation, Party
from commitments.operations.evidence import NewEvidence, add_rows
from commitments.operations.guards import problems_of
from commitments.operations.keeping import (
    check_version,
    locked,
    next_numbers,
    next_version,
    number_for,
)
from commitments.refusals import Refused, refuse
from commitments.words import (
    CODEBOOK,
    Confidence,
    Origin,
    Review,
    Role,
    Status,
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A status to draft: evidence by number of the commitment's own rows, and new evidence that goes with it.

    `party` is the code of the bound party whose share is judged; None: the commitment as a whole.
    """

    commitment: str
    status: str
    effective_on: date
    reason: str
    confidence: str
    evidence: Sequence[int] = ()
    new_evidence: Sequence[NewEvidence] = ()
    language: str = "en"
    party: str | None = None
    file_key: str = ""
    # Of history alone: who judged, under which codebook, and the number it had.
    assessor: str = ""
    codebook: str = ""
    number: int | None = None


def latest_day(now: datetime) -> date:
    """The latest calendar day that has begun anywhere on Earth (UTC+14)."""
    return (now + timedelta(hours=14)).date()


def neighbours(assessment: Assessment) -> tuple[Assessment | None, Assessment | None]:
    """The published judgement of the same subject in force on its effective day, and the next one after that day."""
    published = (
        Assessment.objects.published()
        .filter(commitment=assessment.commitment, party=assessment.party_id)
        .exclude(pk=assessment.pk)
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
        assessment = Assessment(
            commitment=commitment,
            number=number_for(Assessment, numbers, commitment, judgement.number),
            file_key=judgement.file_key,
            assessor=judgement.assessor or actor.office,
            origin=origin,
            drafted_at=now,
            drafted_by_id=actor.person_id,
        )
        write_words(assessment, judgement)
        assessment.save()
        assessment.evidence.set(_evidence_of(judgement, commitment, actor, origin))
        check(assessment, now)
        new.append(assessment)
    return new


def write_words(assessment: Assessment, judgement: Judgement) -> None:
    """Puts what the judgement says into the (unsaved) row; raises Refused for a word that is none."""
    if not judgement.reason.strip():
        raise refuse("reason", "reason", _("A judgement needs a reason."))
    if judgement.status not in Status.values:
        raise refuse(
            "status",
            "unknown",
            _("“%(word)s” is not one of %(allowed)s.")
            % {"word": judgement.status, "allowed": ", ".join(Status.values)},
        )
    if judgement.confidence not in Confidence.values:
        raise refuse("confidence", "confidence", _("Say how sure it is: high, medium or low."))
    assessment.party = _bound_party(judgement.party, assessment.commitment) if judgement.party else None
    assessment.status, assessment.effective_on = judgement.status, judgement.effective_on
    assessment.reason, assessment.language = judgement.reason.strip(), judgement.language
    assessment.confidence = judgement.confidence
    assessment.codebook = judgement.codebook or CODEBOOK


def _bound_party(code: str, commitment: Commitment) -> Party:
    """The party of that code; only one that the commitment binds has a share to be judged."""
    bound = {
        row.party.code: row.party
        for row in Participation.objects.filter(commitment=commitment, role=Role.BOUND).select_related(
            "party"
        )
    }
    if code not in bound:
        raise refuse(
            "party",
            "not_bound",
            _("“%(party)s” is not bound by %(code)s. Bound are: %(bound)s.")
            % {"party": code, "code": commitment.code, "bound": ", ".join(sorted(bound)) or "—"},
        )
    return bound[code]


@operation
def revise_assessments(
    changes: Mapping[str, Judgement],
    *,
    actor: Actor,
    version: int | None = None,
    now: datetime | None = None,
) -> list[Assessment]:
    """Rewrites drafts, and judgements for which changes were requested (code to what they now say); drafts again.

    New evidence that a draft brought and that is no longer named stays with the staff and never becomes public.
    """
    now = now or timezone.now()
    revised = []
    for assessment in locked_assessments(
        list(changes), actor, "draft", (Review.DRAFT, Review.CHANGES_REQUESTED), version
    ):
        judgement = changes[assessment.code]
        write_words(assessment, judgement)
        assessment.review, assessment.drafted_by_id = Review.DRAFT, actor.person_id
        assessment.assessor, assessment.drafted_at = actor.office, now
        assessment.save()
        own = list(assessment.evidence.filter(public_at__isnull=True, number__in=judgement.evidence))
        rest = [number for number in judgement.evidence if number not in {item.number for item in own}]
        named = _evidence_of(
            replace(judgement, evidence=rest), assessment.commitment, actor, assessment.origin
        )
        assessment.evidence.set([*own, *named])
        check(assessment, now)
        revised.append(assessment)
    next_version({row.commitment_id: row.commitment for row in revised}.values())
    return revised


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


def locked_assessments(
    codes: Sequence[str], actor: Actor, verb: str, wanted: Sequence[Review], version: int | None
) -> list[Assessment]:
    """The assessments of those codes with their commitments locked; refused unless in one of the wanted states."""
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
        if assessment.review not in wanted:
            labels = ", ".join(f"“{state.label}”" for state in wanted)
            raise refuse(
                "assessment",
                "state",
                _("%(code)s is “%(state)s”: this is for one that is %(wanted)s.")
                % {"code": code, "state": assessment.get_review_display(), "wanted": labels},
            )
        found.append(assessment)
    return found
