"""What hangs on a commitment of an exported file: deadlines, facts, pauses, evidence, money, judgements, positions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count
from django.utils.translation import gettext as _

from commitments.actors import loader
from commitments.exporting.course import Course
from commitments.exporting.rows import Wire, filled, iso
from commitments.keys import key_of
from commitments.log import stamp
from commitments.models import Accord, Commitment, Deadline, Evidence
from commitments.money import plain_text
from commitments.refusals import refuse
from commitments.words import CODEBOOK, Bound, ClosedAs, Effect, Review


def _instant(instant: datetime | None) -> str | None:
    return stamp(instant) if instant else None


def _counted(rows: Iterable[Any]) -> Iterable[tuple[Any, int | None]]:
    """Each row, and its number where that does not follow from its place."""
    last = 0
    for row in rows:
        yield row, None if row.number == last + 1 else row.number
        last = max(last, row.number)


def deadlines(row: Commitment, course: Course) -> list[Wire]:
    """The deadlines as they were set, with what became of them.

    Those that a fact or a judgement made stand there only where something became of one of them.
    """
    rows = list(row.deadlines.all())
    made = [item for item in rows if item.trigger_id or item.set_by_id]
    is_told = any(_later(item, course, row.code) for item in made)
    return [
        _made(item, course, row.code) if item in made else _deadline(item, course, row.code)
        for item in rows
        if is_told or item not in made
    ]


def _later(row: Deadline, course: Course, commitment: str) -> Wire:
    """What became of a deadline by itself: what a judgement closed or opened again, a load will close and open."""
    later = dict(course.later.get(f"{commitment}-D{row.number}", {}))
    if row.closed_as != ClosedAs.MET or row.closed_by_id is not None:
        later = {name: item for name, item in later.items() if name not in {"met", "met_on"}}
    return filled(later)


def _made(row: Deadline, course: Course, commitment: str) -> Wire:
    starter = {"started_by": key_of(row.trigger)} if row.trigger else {}
    if row.set_by:
        starter = {"planned_by": key_of(row.set_by)}
    return {"key": key_of(row), **starter, **_later(row, course, commitment)}


def _deadline(row: Deadline, course: Course, commitment: str) -> Wire:
    code = f"{commitment}-D{row.number}"
    first = course.first[code]
    return filled(
        {
            "key": key_of(row),
            "label": row.label,
            "type": row.type,
            "words": row.words,
            "anchor_on": iso(row.anchor_on),
            "edtf": row.original_edtf,
            "duration": row.duration,
            "authority": first["authority"],
            "clock": row.clock,
            "source": first.get("source"),
            "occurs_on": iso(row.occurs_on),
            **course.placed[code],
            **_later(row, course, commitment),
        }
    )


def facts(row: Commitment, course: Course) -> list[Wire]:
    """The facts that are public; raises Refused for one whose instants are partly confidential."""
    public = [item for item in row.triggers.all() if item.public_at]
    found = []
    for item, number in _counted(public):
        code = f"{row.code}-T{item.number}"
        if item.hidden:
            raise refuse(
                "facts",
                "confidential",
                _("%(code)s keeps instants confidential, and a file would lose or tell them.")
                % {"code": code},
            )
        found.append(
            filled(
                {
                    "key": key_of(item),
                    "number": number,
                    "fact": item.fact,
                    "effect": item.effect if item.effect != Effect.STARTS else None,
                    "happened_at": _instant(item.happened_at),
                    "sent_at": _instant(item.sent_at),
                    "received_at": _instant(item.received_at),
                    "source": item.source.code if item.source else None,
                    "note": item.note,
                    **course.placed[code],
                    **course.later.get(code, {}),
                }
            )
        )
    return found


def pauses(row: Commitment, course: Course) -> list[Wire]:
    """The pauses as they were recorded, with their end."""
    return [
        filled(
            {
                "key": key_of(item),
                "from": iso(item.from_on),
                "until": course.first[f"{row.code}-P{item.number}"]["until_on"],
                "reason": item.reason,
                "source": item.source.code if item.source else None,
                **course.placed[f"{row.code}-P{item.number}"],
                **course.later.get(f"{row.code}-P{item.number}", {}),
            }
        )
        for item in row.pauses.all()
    ]


def shared_exhibits(accord: Accord) -> set[UUID]:
    """The pieces of evidence that stand at more than one commitment."""
    rows = Evidence.objects.public().filter(commitment__accord=accord).order_by()
    return set(
        rows.values("exhibit").annotate(n=Count("pk")).filter(n__gt=1).values_list("exhibit", flat=True)
    )


def evidence(row: Commitment, shared: set[UUID]) -> list[Wire]:
    """The public evidence; what was withdrawn stands there with the reason."""
    public = [item for item in row.evidence.all() if item.public_at]
    return [
        filled(
            {
                "key": key_of(item),
                "number": number,
                "source": item.source.code,
                "locator": item.locator,
                "nature": item.nature,
                "act": item.act,
                "bearing": item.bearing,
                "happened_on": item.happened,
                "quote": item.quote,
                "exhibit": str(item.exhibit) if item.exhibit in shared else None,
                "verified": {"on": iso(item.verified_on), "by": item.verified_by}
                if item.verified_on
                else None,
                "withdrawn": {"why": item.withdrawn_why} if item.withdrawn_at else None,
            }
        )
        for item, number in _counted(public)
    ]


def contributions(row: Commitment) -> list[Wire]:
    """The money, each sum as text."""
    return [
        filled(
            {
                "key": key_of(item),
                "stage": item.stage,
                "amount": plain_text(item.amount) if item.amount is not None else None,
                "amount_low": plain_text(item.amount_low) if item.amount is None else None,
                "amount_high": plain_text(item.amount_high) if item.amount is None else None,
                "currency": item.currency,
                "bound": item.bound if item.bound != Bound.EXACT else None,
                "day": item.day,
                "party": item.party.code if item.party else None,
                "source": item.source.code,
                "evidence": key_of(item.evidence) if item.evidence else None,
                "locator": item.locator,
                "note": item.note,
                "language": item.language if item.language != "en" else None,
                "withdrawn": {"why": item.withdrawn_why} if item.withdrawn_at else None,
            }
        )
        for item in row.contributions.all()
    ]


def assessments(row: Commitment, course: Course) -> list[Wire]:
    """The public judgements in the order of their publication; retracted ones stand there with the reason."""
    public = [item for item in row.assessments.all() if item.review in (Review.PUBLISHED, Review.RETRACTED)]
    public.sort(key=lambda item: course.published[f"{row.code}-A{item.number}"])
    keys = {item.pk: key_of(item) for item in row.evidence.all() if item.public_at}
    found = []
    for place, (item, number) in enumerate(_counted(public), 1):
        key = key_of(item)
        said = {
            "key": None if key == f"a{place}" else key,
            "number": number,
            "effective_on": iso(item.effective_on),
            "status": item.status,
            "party": item.party.code if item.party else None,
            "confidence": item.confidence,
            "reason": item.reason,
            "language": item.language if item.language != "en" else None,
            "assessor": item.assessor if item.assessor != loader().office else None,
            "codebook": item.codebook if item.codebook != CODEBOOK else None,
            **course.later.get(f"{row.code}-A{item.number}", {}),
        }
        found.append(
            filled(said)
            | {"evidence": [keys[exhibit.pk] for exhibit in item.evidence.all() if exhibit.pk in keys]}
        )
    return found


def positions(row: Commitment, course: Course) -> list[Wire]:
    """What the parties say of the record, with how it was resolved."""
    found = []
    for item in row.positions.all():
        code = f"{row.code}-S{item.number}"
        found.append(
            filled(
                {
                    "key": key_of(item),
                    "party": item.party.code,
                    "stance": item.stance,
                    "text": item.text,
                    "language": item.language if item.language != "en" else None,
                    "source": item.source.code,
                    "locator": item.locator,
                    "stated_on": iso(item.stated_on),
                    "assessment": key_of(item.assessment) if item.assessment else None,
                    **course.placed[code],
                    **course.later.get(code, {}),
                }
            )
        )
    return found
