"""In which order a file's happenings are entered: after how many judgements, then turn by turn, then kind by kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from commitments.importing.report import Entry, Place
from commitments.keys import Rank


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened to a commitment: where it stands in the file, its row's item, what is said of it."""

    rank: Rank
    place: Place
    entry: Entry
    item: Entry
    said: Entry


Moment = tuple[int, int, Rank]


def key_at(item: Entry, place: int) -> str:
    """The key of the assessment at a place of its list (from 0)."""
    return str(item.get("key") or f"a{place + 1}")


def agenda(entries: list[Entry]) -> Iterator[tuple[Moment, list[Happening]]]:
    """Every happening of a file, those of one moment together, whatever their commitment."""
    moments: dict[Moment, list[Happening]] = defaultdict(list)
    for index, entry in enumerate(entries):
        for after, happening in _of_entry(("commitments", index), entry):
            # A judgement opens its round; turns come only where a file tells them.
            turn = 0 if happening.rank == Rank.JUDGED else int(happening.said.get("turn", 0))
            moments[after, turn, happening.rank].append(happening)
    for moment in sorted(moments):
        yield moment, moments[moment]


def _of_entry(where: Place, entry: Entry) -> Iterator[tuple[int, Happening]]:
    def nested(
        name: str, item: Entry, after: int, place: Place, ranks: dict[str, Rank]
    ) -> Iterator[tuple[int, Happening]]:
        for part, rank in ranks.items():
            said = item.get(part)
            for number, one in enumerate(said if isinstance(said, list) else [said] if said else ()):
                inner = (*place, part, number) if isinstance(said, list) else (*place, part)
                # What became of a row never comes before the row.
                yield max(after, int(one.get("after", after))), Happening(rank, inner, entry, item, one)

    places = {}
    for number, item in enumerate(entry.get("assessments") or ()):
        place = (*where, "assessments", number)
        places[key_at(item, number)] = number + 1
        yield number + 1, Happening(Rank.JUDGED, place, entry, item, item)
        yield from nested("assessments", item, number + 1, place, {"retracted": Rank.RETRACTED})
    for name, rank, later in (
        (
            "deadlines",
            Rank.DEADLINE_SET,
            {"moved": Rank.MOVED, "met": Rank.MET, "waived": Rank.WAIVED},
        ),
        ("facts", Rank.FACT, {"withdrawn": Rank.FACT_WITHDRAWN}),
        ("pauses", Rank.PAUSED, {"resumed": Rank.RESUMED}),
        ("positions", Rank.STATED, {"resolved": Rank.RESOLVED}),
    ):
        for number, item in enumerate(entry.get(name) or ()):
            place = (*where, name, number)
            after = int(item.get("after", _usual(item, places, entry)))
            yield after, Happening(rank, place, entry, item, item)
            yield from nested(name, item, after, place, later)


def _usual(item: Entry, places: dict[str, int], entry: Entry) -> int:
    """After how many judgements a row stands that does not say so: after the one that it speaks of, or that made it."""
    if "started_by" in item:
        afters = {one["key"]: int(one.get("after", 0)) for one in entry.get("facts") or ()}
        return afters.get(item["started_by"], 0)
    return places.get(item.get("assessment") or item.get("planned_by") or "", 0)
