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
from django.utils.translation import ngettext

from commitments.models import Accord, Commitment, Event
from commitments.sentences import facts_of, sentence
from notifications import particulars, scopes
from notifications.models import Rhythm, Subscription
from notifications.telling import News
from tracker.kit.flat_text import harmless, one_line, tidy
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


# So many commitments or exhibits in one mail, and so many bytes: Gmail shows the first 102 kB, and the way to stop it stands
# at the end.
ENTRIES, BYTES = 50, 90_000
# How long a title or a sentence may be, and how many titles tell why a mail comes.
LINE, REASONS = 300, 12
_inliner = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


@dataclass(frozen=True, slots=True)
class Letter:
    """A rendered mail that still lacks the links of its reader. `thread` and `list_id` are header values."""

    subject: str
    text: str
    html: str
    thread: str
    list_id: str


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
        said = one_line(sentence(event.kind, facts), LINE)
        exhibits = particulars.evidence(event.kind, facts, commitment)
        context = {
            **common(commitment.accord, language),
            "sentence": said,
            **entry(commitment, language),
            "date": particulars.dates_of([event]).get(event.seq),
            "fact": particulars.fact(event.kind, facts, commitment),
            "standings": particulars.standings(event, commitment),
            "contested": particulars.contested(commitment),
            "reason": particulars.reason(event),
            "office": event.by,
            "in_the_log": f"{page_of(commitment, language)}#event-{event.seq}",
            "source": particulars.source(event.kind, facts, commitment),
            "next": particulars.next_dates([commitment.pk], now).get(commitment.pk),
            "why": why(of),
        }
        subject = marked(f"{commitment.code}: {said}", commitment.accord.is_example)
        thread = f"commitment-{commitment.pk}"
        list_id = commitment.accord.slug
        return fitting("alert", context, exhibits[:ENTRIES], len(exhibits), subject, thread, list_id)


def question(wish: Subscription, language: str) -> Letter:
    """The mail that asks whether one wants to follow; to who does already, where to change it or to end a pause."""
    target = scopes.target_of(wish)
    accord = scopes.accord_of(target)
    is_confirmed = wish.confirmed_at is not None
    with translation.override(language):
        told = scopes.named(target, is_asked_for=is_confirmed)
        what = {name: one_line(text, LINE) for name, text in told.items()}
        context = {
            **common(accord, language),
            **what,
            # An accord is its own title.
            "accord_named": what["accord"] if what["accord"] != what["title"] else "",
            "title_language": what["language"] or language,
            "page": address_of(what["page"], language),
            "how_often": rhythm_in_words(wish.rhythm),
            "kinds": [str(News(code).label) for code in wish.kinds if code in News.values],
            "confirm": CONFIRM_HERE,
            "erase": ERASE_HERE,
            "is_confirmed": is_confirmed,
            "is_paused": wish.paused_at is not None,
            "language": language,
        }
        if wish.paused_at is not None:
            subject = _("Paused: %(what)s") % {"what": what["title"]}
        elif is_confirmed:
            subject = _("You already follow: %(what)s") % {"what": what["title"]}
        else:
            subject = _("Please confirm what you want to follow: %(what)s") % {"what": what["title"]}
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
    return f"{settings.SITE_URL}{scopes.in_language(path, language)}"


def why(of: Sequence[str]) -> list[str]:
    """What the reader follows that brings this mail, in words: the first of it; what has gone since is left out."""
    found: list[str] = []
    for place, scope in enumerate(of):
        if len(found) == REASONS:
            left = len(of) - place
            return [*found, ngettext("%(count)d more", "%(count)d more", left) % {"count": left}]
        try:
            found.append(one_line(scopes.titled(scopes.by_scope(scope))["title"], LINE))
        except LookupError:
            continue
    return found


def entry(commitment: Commitment, language: str) -> dict[str, Any]:
    """How a mail names a commitment."""
    return {
        "code": commitment.code,
        "title": one_line(pick(commitment.title), LINE),
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
    html = _inliner.inline(harmless(render_to_string(f"notifications/mail/{template}.html", context)))
    return Letter(one_line(subject), tidy(text), html, thread, list_id)


def fitting(
    template: str,
    context: dict[str, Any],
    entries: Sequence[dict[str, Any]],
    of: int,
    subject: str,
    thread: str,
    list_id: str,
) -> Letter:
    """A mail with as many of the entries, the first of `of`, as there is room for; it knows how many are `left`."""
    while True:
        told = {**context, "entries": entries, "left": of - len(entries)}
        letter = rendered(template, told, subject, thread, list_id)
        if len(letter.html.encode()) <= BYTES or len(entries) <= 1:
            return letter
        entries = entries[: len(entries) // 2]


def common(accord: Accord | None, language: str) -> dict[str, Any]:
    """What every mail's template reads; `accord` is None where a mail spans several."""
    return {
        "language": language,
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "accord": one_line(str(accord)) if accord else "",
        "accord_page": accord_page_of(accord, language) if accord else "",
        "is_example": bool(accord and accord.is_example),
        "manage": MANAGE_HERE,
        "leave": LEAVE_HERE,
    }
