"""Random histories: facts with their day of the world and their day in the log, as the log tells them, and the standing
worked out from them one rule after the other."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from commitments import standing
from commitments.replay import fold
from commitments.told import Told

START = date(2024, 1, 1)
LAST = 1200
THE_END = datetime(2028, 1, 1, tzinfo=UTC)


def a_day(number: int) -> date:
    return START + timedelta(days=number)


def told_at(number: int) -> datetime:
    """The instant at which the log tells what it tells on a day."""
    return datetime(2024, 1, 1, 12, tzinfo=UTC) + timedelta(days=number)


def ends(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)


# One random history: facts with their day of the world and their day in the log, and what each says.
days = st.integers(0, LAST)
statuses = st.sampled_from(["in_progress", "stalled", "not_fulfilled", "partly_fulfilled"])


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    facts: list[dict[str, Any]] = []
    for number in range(draw(st.integers(0, 4))):
        facts.append({"what": "judged", "number": number, "status": draw(statuses), "on": draw(days)})
    for number in range(draw(st.integers(0, 3))):
        authority = draw(st.sampled_from(["text", "agreed", "press"]))
        facts.append(
            {"what": "set", "number": number, "authority": authority, "on": draw(days), "to": draw(days)}
        )
        for _move in range(draw(st.integers(0, 2))):
            facts.append({"what": "moved", "number": number, "on": draw(days), "to": draw(days)})
        if draw(st.booleans()):
            facts.append(
                {"what": draw(st.sampled_from(["met", "waived"])), "number": number, "on": draw(days)}
            )
    if draw(st.booleans()):
        begins = draw(days)
        until = draw(st.one_of(st.none(), st.integers(1, 400)))
        facts.append({"what": "paused", "number": 0, "on": begins, "to": until and begins + until})
    if draw(st.booleans()):
        facts.append({"what": "triggered", "number": 0, "on": draw(days)})
    for fact in facts:
        fact["at"] = draw(days)
    facts.sort(key=lambda fact: fact["at"])
    # What speaks of a date comes after it in the log; each judgement may be retracted, later.
    for number in {fact["number"] for fact in facts if fact["what"] == "set"}:
        first = next(fact["at"] for fact in facts if fact["what"] == "set" and fact["number"] == number)
        for fact in facts:
            if fact["what"] in {"moved", "met", "waived"} and fact["number"] == number:
                fact["at"] = max(fact["at"], first)
    for fact in [fact for fact in facts if fact["what"] == "judged" and draw(st.integers(0, 3)) == 0]:
        at = draw(st.integers(fact["at"], LAST))
        facts.append({"what": "retracted", "number": fact["number"], "on": at, "at": at})
    order = {"set": 0, "judged": 0}
    facts.sort(key=lambda fact: (fact["at"], order.get(fact["what"], 1)))
    return facts


def window(fact: dict[str, Any]) -> dict[str, Any]:
    day = a_day(fact["to"])
    return {
        "edtf": day.isoformat(), "first_on": day.isoformat(), "last_on": day.isoformat(),
        "opens_at": f"{day}T00:00:00.000000Z", "due_at": ends(day).isoformat(), "source": None,
    }  # fmt: skip


def bodies(facts: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The history as the log tells it."""
    events: list[dict[str, Any]] = []

    def say(what: str, at: int, happened_on: date | None, said: dict[str, Any]) -> None:
        events.append(
            {
                "seq": len(events) + 1, "at": told_at(at).isoformat(), "kind": what, "origin": "live",
                "accord": "A", "commitment": "A-1", "facts": said,
                "happened_on": happened_on.isoformat() if happened_on else None,
            }
        )  # fmt: skip

    say(
        "commitment_registered", 0, START,
        {
            "kind": kind, "strength": "firm", "provenance": "press", "section": "A", "ends_on": None,
            "starts_on": START.isoformat(), "awaits_event": False, "bound": ["JPN"], "counted": True,
            "verifiable": True, "zones": ["UTC"], "terms": "",
        },
    )  # fmt: skip
    authorities = {fact["number"]: fact["authority"] for fact in facts if fact["what"] == "set"}
    for fact in facts:
        on, what, at = a_day(fact["on"]), fact["what"], fact["at"]
        deadline = {"deadline": f"A-1-D{fact['number']}", "authority": authorities.get(fact["number"])}
        judged = {"assessment": f"A-1-A{fact['number']}", "party": None}
        if what == "judged":
            said = {
                **judged,
                "status": fact["status"],
                "effective_on": on.isoformat(),
                "evidence": [],
                "closed": [],
            }
            say("status_published", at, on, said)
        elif what == "retracted":
            say("status_retracted", at, on, {**judged, "reopened": [], "ended": []})
        elif what == "set":
            said = {
                **deadline, "type": "target", "clock": "party", "duration": None, "closed_by": None,
                "anchor_on": on.isoformat(), **window(fact),
            }  # fmt: skip
            say("deadline_set", at, on, said)
        elif what == "moved":
            say("deadline_moved", at, on, {**deadline, **window(fact)})
        elif what == "met":
            say("deadline_met", at, on, {**deadline, "met_on": on.isoformat(), "met_at": None})
        elif what == "waived":
            say("deadline_waived", at, on, deadline)
        elif what == "paused":
            until = a_day(fact["to"]) if fact["to"] else None
            said = {
                "pause": "A-1-P1", "from_on": on.isoformat(), "from_at": f"{on}T00:00:00Z",
                "until_on": until.isoformat() if until else None,
                "until_at": f"{until}T00:00:00Z" if until else None,
            }  # fmt: skip
            say("clock_paused", at, on, said)
        else:
            said = {
                "trigger": "A-1-T1",
                "effect": "starts",
                "triggered_at": f"{on}T06:00:00Z",
                "ends_on": None,
            }
            say("trigger_recorded", at, on, said)
    return events


def brute_force(
    facts: list[dict[str, Any]], kind: str, as_of: int | None, known: int, instant: datetime
) -> tuple[str, str, str]:
    """The standing from the facts that a reader of that moment could have, one rule after the other."""
    visible = [fact for fact in facts if fact["at"] <= known]
    gone = {fact["number"] for fact in visible if fact["what"] == "retracted"}
    if as_of is not None:
        visible = [fact for fact in visible if fact["on"] <= as_of]
    judgement = standing.Judgement()
    best: tuple[int, int, int] | None = None
    for fact in visible:
        if fact["what"] == "judged" and fact["number"] not in gone:
            place = (fact["on"], fact["at"], fact["number"])
            if best is None or place > best:
                best, judgement = place, standing.Judgement(fact["status"], a_day(fact["on"]))
    dates: dict[int, dict[str, Any]] = {}
    for fact in visible:
        if fact["what"] == "set":
            dates[fact["number"]] = {
                "authority": fact["authority"],
                "to": fact["to"],
                "closed": "",
                "met": None,
            }
    for fact in visible:
        # A date that had not been set in the world cannot have been moved or met in it.
        row = dates.get(fact["number"])
        if row is None:
            continue
        if fact["what"] == "moved":
            row["to"] = fact["to"]
        elif fact["what"] in {"met", "waived"}:
            row["closed"], row["met"] = fact["what"], a_day(fact["on"]) if fact["what"] == "met" else None
    pauses = tuple(
        standing.Pause(ends(a_day(fact["on"] - 1)), ends(a_day(fact["to"] - 1)) if fact["to"] else None)
        for fact in visible
        if fact["what"] == "paused"
    )
    triggers = [fact["on"] for fact in visible if fact["what"] == "triggered"]
    terms = standing.Terms(
        kind,
        triggered_at=ends(a_day(triggers[0] - 1)) + timedelta(hours=6) if triggers else None,
        pauses=pauses,
    )
    rows = [
        standing.DeadlineFacts(
            key=str(number),
            type="target",
            authority=row["authority"],
            clock="party",
            opens_at=ends(a_day(row["to"] - 1)),
            due_at=ends(a_day(row["to"])),
            last_on=a_day(row["to"]),
            closed_as=row["closed"],
            met_on=row["met"],
        )
        for number, row in dates.items()
    ]
    found = standing.standing(terms, rows, judgement, instant)
    return found.status, found.timeliness, found.upkeep


def told_by(events: list[dict[str, Any]], known: int) -> Told:
    limit = told_at(known).isoformat()
    return fold(event for event in events if event["at"] <= limit).commitments["A-1"]
