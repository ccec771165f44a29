"""The commitments of an exported file: terms, deadlines, evidence, judgements."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from commitments.actors import loader
from commitments.exporting.course import Course
from commitments.exporting.rows import Wire, filled, iso
from commitments.keys import key_of
from commitments.models import Accord, Commitment, Deadline, Evidence
from commitments.operations.commitments import DETAILS, ROLE_NAMES
from commitments.words import CODEBOOK, ClosedAs, Review

# Beyond it a commitment's rows are read in the next statement, so that an accord of any size fits into memory.
BATCH = 500


def entries(accord: Accord, course: Course) -> list[Wire]:
    """Every commitment of the accord, in the order in which it was listed."""
    rows = (
        Commitment.objects.filter(accord=accord)
        .order_by("pk")
        .select_related("section", "instrument")
        .prefetch_related(
            "participations__party",
            "citations__source",
            "dependencies__on",
            "steps__source",
            "topics",
            "deadlines",
            "evidence__source",
            "assessments__evidence",
        )
    )
    provisions = _linked(Commitment.provisions.through, "provision", accord)
    instruments = _linked(Commitment.related_instruments.through, "instrument", accord)
    return [
        _entry(row, accord, course, provisions.get(row.pk, []), instruments.get(row.pk, []))
        for row in rows.iterator(chunk_size=BATCH)
    ]


def _linked(through: Any, name: str, accord: Accord) -> dict[int, list[str]]:
    """The codes behind a many-to-many relation, in the order in which they were given."""
    found: dict[int, list[str]] = {}
    rows = through.objects.filter(commitment__accord=accord).order_by("pk")
    for key, code in rows.values_list("commitment_id", f"{name}__code"):
        found.setdefault(key, []).append(code)
    return found


def _entry(
    row: Commitment, accord: Accord, course: Course, provisions: list[str], instruments: list[str]
) -> Wire:
    has_verb = row.verb_words and row.verb_source
    evidence = [item for item in row.evidence.all() if item.public_at]
    keys = {item.pk: key_of(item) for item in evidence}
    return filled(
        {
            "code": row.code,
            "title": row.title,
            "summary": row.summary,
            "section": row.section.code,
            "provisions": provisions,
            "instrument": row.instrument.code if row.instrument else None,
            "related_instruments": instruments,
            "kind": row.kind,
            "strength": row.strength,
            "verb": {"words": row.verb_words, "source": row.verb_source} if has_verb else None,
            "provenance": row.provenance,
            "verifiable": None if row.is_verifiable else False,
            "starts_on": iso(row.starts_on) if row.starts_on != accord.signed_on else None,
            "ends": _ends(row),
            "topics": [topic.code for topic in row.topics.all()],
            "dependencies": [{"on": item.on.code, "type": item.type} for item in row.dependencies.all()],
            "steps": [_step(item) for item in row.steps.all()],
            "deadlines": [_deadline(item, course, row.code) for item in row.deadlines.all()],
            "evidence": [_evidence(item, expected) for item, expected in _counted(evidence)],
            "assessments": _assessments(row, course, keys),
            **{name: getattr(row, name) for name in DETAILS},
        }
    ) | {
        "roles": _roles(row),
        "citations": [{"source": item.source.code, "lines": item.lines} for item in row.citations.all()],
    }


def _ends(row: Commitment) -> Wire | None:
    if row.awaits_event:
        return {"on": None, **filled({"condition": row.ends_when})}
    if row.ends_edtf:
        return {"on": row.ends_edtf, **filled({"condition": row.ends_when})}
    return None


def _roles(row: Commitment) -> Wire:
    by_role: dict[str, list[Any]] = {name: [] for name in ROLE_NAMES}
    names = {role: name for name, role in ROLE_NAMES.items()}
    for item in row.participations.all():
        code, name = item.party.code, names[item.role]  # type: ignore[index]
        by_role[name].append(
            filled({"code": code, "source": item.source}) if name == "counterparts" else code
        )
    return filled(by_role)


def _step(item: Any) -> Wire:
    return {
        "label": item.label,
        "on": item.on or None,
        **filled({"source": item.source.code if item.source else None, "locator": item.locator}),
    }


def _deadline(row: Deadline, course: Course, commitment: str) -> Wire:
    code = f"{commitment}-D{row.number}"
    moves, met, after = course.moves.get(code, []), course.met.get(code), course.set_after.get(code, 0)
    authority = row.authority
    was_met = row.closed_as == ClosedAs.MET and row.closed_by_id is None and met is not None
    at_once = was_met and met is not None and not moves and "why" not in met and met.get("after", 0) == after
    if moves:
        authority = course.authority_before.get(code, authority)
    return filled(
        {
            "key": key_of(row),
            "label": row.label,
            "type": row.type,
            "words": row.words,
            "anchor_on": iso(row.anchor_on),
            "edtf": row.original_edtf,
            "duration": row.duration,
            "authority": authority,
            "clock": row.clock,
            "met_on": iso(row.met_on) if at_once else None,
            "after": after or None,
            "moved": moves,
            "met": met if was_met and not at_once else None,
        }
    )


def _counted(rows: Iterable[Any]) -> Iterable[tuple[Any, bool]]:
    """Each row, and whether its number follows from its place."""
    last = 0
    for row in rows:
        yield row, row.number == last + 1
        last = max(last, row.number)


def _evidence(row: Evidence, is_expected: bool) -> Wire:
    return filled(
        {
            "key": key_of(row),
            "number": None if is_expected else row.number,
            "source": row.source.code,
            "locator": row.locator,
            "nature": row.nature,
            "act": row.act,
            "bearing": row.bearing,
            "happened_on": row.happened,
            "quote": row.quote,
            "withdrawn": {"why": row.withdrawn_why} if row.withdrawn_at else None,
        }
    )


def _assessments(row: Commitment, course: Course, keys: dict[int, str]) -> list[Wire]:
    public = [item for item in row.assessments.all() if item.review in (Review.PUBLISHED, Review.RETRACTED)]
    public.sort(key=lambda item: course.published[f"{row.code}-A{item.number}"])
    found = []
    for place, (item, is_expected) in enumerate(_counted(public), 1):
        after = course.retracted_after.get(f"{row.code}-A{item.number}", place)
        found.append(
            filled(
                {
                    "key": None if key_of(item) == f"a{place}" else key_of(item),
                    "number": None if is_expected else item.number,
                    "effective_on": iso(item.effective_on),
                    "status": item.status,
                    "confidence": item.confidence,
                    "reason": item.reason,
                    "language": item.language if item.language != "en" else None,
                    "assessor": item.assessor if item.assessor != loader().office else None,
                    "codebook": item.codebook if item.codebook != CODEBOOK else None,
                    "retracted": filled(
                        {"why": item.retracted_why, "after": after if after != place else None}
                    )
                    if item.review == Review.RETRACTED
                    else None,
                }
            )
            | {"evidence": [keys[exhibit.pk] for exhibit in item.evidence.all() if exhibit.pk in keys]}
        )
    return found
