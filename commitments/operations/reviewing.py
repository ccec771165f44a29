"""Verbs on the way of a judgement to the public: submit, ask for changes, reject, give notice, plan its publication."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from commitments.actors import Actor
from commitments.log import operation
from commitments.models import Assessment, Participation
from commitments.operations.assessments import Judgement, check, draft_assessments, locked_assessments
from commitments.operations.guards import second_person
from commitments.operations.publishing import publish_assessments
from commitments.refusals import Refused, refuse
from commitments.words import ADVERSE, REVERSALS, Origin, Review, Status


@operation
def draft_and_submit(
    judgements: Sequence[Judgement], *, actor: Actor, version: int | None = None, now: datetime | None = None
) -> list[Assessment]:
    """Drafts judgements and hands them to somebody who may publish them, both or neither."""
    drafts = draft_assessments(judgements, actor=actor, version=version, now=now)
    return submit_assessments([draft.code for draft in drafts], actor=actor, now=now)


@operation
def submit_assessments(
    codes: Sequence[str], *, actor: Actor, version: int | None = None, now: datetime | None = None
) -> list[Assessment]:
    """Hands drafts to somebody who may publish them; refused where a guard would refuse the publication."""
    now = now or timezone.now()
    submitted = []
    for assessment in locked_assessments(codes, actor, "draft", (Review.DRAFT,), version):
        check(assessment, now)
        assessment.review, assessment.submitted_at = Review.SUBMITTED, now
        assessment.submitted_by_id = actor.person_id
        assessment.save(update_fields=["review", "submitted_at", "submitted_by"])
        submitted.append(assessment)
    return submitted


def _send_back(
    codes: Sequence[str], actor: Actor, verb: str, to: Review, why: str, version: int | None
) -> list[Assessment]:
    wanted = (
        (Review.SUBMITTED, Review.DRAFT, Review.CHANGES_REQUESTED)
        if to == Review.REJECTED
        else (Review.SUBMITTED,)
    )
    found = []
    for assessment in locked_assessments(codes, actor, verb, wanted, version):
        assessment.review, assessment.review_note = to, why.strip()
        assessment.reviewed_by_id, assessment.publish_at = actor.person_id, None
        assessment.save(update_fields=["review", "review_note", "reviewed_by", "publish_at"])
        found.append(assessment)
    return found


@operation
def request_changes(
    codes: Sequence[str], *, actor: Actor, why: str, version: int | None = None
) -> list[Assessment]:
    """Gives submitted judgements back to their authors, saying what is to be changed; nothing of it is public."""
    if not why.strip():
        raise refuse("why", "required", _("Say what should be changed."))
    return _send_back(codes, actor, "review", Review.CHANGES_REQUESTED, why, version)


@operation
def reject_assessments(
    codes: Sequence[str], *, actor: Actor, why: str = "", version: int | None = None
) -> list[Assessment]:
    """Rejects judgements that are not public: they stay on their rows and never will be."""
    return _send_back(codes, actor, "reject", Review.REJECTED, why, version)


@operation
def give_notice(
    codes: Sequence[str],
    *,
    actor: Actor,
    to: Sequence[str],
    reply_by: datetime,
    version: int | None = None,
    now: datetime | None = None,
) -> list[Assessment]:
    """Notes that parties were told of a judgement against them, and until when (UTC) they may reply.

    Until then, or until their reply is recorded, it cannot be published. The notice itself is sent by people.
    """
    now = now or timezone.now()
    if reply_by <= now:
        raise refuse("reply_by", "past", _("The time to reply lies in the past."))
    noticed = []
    wanted = (Review.DRAFT, Review.SUBMITTED)
    for assessment in locked_assessments(codes, actor, "review", wanted, version):
        if assessment.status not in ADVERSE:
            raise refuse("status", "not_adverse", _("Only a judgement against a party is given notice of."))
        known = set(
            Participation.objects.filter(commitment=assessment.commitment).values_list(
                "party__code", flat=True
            )
        )
        strangers = sorted(set(to) - known)
        if strangers or not to:
            raise refuse(
                "to",
                "unknown",
                _("Name parties of this commitment: %(parties)s.") % {"parties": ", ".join(sorted(known))},
            )
        assessment.notice_to, assessment.notice_at, assessment.reply_by = sorted(set(to)), now, reply_by
        assessment.reply, assessment.replied_at = "", None
        assessment.save(update_fields=["notice_to", "notice_at", "reply_by", "reply", "replied_at"])
        noticed.append(assessment)
    return noticed


@operation
def record_reply(
    codes: Sequence[str],
    *,
    actor: Actor,
    reply: str,
    version: int | None = None,
    now: datetime | None = None,
) -> list[Assessment]:
    """Keeps what a party answered to a notice, for the reviewer; a position for the public is stated separately."""
    if not reply.strip():
        raise refuse("reply", "required", _("Say what was answered."))
    now = now or timezone.now()
    found = []
    for assessment in locked_assessments(
        codes, actor, "review", (Review.DRAFT, Review.SUBMITTED, Review.CHANGES_REQUESTED), version
    ):
        if assessment.notice_at is None:
            raise refuse("reply", "no_notice", _("No notice of %s was given.") % assessment.code)
        assessment.reply, assessment.replied_at = reply.strip(), now
        assessment.save(update_fields=["reply", "replied_at"])
        found.append(assessment)
    return found


@operation
def plan_publication(
    codes: Sequence[str],
    *,
    actor: Actor,
    at: datetime,
    version: int | None = None,
    now: datetime | None = None,
) -> list[Assessment]:
    """Approves submitted judgements and names the instant (UTC) at which they become public.

    Looks at the guards and at the four eyes now; the clock looks again when the time has come.
    """
    now = now or timezone.now()
    if at <= now:
        raise refuse("at", "past", _("This instant lies in the past: publish it now, or name a later one."))
    planned = []
    for assessment in locked_assessments(codes, actor, "publish", (Review.SUBMITTED,), version):
        before = check(assessment, now)
        previous = before.status if before else Status.NOT_ASSESSED
        second = second_person(assessment, (previous, assessment.status) in REVERSALS, actor.person_id)
        if second:
            raise Refused(*second)
        assessment.publish_at, assessment.reviewed_by_id = at, actor.person_id
        assessment.reviewed_office = actor.office
        assessment.save(update_fields=["publish_at", "reviewed_by", "reviewed_office"])
        planned.append(assessment)
    return planned


def publish_what_is_planned(now: datetime, limit: int = 100) -> int:
    """Publishes the approved judgements whose instant has come, in the approver's name; returns how many.

    One that a guard now refuses goes back to its author with the reason.
    """
    due = Assessment.objects.filter(review=Review.SUBMITTED, publish_at__lte=now).order_by("publish_at", "id")
    published = 0
    for row in due.select_related("commitment")[:limit]:
        # What was approved then holds, whatever role the approver has by now.
        approver = Actor(office=row.reviewed_office, person_id=row.reviewed_by_id, is_machine=True)
        try:
            _publish_planned(row.code, approver, now)
            published += 1
        except Refused as refusal:
            request_changes([row.code], actor=approver, why=str(refusal))
    return published


@operation
def _publish_planned(code: str, approver: Actor, now: datetime) -> None:
    (row,) = locked_assessments([code], approver, "publish", (Review.SUBMITTED, Review.PUBLISHED), None)
    # Another clock was quicker, or the plan was changed meanwhile.
    if row.review == Review.SUBMITTED and row.publish_at is not None and row.publish_at <= now:
        publish_assessments([code], actor=approver, origin=Origin.LIVE, now=now)
