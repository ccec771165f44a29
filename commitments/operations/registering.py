"""The verb that registers commitments with their terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from commitments import standing
from commitments.actors import Actor
from commitments.deadlines import DateError, occurrences, parse_period, parse_window
from commitments.log import append, operation
from commitments.models import (
    Accord,
    Citation,
    Commitment,
    Dependency,
    Instrument,
    Participation,
    Party,
    Provision,
    Section,
    Source,
    Step,
    Topic,
)
from commitments.operations.finding import store_words
from commitments.operations.keeping import set_course, zones_of
from commitments.operations.storing import save_rows
from commitments.operations.targets import check_insides, checked_target, told_target
from commitments.refusals import Problem, Refused, refuse
from commitments.wordings import keep_wordings, terms_digest
from commitments.words import UNCOUNTED_STRENGTHS, EventKind, Kind, Origin, Role
from tracker.kit.localized import check_localized


@dataclass(frozen=True, slots=True)
class NewCommitment:
    """The terms of a commitment, by codes; texts are localized mappings, dates are dates or EDTF where said."""

    code: str
    title: Mapping[str, str]
    summary: Mapping[str, str]
    section: str
    kind: str
    strength: str
    provenance: str
    starts_on: date | None = None
    ends: Mapping[str, Any] | None = None
    provisions: Sequence[str] = ()
    instrument: str | None = None
    related_instruments: Sequence[str] = ()
    verb: Mapping[str, str] | None = None
    roles: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    topics: Sequence[str] = ()
    citations: Sequence[Mapping[str, Any]] = ()
    dependencies: Sequence[Mapping[str, str]] = ()
    steps: Sequence[Mapping[str, Any]] = ()
    is_verifiable: bool = True
    unverifiable_why: Mapping[str, str] = field(default_factory=dict)
    review_every: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


ROLE_NAMES = {
    "bound": Role.BOUND,
    "beneficiaries": Role.BENEFICIARY,
    "counterparts": Role.COUNTERPART,
    "attributed_to": Role.ATTRIBUTED_TO,
}
DETAILS = ("period", "qualifiers", "amount", "portfolio", "trigger", "rhythm", "cautions")


class Known(dict[str, Any]):
    """Rows by code; asking for an unknown code is a refusal that names the field."""

    def __init__(self, name: str, rows: Any) -> None:
        super().__init__({row.code: row for row in rows})
        self.name = name

    def __missing__(self, code: str) -> Any:
        raise refuse(
            self.name, "unknown", _("There is no %(what)s “%(code)s”.") % {"what": self.name, "code": code}
        )


def _ends(order: NewCommitment) -> dict[str, Any]:
    if not order.ends:
        return {}
    on, words = order.ends.get("on"), order.ends.get("condition") or ""
    if on is None:
        return {"ends_when": words, "awaits_event": True}
    try:
        window = parse_window(on)
    except DateError as error:
        raise Refused(Problem("ends.on", "date", str(error))) from None
    return {"ends_on": window.last, "ends_edtf": on, "ends_when": words}


def is_counted(kind: str, strength: str, is_verifiable: bool, is_bound: bool) -> bool:
    """Whether it counts in percentages: bound to somebody, verifiable, and more than a declaration or a recital."""
    return is_verifiable and is_bound and kind != Kind.BASELINE and strength not in UNCOUNTED_STRENGTHS


def bound_by(order: NewCommitment) -> list[str]:
    """The codes of the parties that it binds."""
    return sorted(item if isinstance(item, str) else item["code"] for item in order.roles.get("bound", ()))


@operation
def register_commitments(
    accord: Accord, orders: Sequence[NewCommitment], *, actor: Actor, origin: str = Origin.LIVE
) -> list[Commitment]:
    """Registers new commitments of an accord, in the order given; raises Refused naming field and rule."""
    actor.require("register", accord)
    sections = Known("section", Section.objects.filter(accord=accord))
    provisions = Known("provision", Provision.objects.filter(accord=accord))
    sources = Known("source", Source.objects.filter(accord=accord))
    instruments = Known("instrument", Instrument.objects.all())
    parties = Known("party", Party.objects.all())
    topics = Known("topic", Topic.objects.all())
    taken = set(
        Commitment.objects.filter(code__in=[order.code for order in orders]).values_list("code", flat=True)
    )
    rows: list[Commitment] = []
    for order in orders:
        if order.code in taken:
            raise refuse("code", "taken", _("There already is a commitment %(code)s.") % {"code": order.code})
        taken.add(order.code)
        for name, text in (("title", order.title), ("summary", order.summary)):
            try:
                check_localized(text)
            except ValidationError as error:
                raise refuse(name, "text", f"{order.code}: {error.messages[0]}") from None
        row = Commitment(
            accord=accord,
            code=order.code,
            title=dict(order.title),
            summary=dict(order.summary),
            section=sections[order.section],
            instrument=instruments[order.instrument] if order.instrument else None,
            kind=order.kind,
            strength=order.strength,
            verb_words=(order.verb or {}).get("words") or "",
            verb_source=(order.verb or {}).get("source") or "",
            provenance=order.provenance,
            is_verifiable=order.is_verifiable,
            unverifiable_why=dict(order.unverifiable_why),
            review_every=order.review_every,
            is_counted=is_counted(order.kind, order.strength, order.is_verifiable, bool(bound_by(order))),
            starts_on=order.starts_on or accord.signed_on,
            **_ends(order),
            **{name: value for name, value in order.details.items() if name in DETAILS and value is not None},
        )
        check_rules(row)
        row.amount = checked_target(order.code, row.amount, accord)
        if row.ends_on and row.ends_on < row.starts_on:
            raise refuse("ends", "order", _("%(code)s ends before it begins.") % {"code": order.code})
        try:
            row.clean_fields(exclude=["accord", "section", "instrument"])
        except ValidationError as error:
            raise Refused(
                *(
                    Problem(name, "invalid", f"{order.code}: {message}")
                    for name, messages in error.message_dict.items()
                    for message in messages
                )
            ) from None
        rows.append(row)
    Commitment.objects.bulk_create(rows, batch_size=500)
    by_code = {row.code: row for row in rows}
    _relate(orders, by_code, accord, provisions, sources, instruments, parties, topics)
    zones = zones_of(rows)
    for row in rows:
        set_course(row, [], standing.Judgement(), zones.get(row.pk, []))
    save_rows(rows, ["turns_at", "turns_timeliness", "turns_upkeep"])
    store_words(rows)
    keep_wordings(rows)
    for order in orders:
        row = by_code[order.code]
        append(
            EventKind.COMMITMENT_REGISTERED,
            accord,
            row,
            by=actor.office,
            origin=origin,
            happened_on=row.starts_on,
            facts={
                "kind": row.kind,
                "strength": row.strength,
                "provenance": row.provenance,
                "section": order.section,
                "starts_on": row.starts_on,
                "ends_on": row.ends_on,
                "awaits_event": row.awaits_event,
                "bound": bound_by(order),
                "counted": row.is_counted,
                "verifiable": row.is_verifiable,
                "zones": sorted(set(zones.get(row.pk, []))),
                "target": told_target(row.amount),
                "terms": terms_digest(row),
            },
        )
    return rows


def check_rules(row: Commitment) -> None:
    """Raises Refused for a rhythm, an interval or a trigger that could not be followed."""
    try:
        if row.review_every:
            parse_period(row.review_every)
        rule = (row.rhythm or {}).get("rule")
        if rule:
            occurrences(rule, row.starts_on, row.starts_on)
    except DateError as error:
        name = "review_every" if row.review_every and "period" in str(error) else "rhythm.rule"
        raise refuse(name, "date", f"{row.code}: {error}") from None
    if row.trigger:
        codes = [item.get("code") for item in row.trigger.get("facts", ())]
        counted = row.trigger.get("clock_from")
        if not codes or not all(codes) or len(set(codes)) < len(codes):
            text = _("%s: a trigger names its facts, each by a code of its own.") % row.code
            raise refuse("trigger.facts", "required", text)
        if counted and counted not in codes:
            text = _("%(code)s: “%(fact)s” is none of the facts of its trigger.")
            raise refuse("trigger.clock_from", "unknown", text % {"code": row.code, "fact": counted})
        if row.trigger.get("runs_from") not in (None, "received", "sent", "happened"):
            text = _("%s: a clock runs from what was received, sent or happened.") % row.code
            raise refuse("trigger.runs_from", "unknown", text)


def _relate(
    orders: Sequence[NewCommitment],
    by_code: dict[str, Commitment],
    accord: Accord,
    provisions: Known,
    sources: Known,
    instruments: Known,
    parties: Known,
    topics: Known,
) -> None:
    """Inserts what hangs on the commitments: one statement per sort of row."""
    others = Known("commitment", Commitment.objects.filter(accord=accord))
    participations, citations, dependencies, steps = [], [], [], []
    through: dict[Any, list[Any]] = {
        Commitment.provisions.through: [],
        Commitment.topics.through: [],
        Commitment.related_instruments.through: [],
    }
    for order in orders:
        row = by_code[order.code]
        for name, role in ROLE_NAMES.items():
            for item in order.roles.get(name, ()):
                code, source = (
                    (item, "") if isinstance(item, str) else (item["code"], item.get("source") or "")
                )
                participations.append(
                    Participation(commitment=row, party=parties[code], role=role, source=source)
                )
        for item in order.citations:
            citations.append(
                Citation(commitment=row, source=sources[item["source"]], lines=list(item.get("lines") or []))
            )
        for item in order.dependencies:
            dependencies.append(Dependency(commitment=row, on=others[item["on"]], type=item["type"]))
        for position, item in enumerate(order.steps):
            steps.append(_step(row, position, item, sources))
        for model, name, known, codes in (
            (Commitment.provisions.through, "provision", provisions, order.provisions),
            (Commitment.topics.through, "topic", topics, order.topics),
            (Commitment.related_instruments.through, "instrument", instruments, order.related_instruments),
        ):
            through[model].extend(
                model(commitment_id=row.pk, **{f"{name}_id": known[code].pk}) for code in dict.fromkeys(codes)
            )
    Participation.objects.bulk_create(participations, batch_size=1000)
    Citation.objects.bulk_create(citations, batch_size=1000)
    Dependency.objects.bulk_create(dependencies, batch_size=1000)
    Step.objects.bulk_create(steps, batch_size=1000)
    for model, links in through.items():
        model.objects.bulk_create(links, batch_size=1000)
    _no_cycle(accord)
    check_insides(accord, by_code.values())


def _step(row: Commitment, position: int, item: Mapping[str, Any], sources: Known) -> Step:
    on = item.get("on") or ""
    happened_on = None
    if on:
        try:
            happened_on = parse_window(on).last
        except DateError as error:
            raise refuse("steps.on", "date", f"{row.code}: {error}") from None
    return Step(
        commitment=row,
        position=position,
        label=dict(item["label"]),
        on=on,
        happened_on=happened_on,
        source=sources[item["source"]] if item.get("source") else None,
        locator=item.get("locator") or "",
    )


def _no_cycle(accord: Accord) -> None:
    """Raises Refused when hard or part_of dependencies of the accord lead back to where they began."""
    edges: dict[str, list[str]] = {}
    rows = Dependency.objects.filter(commitment__accord=accord, type__in=["hard", "part_of"])
    for start, end in rows.values_list("commitment__code", "on__code"):
        edges.setdefault(start, []).append(end)
    done: set[str] = set()
    for start in edges:
        path: list[str] = []
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            code, leaving = stack.pop()
            if leaving:
                path.pop()
                done.add(code)
                continue
            if code in path:
                circle = " → ".join([*path[path.index(code) :], code])
                raise refuse(
                    "dependencies", "cycle", _("These depend on each other in a circle: %s.") % circle
                )
            if code in done:
                continue
            path.append(code)
            stack.append((code, True))
            stack.extend((other, False) for other in edges.get(code, ()))
