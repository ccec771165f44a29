"""The wire form of commitments: the terms, where they stand, and everything that hangs on them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject

from commitments.models import (
    Commitment,
    Dependency,
    Evidence,
    Instrument,
    Participation,
    Provision,
    Topic,
)
from commitments.standing import plain
from commitments.wire.addresses import Wire, api_address, page_address
from commitments.wire.attachments import (
    CITATIONS,
    DEADLINES,
    EXHIBITS,
    JUDGEMENTS,
    STEPS,
    citation_of,
    deadline_of,
    exhibit_of,
    judgement_of,
    step_of,
)
from commitments.wire.clocks import PAUSES, TRIGGERS, pause_of, trigger_of
from commitments.wire.money import CONTRIBUTIONS, POSITIONS, contribution_of, money_of, position_of
from commitments.words import DependencyType, Review, Role
from tracker.kit.batch import Ready, ask

Shape = Callable[[Wire, str, datetime], Wire]
# What hangs on a commitment: how it is read, and the wire form of a row.
READ: Mapping[str, tuple[Ready, Shape]] = {
    "deadlines": (DEADLINES, deadline_of),
    "sources": (CITATIONS, citation_of),
    "evidence": (EXHIBITS, exhibit_of),
    "triggers": (TRIGGERS, trigger_of),
    "pauses": (PAUSES, pause_of),
    "steps": (STEPS, step_of),
    "contributions": (CONTRIBUTIONS, contribution_of),
    "positions": (POSITIONS, position_of),
    "assessments": (JUDGEMENTS, judgement_of),
}
PARTS = (
    "deadlines",
    "sources",
    "evidence",
    "assessment",
    "shares",
    "triggers",
    "pauses",
    "steps",
    "money",
    "contributions",
    "positions",
)
# What is made from something else that hangs there.
FROM = {"assessment": "assessments", "shares": "assessments", "money": "contributions"}
ROLES = tuple(Role.values)
TERMS = ("period", "qualifiers", "amount", "portfolio", "trigger", "rhythm", "cautions")


def _terms_of(found: QuerySet[Commitment], now: datetime) -> QuerySet[Commitment, Wire]:
    """The rows, where they stand, and the lists of codes that hang on them."""
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
        "unverifiable_why",
        "review_every",
        "triggered_at",
        "is_counted",
        "starts_on",
        "ends_on",
        "ends_edtf",
        "ends_when",
        "awaits_event",
        *TERMS,
        "contested",
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
        part_codes=ArraySubquery(
            Dependency.objects.filter(on=me, type=DependencyType.PART_OF)
            .order_by("commitment__code")
            .values("commitment__code")
        ),
        leans_on=ArraySubquery(
            Dependency.objects.filter(commitment=me)
            .order_by("id")
            .values(wire=JSONObject(on="on__code", type="type"))
        ),
        evidence_number=Subquery(
            Evidence.objects.public()
            .filter(commitment=me, withdrawn_at__isnull=True)
            .order_by()
            .values("commitment")
            .annotate(number=Count("pk"))
            .values("number"),
            output_field=IntegerField(),
        ),
    )
    return fields


TERMS_OF = Ready(lambda keys, now: _terms_of(Commitment.objects.filter(pk__in=keys), now))


def commitments(
    found: QuerySet[Commitment], now: datetime, *, history: bool = False, parts: Collection[str] = PARTS
) -> list[Wire]:
    """Commitments as they stand at `now` (UTC), in two queries whatever their number and their parts.

    With `history`, every public judgement too, also retracted ones; else the current one alone.
    """
    keys = list(found.values_list("pk", flat=True))
    needed = {FROM.get(name, name) for name in parts} | ({"assessments"} if history else set())
    names = [name for name in READ if name in needed]
    terms, *others = ask([TERMS_OF, *(READ[name][0] for name in names)], keys, now)
    by_key = {row["pk"]: row for row in terms}
    told = {key: _commitment(by_key[key], now) for key in keys if key in by_key}
    for name, rows in zip(names, others, strict=True):
        shape = READ[name][1]
        for one in told.values():
            one[name] = []
        for row in rows:
            one = told[row["commitment_id"]]
            one[name].append(shape(row, one["code"], now))
    for one in told.values():
        if "money" in parts:
            one["money"] = money_of(one["amount"], one["contributions"])
        if "assessments" in needed:
            current = _current(one["assessments"])
            one["assessment"] = current.get(None)
            one["shares"] = [
                _share(party, share)
                for party, share in sorted(current.items(), key=lambda item: item[0] or "")
                if party is not None
            ]
            if not history:
                del one["assessments"]
    return list(told.values())


def _share(party: str, judged: Wire) -> Wire:
    return {
        "party": party,
        "status": judged["status"],
        "status_on": judged["effective_on"],
        "assessment": judged["code"],
    }


def _parts(row: Wire) -> Wire | None:
    """What it is made of: how many parts are expected, and the entries that are listed as such; None: no parts."""
    if not row["portfolio"] and not row["part_codes"]:
        return None
    portfolio = row["portfolio"] or {}
    listed = len(row["part_codes"]) or portfolio.get("listed", 0)
    return {"expected": portfolio.get("expected"), "listed": listed, "codes": row["part_codes"]}


def _current(assessments: list[Wire]) -> dict[str | None, Wire]:
    """The judgement in force of the whole (None) and of each party's share; they come the latest first."""
    found: dict[str | None, Wire] = {}
    for one in assessments:
        if one["review"] == Review.PUBLISHED:
            found.setdefault(one["party"], one)
    return found


def _commitment(row: Wire, now: datetime) -> Wire:
    by_role: dict[str, list[Wire]] = {role: [] for role in ROLES}
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
        "unverifiable_why": row["unverifiable_why"] or None,
        "counted": row["is_counted"],
        "starts_on": row["starts_on"],
        "ends_on": row["ends_on"],
        "ends_edtf": row["ends_edtf"] or None,
        "ends_when": row["ends_when"] or None,
        "awaits_event": row["awaits_event"],
        "triggered_at": row["triggered_at"],
        "review_every": row["review_every"] or None,
        "parts": _parts(row),
        **{name: row[name] for name in TERMS},
        "contested": row["contested"],
        "status": row["status"],
        "status_on": row["status_on"],
        "timeliness": row["timeliness"],
        "upkeep": row["upkeep"],
        "plain": plain(row["status"], row["timeliness"], row["kind"]),
        "as_of": now,
        "known_at": None,
        "corrected_since": False,
        "due_at": row["due_at"],
        "due_authority": row["due_authority"] or None,
        "dependencies": row["leans_on"],
        "evidence_count": row["evidence_number"] or 0,
        "version": row["version"],
        "changed_at": row["changed_at"],
    }
