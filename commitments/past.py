"""Where commitments stood on a day of the world, and what the log had told by an instant: read from the log alone.

Two times. `as_of` is a day of the world: judgements by the day from which they hold, evidence by when it happened
and was published, dates, moves, meetings, pauses and triggers by their own days; timeliness is that of the last
instant of the day in the latest zone of those who are bound, so that a date whose last day it is has not passed.
`known_at` is an instant of the log: what was told later does not exist. A correction (a retraction, a withdrawal)
belongs to the log: without `known_at`, what we have taken back since is gone also from the past.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import orjson
from django.db.models import QuerySet

from commitments import standing
from commitments.deadlines import DateError, Window, due_at
from commitments.models import Accord, Commitment, Event
from commitments.replay import fold
from commitments.standing import DeadlineFacts
from commitments.told import Closing, Record, Setting, Told, ToldDate, ToldJudgement, number_of

A_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Moment:
    """What is asked: a day of the world (None: now), and a place in the log by its instant (None: all of it)."""

    now: datetime
    as_of: date | None = None
    known_at: datetime | None = None

    @property
    def is_past(self) -> bool:
        """Whether anything but the present is asked for."""
        return self.as_of is not None or self.known_at is not None

    def instant(self, zones: Sequence[str]) -> datetime:
        """The instant (UTC) for which timeliness is computed; never one that is still to come."""
        if self.as_of is None:
            return self.known_at or self.now
        try:
            ends = due_at(Window(None, self.as_of), zones)
        except DateError:
            return self.now
        assert ends is not None
        return min(ends - A_MOMENT, self.now)

    def covers(self, day: date | None) -> bool:
        """Whether something of that day (None: of always) had happened."""
        return day is None or self.as_of is None or day <= self.as_of


def end_of_day(day: date) -> datetime:
    """The last instant of a day in UTC."""
    return datetime.combine(day, time.max, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PastDate:
    """One deadline as it stood then."""

    told: ToldDate
    setting: Setting
    revision: int
    closing: Closing | None

    def crosses_at(self, pauses: Sequence[standing.Pause]) -> datetime | None:
        """The instant (UTC) at which it passes, pauses counted; None: not known."""
        return standing.crosses_at(self.setting.due_at, pauses)

    def has_passed(self, pauses: Sequence[standing.Pause], instant: datetime) -> bool:
        """Whether it is over at that instant."""
        passes = self.crosses_at(pauses)
        return passes is not None and passes <= instant

    @property
    def facts(self) -> DeadlineFacts:
        """It, as the rules read it."""
        anchor_on, setting, closing = self.told.anchor_on, self.setting, self.closing
        return DeadlineFacts(
            key=f"{number_of(self.told.code)}",
            type=self.told.type,
            authority=setting.authority,
            clock=self.told.clock,
            opens_at=setting.opens_at,
            due_at=setting.due_at,
            last_on=setting.last_on,
            anchor_at=standing.day_begins(anchor_on) if anchor_on else None,
            closed_as=closing.closed_as if closing else "",
            met_on=closing.met_on if closing else None,
            is_day=setting.first_on is not None and setting.first_on == setting.last_on,
            met_at=closing.met_at if closing else None,
            is_pattern=bool(self.told.duration) and setting.due_at is None,
        )


@dataclass(frozen=True, slots=True)
class Past:
    """One commitment at a moment: where it stood, and what there was to see."""

    told: Told
    instant: datetime
    terms: standing.Terms
    standing: standing.Standing
    plain: str
    judgement: ToldJudgement | None
    shares: dict[str, ToldJudgement]
    judgements: frozenset[str]
    dates: dict[str, PastDate]
    evidence: frozenset[str]
    money: frozenset[str]
    positions: frozenset[str]
    contested: str
    ends_on: date | None
    triggers: frozenset[str]
    pauses: frozenset[str]

    @property
    def speaks(self) -> DeadlineFacts | None:
        """The deadline that speaks for it, whatever else holds."""
        return standing.due([row.facts for row in self.dates.values()])

    @property
    def status_on(self) -> date | None:
        """The day from which its status held."""
        return self.judgement.effective_on if self.judgement else None

    @property
    def is_dormant(self) -> bool:
        """Whether it waited for its trigger."""
        return self.terms.is_dormant(self.instant)


def _date(told: ToldDate, moment: Moment) -> PastDate | None:
    """A deadline as it stood; None when it had not been set."""
    if not moment.covers(told.settings[0].on):
        return None
    # The last of them, not the latest day: what the record says stands in the order in which it was said.
    revision, setting = [pair for pair in enumerate(told.settings) if moment.covers(pair[1].on)][-1]
    closing = told.closing if told.closing and moment.covers(told.closing.on) else None
    return PastDate(told, setting, revision, closing)


def _terms(told: Told, accord_ends_on: date | None, moment: Moment) -> tuple[standing.Terms, date | None]:
    event_on = told.event_on if moment.covers(told.event_on) else None
    ends_on = event_on or told.ends_on
    ends = [day for day in (ends_on, accord_ends_on) if day]
    pauses = tuple(
        standing.Pause(
            row.from_at,
            row.end(moment.covers)[1],
        )
        for row in sorted(told.pauses.values(), key=lambda row: row.from_at)
        if moment.covers(row.from_on)
    )
    terms = standing.Terms(
        kind=told.kind,
        ends_at=due_at(Window(None, min(ends)), told.zones) if ends else None,
        awaits_event=told.awaits_event and event_on is None,
        triggered_at=told.triggered_at,
        pauses=pauses,
    )
    return terms, ends_on


def _contested(told: Told, moment: Moment) -> str:
    disputes = [
        row
        for row in told.positions.values()
        if row.stance == "disputes" and not row.is_mistaken and moment.covers(row.stated_on)
    ]
    if any(row.resolved_at is None or not moment.covers(row.resolved_on) for row in disputes):
        return "contested"
    return "resolved" if disputes else "none"


def stood(told: Told, accord_ends_on: date | None, moment: Moment) -> Past | None:
    """Where a commitment stood at a moment, by what the log tells of it; None before it began. Pure."""
    if not moment.covers(told.starts_on):
        return None
    instant = moment.instant(told.zones)
    in_force = [
        row
        for row in told.judgements.values()
        if row.retracted_at is None and moment.covers(row.effective_on)
    ]
    shares: dict[str, ToldJudgement] = {}
    for row in sorted(in_force, key=lambda row: row.place):
        shares[row.party] = row
    judgement = shares.pop("", None)
    dates = {code: found for code, row in told.dates.items() if (found := _date(row, moment))}
    terms, ends_on = _terms(told, accord_ends_on, moment)
    judged = (
        standing.Judgement(judgement.status, judgement.effective_on) if judgement else standing.Judgement()
    )
    where = standing.standing(terms, [row.facts for row in dates.values()], judged, instant)
    return Past(
        told=told,
        instant=instant,
        terms=terms,
        standing=where,
        plain=standing.plain(where.status, where.timeliness, told.kind),
        judgement=judgement,
        shares=shares,
        judgements=frozenset(
            code for code, row in told.judgements.items() if moment.covers(row.effective_on)
        ),
        dates=dates,
        evidence=frozenset(code for code, row in told.evidence.items() if moment.covers(row.seen_on)),
        money=frozenset(code for code, row in told.money.items() if moment.covers(row.happened_on)),
        positions=frozenset(code for code, row in told.positions.items() if moment.covers(row.stated_on)),
        contested=_contested(told, moment),
        ends_on=ends_on,
        triggers=frozenset(code for code, row in told.triggers.items() if moment.covers(row.happened_on)),
        pauses=frozenset(code for code, row in told.pauses.items() if moment.covers(row.from_on)),
    )


def told_of(keys: Iterable[int], known_at: datetime | None = None, before: int | None = None) -> Record:
    """What the log had told of the commitments with these ids, and of their accords, in two queries: by an instant, or
    before an event of that number."""
    keys = list(keys)
    events = Event.objects.order_by("seq")
    if known_at is not None:
        events = events.filter(at__lte=known_at)
    if before is not None:
        events = events.filter(seq__lt=before)
    of_accords = events.filter(
        kind="accord_registered", accord__in=Commitment.objects.filter(pk__in=keys).values("accord")
    )
    of_commitments = events.filter(commitment__in=keys)
    record = fold(orjson.loads(body) for body in of_accords.values_list("body", flat=True))
    bodies = of_commitments.values_list("body", flat=True).iterator(chunk_size=2000)
    return fold((orjson.loads(body) for body in bodies), record)


def standings(found: QuerySet[Commitment] | Iterable[int], moment: Moment) -> dict[str, Past]:
    """Where commitments stood at a moment, by code, in three queries whatever their number.

    Those that had not begun, or that the log had not told of, are not in it.
    """
    keys = found.values_list("pk", flat=True) if isinstance(found, QuerySet) else found
    record = told_of(keys, moment.known_at)
    answer = {}
    for code, told in record.commitments.items():
        accord = record.accords.get(told.accord)
        past = stood(told, accord.ends_on if accord else None, moment)
        if past is not None:
            answer[code] = past
    return answer


def standing_of_accord(accord: Accord, moment: Moment) -> dict[str, Past]:
    """The same for every commitment of an accord."""
    return standings(Commitment.objects.filter(accord=accord), moment)


def standing_of(
    commitment: Commitment, as_of: date | None, known_at: datetime | None, *, now: datetime
) -> Past | None:
    """What was the status of a commitment on that day, and what had we published by then; None: nothing yet."""
    return standings([commitment.pk], Moment(now, as_of, known_at)).get(commitment.code)


def around(event: Event) -> tuple[Past | None, Past | None]:
    """Where a commitment stood by what the log had told before an event of it (None: nothing yet), and by what it had
    told with it. An event of the clock is told when we have looked: before it is before the instant it speaks of."""
    assert event.commitment_id is not None
    record, body = told_of([event.commitment_id], before=event.seq), orjson.loads(event.body)

    def then(instant: datetime) -> Past | None:
        told, accord = record.commitments.get(body["commitment"]), record.accords.get(body["accord"])
        return stood(told, accord.ends_on if accord else None, Moment(instant)) if told else None

    before = then(event.crossed_at - A_MOMENT if event.crossed_at else event.at)
    fold([body], record)
    return before, then(event.at)
