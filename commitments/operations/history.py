"""The verb that enters judgements of the past: drafted and published at once, all commitments together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext as _

from commitments.actors import Actor
from commitments.log import append, operation
from commitments.models import Assessment, Commitment, Deadline, Evidence
from commitments.operations.assessments import Judgement, latest_day, write_words
from commitments.operations.guards import problems_of
from commitments.operations.keeping import close_what_ends, locked, next_numbers, number_for, refresh
from commitments.operations.publishing import published_facts
from commitments.operations.rhythms import plan_review
from commitments.refusals import NotAllowed, Problem, Refused, refuse
from commitments.words import REVERSALS, EventKind, Origin, Review, Status


@dataclass(slots=True)
class _Known:
    """What the guards read of the commitments, in three statements."""

    evidence: dict[int, dict[int, Evidence]] = field(default_factory=lambda: defaultdict(dict))
    deadlines: dict[int, list[Deadline]] = field(default_factory=lambda: defaultdict(list))
    # By commitment and party, the earliest first; the last one is in force.
    published: dict[tuple[int, int | None], list[Assessment]] = field(
        default_factory=lambda: defaultdict(list)
    )

    @classmethod
    def of(cls, commitments: Iterable[Commitment]) -> _Known:
        known = cls()
        keys = [row.pk for row in commitments]
        exhibits = Evidence.objects.standing().filter(commitment__in=keys).select_related("source")
        for exhibit in exhibits.order_by("number"):
            known.evidence[exhibit.commitment_id][exhibit.number] = exhibit
        for deadline in Deadline.objects.filter(commitment__in=keys):
            known.deadlines[deadline.commitment_id].append(deadline)
        published = Assessment.objects.published().filter(commitment__in=keys)
        for row in published.order_by("effective_on", "published_at", "number"):
            known.published[row.commitment_id, row.party_id].append(row)
        return known


@operation
def enter_judgements(judgements: Sequence[Judgement], *, actor: Actor, now: datetime) -> list[Assessment]:
    """Enters judgements that were made in the past, one of a commitment at most, public at `now` (UTC), as history.

    Every guard holds that holds for a live one, but the second person: a machine enters what people judged elsewhere.
    Raises Refused with the field and the rule, NotAllowed for staff.
    """
    if not actor.is_machine:
        raise NotAllowed(Problem("", "role", _("History is entered from a file.")))
    if len({judgement.commitment for judgement in judgements}) < len(judgements):
        raise refuse("commitment", "twice", _("Each judgement of a commitment must see the one before it."))
    rows = locked([judgement.commitment for judgement in judgements], actor)
    known = _Known.of(rows.values())
    numbers = next_numbers(Assessment, rows.values())
    new, exhibits = [], {}
    for judgement in judgements:
        commitment = rows[judgement.commitment]
        row = Assessment(
            commitment=commitment,
            number=number_for(Assessment, numbers, commitment, judgement.number),
            file_key=judgement.file_key,
            assessor=judgement.assessor or actor.office,
            origin=Origin.BACKFILL,
            review=Review.PUBLISHED,
            drafted_at=now,
            published_at=now,
        )
        write_words(row, judgement)
        exhibits[row.code] = _exhibits(judgement, known.evidence[commitment.pk])
        new.append(row)
    said = {row.code: _check(row, exhibits[row.code], known, now) for row in new}
    Assessment.objects.bulk_create(new, batch_size=500)
    links = Assessment.evidence.through
    links.objects.bulk_create(
        (links(assessment_id=row.pk, evidence_id=item.pk) for row in new for item in exhibits[row.code]),
        batch_size=1000,
    )
    after = {row.code: _in_force([*known.published[row.commitment_id, row.party_id], row]) for row in new}
    settle = {row.commitment_id: row for row in new if row.party_id is None and after[row.code] is row}
    closed = close_what_ends([row.commitment for row in settle.values()], settle, now)
    for row in settle.values():
        plan_review(row, actor, Origin.BACKFILL)
    refresh([row.commitment for row in new])
    for row in new:
        before, is_reversal = said[row.code]
        closed_here = closed.get(row.commitment_id, []) if settle.get(row.commitment_id) is row else []
        append(
            EventKind.STATUS_PUBLISHED,
            row.commitment.accord,
            row.commitment,
            by=actor.office,
            origin=Origin.BACKFILL,
            happened_on=row.effective_on,
            facts={
                **published_facts(row, exhibits[row.code], before, closed_here, is_reversal),
                "after": after[row.code].status,
            },
            note=row.reason,
            language=row.language,
        )
    return new


def _in_force(rows: Sequence[Assessment]) -> Assessment:
    """The one with the latest effective day; ties: the later publication."""
    return max(rows, key=lambda row: (row.effective_on, row.published_at, row.number))


def _exhibits(judgement: Judgement, known: dict[int, Evidence]) -> list[Evidence]:
    missing = sorted(set(judgement.evidence) - set(known))
    if missing:
        raise refuse(
            "evidence",
            "unknown",
            _("%(code)s has no standing evidence with the number %(numbers)s.")
            % {"code": judgement.commitment, "numbers": ", ".join(str(number) for number in missing)},
        )
    return [known[number] for number in sorted(set(judgement.evidence))]


def _check(row: Assessment, exhibits: Sequence[Evidence], known: _Known, now: datetime) -> tuple[str, bool]:
    """The status in force before, and whether the judgement reverses one; raises Refused with every guard that fails."""
    same = known.published[row.commitment_id, row.party_id]
    before = [one for one in same if one.effective_on <= row.effective_on]
    later = [one for one in same if one.effective_on > row.effective_on]
    problems = problems_of(
        row,
        exhibits,
        known.deadlines[row.commitment_id],
        before[-1] if before else None,
        later[0] if later else None,
        latest_day(now),
    )
    if problems:
        raise Refused(*problems)
    previous = before[-1].status if before else Status.NOT_ASSESSED
    in_force = _in_force(same).status if same else Status.NOT_ASSESSED
    return in_force, (previous, row.status) in REVERSALS
