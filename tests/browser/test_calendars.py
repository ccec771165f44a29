"""The private calendar on the subscriber's page, in a browser: made, shown, ended, at every width, in both lights."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from commitments.models import Accord
from notifications import links
from tests.browser.looking import flaws, press, visit
from tests.notifications.readers import a_reader

pytestmark = pytest.mark.browser


LOOKS = ((390, "light", "uk"), (1280, "dark", "ja"), (320, "dark", "en"), (1280, "light", "en"))


@pytest.fixture
def own_pages(accords: None) -> list[str]:
    """The address of a page for each look, of a reader of that language who follows an accord."""
    accord = Accord.objects.get(code="JP-UA-ACCORD-2024")
    found = []
    for number, (_width, _scheme, language) in enumerate(LOOKS):
        reader = a_reader(f"r{number}@example.org", accord, language=language)
        found.append(f"/manage/{links.sign(links.MANAGE, reader.uuid)}/")
    return found


def test_a_calendar_is_made_and_ended_and_fits(
    site: str,
    own_pages: list[str],
    browser: Browser,
) -> None:
    problems: list[str] = []
    for (width, scheme, _language), address in zip(LOOKS, own_pages, strict=True):
        viewport = {"width": width, "height": 900}
        page = visit(browser, site, address, problems, viewport=viewport, color_scheme=scheme)

        problems += flaws(page, f"before ({width}, {scheme})")
        press(page, "button[name=calendar][value=new]")
        shown = page.locator("#calendar-address")
        assert shown.is_visible() and "/calendar/" in shown.inner_text()
        # What was done is said where the reader is.
        assert page.locator("[role=status]").evaluate("e => e.getBoundingClientRect().top < innerHeight")
        problems += flaws(page, f"shown ({width}, {scheme})")
        press(page, "button[name=calendar][value=end]")
        assert page.locator("button[name=calendar][value=end]").count() == 0
        assert page.locator("[role=status]").evaluate("e => e.getBoundingClientRect().top < innerHeight")
        problems += flaws(page, f"ended ({width}, {scheme})")
        page.context.close()
    assert not problems, "\n".join(problems)
