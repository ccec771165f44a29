"""What happened to the commitments of a file, entered in the order in which it happened.

A file tells the course of each commitment by rounds: what stands `after: 2` happened when two of its judgements had
been published. All commitments go through a round together, so that the verbs take long lists.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import Any, TypeVar

from commitments import operations
from commitments.accord_files import AccordFile, BadFile
from commitments.actors import Actor
from commitments.importing.report import At, Entry, Place, Progress, Report, day
from commitments.keys import key_of
from commitments.log import operation
from commitments.models import Assessment, Deadline, Evidence
from commitments.operations import Judgement, NewDeadline, NewEvidence
from commitments.refusals import Refused
from commitments.words import Origin

T = TypeVar("T")
Item = tuple[Place, Entry, Entry]
Placed = tuple[Place, T]


def _after(item: Entry, default: int = 0) -> int:
    return int(item.get("after", default))


class History:
    """One load's way through deadlines, evidence and judgements."""

    def __init__(self, file: AccordFile, actor: Actor, report: Report, progress: Progress) -> None:
        self.file = file
        self.actor = actor
        self.report = report
        self.progress = progress
        self.entries: list[Entry] = file.data["commitments"]
        codes = [entry["code"] for entry in self.entries]
        self.deadlines = self._known(Deadline, codes)
        self.evidence = self._known(Evidence, codes)
        self.assessments = self._known(Assessment, codes)
        self.judged_by_staff = {
            code for (code, _key), row in self.assessments.items() if row.origin == Origin.LIVE
        }
        self.is_new: set[tuple[str, str]] = set()

    @staticmethod
    def _known(model: Any, codes: list[str]) -> dict[tuple[str, str], Any]:
        related = ["commitment", "source"] if model is Evidence else ["commitment"]
        rows = model.objects.filter(commitment__code__in=codes).select_related(*related)
        return {(row.commitment.code, key_of(row)): row for row in rows}

    def _items(self, name: str) -> Iterator[Item]:
        for index, entry in enumerate(self.entries):
            for place, item in enumerate(entry.get(name) or ()):
                yield ("commitments", index, name, place), entry, item

    def tell(self) -> None:
        """Enters everything, round by round."""
        self._attach_evidence()
        judgements: dict[int, list[Item]] = defaultdict(list)
        for item in self._items("assessments"):
            judgements[int(item[0][3]) + 1].append(item)
        afters = [_after(item) for _place, _entry, item in self._items("deadlines")]
        afters += [
            _after(said, default)
            for name in ("deadlines", "assessments")
            for place, _entry, item in self._items(name)
            for default, said in self._later(item, int(place[3]) + 1)
        ]
        done, total = 0, sum(len(items) for items in judgements.values())
        for turn in range(max([0, *judgements, *afters]) + 1):
            self._judge(judgements[turn])
            done += len(judgements[turn])
            if judgements[turn]:
                self.progress("assessments", done, total)
            # A retraction opens what its judgement had closed, so that it comes before what was done to deadlines.
            self._retract(turn)
            self._deadlines(turn)
        self._withdraw()

    @staticmethod
    def _later(item: Entry, place: int) -> Iterator[tuple[int, Entry]]:
        for said in item.get("moved") or ():
            yield 0, said
        for name, default in (("met", 0), ("retracted", place)):
            if item.get(name):
                yield default, item[name]

    def _batch(self, orders: Sequence[Placed[T]], verb: Callable[[list[T]], Any]) -> Any:
        """Gives all orders at once; when that is refused, one by one, so that the message names the line."""
        if not orders:
            return []
        try:
            return verb([order for _place, order in orders])
        except Refused:
            for place, order in orders:
                with At(self.file, place):
                    verb([order])
            with At(self.file, orders[0][0]):
                return verb([order for _place, order in orders])

    def _attach_evidence(self) -> None:
        orders: list[Placed[NewEvidence]] = []
        for place, entry, item in self._items("evidence"):
            code, row = entry["code"], self.evidence.get((entry["code"], item["key"]))
            if row is None:
                orders.append((place, _evidence(code, item)))
            elif (row.source.code, row.act, row.bearing) != (item["source"], item["act"], item["bearing"]):
                self.report.differences.append(f"{code}: evidence {item['key']} differs from the file")
            elif row.withdrawn_at is None and item.get("withdrawn"):
                self.report.differences.append(
                    f"{code}: evidence {item['key']} is withdrawn in the file only"
                )
        added = self._batch(
            orders,
            lambda batch: operations.attach_evidence(batch, actor=self.actor, origin=Origin.BACKFILL),
        )
        for row in added:
            self.evidence[row.commitment.code, row.file_key] = row
            self.is_new.add((row.commitment.code, row.file_key))
        self.report.count("evidence", len(added))
        self.progress("evidence", len(self.entries), len(self.entries))

    def _withdraw(self) -> None:
        for place, entry, item in self._items("evidence"):
            if item.get("withdrawn") and (entry["code"], item["key"]) in self.is_new:
                row = self.evidence[entry["code"], item["key"]]
                with At(self.file, place):
                    operations.withdraw_evidence(
                        [row.code], actor=self.actor, why=item["withdrawn"]["why"], origin=Origin.BACKFILL
                    )

    def _deadlines(self, turn: int) -> None:
        orders: list[Placed[NewDeadline]] = []
        for place, entry, item in self._items("deadlines"):
            code, row = entry["code"], self.deadlines.get((entry["code"], item["key"]))
            if row is None and _after(item) == turn:
                orders.append((place, _deadline(code, item)))
            elif (
                row is not None
                and turn == 0
                and (row.original_edtf, row.revision)
                != (item.get("edtf") or "", len(item.get("moved") or ()))
            ):
                self._report_deadline(code, item, row)
        added = self._batch(
            orders,
            lambda batch: operations.set_deadlines(batch, actor=self.actor, origin=Origin.BACKFILL),
        )
        for row in added:
            self.deadlines[row.commitment.code, row.file_key] = row
            self.is_new.add((row.commitment.code, row.file_key))
        self.report.count("deadlines", len(added))
        if turn == 0:
            self.progress("deadlines", len(self.entries), len(self.entries))
        for place, entry, item in self._items("deadlines"):
            if (entry["code"], item["key"]) in self.is_new:
                self._what_became_of_it(turn, place, self.deadlines[entry["code"], item["key"]].code, item)

    def _report_deadline(self, code: str, item: Entry, row: Deadline) -> None:
        if row.original_edtf != (item.get("edtf") or ""):
            how = row.original_edtf or "a clock"
            self.report.differences.append(f"{code}: deadline {item['key']} was loaded as {how}")
        else:
            self.report.differences.append(
                f"{code}: deadline {item['key']} was moved {row.revision} times, in the file "
                f"{len(item.get('moved') or ())} times"
            )

    def _what_became_of_it(self, turn: int, place: Place, code: str, item: Entry) -> None:
        for number, move in enumerate(item.get("moved") or ()):
            if _after(move) == turn:
                with At(self.file, (*place, "moved", number)):
                    operations.move_deadlines(
                        {code: move["to"]},
                        actor=self.actor,
                        why=move["why"],
                        authority=move.get("authority"),
                        origin=Origin.BACKFILL,
                    )
        met = item.get("met")
        if met and _after(met) == turn:
            with At(self.file, (*place, "met")):
                operations.meet_deadlines(
                    {code: date.fromisoformat(met["on"])},
                    actor=self.actor,
                    why=met.get("why") or "",
                    origin=Origin.BACKFILL,
                )

    def _judge(self, items: Iterable[Item]) -> None:
        orders: list[Placed[Judgement]] = []
        for place, entry, item in items:
            code, key = entry["code"], item.get("key") or f"a{int(place[3]) + 1}"
            row = self.assessments.get((code, key))
            if row is not None:
                said = (item["status"], day(item["effective_on"]), item["reason"])
                if (row.status, row.effective_on, row.reason) != said:
                    self.report.differences.append(f"{code}: assessment {key} differs from the file")
            elif code in self.judged_by_staff:
                self.report.differences.append(
                    f"{code}: assessment {key} was not added, because staff have judged this commitment"
                )
            else:
                orders.append((place, self._judgement(place, code, key, item)))
        drafted = self._batch(orders, self._publish)
        for row in drafted:
            self.assessments[row.commitment.code, row.file_key] = row
            self.is_new.add((row.commitment.code, f"judgement {row.file_key}"))
        self.report.count("assessments", len(drafted))

    @operation
    def _publish(self, judgements: list[Judgement]) -> list[Assessment]:
        drafted = operations.draft_assessments(judgements, actor=self.actor, origin=Origin.BACKFILL)
        return operations.publish_assessments([row.code for row in drafted], actor=self.actor)

    def _judgement(self, place: Place, code: str, key: str, item: Entry) -> Judgement:
        numbers = []
        for index, name in enumerate(item.get("evidence") or ()):
            row = self.evidence.get((code, name))
            if row is None:
                raise BadFile(
                    self.file.error(
                        (*place, "evidence", index), f"{code} has no evidence with the key “{name}”."
                    )
                )
            numbers.append(row.number)
        return Judgement(
            commitment=code,
            status=item["status"],
            effective_on=date.fromisoformat(item["effective_on"]),
            reason=item["reason"],
            confidence=item["confidence"],
            evidence=numbers,
            language=item.get("language") or "en",
            assessor=item.get("assessor") or "",
            codebook=item.get("codebook") or "",
            number=item.get("number"),
            file_key=key,
        )

    def _retract(self, turn: int) -> None:
        for place, entry, item in self._items("assessments"):
            said, own = item.get("retracted"), int(place[3]) + 1
            key = item.get("key") or f"a{own}"
            if not said or (entry["code"], f"judgement {key}") not in self.is_new:
                continue
            if max(own, _after(said, own)) == turn:
                with At(self.file, place):
                    operations.retract_assessments(
                        [self.assessments[entry["code"], key].code],
                        actor=self.actor,
                        why=said["why"],
                        origin=Origin.BACKFILL,
                    )


def _evidence(code: str, item: Entry) -> NewEvidence:
    return NewEvidence(
        commitment=code,
        act=item["act"],
        bearing=item["bearing"],
        nature=item["nature"],
        source=item["source"],
        locator=item.get("locator") or "",
        quote=item.get("quote") or "",
        happened=item.get("happened_on") or "",
        number=item.get("number"),
        file_key=item["key"],
    )


def _deadline(code: str, item: Entry) -> NewDeadline:
    return NewDeadline(
        commitment=code,
        label=item["label"],
        type=item["type"],
        authority=item["authority"],
        clock=item["clock"],
        edtf=item.get("edtf") or "",
        duration=item.get("duration") or "",
        words=item.get("words") or "",
        anchor_on=day(item.get("anchor_on")),
        met_on=day(item.get("met_on")),
        file_key=item["key"],
    )
