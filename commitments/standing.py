"""Pure: where a commitment stands at an instant, on the parties' clock and on ours, and why. No Django, no clock.

Timeliness and upkeep are constant between a few instants that the facts fix in advance (a window opens, thirty days
are left, a deadline passes). `course` lists those instants with the codes that hold from each on; the verbs store
the list, so that PostgreSQL answers "where does it stand now" with one lookup and the two can never disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from commitments.deadlines import DUE_SOON

BINDING = ("text", "agreed")
THE_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
# While one of these holds, no date of the commitment counts, neither a party's nor ours.
UNDATED = frozenset({"ended", "paused", "dormant"})


@dataclass(frozen=True, slots=True)
class Pause:
    """A span (UTC) in which no clock of the duty runs; `until_at` None: its end is not known."""

    from_at: datetime
    until_at: datetime | None = None

    def holds(self, instant: datetime) -> bool:
        """Whether the instant lies in it; its end does not."""
        return self.from_at <= instant and (self.until_at is None or instant < self.until_at)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the duty itself says: its kind, when it ends (UTC), whether it ends on an event, what triggered and paused it.

    `triggered_at` is the instant from which a conditional duty binds; None: nothing has triggered it.
    """

    kind: str
    ends_at: datetime | None = None
    awaits_event: bool = False
    triggered_at: datetime | None = None
    pauses: tuple[Pause, ...] = ()

    def is_dormant(self, now: datetime) -> bool:
        """Whether it is a conditional duty that nothing had triggered at that instant."""
        return self.kind == "conditional" and (self.triggered_at is None or self.triggered_at > now)

    def is_paused(self, now: datetime) -> bool:
        """Whether a pause is in force at that instant."""
        return any(pause.holds(now) for pause in self.pauses)


@dataclass(frozen=True, slots=True)
class DeadlineFacts:
    """One deadline as the rules read it; instants in UTC, `met_on` and `last_on` are dates.

    A pattern is the length of a clock that no trigger has started: it is no date of its own.
    """

    key: str
    type: str
    authority: str
    clock: str
    opens_at: datetime | None
    due_at: datetime | None
    last_on: date | None
    anchor_at: datetime | None = None
    closed_as: str = ""
    met_on: date | None = None
    is_day: bool = True
    met_at: datetime | None = None
    is_pattern: bool = False

    @property
    def is_late(self) -> bool:
        """Met, but after its end: to the instant for a clock, else by the day."""
        if self.met_at and self.due_at:
            return self.met_at > self.due_at
        return bool(self.met_on and self.last_on and self.met_on > self.last_on)

    @property
    def is_open(self) -> bool:
        """Not met, not waived, not closed with its commitment."""
        return not self.closed_as


@dataclass(frozen=True, slots=True)
class Judgement:
    """The current status and the day it holds from (None: never judged)."""

    status: str = "not_assessed"
    effective_on: date | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The answer: codes, the deadline they rest on, and the facts that explain them."""

    status: str
    timeliness: str
    upkeep: str
    due_at: datetime | None = None
    due_authority: str = ""
    because: dict[str, Any] = field(default_factory=dict)


def _party(deadlines: Sequence[DeadlineFacts]) -> list[DeadlineFacts]:
    return [d for d in deadlines if d.clock == "party" and d.type != "review" and not d.is_pattern]


def crosses_at(due_at: datetime | None, pauses: Sequence[Pause]) -> datetime | None:
    """The instant (UTC) at which a date passes: its end, or the end of the pauses that it falls in (None: not known)."""
    instant = due_at
    for pause in sorted(pauses, key=lambda pause: pause.from_at):
        if instant is not None and pause.holds(instant):
            instant = pause.until_at
    return instant


def _has_passed(deadline: DeadlineFacts, terms: Terms, now: datetime) -> bool:
    passes = crosses_at(deadline.due_at, terms.pauses)
    return passes is not None and passes <= now


def due(deadlines: Sequence[DeadlineFacts]) -> DeadlineFacts | None:
    """The deadline that speaks for the commitment: the earliest open one of the text or an agreement, else of others."""
    open_ones = [d for d in _party(deadlines) if d.is_open and d.due_at]
    for binding in (True, False):
        of_this_rank = [d for d in open_ones if (d.authority in BINDING) is binding]
        if of_this_rank:
            return min(of_this_rank, key=lambda d: (d.due_at or THE_BEGINNING, d.key))
    return None


def _soon_at(due_at: datetime) -> datetime:
    return due_at - DUE_SOON if due_at - THE_BEGINNING > DUE_SOON else THE_BEGINNING


def timeliness(
    terms: Terms, deadlines: Sequence[DeadlineFacts], judgement: Judgement, now: datetime
) -> tuple[str, DeadlineFacts | None]:
    """The code of VOCABULARY's table, first that applies, with the deadline it rests on (None: no deadline's doing)."""
    if judgement.status == "superseded" or (terms.ends_at is not None and terms.ends_at <= now):
        return "ended", None
    if terms.is_paused(now):
        return "paused", None
    if terms.is_dormant(now):
        return "dormant", None
    party = _party(deadlines)
    dated = sorted(
        (d for d in party if d.is_open and d.due_at), key=lambda d: (d.due_at or THE_BEGINNING, d.key)
    )
    passed = [d for d in dated if _has_passed(d, terms, now)]
    ahead = [d for d in dated if d not in passed]
    for d in passed:
        if d.authority in BINDING:
            return "overdue", d
    for d in ahead:
        if d.type == "clock":
            return "running", d
    for d in ahead:
        if not d.is_day and (d.opens_at is None or d.opens_at <= now):
            return "in_window", d
    if ahead:
        nearest = ahead[0]
        soon = nearest.due_at is not None and _soon_at(nearest.due_at) <= now
        return ("due_soon" if soon else "scheduled"), nearest
    if passed:
        return "behind_target", passed[0]
    if any(d.is_open for d in party) or (terms.awaits_event and not any(d.closed_as == "met" for d in party)):
        return "awaiting_anchor", None
    met = [d for d in party if d.closed_as == "met"]
    if met and all(d.closed_as in {"met", "waived"} for d in party):
        late = [d for d in met if d.is_late]
        return ("met_late", late[0]) if late else ("met_on_time", met[-1])
    return "no_deadline", None


def _stale_at(d: DeadlineFacts) -> datetime | None:
    """When a review is overdue by its own length again; None when its length is not known."""
    start = d.anchor_at or d.opens_at
    if d.due_at is None or start is None or start >= d.due_at:
        return None
    try:
        return d.due_at + (d.due_at - start)
    except OverflowError:
        return None


def upkeep(
    terms: Terms, deadlines: Sequence[DeadlineFacts], judgement: Judgement, now: datetime
) -> tuple[str, DeadlineFacts | None]:
    """What we owe: the gravest of evidence_stale, review_due and verdict_due, else current."""
    if terms.kind == "baseline" or timeliness(terms, deadlines, judgement, now)[0] in UNDATED:
        return "current", None
    passed = [d for d in deadlines if d.is_open and _has_passed(d, terms, now)]
    reviews = [d for d in passed if d.clock == "tracker"]
    if terms.kind == "continuing":
        for d in reviews:
            stale_at = _stale_at(d)
            if stale_at is not None and stale_at <= now:
                return "evidence_stale", d
        if reviews:
            return "review_due", reviews[0]
    elif reviews:
        return "verdict_due", reviews[0]
    for d in passed:
        judged_since = judgement.effective_on and d.last_on and judgement.effective_on > d.last_on
        if d.clock == "party" and not judged_since:
            return "verdict_due", d
    return "current", None


def standing(
    terms: Terms, deadlines: Sequence[DeadlineFacts], judgement: Judgement, now: datetime
) -> Standing:
    """Everything that is computed about a commitment at an instant (UTC), with the facts that explain it."""
    code, on = timeliness(terms, deadlines, judgement, now)
    ours, our_deadline = upkeep(terms, deadlines, judgement, now)
    speaks = due(deadlines) if code not in UNDATED else None
    return Standing(
        status=judgement.status,
        timeliness=code,
        upkeep=ours,
        due_at=speaks.due_at if speaks else None,
        due_authority=speaks.authority if speaks else "",
        because={
            "deadline": on.key if on else None,
            "upkeep_deadline": our_deadline.key if our_deadline else None,
        },
    )


def course(
    terms: Terms, deadlines: Sequence[DeadlineFacts], judgement: Judgement
) -> list[tuple[datetime, str, str]]:
    """The instants (UTC) from which timeliness or upkeep change, with both codes; the first is the beginning of time."""
    turns = {THE_BEGINNING}
    edges = [terms.ends_at, terms.triggered_at]
    for pause in terms.pauses:
        edges += [pause.from_at, pause.until_at]
    for d in deadlines:
        # What a pause holds up passes when it ends, which is an edge already.
        edges += [d.opens_at, d.due_at, _stale_at(d)]
        edges += [_soon_at(d.due_at)] if d.due_at else []
    turns.update(edge for edge in edges if edge)
    found: list[tuple[datetime, str, str]] = []
    for instant in sorted(turns):
        codes = (
            timeliness(terms, deadlines, judgement, instant)[0],
            upkeep(terms, deadlines, judgement, instant)[0],
        )
        if not found or found[-1][1:] != codes:
            found.append((instant, *codes))
    return found


def plain(status: str, timeliness_code: str, kind: str) -> str:
    """The standing in one of the plain words (codes of words.Plain) that pages and mails lead with."""
    if status == "superseded":
        return "closed"
    if kind == "baseline":
        return "context"
    if timeliness_code == "dormant":
        return "standby"
    if status in {"fulfilled", "upheld"}:
        return "kept"
    if status == "not_fulfilled":
        return "not_kept"
    if timeliness_code == "overdue":
        return "late"
    return "not_judged" if status == "not_assessed" else "under_way"


def day_begins(day: date) -> datetime:
    """Midnight UTC of a date, for dates that carry no place of their own."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
