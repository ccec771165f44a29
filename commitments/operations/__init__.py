"""The verbs, one file per noun: the only code that changes the record."""

from commitments.operations.accords import AccordFacts, record_sources, register_accord
from commitments.operations.assessments import (
    Judgement,
    draft_assessments,
    publish_assessments,
    reject_assessments,
    retract_assessments,
)
from commitments.operations.commitments import NewCommitment, correct_commitments, register_commitments
from commitments.operations.contributions import (
    NewContribution,
    record_contributions,
    withdraw_contributions,
)
from commitments.operations.deadlines import (
    NewDeadline,
    meet_deadlines,
    move_deadlines,
    set_deadlines,
)
from commitments.operations.evidence import NewEvidence, attach_evidence, withdraw_evidence
from commitments.operations.notes import redact_note
from commitments.operations.positions import NewPosition, Resolution, resolve_positions, state_positions
from commitments.operations.scanning import mark_what_has_passed, scan

__all__ = [
    "AccordFacts",
    "Judgement",
    "NewCommitment",
    "NewContribution",
    "NewDeadline",
    "NewEvidence",
    "NewPosition",
    "Resolution",
    "attach_evidence",
    "correct_commitments",
    "draft_assessments",
    "mark_what_has_passed",
    "meet_deadlines",
    "move_deadlines",
    "publish_assessments",
    "record_contributions",
    "record_sources",
    "redact_note",
    "register_accord",
    "register_commitments",
    "reject_assessments",
    "resolve_positions",
    "retract_assessments",
    "scan",
    "set_deadlines",
    "state_positions",
    "withdraw_contributions",
    "withdraw_evidence",
]
