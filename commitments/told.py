"""Pure: what the log has told of accords and commitments, each fact with its own dates. replay.py fills it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime

from commitments.deadlines import DateError, parse_window


def day_of(text: str | None) -> date | None:
    """A date as the log writes it."""
    return date.fromisoformat(text) if text else None


def instant_of(text: str | None) -> datetime | None:
    """An instant as the log writes it (UTC)."""
    return datetime.fromisoformat(text) if text else None


def last_day_of(edtf: str | None) -> date | None:
    """The last day of an EDTF value; None when there is none, or no end."""
    try:
        return parse_window(edtf).last if edtf else None
    except DateError:
        return None


def number_of(code: str) -> int:
    """The number at the end of a public code: 3 for JUA-B07-A3."""
    digits = code[len(code.rstrip("0123456789")) :]
    return int(digits) if digits else 0


@dataclass(frozen=True, slots=True)
class Setting:
    """A date as it stood from a day of the world on (None: from the beginning)."""

    on: date | None
    authority: str
    edtf: str
    first_on: date | None
    last_on: date | None
    opens_at: datetime | None
    due_at: datetime | None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Closing:
    """How a date closed and on which day (None: from the beginning); `by` the judgement that closed it, or empty."""

    closed_as: str
    on: date | None
    at: datetime
    met_on: date | None = None
    met_at: datetime | None = None
    by: str = ""


@dataclass(slots=True)
class ToldPause:
    """A pause: its end as it was announced (null: not known then), and as it was recorded in the end."""

    code: str
    from_on: date
    from_at: datetime
    until_on: date | None
    until_at: datetime | None
    resumed_on: date | None = None
    resumed_at: datetime | None = None

    def end(self, covers: Callable[[date | None], bool]) -> tuple[date | None, datetime | None]:
        """The day and the instant of its end, as far as they were known: recorded, else as it was announced."""
        if self.resumed_on and covers(self.resumed_on):
            return self.resumed_on, self.resumed_at
        return self.until_on, self.until_at


@dataclass(slots=True)
class ToldTrigger:
    """A public fact that brought a duty to life or ended it; where its day is confidential, that of the log."""

    code: str
    effect: str
    happened_on: date
    withdrawn_at: datetime | None = None


@dataclass(slots=True)
class ToldDate:
    """One deadline: what it was set to, in order, and how it closed."""

    code: str
    type: str
    clock: str
    duration: str
    anchor_on: date | None
    settings: list[Setting]
    closing: Closing | None = None


@dataclass(slots=True)
class ToldJudgement:
    """One published judgement; `party` is empty for a judgement of the whole."""

    code: str
    status: str
    effective_on: date
    at: datetime
    seq: int
    evidence: list[str]
    party: str = ""
    retracted_at: datetime | None = None

    @property
    def place(self) -> tuple[date, datetime, int]:
        """The order among the judgements of a commitment: effective date, then publication."""
        return self.effective_on, self.at, number_of(self.code)


@dataclass(slots=True)
class ToldEvidence:
    """One exhibit. It can be pointed to from `seen_on` on: the later of when it happened and when it was published."""

    code: str
    seen_on: date | None
    withdrawn_at: datetime | None = None


@dataclass(slots=True)
class ToldMoney:
    """One contribution, by the last day on which it can have been made."""

    code: str
    happened_on: date | None
    withdrawn_at: datetime | None = None


@dataclass(slots=True)
class ToldPosition:
    """What a party holds of the record, from the day it said so until it was resolved."""

    code: str
    stance: str
    stated_on: date
    resolved_on: date | None = None
    resolved_at: datetime | None = None
    is_mistaken: bool = False


@dataclass(slots=True)
class Told:
    """Everything that the log tells of one commitment."""

    code: str
    accord: str
    kind: str
    strength: str
    provenance: str
    section: str
    starts_on: date
    ends_on: date | None
    awaits_event: bool
    bound: tuple[str, ...]
    zones: tuple[str, ...]
    is_counted: bool
    is_verifiable: bool
    terms: str
    last_at: datetime
    triggered_at: datetime | None = None
    # The day of the event on which it ended, where such a fact was recorded.
    event_on: date | None = None
    corrected_at: datetime | None = None
    judgements: dict[str, ToldJudgement] = field(default_factory=dict)
    dates: dict[str, ToldDate] = field(default_factory=dict)
    evidence: dict[str, ToldEvidence] = field(default_factory=dict)
    pauses: dict[str, ToldPause] = field(default_factory=dict)
    triggers: dict[str, ToldTrigger] = field(default_factory=dict)
    money: dict[str, ToldMoney] = field(default_factory=dict)
    positions: dict[str, ToldPosition] = field(default_factory=dict)


@dataclass(slots=True)
class ToldAccord:
    """What the log tells of an accord."""

    code: str
    signed_on: date | None
    ends_on: date | None


@dataclass(slots=True)
class Record:
    """What the record says at a place of the log."""

    accords: dict[str, ToldAccord] = field(default_factory=dict)
    commitments: dict[str, Told] = field(default_factory=dict)
    seq: int = 0
