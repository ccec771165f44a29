"""What a mail shows of a commitment beside the sentence: where it stood and stands, the date, the reason, the evidence,
the source, what comes next."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.html import format_html
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from commitments import past, standing
from commitments.explaining import when
from commitments.models import Commitment, Deadline, Event, Evidence, Note, Position, Source, Trigger
from commitments.sentences import facts_of
from commitments.spoken_dates import day_in_words, instant_in_words, window_in_words
from commitments.told import number_of
from commitments.words import (
    Clock,
    Contested,
    DeadlineType,
    Effect,
    EventKind,
    Plain,
    Stance,
    Status,
    Timeliness,
)
from tracker.kit.flat_text import one_line
from tracker.kit.localized import pick, picked_language

# A shape for every standing; colour only repeats it.
SHAPES = {
    Plain.KEPT: "✔",
    Plain.UNDER_WAY: "◐",
    Plain.LATE: "◷",
    Plain.NOT_KEPT: "✖",
    Plain.NOT_JUDGED: "○",
    Plain.STANDBY: "‖",
    Plain.CLOSED: "–",
    Plain.CONTEXT: "·",
}
# What speaks of one date.
OF_A_DATE = frozenset(
    {
        EventKind.DEADLINE_SET,
        EventKind.DEADLINE_MOVED,
        EventKind.DEADLINE_MET,
        EventKind.DEADLINE_WAIVED,
        EventKind.BECAME_OVERDUE,
        EventKind.FELL_BEHIND_TARGET,
    }
)
# What can change where a commitment stands; for the rest the log need not be read.
MOVES_IT = OF_A_DATE | {
    EventKind.STATUS_PUBLISHED,
    EventKind.STATUS_RETRACTED,
    EventKind.CLOCK_PAUSED,
    EventKind.CLOCK_RESUMED,
    EventKind.TRIGGER_RECORDED,
    EventKind.TRIGGER_WITHDRAWN,
}
# What rests on a publication; evidence is told with its own.
SOURCED = frozenset(
    {
        EventKind.CONTRIBUTION_RECORDED,
        EventKind.POSITION_STATED,
        EventKind.DEADLINE_SET,
        EventKind.DEADLINE_MOVED,
        EventKind.DEADLINE_WAIVED,
        EventKind.CLOCK_PAUSED,
        EventKind.CLOCK_RESUMED,
        EventKind.TRIGGER_RECORDED,
    }
)
LABEL, SOURCE = 200, 300
# So many characters of a reason stand in a mail; the page shows the whole of it.
REASON = 3000


def plain_words(status: str, timeliness: str, kind: str) -> dict[str, str]:
    """A standing as a mail shows it: the word with its shape, the exact status, what the parties' clock says."""
    code = Plain(standing.plain(status, timeliness, kind))
    word = f"{SHAPES[code]} {code.label}"
    return {
        "word": word,
        "word_html": format_html('<span class="standing {}">{}</span>', code.value, word),
        "status": str(Status(status).label),
        "timeliness": str(Timeliness(timeliness).label),
        # "Paused" alone does not say that no end of a clock that the mail names can come meanwhile.
        "still": _("Its clocks stand still: a pause is recorded. No date passes meanwhile.")
        if timeliness == Timeliness.PAUSED
        else "",
    }


def standings(event: Event, commitment: Any) -> dict[str, Any]:
    """Where it stands now, and where it stood before the event (None: the event does not change it). `commitment`
    knows its timeliness."""
    now = plain_words(commitment.status, commitment.timeliness, commitment.kind)
    before: dict[str, str] | None = None
    if event.kind in MOVES_IT:
        was, became = past.around(event)
        if was is not None and became is not None and _codes(was) != _codes(became):
            before = plain_words(*_codes(was), commitment.kind)
    return {"before": before if before != now else None, "after": now}


def _codes(found: past.Past) -> tuple[str, str]:
    return found.standing.status, found.standing.timeliness


def reason(event: Event) -> dict[str, Any] | None:
    """The words that belong to an event, of very many the first; None when it has none, or none any more."""
    if not event.note_digest:
        return None
    note = Note.objects.filter(digest=event.note_digest).first()
    if note is None or note.redacted_at is not None:
        return None
    is_cut = len(note.text) > REASON
    return {
        "text": f"{note.text[:REASON].rstrip()}…" if is_cut else note.text,
        "is_cut": is_cut,
        "language": note.language,
        # The words of a party are not a reason of ours, and a note on money or on a fact gives none.
        "sort": {
            EventKind.POSITION_STATED: "words",
            EventKind.CONTRIBUTION_RECORDED: "note",
            EventKind.TRIGGER_RECORDED: "note",
        }.get(EventKind(event.kind), "reason"),
        # Who judges says why; everything else is entered.
        "is_judged": event.kind in {EventKind.STATUS_PUBLISHED, EventKind.STATUS_RETRACTED},
    }


def contested(commitment: Commitment) -> str:
    """Who disputes what we say, in one line; empty when nobody does, or no longer."""
    if commitment.contested != Contested.CONTESTED:
        return ""
    disputes = Position.objects.filter(
        commitment=commitment, stance=Stance.DISPUTES, resolved_at__isnull=True
    ).select_related("party")
    names = dict.fromkeys(str(row.party) for row in disputes.order_by("number"))
    return _("Contested: disputed by %(parties)s.") % {"parties": one_line(", ".join(names), 300)}


def source(kind: str, facts: Mapping[str, Any], commitment: Commitment) -> dict[str, str] | None:
    """Where money, a position, a date or a pause is told."""
    if kind not in SOURCED or not facts.get("source"):
        return None
    row = Source.objects.filter(accord=commitment.accord_id, code=facts["source"]).first()
    return None if row is None else _publication(row)


def _publication(row: Source) -> dict[str, str]:
    return {
        "source": one_line(str(row), SOURCE),
        "publisher": one_line(row.publisher or row.author, SOURCE),
        "published": window_in_words(row.published) if row.published else "",
        "language": row.language,
        "address": row.address,
    }


def evidence(kind: str, facts: Mapping[str, Any], commitment: Commitment) -> list[dict[str, Any]]:
    """The exhibits that an event speaks of."""
    if kind == EventKind.STATUS_PUBLISHED:
        codes: Sequence[str] = facts["evidence"]
    elif kind in {EventKind.EVIDENCE_ADDED, EventKind.EVIDENCE_WITHDRAWN}:
        codes = [facts["evidence"]]
    else:
        return []
    numbers = [int(code.rpartition("-E")[2]) for code in codes]
    rows = Evidence.objects.public().filter(commitment=commitment, number__in=numbers)
    return [
        {
            **_publication(row.source),
            "sort": _sort(row),
            "locator": one_line(row.locator, SOURCE),
        }
        for row in rows.select_related("source").order_by("number")
    ]


def _sort(row: Evidence) -> str:
    words = {"bearing": row.get_bearing_display(), "act": row.get_act_display()}
    if row.withdrawn_at is not None:
        return _("%(bearing)s; %(act)s; withdrawn") % words
    return _("%(bearing)s; %(act)s") % words


def origins(rows: Iterable[Deadline]) -> dict[int, dict[str, Any]]:
    """Where each of these dates comes from, in one query: its words as they were written, and the publication in which
    it stands."""
    rows = list(rows)
    sources = Source.objects.in_bulk({row.source_id for row in rows if row.source_id})
    return {
        row.pk: {
            "words": one_line(row.words, SOURCE),
            "source": _publication(sources[row.source_id]) if row.source_id else None,
        }
        for row in rows
    }


def label_of(row: Deadline) -> dict[str, str]:
    """The label of a date as text, and as HTML that says its language where it is not the reader's."""
    said, language = one_line(pick(row.label), LABEL), picked_language(row.label)
    is_foreign = language != (get_language() or "en")[:2]
    return {
        "label": said,
        "label_html": format_html('<span lang="{}">{}</span>', language, said)
        if is_foreign
        else format_html("{}", said),
    }


def dates_of(events: Iterable[Event]) -> dict[int, dict[str, str]]:
    """Which date each event speaks of, by the event's number, in one query: its label, when it is, who set it."""
    told = {event.seq: (event, facts_of(event.body)) for event in events if event.kind in OF_A_DATE}
    rows = Deadline.objects.filter(
        commitment__in={event.commitment_id for event, _facts in told.values()},
        number__in={number_of(facts["deadline"]) for _event, facts in told.values()},
    )
    found = {(row.commitment_id, row.number): row for row in rows} if told else {}
    answer = {}
    for seq, (event, facts) in told.items():
        row = found.get((event.commitment_id or 0, number_of(facts["deadline"])))
        if row is not None:
            answer[seq] = {
                **label_of(row),
                "when": _when(facts, row),
                "authority": row.get_authority_display(),
            }
    return answer


def _when(facts: Mapping[str, Any], row: Deadline) -> str:
    """As the event has it; one that was met, as it stands."""
    if facts.get("edtf"):
        return window_in_words(facts["edtf"])
    if facts.get("due_at"):
        return instant_in_words(datetime.fromisoformat(facts["due_at"]))
    return when(row)


def fact(kind: str, facts: Mapping[str, Any], commitment: Commitment) -> dict[str, Any] | None:
    """A fact that was recorded: its words, its instants as far as they are public, the clocks that it started, and which
    facts are missing still."""
    if kind != EventKind.TRIGGER_RECORDED:
        return None
    terms = {
        item["code"]: item.get("text") or item["code"] for item in (commitment.trigger or {}).get("facts", ())
    }
    names = {"happened_at": _("Happened at"), "sent_at": _("Sent at"), "received_at": _("Received at")}
    clocks = Deadline.objects.filter(
        commitment=commitment, number__in=[number_of(code) for code in facts["clocks"]]
    ).order_by("number")
    return {
        "words": one_line(terms.get(facts["fact"], ""), SOURCE),
        "instants": [
            {"name": name, "when": instant_in_words(datetime.fromisoformat(facts[key]))}
            for key, name in names.items()
            if facts.get(key)
        ],
        "clocks": [{**label_of(row), "when": when(row)} for row in clocks],
        "missing": [one_line(text, SOURCE) for text in _missing(facts, commitment, terms)],
    }


def _missing(facts: Mapping[str, Any], commitment: Commitment, terms: Mapping[str, str]) -> list[str]:
    if facts["effect"] != Effect.STARTS or commitment.triggered_at is not None:
        return []
    known = set(Trigger.objects.standing().filter(commitment=commitment).values_list("fact", flat=True))
    return [text for code, text in terms.items() if code not in known]


def next_dates(keys: Collection[int], now: datetime) -> dict[int, dict[str, Any]]:
    """The next open date of each of these commitments that has one ahead, in one query: the parties' own, else our next
    look at it. A clock of hours ends at an instant, everything else with a day."""
    rows = Deadline.objects.open().filter(commitment__in=keys, due_at__gt=now, last_on__isnull=False)
    answer = {}
    # By the words of the record the parties' clock ("party") stands before ours ("tracker").
    for row in rows.order_by("commitment_id", "clock", "due_at", "number").distinct("commitment_id"):
        assert row.last_on is not None
        assert row.due_at is not None
        is_clock = row.type == DeadlineType.CLOCK
        answer[row.commitment_id] = {
            **label_of(row),
            "deadline": row.pk,
            "day": instant_in_words(row.due_at) if is_clock else day_in_words(row.last_on),
            "authority": row.get_authority_display(),
            "is_ours": row.clock == Clock.TRACKER,
        }
    return answer
