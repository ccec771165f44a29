"""The nouns of the record, one file each. Doors import them from here; only the verbs write them."""

from commitments.models.accord import (
    Accord,
    AccordParty,
    Instrument,
    Party,
    Provision,
    Section,
    Source,
    Topic,
)
from commitments.models.assessment import Assessment
from commitments.models.checkpoint import Checkpoint, CheckpointKey
from commitments.models.commitment import Citation, Commitment, Dependency, Participation, Step
from commitments.models.contribution import Contribution
from commitments.models.deadline import Deadline
from commitments.models.event import Event, Note
from commitments.models.evidence import Evidence
from commitments.models.heartbeat import Heartbeat
from commitments.models.pause import Pause, Suspension
from commitments.models.position import Position
from commitments.models.search import SearchEntry
from commitments.models.staff import Deputy, Membership
from commitments.models.token import ApiToken, KeptAnswer, Scope
from commitments.models.trigger import Trigger
from commitments.models.wording import Wording

__all__ = [
    "Accord",
    "AccordParty",
    "ApiToken",
    "Assessment",
    "Checkpoint",
    "CheckpointKey",
    "Citation",
    "Commitment",
    "Contribution",
    "Deadline",
    "Dependency",
    "Deputy",
    "Event",
    "Evidence",
    "Heartbeat",
    "Instrument",
    "KeptAnswer",
    "Membership",
    "Note",
    "Participation",
    "Party",
    "Pause",
    "Position",
    "Provision",
    "Scope",
    "SearchEntry",
    "Section",
    "Source",
    "Step",
    "Suspension",
    "Topic",
    "Trigger",
    "Wording",
]
