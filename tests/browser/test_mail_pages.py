"""The pages behind the links of mails in a real browser: before and after their button is pressed, and links that fail."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Browser

from commitments import operations
from commitments.actors import loader
from commitments.models import Commitment
from notifications import links, planning, subscribing
from notifications.models import Reminder, Subscriber, Subscription
from tests import world
from tests.browser.looking import flaws, press, visit
from tests.commitments.test_clocks import TERMS
from tests.notifications.readers import a_reader

pytestmark = pytest.mark.browser

LOOKS = ((320, "dark", "uk"), (390, "light", "ja"), (1280, "light", "en"), (1280, "dark", "uk"))


@pytest.fixture
def clock(site: str) -> Commitment:
    """A clock of 24 hours that has run for eighteen of them."""
    found = world.a_commitment(world.an_accord(), kind="conditional", details={"trigger": TERMS})
    world.a_deadline(found, "", type="clock", duration="PT24H", label={"en": "Consult"})
    for fact in ("attack", "request"):
        asked = timezone.now() - timedelta(hours=18)
        operations.record_triggers([operations.NewTrigger(found.code, fact, asked)], actor=loader())
    return found


def addresses(reader: Subscriber, reminder: int) -> dict[str, str]:
    """Every page behind a mail to a reader, who is asked of something else, too; and a link that is worth nothing."""
    wish = Subscription.objects.get(subscriber=reader).pk
    subscribing.sign_up(
        reader.email, reader.language, None, rhythm="daily", kinds=["money"], network=reader.email
    )
    asked = Subscription.objects.exclude(pk=wish).get(subscriber=reader).pk
    signed = {
        "confirm": links.sign(links.CONFIRM, reader.uuid, asked),
        "manage": links.sign(links.MANAGE, reader.uuid),
        "heard": links.sign(links.HEARD, reader.uuid, reminder),
        "leave": links.sign(links.LEAVE, reader.uuid, wish),
        "erase": links.sign(links.ERASE, reader.uuid),
    }
    found = {name: f"/{name}/{token}/" for name, token in signed.items()}
    return found | {"forged": "/leave/nonsense/"}


@pytest.fixture
def behind(clock: Commitment) -> list[dict[str, str]]:
    """The pages of one reader for each look."""
    readers = [a_reader(f"r{n}@example.org", clock, language=look[2]) for n, look in enumerate(LOOKS)]
    planning.plan()
    reminder = Reminder.objects.planned().get(rung="h2", audience="watchers")
    return [addresses(reader, reminder.pk) for reader in readers]


def test_the_pages_behind_mails_fit_and_read(
    site: str, behind: list[dict[str, str]], browser: Browser
) -> None:
    problems: list[str] = []
    for (width, scheme, language), pages in zip(LOOKS, behind, strict=True):
        for name, address in pages.items():
            viewport = {"width": width, "height": 900}
            page = visit(browser, site, address, problems, viewport=viewport, color_scheme=scheme)
            step = f"{name} ({width}, {scheme}, {language})"
            problems += flaws(page, step)
            if name != "forged" and page.locator("html").get_attribute("lang") != language:
                problems.append(f"{step} is not in the language of its reader")
            if page.locator("main h1").count() != 1:
                problems.append(f"{step} has not one heading")
            if name == "heard":
                assert page.locator("#later option").evaluate_all("all => all.map(e => e.value)") == [
                    "1",
                    "4",
                ]
            if name not in {"manage", "forged"}:
                press(page, "main form button[type=submit]")
                problems += flaws(page, f"{step}, pressed")
            page.context.close()
        page = visit(browser, site, pages["manage"], problems)
        assert page.locator("main form").count() == 0, "erased at the end"
        page.context.close()
    assert not problems, "\n".join(problems)
