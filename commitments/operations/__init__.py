"""The verbs, one file per noun: the only code that changes the record."""

from commitments.operations.accords import AccordFacts, record_sources, register_accord
from commitments.operations.assessments import Judgement, draft_assessments, revise_assessments
from commitments.operations.closing import meet_deadlines, waive_deadlines
from commitments.operations.contributions import (
    NewContribution,
    record_contributions,
    withdraw_contributions,
)
from commitments.operations.correcting import correct_commitments, redact_wording
from commitments.operations.deadlines import (
    NewDeadline,
    move_deadlines,
    set_deadlines,
)
from commitments.operations.evidence import NewEvidence, attach_evidence, verify_evidence, withdraw_evidence
from commitments.operations.history import enter_judgements
from commitments.operations.notes import redact_note
from commitments.operations.pauses import NewPause, pause_commitments, resume_commitments
from commitments.operations.positions import NewPosition, Resolution, resolve_positions, state_positions
from commitments.operations.publishing import publish_assessments, retract_assessments
from commitments.operations.registering import NewCommitment, register_commitments
from commitments.operations.reviewing import (
    draft_and_submit,
    give_notice,
    plan_publication,
    publish_what_is_planned,
    record_reply,
    reject_assessments,
    request_changes,
    submit_assessments,
)
from commitments.operations.rhythms import draw_occurrences
from commitments.operations.scanning import mark_what_has_passed, scan
from commitments.operations.suspending import NewSuspension, resume_accords, suspend_accords
from commitments.operations.triggers import (
    NewTrigger,
    publish_triggers,
    record_triggers,
    withdraw_triggers,
)

__all__ = [
    "AccordFacts",
    "Judgement",
    "NewCommitment",
    "NewContribution",
    "NewDeadline",
    "NewEvidence",
    "NewPause",
    "NewPosition",
    "NewSuspension",
    "NewTrigger",
    "Resolution",
    "attach_evidence",
    "correct_commitments",
    "draft_and_submit",
    "draft_assessments",
    "draw_occurrences",
    "enter_judgements",
    "give_notice",
    "mark_what_has_passed",
    "meet_deadlines",
    "move_deadlines",
    "pause_commitments",
    "plan_publication",
    "publish_assessments",
    "publish_triggers",
    "publish_what_is_planned",
    "record_contributions",
    "record_reply",
    "record_sources",
    "record_triggers",
    "redact_note",
    "redact_wording",
    "register_accord",
    "register_commitments",
    "reject_assessments",
    "request_changes",
    "resolve_positions",
    "resume_accords",
    "resume_commitments",
    "retract_assessments",
    "revise_assessments",
    "scan",
    "set_deadlines",
    "state_positions",
    "submit_assessments",
    "suspend_accords",
    "verify_evidence",
    "waive_deadlines",
    "withdraw_contributions",
    "withdraw_evidence",
    "withdraw_triggers",
]
