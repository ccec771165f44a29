"""What a mail says about one event, or asks, in one language; written once, then addressed to many."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import css_inline
from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from commitments import standing
from commitments.models import Accord, Commitment, Deadline, Event, Evidence, Note, Position, Source
from commitments.sentences import facts_of, in_words, sentence
from commitments.spoken_dates import day_in_words, instant_in_words
from commitments.words import Clock, Contested, DeadlineType, EventKind, Plain, Stance, Status, Timeliness
from notifications import scopes
from notifications.models import Rhythm, Subscription
from notifications.telling import News
from tracker.kit.localized import pick, picked_language

# Where the links of one reader go. Random, so that no text of the record can ask for them.
_MARK = secrets.token_hex(8)
MANAGE_HERE, LEAVE_HERE = f"x-manage-{_MARK}", f"x-leave-{_MARK}"
CONFIRM_HERE, ERASE_HERE = f"x-confirm-{_MARK}", f"x-erase-{_MARK}"


# All of them, to split a text at.
PLACES = re.compile(rf"(x-(?:manage|leave|confirm|erase|heard-\d+)-{_MARK})")


def heard_here(reminder: int) -> str:
    """Where the link goes by which a reader acknowledges that reminder."""
    return f"x-heard-{reminder}-{_MARK}"


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
_inliner = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Letter:
    """A rendered mail that still lacks the links of its reader. `thread` and `list_id` are header values."""

    subject: str
    text: str
    html: str
    thread: str
    list_id: str


def one_line(text: str, limit: int = 180) -> str:
    """A text that can stand in a header: no control characters, no line breaks, cut to `limit` characters."""
    flat = " ".join(_CONTROL.sub(" ", text).split())
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def page_of(commitment: Commitment, language: str) -> str:
    """The web address of a commitment's page."""
    return f"{settings.SITE_URL}{reverse('commitments:commitment', args=[commitment.code])}?lang={language}"


def accord_page_of(accord: Accord, language: str) -> str:
    """The web address of an accord's page."""
    return f"{settings.SITE_URL}{reverse('commitments:accord', args=[accord.slug])}?lang={language}"


def alert(event: Event, language: str, of: Sequence[str], now: datetime | None = None) -> Letter:
    """The mail about an event of a commitment, to those who follow the scopes `of`. Its standing is told as of `now`
    (UTC)."""
    now = now or timezone.now()
    assert event.commitment_id is not None
    commitment = Commitment.objects.standing_at(now).select_related("accord").get(pk=event.commitment_id)
    facts = facts_of(event.body)
    with translation.override(language):
        said = sentence(event.kind, facts)
        context = {
            **common(commitment.accord, language),
            "sentence": said,
            **entry(commitment, language),
            "standings": _standings(event.kind, facts, commitment),
            "contested": _contested(commitment),
            "reason": _reason(event),
            "office": event.by,
            "evidence": _evidence(event.kind, facts, commitment),
            "source": _source(event.kind, facts, commitment),
            "next": what_comes_next(commitment, now),
            "why": why(of),
        }
        subject = marked(f"{commitment.code}: {said}", commitment.accord.is_example)
        thread = f"commitment-{commitment.pk}"
        return rendered("alert", context, subject, thread, commitment.accord.slug)


def question(wish: Subscription, language: str) -> Letter:
    """The mail that asks whether one wants to follow; to who does already, where to change it."""
    target = scopes.target_of(wish)
    accord = scopes.accord_of(target)
    is_confirmed = wish.confirmed_at is not None
    with translation.override(language):
        what = scopes.named(target)
        context = {
            **common(accord, language),
            **what,
            "accord_named": what["accord"],
            "title_language": what["language"] or language,
            "page": address_of(what["page"], language),
            "how_often": rhythm_in_words(wish.rhythm),
            "kinds": [str(News(code).label) for code in wish.kinds if code in News.values],
            "confirm": CONFIRM_HERE,
            "erase": ERASE_HERE,
            "is_confirmed": is_confirmed,
            "language": language,
        }
        if is_confirmed:
            subject = _("You already follow “%(what)s”") % {"what": what["title"]}
        else:
            subject = _("Please confirm: news about “%(what)s”") % {"what": what["title"]}
        thread = str(wish.scope).replace(":", "-")
        return rendered("question", context, subject, thread, accord.slug if accord else "all")


def rhythm_in_words(rhythm: str) -> str:
    """How often mails of that rhythm come, as a sentence."""
    return {
        Rhythm.INSTANTLY: _("You get a mail for each piece of news, at once."),
        Rhythm.DAILY: _("You get one mail a day, when there is news."),
        Rhythm.WEEKLY: _("You get one mail a week, when there is news."),
    }[Rhythm(rhythm)]


def address_of(path: str, language: str) -> str:
    """The whole web address of a path of ours, in that language."""
    path, mark, place = path.partition("#")
    return f"{settings.SITE_URL}{path}{'&' if '?' in path else '?'}lang={language}{mark}{place}"


def why(of: Sequence[str]) -> list[str]:
    """What the reader follows that brings this mail, in words; what has gone since is left out."""
    found = []
    for scope in of:
        try:
            found.append(scopes.named(scopes.by_scope(scope))["title"])
        except LookupError:
            continue
    return found


def entry(commitment: Commitment, language: str) -> dict[str, Any]:
    """How a mail names a commitment."""
    return {
        "code": commitment.code,
        "title": pick(commitment.title),
        "title_language": picked_language(commitment.title),
        "page": page_of(commitment, language),
    }


def marked(subject: str, is_example: bool) -> str:
    """A subject that says when all of it is invented."""
    if is_example:
        subject = _("Example: %(subject)s") % {"subject": subject}
    return one_line(subject)


def rendered(template: str, context: dict[str, Any], subject: str, thread: str, list_id: str) -> Letter:
    """Both forms of a mail, in the active language."""
    text = render_to_string(f"notifications/mail/{template}.txt", context)
    html = _inliner.inline(render_to_string(f"notifications/mail/{template}.html", context))
    return Letter(one_line(subject), _tidy(text), html, thread, list_id)


def _tidy(text: str) -> str:
    """Plain text without what templates leave behind: blank ends of lines, more than one empty line."""
    lines = "\n".join(line.rstrip() for line in text.strip().splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines) + "\n"


def common(accord: Accord | None, language: str) -> dict[str, Any]:
    """What every mail's template reads; `accord` is None where a mail spans several."""
    return {
        "language": language,
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "accord": accord,
        "accord_page": accord_page_of(accord, language) if accord else "",
        "is_example": bool(accord and accord.is_example),
        "manage": MANAGE_HERE,
        "leave": LEAVE_HERE,
    }


def plain_words(status: str, timeliness: str, kind: str) -> dict[str, str]:
    """A standing as a mail shows it: the word, its code, its shape, the exact status."""
    word = Plain(standing.plain(status, timeliness, kind))
    return {
        "plain": str(word.label),
        "code": word.value,
        "shape": SHAPES[word],
        "status": str(Status(status).label),
    }


def _standings(kind: str, facts: dict[str, Any], commitment: Commitment) -> dict[str, Any]:
    """Where it stood before (None: this event does not change it) and where it stands after the event."""
    timeliness = commitment.timeliness  # type: ignore[attr-defined]
    before: dict[str, str] | None = None
    status = commitment.status
    if kind in {EventKind.STATUS_PUBLISHED, EventKind.STATUS_RETRACTED}:
        status = facts["after"]
        if facts["before"] != facts["after"]:
            before = plain_words(facts["before"], timeliness, commitment.kind)
    elif kind == EventKind.BECAME_OVERDUE:
        status = facts["status"]
        before = plain_words(status, Timeliness.SCHEDULED, commitment.kind)
    after = plain_words(status, timeliness, commitment.kind)
    return {
        "before": before if before != after else None,
        "after": after,
        "timeliness": str(Timeliness(timeliness).label),
    }


def _reason(event: Event) -> dict[str, str] | None:
    if not event.note_digest:
        return None
    note = Note.objects.filter(digest=event.note_digest).first()
    if note is None or note.redacted_at is not None:
        return None
    return {
        "text": note.text,
        "language": note.language,
        # The words of a party are not a reason of ours, and a note on money gives none.
        "sort": {EventKind.POSITION_STATED: "words", EventKind.CONTRIBUTION_RECORDED: "note"}.get(
            EventKind(event.kind), "reason"
        ),
    }


def _contested(commitment: Commitment) -> str:
    """Who disputes what we say, in one line; empty when nobody does, or no longer."""
    if commitment.contested != Contested.CONTESTED:
        return ""
    disputes = Position.objects.filter(
        commitment=commitment, stance=Stance.DISPUTES, resolved_at__isnull=True
    ).select_related("party")
    names = dict.fromkeys(str(row.party) for row in disputes.order_by("number"))
    return _("Contested: disputed by %(parties)s.") % {"parties": one_line(", ".join(names), 300)}


def _source(kind: str, facts: dict[str, Any], commitment: Commitment) -> dict[str, str] | None:
    """Where money or a position is told."""
    if kind not in {EventKind.CONTRIBUTION_RECORDED, EventKind.POSITION_STATED}:
        return None
    row = Source.objects.filter(accord=commitment.accord_id, code=facts["source"]).first()
    if row is None:
        return None
    return {
        "source": one_line(str(row), 300),
        "publisher": one_line(row.publisher or row.author, 200),
        "published": _day(row.published),
        "language": row.language,
        "address": row.address,
    }


def _evidence(kind: str, facts: dict[str, Any], commitment: Commitment) -> list[dict[str, Any]]:
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
            "bearing": row.get_bearing_display(),
            "act": row.get_act_display(),
            "nature": row.get_nature_display(),
            "source": one_line(str(row.source), 300),
            "publisher": one_line(row.source.publisher or row.source.author, 200),
            "published": _day(row.source.published),
            "language": row.source.language,
            "address": row.source.address,
            "locator": row.locator,
            "is_withdrawn": row.withdrawn_at is not None,
        }
        for row in rows.select_related("source").order_by("number")
    ]


def _day(edtf: str) -> str:
    """A whole date in words, anything less exact as it is known."""
    return in_words(edtf) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", edtf) else edtf


def what_comes_next(commitment: Commitment, now: datetime) -> dict[str, Any] | None:
    """The next open date: the parties' own, else our next look at it; None when there is none ahead. A clock of hours
    ends at an instant, everything else with a day."""
    ahead = Deadline.objects.open().filter(commitment=commitment, due_at__gt=now, last_on__isnull=False)
    for clock in (Clock.PARTY, Clock.TRACKER):
        row = ahead.filter(clock=clock).order_by("due_at", "number").first()
        if row is not None and row.last_on is not None and row.due_at is not None:
            return {
                "label": pick(row.label),
                "label_language": picked_language(row.label),
                "day": day_in_words(row.last_on)
                if row.type != DeadlineType.CLOCK
                else instant_in_words(row.due_at),
                "authority": row.get_authority_display(),
                "is_ours": clock == Clock.TRACKER,
            }
    return None
