"""Orders on evidence: add it, withdraw it, and say that it was compared with its source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from commitments import operations
from commitments.api.writing.body import Field, group, text, word
from commitments.api.writing.orders import Given, Made, Order
from commitments.models import Evidence, Scope
from commitments.operations import NewEvidence
from commitments.words import Act, Bearing, Nature
from tracker.kit.localized import LANGUAGES

_NEW_SOURCE = group(
    "new_source",
    (
        text("title", 500),
        text("publisher", 200),
        text("author", 200),
        text("address", 2048, "http or https."),
        text("published", 40, "EDTF: a day, a month, a year."),
        word("language", LANGUAGES),
    ),
    "A publication that the accord does not have yet: its title or its publisher at least.",
)
FIELDS: tuple[Field, ...] = (
    word("act", Act.values, "What it shows.", required=True),
    word("bearing", Bearing.values, "Which way it points.", required=True),
    word("nature", Nature.values, "What sort of publication it stands in.", required=True),
    text("source", 80, "The code of a publication of the accord; or give `new_source`."),
    _NEW_SOURCE,
    text("locator", 80, "Where in it: a page, a paragraph."),
    text("quote", 300, "A short phrase of it."),
    text("happened", 40, "When the fact happened, EDTF; empty when that is not known."),
)
EXHIBIT = group("exhibit", FIELDS)
EXAMPLE: dict[str, Any] = {
    "act": "action",
    "bearing": "supports",
    "nature": "official",
    "new_source": {
        "title": "Delivery confirmed",
        "publisher": "A ministry",
        "address": "https://ministry.example/delivered",
        "published": "2024-08-01",
    },
    "happened": "2024-08-01",
}


def evidence_of(code: str, body: Mapping[str, Any]) -> NewEvidence:
    """What the body says, as the verb takes it."""
    new_source = body["new_source"]
    return NewEvidence(
        commitment=code,
        act=body["act"],
        bearing=body["bearing"],
        nature=body["nature"],
        source=body["source"] or None,
        new_source=None
        if new_source is None
        else {name: value for name, value in new_source.items() if value} | {"nature": body["nature"]},
        locator=body["locator"],
        quote=body["quote"],
        happened=body["happened"],
    )


def _made(row: Evidence) -> Made:
    if row.withdrawn_at is not None:
        return Made("evidence", row.code, "withdrawn")
    return Made("evidence", row.code, "verified" if row.verified_on else "standing")


def _now(given: Given, found: list[Evidence]) -> Made:
    """How the named row stands; an order that was carried out before has changed nothing and returned nothing."""
    if found:
        return _made(found[0])
    row = Evidence.objects.get(commitment=given.commitment, number=int(given.target.rpartition("-E")[2]))
    row.commitment = given.commitment
    return _made(row)


def _add(given: Given) -> Made:
    (row,) = operations.attach_evidence(
        [evidence_of(given.commitment.code, given.body)], actor=given.actor, version=given.version
    )
    return _made(row)


def _withdraw(given: Given) -> Made:
    found = operations.withdraw_evidence(
        [given.target], actor=given.actor, why=given.body["why"], version=given.version
    )
    return _now(given, found)


def _verify(given: Given) -> Made:
    found = operations.verify_evidence(
        [given.target], actor=given.actor, version=given.version, now=given.now
    )
    return _now(given, found)


ORDERS = (
    Order(
        "add_evidence", "evidence/", Scope.EVIDENCE, "attach_evidence", "evidence", "E",
        "Add evidence; it is public at once", _add, EXAMPLE, FIELDS, 201,
    ),
    Order(
        "withdraw_evidence", "evidence/{number}/withdraw/", Scope.EVIDENCE, "withdraw_evidence", "evidence", "E",
        "Withdraw evidence; it stays visible as withdrawn", _withdraw, {"why": "It is about another matter."},
        (text("why", meaning="Why; it stays in the log, for everybody to read.", required=True),),
    ),
    Order(
        "verify_evidence", "evidence/{number}/verify/", Scope.EVIDENCE, "verify_evidence", "evidence", "E",
        "Say that it was compared with its source, by somebody else than who added it", _verify, {},
    ),
)  # fmt: skip
