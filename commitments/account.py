"""The account of a standing, sentence after sentence: which date, which rule, which window, which evidence, what next.

Every sentence has a code, so that a program can pick one out, and a text in the active language.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from commitments import explaining, standing
from commitments.cases import Case, latest_fact
from commitments.models import Assessment, Deadline
from commitments.spoken_dates import day_in_words, instant_in_words, length_in_words, window_in_words
from commitments.words import Clock, ClosedAs, Contested, Kind, Status, Timeliness, Uncounted, Upkeep
from tracker.kit.localized import pick


@dataclass(frozen=True, slots=True)
class Sentence:
    """One reason: its code, and what it says in the active language."""

    code: str
    text: str


def explain(case: Case) -> list[Sentence]:
    """Why a commitment stands as it does at the case's instant, in the active language, the weightiest reason first."""
    return [
        *_status(case),
        *_shares(case),
        *_evidence(case),
        *_timeliness(case),
        *_dates(case),
        *_upkeep(case),
        *_contested(case),
        *_counting(case),
        *_next(case),
    ]


def everywhere(instant: datetime, zones: list[str]) -> str:
    """An instant in UTC and on the clocks of the capitals concerned."""
    local = ", ".join(f"{zone}: {instant_in_words(instant, zone)}" for zone in zones)
    return f"{instant_in_words(instant)} ({local})" if local else instant_in_words(instant)


def _judged(code: str, judgement: Assessment) -> Sentence:
    return Sentence(
        code,
        _("“%(status)s” was judged by %(office)s and holds from %(date)s (%(code)s).")
        % {
            "status": judgement.get_status_display(),
            "office": judgement.assessor,
            "date": day_in_words(judgement.effective_on),
            "code": judgement.code,
        },
    )


def _status(case: Case) -> Iterator[Sentence]:
    if case.commitment.kind == Kind.BASELINE:
        yield Sentence("status.context", _("It is context and is never judged."))
    elif case.judgement is None:
        yield Sentence(
            f"status.{Status.NOT_ASSESSED}",
            _("Nobody has judged it yet. That says nothing about whether it is kept."),
        )
    else:
        yield _judged(f"status.{case.judgement.status}", case.judgement)


def _shares(case: Case) -> Iterator[Sentence]:
    for one in case.shares:
        party = pick(one.party.name) if one.party else ""
        said = _judged("share", one).text
        yield Sentence(
            f"share.{one.party.code if one.party else ''}",
            _("The share of %(party)s: %(sentence)s") % {"party": party, "sentence": said},
        )


def _evidence(case: Case) -> Iterator[Sentence]:
    exhibits = case.exhibits.get(case.judgement.pk, []) if case.judgement else []
    if exhibits:
        yield Sentence(
            "evidence.rests_on",
            ngettext(
                "The judgement rests on %(number)s piece of evidence: %(list)s.",
                "The judgement rests on %(number)s pieces of evidence: %(list)s.",
                len(exhibits),
            )
            % {"number": len(exhibits), "list": ", ".join(f"E{item.number}" for item in exhibits)},
        )
    latest = latest_fact(case.evidence)
    if latest:
        row, _day = latest
        yield Sentence(
            "evidence.latest",
            _("The latest fact on record: %(date)s (E%(number)s).")
            % {"date": window_in_words(row.happened), "number": row.number},
        )
    elif not case.evidence and case.commitment.kind != Kind.BASELINE:
        yield Sentence("evidence.none", _("No evidence is on record. No evidence is not failure."))


def _timeliness(case: Case) -> Iterator[Sentence]:
    code = case.where.timeliness
    on = case.date_of(case.where.because["deadline"])
    if code == Timeliness.PAUSED:
        for pause in case.pauses:
            if standing.Pause(pause.from_at, pause.until_at).holds(case.instant):
                yield Sentence("timeliness.paused", explaining.why_paused(pause.from_on, pause.until_on))
        return
    yield Sentence(f"timeliness.{code}", explaining.why_timeliness(code, case.commitment, on))
    if code == Timeliness.DORMANT:
        yield from _awaited(case)
    if on is None:
        return
    if code == Timeliness.RUNNING or on.trigger_id is not None:
        yield from _clock(case, on)
    elif on.due_at and not on.closed_as:
        yield Sentence("date.day_ends", explaining.day_ends(on, case.instant))


def _awaited(case: Case) -> Iterator[Sentence]:
    facts = (case.commitment.trigger or {}).get("facts", ())
    known = {row.fact for row in case.triggers}
    missing = [item.get("text") or item["code"] for item in facts if item["code"] not in known]
    if missing:
        yield Sentence(
            "trigger.awaited",
            _("It waits for this fact: %(facts)s.") % {"facts": "; ".join(missing)},
        )


def _clock(case: Case, on: Deadline) -> Iterator[Sentence]:
    if on.opens_at and on.duration:
        yield Sentence(
            "clock.started",
            _("The clock of %(length)s started at %(instant)s.")
            % {"length": length_in_words(on.duration), "instant": everywhere(on.opens_at, case.zones)},
        )
    if on.due_at:
        words = {"instant": everywhere(on.due_at, case.zones)}
        is_over = on.due_at <= case.instant
        yield Sentence(
            "clock.ends",
            _("It ran out at %(instant)s.") % words if is_over else _("It runs out at %(instant)s.") % words,
        )
    if on.met_at:
        yield Sentence(
            "clock.met", _("It was met at %(instant)s.") % {"instant": everywhere(on.met_at, case.zones)}
        )


def _dates(case: Case) -> Iterator[Sentence]:
    """What was done to dates: moved, waived, and pauses that are over or still to come."""
    for row in case.deadlines:
        if row.revision and row.original_edtf and row.original_edtf != row.edtf:
            yield Sentence(
                "date.moved",
                _("The date %(date)s was moved; it was first set for %(original)s.")
                % {"date": explaining.when(row), "original": window_in_words(row.original_edtf)},
            )
        if row.closed_as == ClosedAs.WAIVED:
            yield Sentence(
                "date.waived",
                _("The date %(date)s was waived: the side that is owed gave it up.")
                % {"date": explaining.when(row)},
            )
    if case.where.timeliness != Timeliness.PAUSED:
        for pause in case.pauses:
            if pause.until_on and pause.until_at and pause.until_at <= case.instant:
                yield Sentence(
                    "pause.over",
                    _("Its clocks stood still from %(first)s until %(last)s.")
                    % {"first": day_in_words(pause.from_on), "last": day_in_words(pause.until_on)},
                )


def _upkeep(case: Case) -> Iterator[Sentence]:
    on = case.date_of(case.where.because["upkeep_deadline"])
    yield Sentence(f"upkeep.{case.where.upkeep}", explaining.why_upkeep(case.where.upkeep, on))


def _contested(case: Case) -> Iterator[Sentence]:
    if case.disputing:
        yield Sentence(
            f"contested.{Contested.CONTESTED}",
            _("Disputed by %(parties)s; the words of each stand beside ours.")
            % {"parties": ", ".join(pick(party.name) for party in case.disputing)},
        )
    elif case.commitment.contested == Contested.RESOLVED:
        yield Sentence(f"contested.{Contested.RESOLVED}", _("It was disputed, and the dispute is resolved."))


def _counting(case: Case) -> Iterator[Sentence]:
    reason = explaining.why_uncounted(case.commitment)
    if reason:
        yield Sentence(f"counting.{reason}", _("It counts in no percentage: %s.") % Uncounted(reason).label)


def _next(case: Case) -> Iterator[Sentence]:
    ahead = [
        row
        for row in case.deadlines
        if not row.closed_as and row.due_at is not None and row.due_at > case.instant
    ]
    ours = sorted(
        (row for row in ahead if row.clock == Clock.TRACKER), key=lambda row: (row.due_at, row.number)
    )
    turn = next(
        (
            (instant, timeliness, upkeep)
            for instant, timeliness, upkeep in standing.course(case.terms, case.facts, case.judged)
            if instant > case.instant
        ),
        None,
    )
    if turn is not None:
        yield _turn(case, *turn)
    if ours and case.where.timeliness not in standing.UNDATED:
        yield Sentence("next.ours", _("Our own next date: %(date)s.") % {"date": explaining.when(ours[0])})
    said = explaining.what_next(case.commitment, case.where.timeliness, ahead)
    if said:
        yield Sentence("next", said)


def _turn(case: Case, instant: datetime, timeliness: str, upkeep: str) -> Sentence:
    """The next instant at which something changes by itself, and to what."""
    words = {
        "instant": everywhere(instant, case.zones),
        "timeliness": Timeliness(timeliness).label,
        "upkeep": Upkeep(upkeep).label,
    }
    if timeliness != case.where.timeliness:
        return Sentence(
            f"next.{timeliness}",
            _("If nothing is recorded before, its timeliness becomes “%(timeliness)s” at %(instant)s.")
            % words,
        )
    return Sentence(
        f"next.{upkeep}",
        _("If nothing is recorded before, our own work becomes “%(upkeep)s” at %(instant)s.") % words,
    )
