"""The two numbers, each with its denominator: how many are fully fulfilled, and how far everything has come.

A number speaks of a day: judgements count by the day from which they hold, and a duty that began later, or that
nothing had triggered by the end of the day in the latest zone of the accord's parties, does not count yet. What is
left out of the count is counted by its reason. Nothing is rounded here: progress is counted in quarters.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from functools import lru_cache

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef

from commitments.deadlines import DateError, Window, due_at
from commitments.models import Accord, Assessment, Commitment, Event, Participation, Topic
from commitments.past import told_of
from commitments.words import KEPT, QUARTERS, Kind, Role, Status, Strength, Uncounted

# Twenty years of months; a longer course begins that much before the day asked for.
MOST_POINTS = 240
_SHARE = Decimal("0.0001")
Course = tuple[tuple[date, str], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """What counting needs of one commitment; `judged` in the order of days, ties by publication; `shares` by party."""

    code: str
    kind: str
    strength: str
    is_verifiable: bool
    bound: tuple[str, ...]
    section: str
    starts_on: date
    triggered_at: datetime | None = None
    judged: Course = ()
    topics: tuple[str, ...] = ()
    shares: Mapping[str, Course] = field(default_factory=dict)

    def status_on(self, day: date, party: str = "") -> str:
        """The status in force on a day: of a party's share where that was judged, else of the whole."""
        for course in (self.shares.get(party, ()), self.judged):
            found = [status for on, status in course if on <= day]
            if found:
                return found[-1]
        return Status.NOT_ASSESSED

    def why_not(self, ends: datetime | None = None) -> str:
        """Why it does not count (a code of Uncounted), empty when it does; `ends` None: whatever the trigger."""
        if self.kind == Kind.BASELINE:
            return Uncounted.BASELINE
        if not self.bound:
            return Uncounted.UNBOUND
        if not self.is_verifiable:
            return Uncounted.UNVERIFIABLE
        if self.strength == Strength.EXPLORATORY:
            return Uncounted.EXPLORATORY
        if self.strength == Strength.DECLARATORY:
            return Uncounted.DECLARATORY
        if ends is not None and self.kind == Kind.CONDITIONAL:
            is_dormant = self.triggered_at is None or self.triggered_at >= ends
            return Uncounted.DORMANT if is_dormant else ""
        return ""


@dataclass(frozen=True, slots=True)
class Numbers:
    """How a set of commitments stands on a day."""

    total: int
    counted: int
    by_status: Mapping[str, int]
    excluded: Mapping[str, int]

    @property
    def fulfilled(self) -> int:
        """How many are fulfilled or upheld."""
        return sum(self.by_status.get(status, 0) for status in KEPT)

    @property
    def assessed(self) -> int:
        """How many of those that count have been judged at all."""
        return self.counted - self.by_status.get(Status.NOT_ASSESSED, 0)

    @property
    def quarters(self) -> int:
        """Progress, in quarters of a commitment."""
        return sum(QUARTERS[status] * number for status, number in self.by_status.items())


@dataclass(frozen=True, slots=True)
class Point:
    """One day of the course over time."""

    on: date
    counted: int
    assessed: int
    fulfilled: int
    quarters: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """The numbers of an accord on a day: all of it, by party, part, topic and kind, and month by month."""

    as_of: date
    known_at: datetime | None
    whole: Numbers
    groups: Mapping[str, Mapping[str, Numbers]]
    series: tuple[Point, ...]


def points(quarters: int) -> str:
    """Quarters as a number of commitments, exactly: 13 is 3.25."""
    return f"{Decimal(quarters) / 4:f}"


def share(part: int, of: int) -> str | None:
    """A part as a text with four decimals, cut and never rounded up; None of nothing."""
    return f"{(Decimal(part) / of).quantize(_SHARE, ROUND_DOWN):f}" if of else None


def count(entries: Iterable[Entry], day: date, ends: datetime, party: str = "") -> Numbers:
    """The numbers of those that had begun by the day, which ends at `ends`."""
    total, by_status, excluded = 0, Counter[str](), Counter[str]()
    for entry in entries:
        if entry.starts_on > day:
            continue
        total += 1
        why_not = entry.why_not(ends)
        if why_not:
            excluded[str(why_not)] += 1
        else:
            by_status[str(entry.status_on(day, party))] += 1
    return Numbers(total, total - excluded.total(), dict(by_status), dict(excluded))


def group(entries: Sequence[Entry], day: date, ends: datetime) -> dict[str, dict[str, Numbers]]:
    """The numbers by bound party (its own share where that was judged), part, topic and kind."""
    by: dict[str, dict[str, list[Entry]]] = {
        name: defaultdict(list) for name in ("parties", "sections", "topics", "kinds")
    }
    for entry in entries:
        for party in entry.bound:
            by["parties"][party].append(entry)
        by["sections"][entry.section].append(entry)
        for topic in entry.topics:
            by["topics"][topic].append(entry)
        by["kinds"][entry.kind].append(entry)
    return {
        name: {
            code: count(some, day, ends, code if name == "parties" else "")
            for code, some in sorted(found.items())
        }
        for name, found in by.items()
    }


def months(first: date, last: date) -> list[date]:
    """The last day of every month from the first day to the last, and the last day itself."""
    found: list[date] = []
    year, month = first.year, first.month
    while (year, month) < (last.year, last.month):
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        found.append(date(year, month, 1) - timedelta(days=1))
    return [*found, last][-MOST_POINTS:] if first <= last else []


def over_time(entries: Iterable[Entry], days: Sequence[date], zones: Sequence[str]) -> tuple[Point, ...]:
    """The course over the given days, in one pass: each change is noted where it begins, then all are added up."""
    ends = [day_ends(day, zones) for day in days]
    steps: list[Counter[str]] = [Counter() for _day in days]
    for entry in entries:
        if entry.why_not():
            continue
        begins = bisect_left(days, entry.starts_on)
        if entry.kind == Kind.CONDITIONAL:
            if entry.triggered_at is None:
                continue
            triggered_at = entry.triggered_at
            begins = max(begins, next((i for i, end in enumerate(ends) if triggered_at < end), len(days)))
        current = ""
        for place, status in [(begins, Status.NOT_ASSESSED), *_places(entry, days, begins)]:
            if place < len(days):
                if current:
                    steps[place][current] -= 1
                current = str(status)
                steps[place][current] += 1
    found, now = [], Counter[str]()
    for day, step in zip(days, steps, strict=True):
        now.update(step)
        counted = now.total()
        found.append(
            Point(
                day,
                counted,
                counted - now[Status.NOT_ASSESSED],
                sum(now[status] for status in KEPT),
                sum(QUARTERS[status] * number for status, number in now.items()),
            )
        )
    return tuple(found)


def _places(entry: Entry, days: Sequence[date], begins: int) -> list[tuple[int, str]]:
    return [(max(begins, bisect_left(days, on)), status) for on, status in entry.judged]


def day_ends(day: date, zones: Sequence[str]) -> datetime:
    """When a day is over in the latest of the zones (UTC)."""
    try:
        found = due_at(Window(None, day), zones)
    except DateError:
        found = due_at(Window(None, day - timedelta(days=1)), zones)
    assert found is not None
    return found


def statistics(accord: Accord, as_of: date, known_at: datetime | None = None) -> Statistics:
    """The numbers of an accord at the end of a day; with `known_at`, by what the log had told by then.

    Kept until the log tells something new of the accord: the answer follows from that, the day and `known_at` alone.
    """
    zones = tuple(sorted({party.time_zone for party in accord.parties.all() if party.time_zone}))
    last = Event.objects.filter(accord=accord).order_by("-seq").values_list("hash", flat=True).first()
    return _statistics(accord.pk, accord.signed_on, zones, last or "", as_of, known_at)


@lru_cache(maxsize=128)
def _statistics(
    key: int, signed_on: date, zones: tuple[str, ...], _last: str, as_of: date, known_at: datetime | None
) -> Statistics:
    entries = entries_of(key, known_at)
    ends = day_ends(as_of, zones)
    return Statistics(
        as_of=as_of,
        known_at=known_at,
        whole=count(entries, as_of, ends),
        groups=group(entries, as_of, ends),
        series=over_time(entries, months(signed_on, as_of), zones),
    )


def entries_of(accord: int, known_at: datetime | None = None) -> list[Entry]:
    """The commitments of the accord with that id as counting reads them: from the rows, or from what was known."""
    return _by_log(accord, known_at) if known_at else _by_rows(accord)


def _by_rows(accord: int) -> list[Entry]:
    me = OuterRef("pk")
    judged: dict[int, dict[str, list[tuple[date, str]]]] = defaultdict(lambda: defaultdict(list))
    published = Assessment.objects.published().filter(commitment__accord=accord)
    for key, of, status, on in published.order_by("effective_on", "published_at", "number").values_list(
        "commitment_id", "party__code", "status", "effective_on"
    ):
        judged[key][of or ""].append((on, status))
    bound = Participation.objects.filter(commitment=me, role=Role.BOUND).order_by("party__code")
    topics = Topic.objects.filter(commitments=me).order_by("code")
    rows = Commitment.objects.filter(accord=accord).order_by("code")
    return [
        Entry(
            code=code,
            kind=kind,
            strength=strength,
            is_verifiable=is_verifiable,
            bound=tuple(parties),
            section=section,
            starts_on=starts_on,
            triggered_at=triggered_at,
            judged=tuple(judged[key][""]) if key in judged else (),
            topics=tuple(own),
            shares={of: tuple(course) for of, course in judged[key].items() if of} if key in judged else {},
        )
        for key, code, kind, strength, is_verifiable, section, starts_on, triggered_at, parties, own in (
            rows.values_list(
                "pk",
                "code",
                "kind",
                "strength",
                "is_verifiable",
                "section__code",
                "starts_on",
                "triggered_at",
                ArraySubquery(bound.values("party__code")),
                ArraySubquery(topics.values("code")),
            )
        )
    ]


def _by_log(accord: int, known_at: datetime) -> list[Entry]:
    topics: dict[str, list[str]] = defaultdict(list)
    links = Commitment.topics.through.objects.filter(commitment__accord=accord).order_by("topic__code")
    for code, topic in links.values_list("commitment__code", "topic__code"):
        topics[code].append(topic)
    keys = Commitment.objects.filter(accord=accord).values_list("pk", flat=True)
    entries = []
    for told in told_of(keys, known_at).commitments.values():
        judged: dict[str, list[tuple[date, str]]] = defaultdict(list)
        for row in sorted(told.judgements.values(), key=lambda row: row.place):
            if row.retracted_at is None:
                judged[row.party].append((row.effective_on, row.status))
        entries.append(
            Entry(
                code=told.code,
                kind=told.kind,
                strength=told.strength,
                is_verifiable=told.is_verifiable,
                bound=told.bound,
                section=told.section,
                starts_on=told.starts_on,
                triggered_at=told.triggered_at,
                judged=tuple(judged.pop("", ())),
                topics=tuple(topics.get(told.code, ())),
                shares={party: tuple(course) for party, course in judged.items()},
            )
        )
    return sorted(entries, key=lambda entry: entry.code)
