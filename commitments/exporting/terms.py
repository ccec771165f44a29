"""The commitments of an exported file: their terms, and what hangs on them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from commitments.exporting import attached
from commitments.exporting.course import Course
from commitments.exporting.rows import Wire, filled, iso
from commitments.models import Accord, Commitment
from commitments.operations.registering import DETAILS, ROLE_NAMES

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
            "deadlines__source",
            "deadlines__trigger",
            "deadlines__set_by",
            "triggers__source",
            "pauses__source",
            "evidence__source",
            "contributions__party",
            "contributions__source",
            "contributions__evidence",
            "assessments__evidence",
            "assessments__party",
            "positions__party",
            "positions__source",
            "positions__assessment",
        )
    )
    provisions = _linked(Commitment.provisions.through, "provision", accord)
    instruments = _linked(Commitment.related_instruments.through, "instrument", accord)
    shared = attached.shared_exhibits(accord)
    return [
        _entry(row, accord, course, provisions.get(row.pk, []), instruments.get(row.pk, []), shared)
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
    row: Commitment,
    accord: Accord,
    course: Course,
    provisions: list[str],
    instruments: list[str],
    shared: set[UUID],
) -> Wire:
    has_verb = row.verb_words and row.verb_source
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
            "unverifiable_why": row.unverifiable_why,
            "review_every": row.review_every,
            "starts_on": iso(row.starts_on) if row.starts_on != accord.signed_on else None,
            "ends": _ends(row),
            "topics": [topic.code for topic in row.topics.all()],
            "dependencies": [{"on": item.on.code, "type": item.type} for item in row.dependencies.all()],
            "steps": [_step(item) for item in row.steps.all()],
            "deadlines": attached.deadlines(row, course),
            "facts": attached.facts(row, course),
            "pauses": attached.pauses(row, course),
            "evidence": attached.evidence(row, shared),
            "contributions": attached.contributions(row),
            "assessments": attached.assessments(row, course),
            "positions": attached.positions(row, course),
            **{name: getattr(row, name) for name in DETAILS},
        }
    ) | {
        "roles": _roles(row),
        "citations": [{"source": item.source.code, "lines": item.lines} for item in row.citations.all()],
    }


def _ends(row: Commitment) -> Wire | None:
    if row.ends_edtf:
        return {"on": row.ends_edtf, **filled({"condition": row.ends_when})}
    # A day without a value of its own came with the event on which it ends, which stands among its facts.
    if row.awaits_event or row.ends_on:
        return {"on": None, **filled({"condition": row.ends_when})}
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
