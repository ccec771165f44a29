"""One translated sentence per event, for page, Atom, mail subject, feed and admin alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson
from django.utils.translation import gettext as _

from commitments.money import range_in_words
from commitments.naming import party_name, terms_of
from commitments.spoken_dates import day_in_words, instant_in_words, length_in_words, window_in_words
from commitments.words import (
    Authority,
    Bearing,
    Bound,
    DeadlineType,
    Effect,
    EventKind,
    Settlement,
    Stage,
    Stance,
    Status,
)

Facts = Mapping[str, Any]


def facts_of(body: str) -> dict[str, Any]:
    """The facts in the body of an event."""
    return dict(orjson.loads(body)["facts"])


def in_words(day: str | None) -> str:
    """A date of the log ("2024-11-16", or the day of an instant) in the reader's words; a dash for none."""
    if not day:
        return "—"
    return day_in_words(date.fromisoformat(day[:10]))


def _window(edtf: str | None) -> str:
    return window_in_words(edtf) if edtf else ""


def _status(code: str) -> str:
    return str(Status(code).label) if code in Status.values else code


def _published(facts: Facts) -> str:
    if facts.get("party"):
        return _("Share of %(party)s: “%(status)s”, as of %(day)s") % {
            "party": party_name(facts["party"]),
            "status": _status(facts["status"]),
            "day": in_words(facts["effective_on"]),
        }
    if facts["before"] == facts["after"]:
        if facts["status"] == facts["after"]:
            return _("Status confirmed: “%(status)s”, as of %(day)s") % {
                "status": _status(facts["status"]),
                "day": in_words(facts["effective_on"]),
            }
        return _("An earlier status was published: “%(status)s”, as of %(day)s") % {
            "status": _status(facts["status"]),
            "day": in_words(facts["effective_on"]),
        }
    return _("Status changed from “%(before)s” to “%(after)s”, as of %(day)s") % {
        "before": _status(facts["before"]),
        "after": _status(facts["after"]),
        "day": in_words(facts["effective_on"]),
    }


def _retracted(facts: Facts) -> str:
    if facts.get("party"):
        return _("Share of %(party)s: assessment “%(status)s” retracted; the status is “%(after)s” again") % {
            "party": party_name(facts["party"]),
            "status": _status(facts["status"]),
            "after": _status(facts["after"]),
        }
    return _("Assessment “%(status)s” retracted; the status is “%(after)s” again") % {
        "status": _status(facts["status"]),
        "after": _status(facts["after"]),
    }


def _type(facts: Facts) -> str:
    return str(DeadlineType(facts["type"]).label) if facts.get("type") in DeadlineType.values else ""


def _deadline_set(facts: Facts) -> str:
    if facts.get("duration") and facts.get("due_at"):
        return _("Clock started: it ends on %(instant)s") % {"instant": _instant(facts["due_at"])}
    if facts.get("edtf"):
        return _("Date entered (%(type)s, set by %(authority)s): %(edtf)s") % {
            "type": _type(facts),
            "authority": Authority(facts["authority"]).label,
            "edtf": _window(facts["edtf"]),
        }
    return _("Clock entered: %(duration)s from its trigger") % {
        "duration": length_in_words(facts.get("duration") or "—")
    }


def _deadline_moved(facts: Facts) -> str:
    return _("Date moved: now %(after)s (before: %(before)s)") % {
        "before": _window(facts["before"].get("edtf")) or "—",
        "after": _window(facts.get("edtf")) or "—",
    }


def _deadline_met(facts: Facts) -> str:
    words = {"day": in_words(facts["met_on"])}
    if facts.get("late"):
        return _("Date met late, on %(day)s") % words
    return _("Date met on %(day)s") % words


def _instant(text: str) -> str:
    return instant_in_words(datetime.fromisoformat(text))


def _paused(facts: Facts) -> str:
    if facts.get("until_on"):
        return _("The clock is paused from %(from)s until %(until)s") % {
            "from": in_words(facts["from_on"]),
            "until": in_words(facts["until_on"]),
        }
    return _("The clock is paused from %(from)s") % {"from": in_words(facts["from_on"])}


def _triggered(facts: Facts) -> str:
    if facts["effect"] == Effect.ENDS:
        return _("The event has come on which the duty ends")
    fact = _fact(facts)
    # A later fact finds the duty in force already: only what holds after every one of them can be said.
    if facts.get("clocks"):
        return _("Recorded: %(fact)s; a clock counts from it") % {"fact": fact}
    if facts.get("triggered_at"):
        return _("Recorded: %(fact)s; the duty is in force") % {"fact": fact}
    return _("Recorded: %(fact)s; the duty still waits for another fact") % {"fact": fact}


def _fact(facts: Facts) -> str:
    """A fact in the words of the terms, with the instant that counts; one that is kept back is not told."""
    terms = terms_of(facts["trigger"])
    words = next((item.get("text") for item in terms.get("facts", ()) if item["code"] == facts["fact"]), "")
    said = {"fact": words or facts["fact"]}
    for name in (terms.get("runs_from"), "received", "sent", "happened"):
        if name and facts.get(f"{name}_at"):
            said["instant"] = _instant(facts[f"{name}_at"])
            return {
                "received": _("“%(fact)s”, received %(instant)s"),
                "sent": _("“%(fact)s”, sent %(instant)s"),
            }.get(name, _("“%(fact)s”, %(instant)s")) % said
    return _("“%(fact)s”") % said


def _untriggered(facts: Facts) -> str:
    if facts["effect"] == Effect.ENDS:
        return _("A recorded fact was withdrawn")
    said = {"fact": _fact(facts)}
    if not facts.get("triggered_at"):
        return _("Withdrawn from the record: %(fact)s; the duty is on standby again") % said
    return _("Withdrawn from the record: %(fact)s") % said


def _overdue(facts: Facts) -> str:
    return _("The date set by %(authority)s has passed: %(edtf)s") % {
        "authority": Authority(facts["authority"]).label,
        "edtf": _window(facts.get("edtf")) or in_words(facts.get("due_at")),
    }


def _behind(facts: Facts) -> str:
    return _("The target named by %(authority)s has passed: %(edtf)s") % {
        "authority": Authority(facts["authority"]).label,
        "edtf": _window(facts.get("edtf")) or in_words(facts.get("due_at")),
    }


def _added(facts: Facts) -> str:
    return {
        Bearing.SUPPORTS: _("New evidence that supports fulfilment"),
        Bearing.CONTRADICTS: _("New evidence that contradicts fulfilment"),
        Bearing.CONTEXT: _("New background evidence"),
    }.get(facts["bearing"], _("New evidence"))


def _money(facts: Facts) -> str:
    return range_in_words(
        Decimal(facts["amount_low"]),
        Decimal(facts["amount_high"]),
        facts["currency"],
        is_minimum=facts["bound"] == Bound.MINIMUM,
    )


def _corrected(facts: Facts) -> str:
    if facts["fields"] == ["amount"]:
        return _("The sum that was promised was corrected")
    return _("The wording of this entry was corrected")


def _contributed(facts: Facts) -> str:
    words = {"sum": _money(facts), "day": _window(facts["day"])}
    return {
        Stage.PLEDGED: _("Pledged: %(sum)s (%(day)s)"),
        Stage.ALLOCATED: _("Allocated: %(sum)s (%(day)s)"),
        Stage.DELIVERED: _("Delivered: %(sum)s (%(day)s)"),
    }[Stage(facts["stage"])] % words


def _uncontributed(facts: Facts) -> str:
    words = {"sum": _money(facts), "stage": Stage(facts["stage"]).label}
    return _("A contribution was withdrawn: %(sum)s, %(stage)s") % words


def _stated(facts: Facts) -> str:
    words = {"party": party_name(facts["party"])}
    return {
        Stance.DISPUTES: _("%(party)s disputes this"),
        Stance.ACCEPTS: _("%(party)s accepts this"),
        Stance.EXPLAINS: _("%(party)s gave an explanation"),
    }[Stance(facts["stance"])] % words


def _resolved(facts: Facts) -> str:
    words = {"party": party_name(facts["party"]), "how": Settlement(facts["resolved_as"]).label}
    return _("The position of %(party)s is resolved: %(how)s") % words


SENTENCES: dict[str, Callable[[Facts], str]] = {
    EventKind.ACCORD_REGISTERED: lambda facts: _("The accord was entered in the register"),
    EventKind.COMMITMENT_REGISTERED: lambda facts: _("The commitment was entered in the register"),
    EventKind.COMMITMENT_CORRECTED: _corrected,
    EventKind.STATUS_PUBLISHED: _published,
    EventKind.STATUS_RETRACTED: _retracted,
    EventKind.DEADLINE_SET: _deadline_set,
    EventKind.DEADLINE_MOVED: _deadline_moved,
    EventKind.DEADLINE_MET: _deadline_met,
    EventKind.DEADLINE_WAIVED: lambda facts: _("Date waived: it is owed no more"),
    EventKind.CLOCK_PAUSED: _paused,
    EventKind.CLOCK_RESUMED: lambda facts: (
        _("The clock runs again from %(day)s") % {"day": in_words(facts["until_on"])}
    ),
    EventKind.TRIGGER_RECORDED: _triggered,
    EventKind.TRIGGER_WITHDRAWN: _untriggered,
    EventKind.BECAME_OVERDUE: _overdue,
    EventKind.FELL_BEHIND_TARGET: _behind,
    EventKind.VERDICT_BECAME_DUE: lambda facts: _("Our own assessment is due"),
    EventKind.REVIEW_BECAME_DUE: lambda facts: _("Our own review is due"),
    EventKind.EVIDENCE_ADDED: _added,
    EventKind.EVIDENCE_WITHDRAWN: lambda facts: _("Evidence was withdrawn"),
    EventKind.CONTRIBUTION_RECORDED: _contributed,
    EventKind.CONTRIBUTION_WITHDRAWN: _uncontributed,
    EventKind.POSITION_STATED: _stated,
    EventKind.POSITION_RESOLVED: _resolved,
    EventKind.EVIDENCE_VERIFIED: lambda facts: _("Evidence was compared with its source"),
    EventKind.NOTE_REDACTED: lambda facts: _("A note was removed from the record"),
    EventKind.WORDING_REDACTED: lambda facts: _("An earlier wording was removed from the record"),
}


def sentence(kind: str, facts: Facts) -> str:
    """What happened, in one sentence without a full stop, in the active language."""
    return SENTENCES[kind](facts)
