"""Verbs on accords: register one with its parties and parts, and record the sources it is told by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from commitments.actors import Actor
from commitments.deadlines import DateError, parse_window, zone
from commitments.log import append, operation
from commitments.models import (
    Accord,
    AccordParty,
    Instrument,
    Party,
    Provision,
    Section,
    Source,
    Topic,
)
from commitments.models.fields import ADDRESS
from commitments.refusals import Problem, Refused
from commitments.words import EventKind, Nature, Origin


@dataclass(frozen=True, slots=True)
class AccordFacts:
    """What an accord file says about the accord itself; mappings are rows of the models' fields."""

    accord: Mapping[str, Any]
    parties: Sequence[Mapping[str, Any]]
    sections: Sequence[Mapping[str, Any]]
    provisions: Sequence[str] = ()
    topics: Sequence[Mapping[str, Any]] = ()
    instruments: Sequence[Mapping[str, Any]] = field(default_factory=tuple)


@operation
def register_accord(facts: AccordFacts, *, actor: Actor, origin: str = Origin.LIVE) -> Accord:
    """Registers an accord with what surrounds it, or adds to a registered one what is missing; safe to repeat.

    Raises Refused when a time zone is unknown.
    """
    for party in facts.parties:
        if party.get("time_zone"):
            try:
                zone(party["time_zone"])
            except DateError as error:
                raise Refused(Problem("time_zone", "unknown", str(error))) from None
    accord, is_new = Accord.objects.get_or_create(code=facts.accord["code"], defaults=dict(facts.accord))
    actor.require("register", accord)
    for row in facts.parties:
        party_row, _new = Party.objects.get_or_create(
            code=row["code"],
            defaults={"name": row["name"], "kind": row["kind"], "time_zone": row.get("time_zone") or ""},
        )
        if row.get("party"):
            AccordParty.objects.get_or_create(
                accord=accord, party=party_row, defaults={"name_in_accord": row.get("name_in_accord") or {}}
            )
    for position, row in enumerate(facts.sections):
        Section.objects.get_or_create(
            accord=accord, code=row["code"], defaults={"title": row["title"], "position": position}
        )
    for code in facts.provisions:
        Provision.objects.get_or_create(accord=accord, code=code)
    for row in facts.topics:
        Topic.objects.get_or_create(code=row["code"], defaults={"label": row["label"]})
    for row in facts.instruments:
        instrument, _new = Instrument.objects.get_or_create(
            code=row["code"], defaults={name: value for name, value in row.items() if name != "code"}
        )
        instrument.accords.add(accord)
    if is_new:
        append(
            EventKind.ACCORD_REGISTERED,
            accord,
            by=actor.office,
            origin=origin,
            happened_on=accord.signed_on,
            facts={
                "example": accord.is_example,
                "signed_on": accord.signed_on,
                "ends_on": accord.ends_on,
                "parties": [row["code"] for row in facts.parties if row.get("party")],
            },
        )
    return accord


def checked_source(accord: Accord, row: Mapping[str, Any]) -> Source:
    """An unsaved source; raises Refused naming the field that breaks a rule."""
    published, published_on = row.get("published") or "", None
    if published:
        published_on = edtf_day("published", published)
    address = row.get("address") or ""
    if address:
        check_address("address", address)
    if row["nature"] not in Nature.values:
        raise Refused(
            Problem("nature", "unknown", _("“%(word)s” is no nature of a source.") % {"word": row["nature"]})
        )
    return Source(
        accord=accord,
        code=row["code"],
        title=row.get("title") or "",
        author=row.get("author") or "",
        publisher=row.get("publisher") or "",
        published=published,
        published_on=published_on,
        address=address,
        nature=row["nature"],
        language=row.get("language") or "",
        file=row.get("file") or "",
        note=row.get("note") or "",
    )


def edtf_day(name: str, text: str) -> date:
    """The last day of an EDTF value; raises Refused for one that cannot be read or that has no end."""
    try:
        window = parse_window(text)
    except DateError as error:
        raise Refused(Problem(name, "date", str(error))) from None
    if window.last is None:
        raise Refused(
            Problem(
                name, "date", _("“%(text)s” has no end: a date that has happened needs one.") % {"text": text}
            )
        )
    return window.last


def check_address(name: str, address: str) -> None:
    """Raises Refused unless it is a web address: http or https, a host, no user information, 2048 characters at most."""
    try:
        ADDRESS(address)
    except ValidationError as error:
        raise Refused(Problem(name, "address", error.messages[0])) from None
    if len(address) > 2048:
        raise Refused(Problem(name, "address", _("An address has 2048 characters at most.")))


@operation
def record_sources(accord: Accord, rows: Sequence[Mapping[str, Any]], *, actor: Actor) -> list[Source]:
    """Adds the sources whose code the accord does not have yet; returns all of the named ones, in order."""
    actor.require("attach_evidence", accord)
    known = {source.code: source for source in Source.objects.filter(accord=accord)}
    new = [checked_source(accord, row) for row in rows if row["code"] not in known]
    Source.objects.bulk_create(new, batch_size=500)
    known.update({source.code: source for source in new})
    return [known[row["code"]] for row in rows]
