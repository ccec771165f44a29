"""The rows of a file as the verbs want them: the accord with what surrounds it, and the terms of its commitments."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from commitments import operations
from commitments.accord_files import AccordFile
from commitments.actors import Actor
from commitments.importing.report import At, Report, day
from commitments.models import Accord, Commitment
from commitments.operations import AccordFacts, NewCommitment
from commitments.words import Origin


def accord_row(file: AccordFile, today: date, actor: Actor, report: Report) -> Accord:
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
        "signed_on": day(said["signed_on"]),
        "in_effect_on": day(said.get("in_effect_on")),
        "ends_on": day(said.get("ends_on")),
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
    with At(file, ("accord",)):
        accord = operations.register_accord(facts, actor=actor, origin=Origin.BACKFILL)
    report.accord = accord.code
    return accord


def order_of(entry: Mapping[str, Any]) -> NewCommitment:
    return NewCommitment(
        code=entry["code"],
        title=entry["title"],
        summary=entry["summary"],
        section=entry["section"],
        kind=entry["kind"],
        strength=entry["strength"],
        provenance=entry["provenance"],
        starts_on=day(entry.get("starts_on")),
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
        unverifiable_why=entry.get("unverifiable_why") or {},
        review_every=entry.get("review_every") or "",
        details={
            name: entry.get(name)
            for name in ("period", "qualifiers", "amount", "portfolio", "trigger", "rhythm", "cautions")
        },
    )


def compare(row: Commitment, entry: Mapping[str, Any], report: Report) -> None:
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
