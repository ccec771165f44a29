"""The forms of the verbs: one per order, each with the version it was opened with. They shape input; verbs decide."""

from commitments.forms.base import NothingForm, OrderForm, WhyForm
from commitments.forms.dating import MeetDeadlineForm, MoveDeadlineForm, SetDeadlineForm
from commitments.forms.evidence import AttachForm
from commitments.forms.judging import DraftForm
from commitments.forms.wording import CorrectForm

__all__ = [
    "AttachForm",
    "CorrectForm",
    "DraftForm",
    "MeetDeadlineForm",
    "MoveDeadlineForm",
    "NothingForm",
    "OrderForm",
    "SetDeadlineForm",
    "WhyForm",
]
