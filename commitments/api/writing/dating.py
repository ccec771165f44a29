"""Orders on deadlines and pauses: set, move, extend, meet and waive; pause and resume."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from commitments import operations
from commitments.api.writing.body import Field, day, flag, instant, text, texts, word
from commitments.api.writing.orders import Given, Made, Order
from commitments.models import Deadline, Pause, Scope
from commitments.operations import NewDeadline, NewPause
from commitments.refusals import refuse
from commitments.words import Authority, Clock, DeadlineType

WHY = text("why", meaning="Why; it stays in the log, for everybody to read.", required=True)
SOURCE = text("source", 80, "The code of the publication of the accord in which it stands.")
EDTF = "EDTF: 2025-11-16, 2025-11, 2025-23 (autumn), 2025-10-01/2025-10-15."


def _made(row: Deadline) -> Made:
    return Made("deadline", row.code, row.closed_as or "open")


def _made_pause(row: Pause) -> Made:
    return Made("pause", row.code, "running" if row.resumed_at is None else "ended")


def _set(given: Given) -> Made:
    body = given.body
    order = NewDeadline(
        commitment=given.commitment.code,
        label={language: said for language, said in body["label"].items() if said},
        type=body["type"],
        authority=body["authority"],
        clock=body["clock"],
        edtf=body["edtf"],
        duration=body["duration"],
        words=body["words"],
        anchor_on=body["anchor_on"],
        source=body["source"] or None,
    )
    (row,) = operations.set_deadlines([order], actor=given.actor, version=given.version)
    return _made(row)


def _moved(given: Given, authority: str | None) -> Made:
    found = operations.move_deadlines(
        {given.target: given.body["edtf"]},
        actor=given.actor,
        why=given.body["why"],
        authority=authority,
        source=given.body["source"] or None,
        version=given.version,
        now=given.now,
    )
    # The same date by the same authority is no move.
    return _made(found[0]) if found else Made("deadline", given.target, "open")


def _move(given: Given) -> Made:
    return _moved(given, given.body["authority"])


def _extend(given: Given) -> Made:
    if not given.body["source"]:
        raise refuse("source", "required", _("An extension that the parties agreed needs its source."))
    return _moved(given, Authority.AGREED)


def _meet(given: Given) -> Made:
    on, at = given.body["met_on"], given.body["met_at"]
    if (on is None) == (at is None):
        raise refuse("met_on", "one", _("Give either the day (met_on) or the instant (met_at)."))
    (row,) = operations.meet_deadlines(
        {given.target: at or on},
        actor=given.actor,
        why=given.body["why"],
        version=given.version,
        now=given.now,
    )
    return _made(row)


def _waive(given: Given) -> Made:
    (row,) = operations.waive_deadlines(
        [given.target],
        actor=given.actor,
        why=given.body["why"],
        source=given.body["source"] or None,
        version=given.version,
    )
    return _made(row)


def _pause(given: Given) -> Made:
    body = given.body
    order = NewPause(
        given.commitment.code, body["from_on"], body["reason"], body["until_on"], body["source"] or None
    )
    (row,) = operations.pause_commitments([order], actor=given.actor, version=given.version)
    return _made_pause(row)


def _resume(given: Given) -> Made:
    (row,) = operations.resume_commitments(
        {given.target: given.body["until_on"]},
        actor=given.actor,
        why=given.body["why"],
        shifts_dates=given.body["shifts_dates"],
        source=given.body["source"] or None,
        version=given.version,
        now=given.now,
    )
    return _made_pause(row)


def _on_deadline(
    name: str, path: str, verb: str, summary: str, give: Any, example: dict[str, Any], *fields: Field
) -> Order:
    return Order(
        name, f"deadlines/{{number}}/{path}/", Scope.DEADLINES, verb, "deadline", "D", summary, give, example, fields
    )  # fmt: skip


ORDERS = (
    Order(
        "set_deadline", "deadlines/", Scope.DEADLINES, "set_deadline", "deadline", "D", "Set a deadline", _set,
        {
            "label": {"en": "The first delivery"}, "type": "target", "authority": "text", "clock": "party",
            "edtf": "2027-06-30",
        },
        (
            texts("label", 200, "What is due; English is needed.", required=True),
            word("type", DeadlineType.values, "What sort of date.", required=True),
            word("authority", Authority.values, "Who set it.", required=True),
            word("clock", Clock.values, "Whose clock.", required=True),
            text("edtf", 40, f"The day or window. {EDTF}"),
            text("duration", 20, "Or the length of a clock that a trigger starts, ISO 8601: PT24H."),
            text("words", 300, "As it is written."),
            day("anchor_on", "The day on which it was written."),
            SOURCE,
        ),
        201,
    ),
    _on_deadline(
        "move_deadline", "move", "move_deadline", "Move a deadline; the original date stays on record", _move,
        {"edtf": "2027-09-30", "why": "The schedule was corrected."},
        text("edtf", 40, f"The new day or window. {EDTF}", required=True),
        word("authority", Authority.values, "Who sets it now; without it as before."), SOURCE, WHY,
    ),
    _on_deadline(
        "extend_deadline", "extend", "move_deadline", "Move a deadline by an agreement of the parties, with its source",
        _extend, {"edtf": "2027-12-31", "source": "ministry", "why": "Both sides agreed to it."},
        text("edtf", 40, f"The new day or window. {EDTF}", required=True), SOURCE, WHY,
    ),
    _on_deadline(
        "meet_deadline", "meet", "meet_deadline", "Record that a deadline was met", _meet, {"met_on": "2024-09-01"},
        day("met_on", "The day; for a date."), instant("met_at", "The instant; for a running clock."),
        text("why", meaning="A note; public."),
    ),
    _on_deadline(
        "waive_deadline", "waive", "waive_deadline", "Record that the side that is owed gave a deadline up", _waive,
        {"why": "Given up by both sides."}, SOURCE, WHY,
    ),
    Order(
        "pause_commitment", "pauses/", Scope.DEADLINES, "pause", "pause", "P", "Stop the clocks of a commitment",
        _pause, {"from_on": "2025-01-01", "reason": "Both sides agreed to it."},
        (
            day("from_on", "From this day on.", required=True),
            day("until_on", "The day on which they run again; without it: not known."),
            text("reason", meaning="Public; it stays in the log.", required=True), SOURCE,
        ),
        201,
    ),
    Order(
        "resume_commitment", "pauses/{number}/resume/", Scope.DEADLINES, "pause", "pause", "P",
        "Let the clocks run again", _resume, {"until_on": "2025-02-01", "why": "Both sides agreed to it."},
        (
            day("until_on", "The day on which they run again.", required=True),
            flag("shifts_dates", "The parties' open dates move by the length of the pause."), SOURCE, WHY,
        ),
    ),
)  # fmt: skip
