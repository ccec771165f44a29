"""Loading an accord file through the verbs: all or nothing, as history, and safe to repeat.

A second load adds what is missing, reports what differs, and changes nothing that staff have judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from commitments import operations
from commitments.accord_files import AccordFile, BadFile, FileError, check, read, resolve
from commitments.actors import Actor, loader
from commitments.log import operation
from commitments.models import Accord, Assessment, Commitment, Deadline, Evidence, Source
from commitments.operations import AccordFacts, Judgement, NewCommitment, NewDeadline, NewEvidence
from commitments.refusals import Refused
from commitments.words import Origin

Progress = Callable[[str, int, int], None]
Entries = list[dict[str, Any]]


@dataclass(slots=True)
class Report:
    """What a load did: how many rows it added by noun, and where the file and the record differ."""

    accord: str = ""
    added: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    def count(self, noun: str, number: int = 1) -> None:
        """Adds to the number of new rows of a noun."""
        self.added[noun] = self.added.get(noun, 0) + number


def load_accord(path: Path, *, today: date, progress: Progress = lambda *_args: None) -> Report:
    """Loads a file on a day (relative dates count from the day of its first load); raises BadFile, changes nothing then."""
    file = read(path)
    accord = file.data.get("accord")
    if isinstance(accord, dict):
        if accord.get("example") and settings.IS_PRODUCTION:
            raise BadFile(
                file.error(("accord", "example"), _("A fictional accord is never loaded in production."))
            )
        known = Accord.objects.filter(code=str(accord.get("code") or "")).first()
        file.data = resolve(file.data, known.loaded_on if known else today)
    check(file)
    return _load(file, today, progress)


@operation
def _load(file: AccordFile, today: date, progress: Progress) -> Report:
    report = Report()
    actor = loader()
    with connection.cursor() as cursor:
        # One load at a time, and a lock that no other verb takes: staff and loads wait for rows only.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('load_accord'))")
    accord = _load_accord_row(file, today, actor, report)
    progress("accord", 1, 1)
    sources = file.data["sources"]
    before = Source.objects.filter(accord=accord).count()
    with _At(file, ("sources",)):
        operations.record_sources(accord, sources, actor=actor)
    report.count("sources", Source.objects.filter(accord=accord).count() - before)
    progress("sources", len(sources), len(sources))
    entries: list[dict[str, Any]] = file.data["commitments"]
    known = {row.code: row for row in Commitment.objects.filter(accord=accord).select_related("section")}
    new = [(index, entry) for index, entry in enumerate(entries) if entry["code"] not in known]
    for entry in entries:
        if entry["code"] in known:
            _compare(known[entry["code"]], entry, report)
    with _At(file, ("commitments",)):
        operations.register_commitments(
            accord, [_order(entry) for _index, entry in new], actor=actor, origin=Origin.BACKFILL
        )
    report.count("commitments", len(new))
    progress("commitments", len(entries), len(entries))
    for stage, work in (("deadlines", _deadlines), ("evidence", _evidence)):
        with _At(file, ("commitments",)):
            report.count(stage, work(entries, actor, report))
        progress(stage, len(entries), len(entries))
    _assessments(file, entries, actor, report, progress)
    # What had passed before it was entered is history, too: the clock must not tell it as news.
    while operations.mark_what_has_passed(timezone.now(), accord=accord, origin=Origin.BACKFILL):
        continue
    return report


class _At:
    """Turns a verb's refusal into an error of the file, with its line."""

    def __init__(self, file: AccordFile, path: tuple[str | int, ...]) -> None:
        self.file = file
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Refused):
            name = self.file.name(self.path)
            raise BadFile(
                *(
                    FileError(self.file.line(self.path), f"{name}.{p.field}" if p.field else name, p.message)
                    for p in error.problems
                )
            ) from None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _load_accord_row(file: AccordFile, today: date, actor: Actor, report: Report) -> Accord:
    said = file.data["accord"]
    row: dict[str, Any] = {
        "code": said["code"],
        "slug": said["slug"],
        "is_example": said.get("example", False),
        "names": said["names"],
        "short_names": said["short_names"],
        "about": said.get("about") or {},
        "address": said.get("address") or "",
        "place": said.get("place") or {},
        "signed_on": _day(said["signed_on"]),
        "in_effect_on": _day(said.get("in_effect_on")),
        "ends_on": _day(said.get("ends_on")),
        "four_eyes": said.get("four_eyes", True),
        "is_binding": said.get("binding", False),
        "languages": said.get("languages") or [],
        "prevailing_language": said.get("prevailing_language") or "",
        "facts": said.get("facts") or {},
        "loaded_on": today,
    }
    existing = Accord.objects.filter(code=row["code"]).first()
    if existing is None:
        report.count("accords")
    else:
        for name, value in row.items():
            if name != "loaded_on" and getattr(existing, name) != value:
                report.differences.append(f"accord {existing.code}: {name} differs from the file")
    facts = AccordFacts(
        accord=row,
        parties=file.data["parties"],
        sections=file.data["sections"],
        provisions=[item["code"] for item in file.data.get("provisions", [])],
        topics=file.data.get("topics", []),
        instruments=[
            {
                "code": item["code"],
                "name": item["name"],
                "short_name": item.get("short_name") or {},
                "type": item["type"],
                "dates": item.get("dates") or [],
                "parties": item.get("parties") or [],
                "sources": item.get("sources") or [],
                "note": item.get("note") or "",
            }
            for item in file.data.get("instruments", [])
        ],
    )
    with _At(file, ("accord",)):
        accord = operations.register_accord(facts, actor=actor, origin=Origin.BACKFILL)
    report.accord = accord.code
    return accord


def _order(entry: Mapping[str, Any]) -> NewCommitment:
    return NewCommitment(
        code=entry["code"],
        title=entry["title"],
        summary=entry["summary"],
        section=entry["section"],
        kind=entry["kind"],
        strength=entry["strength"],
        provenance=entry["provenance"],
        starts_on=_day(entry.get("starts_on")),
        ends=entry.get("ends"),
        provisions=entry.get("provisions") or (),
        instrument=entry.get("instrument"),
        related_instruments=entry.get("related_instruments") or (),
        verb=entry.get("verb"),
        roles=entry.get("roles") or {},
        topics=entry.get("topics") or (),
        citations=entry.get("citations") or (),
        dependencies=entry.get("dependencies") or (),
        steps=entry.get("steps") or (),
        is_verifiable=entry.get("verifiable", True),
        details={
            name: entry.get(name)
            for name in ("period", "qualifiers", "amount", "portfolio", "trigger", "rhythm", "cautions")
        },
    )


def _compare(row: Commitment, entry: Mapping[str, Any], report: Report) -> None:
    said = {
        "title": entry["title"],
        "summary": entry["summary"],
        "kind": entry["kind"],
        "strength": entry["strength"],
        "provenance": entry["provenance"],
        "cautions": entry.get("cautions") or [],
        "verb_words": (entry.get("verb") or {}).get("words") or "",
    }
    for name, value in said.items():
        if getattr(row, name) != value:
            report.differences.append(f"{row.code}: {name} differs from the file")
    if row.section.code != entry["section"]:
        report.differences.append(
            f"{row.code}: section is {row.section.code}, in the file {entry['section']}"
        )


def _deadlines(entries: Entries, actor: Actor, report: Report) -> int:
    known = {
        (row.commitment.code, row.file_key): row
        for row in Deadline.objects.filter(commitment__code__in=[entry["code"] for entry in entries])
        .exclude(file_key="")
        .select_related("commitment")
    }
    orders = []
    for entry in entries:
        for item in entry.get("deadlines") or ():
            row = known.get((entry["code"], item["key"]))
            if row is None:
                orders.append(
                    NewDeadline(
                        commitment=entry["code"],
                        label=item["label"],
                        type=item["type"],
                        authority=item["authority"],
                        clock=item["clock"],
                        edtf=item.get("edtf") or "",
                        duration=item.get("duration") or "",
                        words=item.get("words") or "",
                        anchor_on=_day(item.get("anchor_on")),
                        met_on=_day(item.get("met_on")),
                        file_key=item["key"],
                    )
                )
            elif row.original_edtf != (item.get("edtf") or ""):
                report.differences.append(
                    f"{entry['code']}: deadline {item['key']} was loaded as {row.original_edtf or 'a clock'}"
                )
    if orders:
        operations.set_deadlines(orders, actor=actor, origin=Origin.BACKFILL)
    return len(orders)


def _evidence(entries: Entries, actor: Actor, report: Report) -> int:
    known = {
        (row.commitment.code, row.file_key): row
        for row in Evidence.objects.filter(commitment__code__in=[entry["code"] for entry in entries])
        .exclude(file_key="")
        .select_related("source", "commitment")
    }
    orders = []
    for entry in entries:
        for item in entry.get("evidence") or ():
            row = known.get((entry["code"], item["key"]))
            if row is None:
                orders.append(
                    NewEvidence(
                        commitment=entry["code"],
                        act=item["act"],
                        bearing=item["bearing"],
                        nature=item["nature"],
                        source=item["source"],
                        locator=item.get("locator") or "",
                        quote=item.get("quote") or "",
                        happened=item.get("happened_on") or "",
                        file_key=item["key"],
                    )
                )
            elif (row.source.code, row.act, row.bearing) != (item["source"], item["act"], item["bearing"]):
                report.differences.append(f"{entry['code']}: evidence {item['key']} differs from the file")
    if orders:
        operations.attach_evidence(orders, actor=actor, origin=Origin.BACKFILL)
    return len(orders)


def _assessments(
    file: AccordFile, entries: Entries, actor: Actor, report: Report, progress: Progress
) -> None:
    """Drafts and publishes in rounds, the first judgement of every commitment, then the second, and so on."""
    codes = [entry["code"] for entry in entries]
    known: dict[str, dict[str, Assessment]] = {code: {} for code in codes}
    judged_by_staff: set[str] = set()
    for row in Assessment.objects.filter(commitment__code__in=codes).select_related("commitment"):
        known[row.commitment.code][row.file_key] = row
        if row.origin == Origin.LIVE:
            judged_by_staff.add(row.commitment.code)
    numbers = {
        (code, key): number
        for code, key, number in Evidence.objects.filter(commitment__code__in=codes)
        .exclude(file_key="")
        .values_list("commitment__code", "file_key", "number")
    }
    done, total = 0, sum(len(entry.get("assessments") or ()) for entry in entries)
    for turn in range(max((len(entry.get("assessments") or ()) for entry in entries), default=0)):
        for index, entry in enumerate(entries):
            if turn >= len(entry.get("assessments") or ()):
                continue
            item, code, key = entry["assessments"][turn], entry["code"], f"a{turn + 1}"
            loaded = known[code].get(key)
            done += 1
            progress("assessments", done, total)
            if loaded is not None:
                said = (item["status"], _day(item["effective_on"]), item["reason"])
                if (loaded.status, loaded.effective_on, loaded.reason) != said:
                    report.differences.append(f"{code}: assessment {key} differs from the file")
            elif code in judged_by_staff:
                report.differences.append(
                    f"{code}: assessment {key} was not added, because staff have judged this commitment"
                )
            else:
                judgement = Judgement(
                    commitment=code,
                    status=item["status"],
                    effective_on=date.fromisoformat(item["effective_on"]),
                    reason=item["reason"],
                    confidence=item["confidence"],
                    evidence=[numbers[code, name] for name in item.get("evidence") or ()],
                    file_key=key,
                )
                with _At(file, ("commitments", index, "assessments", turn)):
                    drafted = operations.draft_assessments([judgement], actor=actor, origin=Origin.BACKFILL)
                    operations.publish_assessments([drafted[0].code], actor=actor)
                report.count("assessments")
