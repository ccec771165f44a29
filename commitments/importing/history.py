"""What happened to the commitments of a file, entered in the order in which it happened.

A file tells the course of each commitment by rounds: what stands `after: 2` happened when two of its judgements had
been published. All commitments go through a round together, so that the verbs take long lists.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from typing import Any, TypeVar

from django.utils import timezone

from commitments import operations
from commitments.accord_files import AccordFile, BadFile
from commitments.actors import Actor
from commitments.importing import items
from commitments.importing.agenda import Happening, agenda, key_at
from commitments.importing.report import At, Entry, Place, Progress, Report, day
from commitments.keys import Rank, key_of
from commitments.models import Assessment, Contribution, Deadline, Evidence, Pause, Position, Trigger
from commitments.operations import Resolution
from commitments.refusals import Refused
from commitments.words import Origin

T = TypeVar("T")
Placed = tuple[Place, T]
Key = tuple[str, str]
MODELS: dict[str, Any] = {
    "deadlines": Deadline,
    "evidence": Evidence,
    "assessments": Assessment,
    "facts": Trigger,
    "pauses": Pause,
    "contributions": Contribution,
    "positions": Position,
}


class History:
    """One load's way through what hangs on the commitments: `rows` by noun, commitment and key; `new` is of this load."""

    def __init__(
        self, file: AccordFile, actor: Actor, report: Report, progress: Progress, now: datetime
    ) -> None:
        self.file = file
        self.actor = actor
        self.report = report
        self.progress = progress
        self.now = now
        self.entries: list[Entry] = file.data["commitments"]
        self.codes = [entry["code"] for entry in self.entries]
        self.rows: dict[str, dict[Key, Any]] = {name: self._known(model) for name, model in MODELS.items()}
        self.judged_by_staff = {
            code for (code, _key), row in self.rows["assessments"].items() if row.origin == Origin.LIVE
        }
        self.new: dict[str, set[Key]] = {name: set() for name in MODELS}
        self.history: dict[str, Any] = {"actor": actor, "origin": Origin.BACKFILL}

    def _known(self, model: Any) -> dict[Key, Any]:
        related = ["commitment", *(["source"] if model in (Evidence,) else [])]
        rows = model.objects.filter(commitment__code__in=self.codes).select_related(*related)
        return {(row.commitment.code, key_of(row)): row for row in rows}

    def tell(self) -> None:
        """Enters everything: evidence and money first, then what happened, and last what was withdrawn."""
        self._attach_evidence()
        self._record_money()
        total = sum(len(entry.get("assessments") or ()) for entry in self.entries)
        done = 0
        for (_after, _turn, rank), happenings in agenda(self.entries):
            self._enter(rank, happenings)
            if rank == Rank.JUDGED:
                done += len(happenings)
                self.progress("assessments", done, total)
        self._withdraw()

    def _enter(self, rank: Rank, happenings: Sequence[Happening]) -> None:
        batches: dict[Rank, Callable[[Sequence[Happening]], None]] = {
            Rank.JUDGED: self._judge,
            Rank.DEADLINE_SET: self._set_deadlines,
            Rank.FACT: self._record_facts,
            Rank.PAUSED: self._pause,
            Rank.STATED: self._state,
        }
        if rank in batches:
            batches[rank](happenings)
            return
        later: dict[Rank, tuple[str, Callable[[Any, Entry], object]]] = {
            Rank.RETRACTED: ("assessments", self._retract),
            Rank.MOVED: ("deadlines", self._move),
            Rank.MET: ("deadlines", self._meet),
            Rank.WAIVED: ("deadlines", self._waive),
            Rank.FACT_WITHDRAWN: ("facts", self._withdraw_fact),
            Rank.RESUMED: ("pauses", self._resume),
            Rank.RESOLVED: ("positions", self._resolve),
        }
        noun, verb = later[rank]
        for happening in happenings:
            row = self._row_of(noun, happening)
            if row is not None:
                with At(self.file, happening.place):
                    verb(row, happening.said)

    def _row_of(self, noun: str, happening: Happening) -> Any:
        """The row that this load brought and that something happened to later; None for one that was there before."""
        code, item = happening.entry["code"], happening.item
        key = key_at(item, int(happening.place[3])) if noun == "assessments" else item["key"]
        for name, starter, relation in (
            ("started_by", "facts", "trigger"),
            ("planned_by", "assessments", "set_by"),
        ):
            if noun == "deadlines" and name in item:
                if (code, item[name]) not in self.new[starter]:
                    return None
                return self._derived(happening, name, self.rows[starter][code, item[name]], relation)
        return self.rows[noun][code, key] if (code, key) in self.new[noun] else None

    def _derived(self, happening: Happening, name: str, starter: Any, relation: str) -> Deadline:
        """The deadline that the record made by itself: the items that name a starter are its deadlines in order."""
        same = [one for one in happening.entry["deadlines"] if one.get(name) == happening.item[name]]
        rows = list(
            Deadline.objects.filter(**{relation: starter}).select_related("commitment").order_by("number")
        )
        place = same.index(happening.item)
        if place >= len(rows):
            raise BadFile(
                self.file.error(happening.place, f"“{happening.item[name]}” has made no such deadline.")
            )
        return rows[place]

    def _batch(
        self, noun: str, orders: Sequence[Placed[T]], verb: Callable[[list[T]], Sequence[Any]]
    ) -> None:
        """Gives all orders at once; when that is refused, one by one, so that the message names the line."""
        if not orders:
            return
        try:
            added = verb([order for _place, order in orders])
        except Refused:
            for place, order in orders:
                with At(self.file, place):
                    verb([order])
            raise
        for row in added:
            key = (row.commitment.code, row.file_key)
            self.rows[noun][key] = row
            self.new[noun].add(key)
        self.report.count(noun, len(added))

    def _differs(self, code: str, what: str) -> None:
        self.report.differences.append(f"{code}: {what} differs from the file")

    def _attach_evidence(self) -> None:
        orders = []
        for index, entry in enumerate(self.entries):
            for place, item in enumerate(entry.get("evidence") or ()):
                code, row = entry["code"], self.rows["evidence"].get((entry["code"], item["key"]))
                if row is None:
                    orders.append((("commitments", index, "evidence", place), items.evidence(code, item)))
                elif (row.source.code, row.act, row.bearing, row.withdrawn_at is not None) != (
                    item["source"],
                    item["act"],
                    item["bearing"],
                    "withdrawn" in item,
                ):
                    self._differs(code, f"evidence {item['key']}")
        self._batch("evidence", orders, lambda batch: operations.attach_evidence(batch, **self.history))
        self.progress("evidence", len(self.entries), len(self.entries))

    def _record_money(self) -> None:
        orders = []
        for index, entry in enumerate(self.entries):
            for number, item in enumerate(entry.get("contributions") or ()):
                place: Place = ("commitments", index, "contributions", number)
                code, row = entry["code"], self.rows["contributions"].get((entry["code"], item["key"]))
                if row is not None:
                    said = (item["stage"], item["currency"], item["day"], "withdrawn" in item)
                    if (row.stage, row.currency, row.day, row.withdrawn_at is not None) != said:
                        self._differs(code, f"contribution {item['key']}")
                    continue
                exhibit = self._named("evidence", code, item.get("evidence"), (*place, "evidence"))
                orders.append((place, items.contribution(code, item, exhibit.number if exhibit else None)))
        self._batch(
            "contributions", orders, lambda batch: operations.record_contributions(batch, **self.history)
        )

    def _named(self, noun: str, code: str, key: str | None, place: Place) -> Any:
        """The row that an item names by its key; None where it names none; raises BadFile when there is none."""
        if not key:
            return None
        row = self.rows[noun].get((code, key))
        if row is None:
            raise BadFile(self.file.error(place, f"{code} has no {noun} with the key “{key}”."))
        return row

    def _withdraw(self) -> None:
        for index, entry in enumerate(self.entries):
            for noun in ("contributions", "evidence"):
                for number, item in enumerate(entry.get(noun) or ()):
                    key = (entry["code"], item["key"])
                    if key not in self.new[noun]:
                        continue
                    row = self.rows[noun][key]
                    with At(self.file, ("commitments", index, noun, number)):
                        if "verified" in item:
                            self._verify(row, item["verified"])
                        if "withdrawn" in item and noun == "evidence":
                            operations.withdraw_evidence(
                                [row.code], why=item["withdrawn"]["why"], **self.history
                            )
                        elif "withdrawn" in item:
                            operations.withdraw_contributions(
                                [row.code], why=item["withdrawn"]["why"], **self.history
                            )

    @staticmethod
    def _verify(row: Evidence, said: Entry) -> None:
        noon = datetime.combine(date.fromisoformat(said["on"]), time(12), timezone.get_current_timezone())
        by = Actor(office=said["by"], is_machine=True)
        operations.verify_evidence([row.code], actor=by, now=noon)

    def _judge(self, happenings: Sequence[Happening]) -> None:
        orders = []
        for happening in happenings:
            code, item, place = happening.entry["code"], happening.item, happening.place
            key = key_at(item, int(place[3]))
            row = self.rows["assessments"].get((code, key))
            if row is not None:
                said = (item["status"], day(item["effective_on"]), item["reason"])
                if (row.status, row.effective_on, row.reason) != said:
                    self._differs(code, f"assessment {key}")
            elif code in self.judged_by_staff:
                self.report.differences.append(
                    f"{code}: assessment {key} was not added, because staff have judged this commitment"
                )
            else:
                numbers = [
                    self._named("evidence", code, name, (*place, "evidence", index)).number
                    for index, name in enumerate(item.get("evidence") or ())
                ]
                orders.append((place, items.judgement(code, key, item, numbers)))
        self._batch(
            "assessments",
            orders,
            lambda batch: operations.enter_judgements(batch, actor=self.actor, now=self.now),
        )

    def _retract(self, row: Assessment, said: Entry) -> None:
        operations.retract_assessments([row.code], why=said["why"], now=self.now, **self.history)

    def _set_deadlines(self, happenings: Sequence[Happening]) -> None:
        orders = []
        for happening in happenings:
            code, item = happening.entry["code"], happening.item
            if "started_by" in item or "planned_by" in item:
                continue
            row = self.rows["deadlines"].get((code, item["key"]))
            if row is None:
                orders.append((happening.place, items.deadline(code, item)))
            elif row.original_edtf != (item.get("edtf") or ""):
                how = row.original_edtf or row.words or "a clock"
                self.report.differences.append(f"{code}: deadline {item['key']} was loaded as {how}")
            elif row.revision < len(item.get("moved") or ()):
                self._differs(code, f"deadline {item['key']}: its moves")
        self._batch("deadlines", orders, lambda batch: operations.set_deadlines(batch, **self.history))

    def _move(self, row: Deadline, said: Entry) -> None:
        operations.move_deadlines(
            {row.code: said["to"]},
            why=said["why"],
            authority=said.get("authority"),
            source=said.get("source"),
            now=self.now,
            **self.history,
        )

    def _meet(self, row: Deadline, said: Entry) -> None:
        when: date | datetime | None = items.instant(said.get("at")) or day(said.get("on"))
        assert when is not None
        operations.meet_deadlines({row.code: when}, why=said.get("why") or "", now=self.now, **self.history)

    def _waive(self, row: Deadline, said: Entry) -> None:
        operations.waive_deadlines([row.code], why=said["why"], source=said.get("source"), **self.history)

    def _record_facts(self, happenings: Sequence[Happening]) -> None:
        orders = []
        for happening in happenings:
            code, item = happening.entry["code"], happening.item
            row = self.rows["facts"].get((code, item["key"]))
            if row is None:
                orders.append((happening.place, items.fact(code, item)))
            elif row.fact != item["fact"]:
                self._differs(code, f"fact {item['key']}")
        self._batch(
            "facts", orders, lambda batch: operations.record_triggers(batch, now=self.now, **self.history)
        )

    def _withdraw_fact(self, row: Trigger, said: Entry) -> None:
        operations.withdraw_triggers([row.code], why=said["why"], now=self.now, **self.history)

    def _pause(self, happenings: Sequence[Happening]) -> None:
        orders = []
        for happening in happenings:
            code, item = happening.entry["code"], happening.item
            row = self.rows["pauses"].get((code, item["key"]))
            if row is None:
                orders.append((happening.place, items.pause(code, item)))
            elif row.from_on.isoformat() != item["from"]:
                self._differs(code, f"pause {item['key']}")
        self._batch("pauses", orders, lambda batch: operations.pause_commitments(batch, **self.history))

    def _resume(self, row: Pause, said: Entry) -> None:
        operations.resume_commitments(
            {row.code: date.fromisoformat(said["on"])},
            why=said["why"],
            shifts_dates=said.get("shifts_dates", False),
            source=said.get("source"),
            now=self.now,
            **self.history,
        )

    def _state(self, happenings: Sequence[Happening]) -> None:
        orders = []
        for happening in happenings:
            code, item, place = happening.entry["code"], happening.item, happening.place
            row = self.rows["positions"].get((code, item["key"]))
            if row is not None:
                if (row.stance, row.text) != (item["stance"], item["text"]):
                    self._differs(code, f"position {item['key']}")
                continue
            of = self._named("assessments", code, item.get("assessment"), (*place, "assessment"))
            orders.append((place, items.position(code, item, of.number if of else None)))
        self._batch("positions", orders, lambda batch: operations.state_positions(batch, **self.history))

    def _resolve(self, row: Position, said: Entry) -> None:
        operations.resolve_positions({row.code: Resolution(said["as"], said["why"])}, **self.history)
