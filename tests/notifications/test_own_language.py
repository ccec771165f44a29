"""The pages behind the links of mails speak the language that their reader chose, whatever the browser asks for."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import translation
from django.utils.translation import gettext

from commitments.models import Party, Topic
from notifications import links
from notifications.models import Subscriber, Subscription
from tests import world
from tests.notifications.readers import a_reader


@pytest.fixture
def english() -> Client:
    """A browser whose reader has not set it to Ukrainian."""
    return Client(headers={"accept-language": "en"})


@pytest.fixture
def reader(db: None) -> Subscriber:
    """Somebody who chose Ukrainian and is told instantly of one kind of news about a commitment."""
    accord = world.an_accord()
    return a_reader("r@example.org", accord, world.a_commitment(accord), language="uk", kinds=["evidence"])


def said_in(language: str, *words: str) -> list[str]:
    """The words as that language has them."""
    with translation.override(language):
        return [gettext(some) for some in words]


HOW_OFTEN = "You get a mail for each piece of news, at once."


@pytest.mark.parametrize("asked", ["", "ja"])
def test_every_word_of_a_page_is_in_one_language(english: Client, reader: Subscriber, asked: str) -> None:
    wish = Subscription.objects.get().pk
    confirm = f"/confirm/{links.sign(links.CONFIRM, reader.uuid, wish)}/"
    manage = f"/manage/{links.sign(links.MANAGE, reader.uuid)}/"
    more, language = (f"?lang={asked}", asked) if asked else ("", "uk")
    orders: list[tuple[str, dict[str, str], tuple[str, ...]]] = [
        (confirm, {}, (HOW_OFTEN, "You follow this")),
        (manage, {"pause": str(wish)}, ("What you follow", "Paused: nothing comes until you let it go on.")),
        (
            manage,
            {"resume": str(wish)},
            ("What you follow", "It goes on. What happened in between is not sent."),
        ),
        (manage, {"calendar": "end"}, ("What you follow", "The address of your calendar is ended.")),
    ]
    for address, order, words in orders:
        page = english.post(address + more, order).content.decode()
        assert f'<html lang="{language}"' in page
        for here, foreign in zip(said_in(language, *words), said_in("en", *words), strict=True):
            assert here != foreign
            assert here in page, (order, here)
            assert foreign not in page, (order, foreign)


def test_no_link_of_such_a_page_leaves_the_language(english: Client, reader: Subscriber) -> None:
    for target in (Party.objects.get(code="JPN"), Topic.objects.get(code="demining")):
        a_reader("r@example.org", target)
    for asked in ("", "ja"):
        manage = f"/manage/{links.sign(links.MANAGE, reader.uuid)}/"
        page = english.get(manage + (f"?lang={asked}" if asked else "")).content.decode()
        language = asked or "uk"
        for path in (
            "/commitments/TST-1/?",
            f"/accords/{world.ACCORD.lower()}/?party=JPN&amp;",
            f"/accords/{world.ACCORD.lower()}/?topic=demining&amp;",
            "/follow/?",
            "/?",
        ):
            assert f'href="{path}lang={language}' in page, path
        english.cookies.clear()


def test_a_language_that_is_chosen_is_spoken_at_once(english: Client, reader: Subscriber) -> None:
    manage = f"/manage/{links.sign(links.MANAGE, reader.uuid)}/"
    page = english.post(manage, {"language": "ja"}).content.decode()
    for words in said_in("ja", "What you follow", "Your mails come in this language from now on."):
        assert words in page
    assert '<html lang="ja"' in page
