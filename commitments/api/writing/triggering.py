"""Orders on the facts that bring a duty to life or end it: record, make public, withdraw."""

from __future__ import annotations

from commitments import operations
from commitments.api.writing.body import flag, instant, many, text, word
from commitments.api.writing.orders import Given, Made, Order
from commitments.models import Scope, Trigger
from commitments.operations import NewTrigger
from commitments.operations.triggers import INSTANTS
from commitments.words import Effect


def _made(row: Trigger) -> Made:
    if row.withdrawn_at is not None:
        return Made("trigger", row.code, "withdrawn")
    return Made("trigger", row.code, "public" if row.public_at else "confidential")


def _record(given: Given) -> Made:
    body = given.body
    order = NewTrigger(
        commitment=given.commitment.code,
        fact=body["fact"],
        happened_at=body["happened_at"],
        sent_at=body["sent_at"],
        received_at=body["received_at"],
        effect=body["effect"] or Effect.STARTS,
        hidden=body["hidden"],
        is_confidential=body["is_confidential"],
        source=body["source"] or None,
        note=body["note"],
    )
    (row,) = operations.record_triggers([order], actor=given.actor, version=given.version, now=given.now)
    return _made(row)


def _publish(given: Given) -> Made:
    found = operations.publish_triggers(
        [given.target], actor=given.actor, version=given.version, now=given.now
    )
    # One that is public already stays as it is.
    return _made(found[0]) if found else Made("trigger", given.target, "public")


def _withdraw(given: Given) -> Made:
    (row,) = operations.withdraw_triggers(
        [given.target], actor=given.actor, why=given.body["why"], version=given.version, now=given.now
    )
    return _made(row)


ORDERS = (
    Order(
        "record_trigger", "triggers/", Scope.TRIGGERS, "record_trigger", "trigger", "T",
        "Record a fact that the terms wait for, or one that ends the duty", _record,
        {"fact": "request", "happened_at": "2025-03-29T18:00:00Z"},
        (
            text("fact", 40, "Its code in the terms; any word for an end.", required=True),
            instant("happened_at", required=True), instant("sent_at"), instant("received_at"),
            word("effect", Effect.values, "starts, unless told."),
            many("hidden", word("", INSTANTS), "The instants that stay confidential."),
            flag("is_confidential", "Keep the whole fact with the staff for now."),
            text("source", 80, "The code of the publication of the accord in which it stands."),
            text("note", meaning="Public with the fact."),
        ),
        201,
    ),
    Order(
        "publish_trigger", "triggers/{number}/publish/", Scope.TRIGGERS, "record_trigger", "trigger", "T",
        "Make a confidential fact public; the duty binds from its true instant on", _publish, {},
    ),
    Order(
        "withdraw_trigger", "triggers/{number}/withdraw/", Scope.TRIGGERS, "record_trigger", "trigger", "T",
        "Withdraw a fact that was recorded wrongly", _withdraw, {"why": "It was no request."},
        (text("why", meaning="Why; it stays in the log, for everybody to read.", required=True),),
    ),
)  # fmt: skip
