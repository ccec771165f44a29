"""What the log adds to the rows: in which order things happened to a commitment, and the reasons given."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from commitments.exporting.rows import Wire, filled
from commitments.keys import Rank
from commitments.models import Accord, Deadline, Event, Note
from commitments.words import EventKind


@dataclass(slots=True)
class Happened:
    """One thing that happened: after how many judgements, and where the file tells it."""

    rank: Rank
    after: int
    code: str
    said: Wire


class Course:
    """The history of an accord's commitments as a file tells it; rows are known by their public codes.

    `placed` says after how many judgements (and at which turn) a row was entered, where that is not the usual place;
    `later` what happened to it then, part by part; `first` what the log said when it was entered.
    """

    def __init__(self, accord: Accord) -> None:
        self.placed: dict[str, Wire] = {}
        self.later: dict[str, dict[str, Any]] = defaultdict(dict)
        self.first: dict[str, Wire] = {}
        self.published: dict[str, int] = {}
        self._after: dict[str, int] = {}
        self._judgements: dict[str, int] = defaultdict(int)
        self._happened: dict[str, list[Happened]] = defaultdict(list)
        self._sources: dict[str, str | None] = {}
        by_itself = Deadline.objects.filter(commitment__accord=accord).exclude(trigger=None, set_by=None)
        self._made_by: dict[str, tuple[bool, int]] = {
            f"{code}-D{number}": (judgement is not None, trigger or 0)
            for code, number, trigger, judgement in by_itself.values_list(
                "commitment__code", "number", "trigger__number", "set_by"
            )
        }
        readers = self._readers()
        said = Event.objects.filter(accord=accord, kind__in=readers).order_by("seq")
        notes = dict(
            Note.objects.filter(digest__in=said.exclude(note_digest="").values("note_digest")).values_list(
                "digest", "text"
            )
        )
        for kind, body, digest in said.values_list("kind", "body", "note_digest").iterator():
            document = orjson.loads(body)
            # The words of an erased note are gone; the reason is told as removed.
            why = (notes.get(digest) or "[removed]") if digest else ""
            readers[kind](document["commitment"], document["facts"], why)
        for commitment in self._happened:
            self._number_turns(self._happened[commitment])

    def _readers(self) -> dict[str, Callable[[str, Wire, str], None]]:
        return {
            EventKind.STATUS_PUBLISHED: self._publish,
            EventKind.STATUS_RETRACTED: self._retract,
            EventKind.DEADLINE_SET: self._set,
            EventKind.DEADLINE_MOVED: self._move,
            EventKind.DEADLINE_MET: self._meet,
            EventKind.DEADLINE_WAIVED: self._waive,
            EventKind.TRIGGER_RECORDED: self._record,
            EventKind.TRIGGER_WITHDRAWN: self._withdraw,
            EventKind.CLOCK_PAUSED: self._pause,
            EventKind.CLOCK_RESUMED: self._resume,
            EventKind.POSITION_STATED: self._state,
            EventKind.POSITION_RESOLVED: self._resolve,
        }

    def _happen(self, rank: Rank, commitment: str, code: str, said: Wire) -> Happened:
        happened = Happened(rank, self._judgements[commitment], code, said)
        self._happened[commitment].append(happened)
        return happened

    def _enter(self, rank: Rank, commitment: str, code: str, usual: int = 0) -> None:
        """A row came into the record, after as many judgements as had been published by then."""
        after = self._judgements[commitment]
        self.placed[code] = {"after": after} if after != usual else {}
        self._after[code] = after
        self._happen(rank, commitment, code, self.placed[code])

    def _follow(self, rank: Rank, commitment: str, code: str, part: str, said: Wire) -> None:
        """Something happened to a row that had been entered."""
        after = self._judgements[commitment]
        told = filled({**said, "after": after if after != self._after.get(code, 0) else None})
        if part == "moved":
            self.later[code].setdefault(part, []).append(told)
        else:
            self.later[code][part] = told
        self._happen(rank, commitment, code, told)

    @staticmethod
    def _number_turns(happened: list[Happened]) -> None:
        """Gives turns to what happened after the same number of judgements in another order than the usual one."""
        rounds: dict[int, list[Happened]] = defaultdict(list)
        for one in happened:
            rounds[one.after].append(one)
        for same in rounds.values():
            ranks = [one.rank for one in same]
            if ranks != sorted(ranks):
                for turn, one in enumerate(same, 1):
                    one.said["turn"] = turn

    def _publish(self, commitment: str, facts: Wire, why: str) -> None:
        self._judgements[commitment] += 1
        self.published[facts["assessment"]] = self._judgements[commitment]
        self._after[facts["assessment"]] = self._judgements[commitment]

    def _retract(self, commitment: str, facts: Wire, why: str) -> None:
        self._follow(Rank.RETRACTED, commitment, facts["assessment"], "retracted", {"why": why})

    def _set(self, commitment: str, facts: Wire, why: str) -> None:
        code = facts["deadline"]
        self.first[code] = facts
        self._sources[code] = facts.get("source")
        if code not in self._made_by:
            self._enter(Rank.DEADLINE_SET, commitment, code)
            return
        # A fact or a judgement made it, and a load will make it again: the review, just before that is published.
        is_review, trigger = self._made_by[code]
        self._after[code] = (
            self._judgements[commitment] + 1 if is_review else self._after[f"{commitment}-T{trigger}"]
        )

    def _move(self, commitment: str, facts: Wire, why: str) -> None:
        code = facts["deadline"]
        source = facts.get("source")
        is_new = facts["authority"] != facts["before"]["authority"]
        said = {
            "to": facts["edtf"],
            "why": why,
            "authority": facts["authority"] if is_new else None,
            "source": source if source != self._sources.get(code) else None,
        }
        self._sources[code] = source
        self._follow(Rank.MOVED, commitment, code, "moved", filled(said))

    def _meet(self, commitment: str, facts: Wire, why: str) -> None:
        happened = self._happened[commitment]
        is_at_once = bool(happened) and happened[-1].code == facts["deadline"] and not why
        if is_at_once and happened[-1].rank == Rank.DEADLINE_SET and not facts.get("met_at"):
            self.later[facts["deadline"]]["met_on"] = facts["met_on"]
            return
        when = {"at": facts["met_at"]} if facts.get("met_at") else {"on": facts["met_on"]}
        self._follow(Rank.MET, commitment, facts["deadline"], "met", filled({**when, "why": why}))

    def _waive(self, commitment: str, facts: Wire, why: str) -> None:
        said = filled({"why": why, "source": facts.get("source")})
        self._follow(Rank.WAIVED, commitment, facts["deadline"], "waived", said)

    def _record(self, commitment: str, facts: Wire, why: str) -> None:
        self._enter(Rank.FACT, commitment, facts["trigger"])

    def _withdraw(self, commitment: str, facts: Wire, why: str) -> None:
        self._follow(Rank.FACT_WITHDRAWN, commitment, facts["trigger"], "withdrawn", {"why": why})

    def _pause(self, commitment: str, facts: Wire, why: str) -> None:
        self.first[facts["pause"]] = facts
        self._enter(Rank.PAUSED, commitment, facts["pause"])

    def _resume(self, commitment: str, facts: Wire, why: str) -> None:
        for code in facts["shifted"]:
            # The resumption moved them, and a load will move them again.
            moved = self.later[code]["moved"].pop()
            self._happened[commitment] = [one for one in self._happened[commitment] if one.said is not moved]
        said = {
            "on": facts["until_on"],
            "why": why,
            "source": facts.get("source"),
            "shifts_dates": True if facts["shifted"] else None,
        }
        self._follow(Rank.RESUMED, commitment, facts["pause"], "resumed", filled(said))

    def _state(self, commitment: str, facts: Wire, why: str) -> None:
        usual = self.published.get(facts.get("assessment") or "", 0)
        self._enter(Rank.STATED, commitment, facts["position"], usual)

    def _resolve(self, commitment: str, facts: Wire, why: str) -> None:
        said = {"as": facts["resolved_as"], "why": why}
        self._follow(Rank.RESOLVED, commitment, facts["position"], "resolved", said)
