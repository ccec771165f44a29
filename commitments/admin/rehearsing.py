"""A rehearsal of a publication: the verb itself runs and is undone, so the preview says exactly what will happen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from commitments.actors import Actor
from commitments.log import operation
from commitments.models import Assessment, Commitment, Deadline
from commitments.operations import publish_assessments
from commitments.refusals import Problem, Refused
from commitments.sentences import sentence
from commitments.standing import plain
from commitments.words import EventKind, Timeliness


@dataclass(frozen=True, slots=True)
class Preview:
    """What publishing would do: the sentence, the standing before and after, the deadlines it closes; or why not."""

    sentence: str = ""
    status_before: str = ""
    status_after: str = ""
    plain_before: str = ""
    plain_after: str = ""
    timeliness_before: str = ""
    timeliness_after: str = ""
    closes: tuple[Deadline, ...] = ()
    problems: tuple[Problem, ...] = ()


class _Undo(Exception):
    """Carries the result out of the turn that must leave no trace."""

    def __init__(self, preview: Preview) -> None:
        super().__init__()
        self.preview = preview


def rehearse(draft: Assessment, *, actor: Actor, now: datetime) -> Preview:
    """What publishing that draft would do now; nothing is changed and nothing reaches the log."""
    try:
        _perform(draft, actor, now)
    except _Undo as done:
        return done.preview
    except Refused as refusal:
        return Preview(problems=tuple(refusal.problems))
    raise AssertionError("a rehearsal always ends in its undoing")


@operation
def _perform(draft: Assessment, actor: Actor, now: datetime) -> None:
    before = Commitment.objects.standing_at(now).get(pk=draft.commitment_id)
    publish_assessments([draft.code], actor=actor, now=now)
    after = Commitment.objects.standing_at(now).get(pk=draft.commitment_id)
    closes = Deadline.objects.filter(closed_by=draft).select_related("commitment").order_by("number")
    facts = {
        "before": before.status,
        "after": after.status,
        "status": draft.status,
        "effective_on": draft.effective_on.isoformat(),
    }
    raise _Undo(
        Preview(
            sentence=sentence(EventKind.STATUS_PUBLISHED, facts),
            status_before=before.get_status_display(),
            status_after=after.get_status_display(),
            plain_before=plain_of(before),
            plain_after=plain_of(after),
            timeliness_before=str(Timeliness(before.timeliness).label),  # type: ignore[attr-defined]
            timeliness_after=str(Timeliness(after.timeliness).label),  # type: ignore[attr-defined]
            closes=tuple(closes),
        )
    )


def plain_of(commitment: Commitment) -> str:
    """The code of the plain word of a commitment read with `standing_at`."""
    return plain(commitment.status, commitment.timeliness, commitment.kind)  # type: ignore[attr-defined]
