"""The forms of the verbs: one per order, each with the version it was opened with. They shape input; verbs decide."""

from commitments.forms.base import NothingForm, OrderForm, WhyForm
from commitments.forms.dating import (
    MeetDeadlineForm,
    MoveDeadlineForm,
    PauseForm,
    ResumeForm,
    SetDeadlineForm,
    WaiveDeadlineForm,
)
from commitments.forms.evidence import AttachForm
from commitments.forms.judging import (
    DraftForm,
    NoticeForm,
    PlanForm,
    RejectForm,
    ReplyForm,
    RequestChangesForm,
    ReviseForm,
)
from commitments.forms.money import ContributionForm, TargetForm
from commitments.forms.positions import PositionForm, ResolveForm
from commitments.forms.triggering import TriggerForm
from commitments.forms.wording import CorrectForm, RedactForm

__all__ = [
    "AttachForm",
    "ContributionForm",
    "CorrectForm",
    "DraftForm",
    "MeetDeadlineForm",
    "MoveDeadlineForm",
    "NothingForm",
    "NoticeForm",
    "OrderForm",
    "PauseForm",
    "PlanForm",
    "PositionForm",
    "RedactForm",
    "RejectForm",
    "ReplyForm",
    "RequestChangesForm",
    "ResolveForm",
    "ResumeForm",
    "ReviseForm",
    "SetDeadlineForm",
    "TargetForm",
    "TriggerForm",
    "WaiveDeadlineForm",
    "WhyForm",
]
