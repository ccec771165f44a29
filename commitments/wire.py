"""The wire form of each noun: the REST feed, webhooks and exports share it. Reads in a fixed number of queries.

Codes and values only, no labels, except for the `sentence` of an event, which is in the active language. Texts in
several languages are objects from language to text. Unknown is null. Nothing of a person is ever in here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import quote

import orjson
from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, F, OuterRef, QuerySet
from django.db.models.functions import JSONObject
from django.urls import reverse

from commitments.models import (
    Accord,
    AccordParty,
    Assessment,
    Citation,
    Commitment,
    Deadline,
    Dependency,
    Event,
    Evidence,
    Instrument,
    Note,
    Participation,
    Provision,
    Section,
    Step,
    Topic,
)
from commitments.sentences import sentence
from commitments.standing import plain
from commitments.words import EventKind, Review, Role

Wire: TypeAlias = dict[str, Any]
Rows: TypeAlias = dict[int, list[Wire]]

SOURCE_FIELDS = (
    "code",
    "title",
    "author",
    "publisher",
    "published",
    "published_on",
    "address",
    "nature",
    "language",
    "note",
)
TERMS = ("period", "qualifiers", "amount", "portfolio", "trigger", "rhythm", "cautions")


def site_address(path: str) -> str:
    """The full public address of a path of this site."""
    return f"{settings.SITE_URL}{path}"


def api_address(name: str, *codes: str) -> str:
    """The full address of a resource of the API, by its name in commitments.api.urls."""
    return site_address(reverse(f"api:{name}", args=codes))


def page_address(code: str) -> str:
    """The full address of the public page of a commitment."""
    return site_address(reverse("commitments:commitment", args=[code]))


def _source(row: Mapping[str, Any], prefix: str = "source__") -> Wire:
    return {name: row[prefix + name] or None for name in SOURCE_FIELDS}


def _by_commitment(rows: Iterable[Wire]) -> Rows:
    found: Rows = defaultdict(list)
    for row in rows:
        found[row.pop("commitment_id")].append(row)
    return found


# --- accords


def accords(found: QuerySet[Accord]) -> list[Wire]:
    """Accords with their parties, parts, and how many commitments stand at which status, in four queries."""
    rows = list(found)
    keys = [row.pk for row in rows]
    parties: Rows = defaultdict(list)
    for row in AccordParty.objects.filter(accord__in=keys).values(
        "accord_id", "name_in_accord", "party__code", "party__kind", "party__name", "party__time_zone"
    ):
        parties[row["accord_id"]].append(
            {
                "code": row["party__code"],
                "kind": row["party__kind"],
                "name": row["party__name"],
                "name_in_accord": row["name_in_accord"],
                "time_zone": row["party__time_zone"] or None,
            }
        )
    sections: Rows = defaultdict(list)
    for row in Section.objects.filter(accord__in=keys).values("accord_id", "code", "title"):
        sections[row.pop("accord_id")].append(row)
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for accord, status, number in (
        Commitment.objects.filter(accord__in=keys)
        .values_list("accord_id", "status")
        .annotate(number=Count("pk"))
        .order_by("accord_id", "status")
    ):
        counts[accord][status] = number
    return [
        {
            "code": row.code,
            "url": api_address("accord", row.code),
            "page": site_address(reverse("commitments:accord", args=[row.slug])),
            "slug": row.slug,
            "example": row.is_example,
            "names": row.names,
            "short_names": row.short_names,
            "about": row.about,
            "address": row.address or None,
            "place": row.place,
            "signed_on": row.signed_on,
            "in_effect_on": row.in_effect_on,
            "ends_on": row.ends_on,
            "four_eyes": row.four_eyes,
            "binding": row.is_binding,
            "languages": row.languages,
            "prevailing_language": row.prevailing_language or None,
            "parties": parties[row.pk],
            "sections": sections[row.pk],
            "commitments": {"total": sum(counts[row.pk].values()), "by_status": counts[row.pk]},
            "commitments_url": f"{api_address('commitments')}?accord={quote(row.code)}",
            "events_url": f"{api_address('events')}?accord={quote(row.code)}",
        }
        for row in rows
    ]


# --- commitments


def _terms_of(found: QuerySet[Commitment], now: datetime) -> list[Wire]:
    """One query: the rows, where they stand, and the lists of codes that hang on them."""
    me = OuterRef("pk")
    fields: QuerySet[Commitment, Wire] = found.standing_at(now).values(  # type: ignore[attr-defined]
        "pk",
        "code",
        "title",
        "summary",
        "kind",
        "strength",
        "verb_words",
        "verb_source",
        "provenance",
        "is_verifiable",
        "is_counted",
        "starts_on",
        "ends_on",
        "ends_edtf",
        "ends_when",
        "awaits_event",
        *TERMS,
        "status",
        "status_on",
        "timeliness",
        "upkeep",
        "due_at",
        "due_authority",
        "version",
        "changed_at",
        "accord__code",
        "accord__is_example",
        "section__code",
        "section__title",
        "instrument__code",
        provision_codes=ArraySubquery(
            Provision.objects.filter(commitments=me).order_by("code").values("code")
        ),
        topic_codes=ArraySubquery(Topic.objects.filter(commitments=me).order_by("code").values("code")),
        instrument_codes=ArraySubquery(
            Instrument.objects.filter(
                pk__in=Commitment.related_instruments.through.objects.filter(
                    commitment_id=OuterRef(OuterRef("pk"))
                ).values("instrument_id")
            )
            .order_by("code")
            .values("code")
        ),
        participants=ArraySubquery(
            Participation.objects.filter(commitment=me)
            .order_by("id")
            .values(wire=JSONObject(role="role", code="party__code", name="party__name", source="source"))
        ),
        leans_on=ArraySubquery(
            Dependency.objects.filter(commitment=me)
            .order_by("id")
            .values(wire=JSONObject(on="on__code", type="type"))
        ),
    )
    return list(fields)


def _deadlines_of(keys: Sequence[int], codes: Mapping[int, str], now: datetime) -> Rows:
    rows = []
    for row in (
        Deadline.objects.filter(commitment__in=keys)
        .order_by("commitment_id", "number")
        .values(
            "commitment_id",
            "number",
            "label",
            "type",
            "authority",
            "clock",
            "words",
            "anchor_on",
            "edtf",
            "duration",
            "first_on",
            "last_on",
            "opens_at",
            "due_at",
            "original_edtf",
            "original_due_at",
            "revision",
            "met_on",
            "closed_as",
            "closed_at",
        )
    ):
        is_open = row["closed_at"] is None
        rows.append(
            {
                "commitment_id": row["commitment_id"],
                "code": f"{codes[row['commitment_id']]}-D{row['number']}",
                "label": row["label"],
                "type": row["type"],
                "authority": row["authority"],
                "clock": row["clock"],
                "words": row["words"] or None,
                "anchor_on": row["anchor_on"],
                "edtf": row["edtf"] or None,
                "duration": row["duration"] or None,
                "first_on": row["first_on"],
                "last_on": row["last_on"],
                "opens_at": row["opens_at"],
                "due_at": row["due_at"],
                "original_edtf": row["original_edtf"] or None,
                "original_due_at": row["original_due_at"],
                "revision": row["revision"],
                "open": is_open,
                # Not the scan's mark: true also while no worker runs, and it accuses nobody of being late.
                "passed_at": row["due_at"] if is_open and row["due_at"] and row["due_at"] <= now else None,
                "met_on": row["met_on"],
                "closed_as": row["closed_as"] or None,
                "closed_at": row["closed_at"],
            }
        )
    return _by_commitment(rows)


def _sources_of(keys: Sequence[int]) -> Rows:
    rows = (
        Citation.objects.filter(commitment__in=keys)
        .order_by("commitment_id", "source__code")
        .values("commitment_id", "lines", *(f"source__{name}" for name in SOURCE_FIELDS))
    )
    return _by_commitment(
        {"commitment_id": row["commitment_id"], **_source(row), "lines": row["lines"]} for row in rows
    )


def _evidence_of(keys: Sequence[int], codes: Mapping[int, str]) -> Rows:
    rows = (
        Evidence.objects.public()
        .filter(commitment__in=keys)
        .order_by("commitment_id", "number")
        .values(
            "commitment_id",
            "number",
            "locator",
            "quote",
            "nature",
            "act",
            "bearing",
            "happened",
            "happened_on",
            "origin",
            "public_at",
            "withdrawn_at",
            "withdrawn_why",
            *(f"source__{name}" for name in SOURCE_FIELDS),
        )
    )
    return _by_commitment(
        {
            "commitment_id": row["commitment_id"],
            "code": f"{codes[row['commitment_id']]}-E{row['number']}",
            "nature": row["nature"],
            "act": row["act"],
            "bearing": row["bearing"],
            "happened": row["happened"] or None,
            "happened_on": row["happened_on"],
            "source": _source(row),
            "locator": row["locator"] or None,
            "quote": row["quote"] or None,
            "origin": row["origin"],
            "public_at": row["public_at"],
            "withdrawn_at": row["withdrawn_at"],
            "withdrawn_why": row["withdrawn_why"] or None,
        }
        for row in rows
    )


def _assessments_of(keys: Sequence[int], codes: Mapping[int, str]) -> Rows:
    """The public judgements, the current one first; withdrawn ones stay, with the reason."""
    exhibits = Evidence.objects.public().filter(assessments=OuterRef("pk")).order_by("number")
    rows = (
        Assessment.objects.public()
        .filter(commitment__in=keys)
        .order_by("commitment_id", "-effective_on", "-published_at", "-number")
        .values(
            "commitment_id",
            "number",
            "status",
            "effective_on",
            "reason",
            "language",
            "confidence",
            "assessor",
            "codebook",
            "origin",
            "published_at",
            "retracted_at",
            "retracted_why",
            "review",
            exhibits=ArraySubquery(exhibits.values("number")),
        )
    )
    wired = []
    for row in rows:
        code = codes[row["commitment_id"]]
        wired.append(
            {
                "code": f"{code}-A{row.pop('number')}",
                "evidence": [f"{code}-E{number}" for number in row.pop("exhibits")],
                **row,
                "retracted_why": row["retracted_why"] or None,
            }
        )
    return _by_commitment(wired)


def _steps_of(keys: Sequence[int]) -> Rows:
    rows = (
        Step.objects.filter(commitment__in=keys)
        .order_by("commitment_id", "position", "id")
        .values("commitment_id", "label", "on", "happened_on", "locator", "source__code")
    )
    return _by_commitment(
        {
            "commitment_id": row["commitment_id"],
            "label": row["label"],
            "on": row["on"] or None,
            "happened_on": row["happened_on"],
            "source": row["source__code"],
            "locator": row["locator"] or None,
        }
        for row in rows
    )


def commitments(found: QuerySet[Commitment], now: datetime, *, history: bool = False) -> list[Wire]:
    """Commitments as they stand at `now` (UTC), in six queries whatever their number.

    With `history`, every public judgement too, also retracted ones; else the current one alone.
    """
    rows = _terms_of(found, now)
    keys = [row["pk"] for row in rows]
    codes = {row["pk"]: row["code"] for row in rows}
    deadlines, sources = _deadlines_of(keys, codes, now), _sources_of(keys)
    evidence, assessments = _evidence_of(keys, codes), _assessments_of(keys, codes)
    steps = _steps_of(keys)
    return [
        _commitment(row, now)
        | {
            "deadlines": deadlines[row["pk"]],
            "sources": sources[row["pk"]],
            "evidence": evidence[row["pk"]],
            "assessment": next(
                (one for one in assessments[row["pk"]] if one["review"] == Review.PUBLISHED), None
            ),
            "steps": steps[row["pk"]],
        }
        | ({"assessments": assessments[row["pk"]]} if history else {})
        for row in rows
    ]


def _commitment(row: Wire, now: datetime) -> Wire:
    by_role: dict[str, list[Wire]] = {role: [] for role in Role.values}
    for one in row["participants"]:
        by_role[one["role"]].append(
            {"code": one["code"], "name": one["name"], "source": one["source"] or None}
        )
    has_verb = row["verb_words"] or row["verb_source"]
    return {
        "code": row["code"],
        "accord": row["accord__code"],
        "url": api_address("commitment", row["code"]),
        "page": page_address(row["code"]),
        "example": row["accord__is_example"],
        "title": row["title"],
        "summary": row["summary"],
        "section": {"code": row["section__code"], "title": row["section__title"]},
        "provisions": row["provision_codes"],
        "instrument": row["instrument__code"],
        "related_instruments": row["instrument_codes"],
        "kind": row["kind"],
        "strength": row["strength"],
        "verb": {"words": row["verb_words"] or None, "source": row["verb_source"] or None}
        if has_verb
        else None,
        "provenance": row["provenance"],
        "topics": row["topic_codes"],
        "parties": by_role,
        "verifiable": row["is_verifiable"],
        "counted": row["is_counted"],
        "starts_on": row["starts_on"],
        "ends_on": row["ends_on"],
        "ends_edtf": row["ends_edtf"] or None,
        "ends_when": row["ends_when"] or None,
        "awaits_event": row["awaits_event"],
        **{name: row[name] for name in TERMS},
        "status": row["status"],
        "status_on": row["status_on"],
        "timeliness": row["timeliness"],
        "upkeep": row["upkeep"],
        "plain": plain(row["status"], row["timeliness"], row["kind"]),
        "as_of": now,
        "due_at": row["due_at"],
        "due_authority": row["due_authority"] or None,
        "dependencies": row["leans_on"],
        "version": row["version"],
        "changed_at": row["changed_at"],
    }


# --- events


def cursor_of(seq: int, hashed: str) -> str:
    """The place after an event, SEQ-hash8: a foreign or restored log is noticed by it."""
    return f"{seq}-{hashed[:8]}"


def _change(kind: str, facts: Mapping[str, Any]) -> tuple[Any, Any]:
    """What stood before and what stands after, where the event says so."""
    if kind == EventKind.DEADLINE_MOVED:
        return facts["before"], {name: facts.get(name) for name in ("edtf", "due_at", "authority")}
    return facts.get("before"), facts.get("after")


def events(found: QuerySet[Event]) -> list[Wire]:
    """Events in the order of the queryset, in two queries; the sentence is in the active language."""
    rows = list(
        found.values(
            "seq",
            "at",
            "kind",
            "origin",
            "by",
            "happened_on",
            "crossed_at",
            "note_digest",
            "body",
            "prev_hash",
            "hash",
            accord_code=F("accord__code"),
            is_example=F("accord__is_example"),
            commitment_code=F("commitment__code"),
        )
    )
    digests = [row["note_digest"] for row in rows if row["note_digest"]]
    notes = {note.digest: note for note in Note.objects.filter(digest__in=digests)} if digests else {}
    return [_event(row, notes.get(row["note_digest"])) for row in rows]


def _event(row: Wire, note: Note | None) -> Wire:
    facts = orjson.loads(row["body"])["facts"]
    before, after = _change(row["kind"], facts)
    is_redacted = note is not None and note.redacted_at is not None
    return {
        "seq": row["seq"],
        "cursor": cursor_of(row["seq"], row["hash"]),
        "at": row["at"],
        "kind": row["kind"],
        "origin": row["origin"],
        "accord": row["accord_code"],
        "commitment": row["commitment_code"],
        "example": row["is_example"],
        "happened_on": row["happened_on"],
        "crossed_at": row["crossed_at"],
        "by": row["by"] or None,
        "sentence": sentence(row["kind"], facts),
        "before": before,
        "after": after,
        "note": note.text if note and not is_redacted else None,
        "note_language": note.language if note and not is_redacted else None,
        "note_salt": note.salt if note and not is_redacted else None,
        "note_digest": row["note_digest"] or None,
        "note_redacted": is_redacted,
        "body": row["body"],
        "prev_hash": row["prev_hash"],
        "hash": row["hash"],
    }
