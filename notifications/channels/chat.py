"""Chat rooms: an event as a message in the format of Slack's incoming webhooks, which Mattermost and others read."""

from __future__ import annotations

import re
from typing import Any

import orjson
from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from commitments.models import Event
from commitments.sentences import facts_of, sentence
from tracker.kit.localized import pick

# Titles and sentences are cut before they are escaped: a finished message would be cut inside a link, or an entity.
LONGEST_TITLE, LONGEST_SENTENCE = 200, 1500
# What a chat room reads as markup of its own: the three of Slack, and what begins emphasis, code or a mention.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKUP = re.compile(r"([*_~`|@#\[\]])")
_JOINER = "\u2060"


def plain(text: str) -> str:
    """Text that stays text: entities escaped, marks of emphasis and mentions parted from what follows."""
    for letter, entity in _ENTITIES.items():
        text = text.replace(letter, entity)
    return _MARKUP.sub(rf"\1{_JOINER}", " ".join(text.split()))


def shortened(text: str, most: int) -> str:
    """The text in at most so many characters."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def link(address: str, text: str) -> str:
    """A link as Slack writes it."""
    return f"<{address}|{plain(shortened(text, LONGEST_TITLE)).replace('|', ' ')}>"


def message(event: Event, language: str) -> bytes:
    """The message about one event: what happened, to which commitment, with the link. One line of text, no buttons."""
    with translation.override(language):
        said = plain(shortened(sentence(event.kind, facts_of(event.body)), LONGEST_SENTENCE))
        accord = event.accord
        if event.commitment is not None:
            path = reverse("commitments:commitment", args=[event.commitment.code])
            about = link(
                f"{settings.SITE_URL}{path}?lang={language}",
                f"{event.commitment.code}: {pick(event.commitment.title)}",
            )
        else:
            path = reverse("commitments:accord", args=[accord.slug])
            about = link(f"{settings.SITE_URL}{path}?lang={language}", str(accord))
        text = f"{about}\n{said}"
        if accord.is_example:
            text = _("Example: %(subject)s") % {"subject": text}
    return orjson.dumps(_payload(text))


def ping(language: str) -> bytes:
    """The message of a test ping."""
    with translation.override(language):
        text = _("A test from %(site)s: this endpoint works.") % {"site": plain(settings.SITE_NAME)}
    return orjson.dumps(_payload(text))


def _payload(text: str) -> dict[str, Any]:
    return {"text": text, "unfurl_links": False, "unfurl_media": False}
