"""The public pages in a real browser: nothing is refused by the policy, nothing runs over, every language, both lights."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.browser.looking import flaws, visit

pytestmark = pytest.mark.browser
PAGES = (
    "/",
    "/accords/japan-ukraine-2024/",
    "/accords/japan-ukraine-2024/?standing=nonsense",
    "/accords/example-river-lume/",
    "/commitments/JUA-B07/",
    "/commitments/JUA-A02/",
    "/commitments/EXA-02/",
    "/commitments/EXA-12/",
    "/follow/",
    "/follow/?accord=JP-UA-ACCORD-2024&standing=late",
    "/vocabulary/",
    "/about/",
    "/nowhere/",
)


def test_every_page_fits_reads_and_breaks_no_rule(site: str, accords: None, browser: Browser) -> None:
    """At the width of a phone and of a desk, in light and dark, in each language; then the way of a reader."""
    problems: list[str] = []
    looks = (
        ({"width": 390, "height": 844}, "light", "uk-UA", PAGES),
        ({"width": 1280, "height": 900}, "dark", "ja-JP", PAGES),
        ({"width": 320, "height": 640}, "dark", "en-GB", PAGES[:1] + PAGES[3:7]),
    )
    for viewport, scheme, locale, pages in looks:
        for address in pages:
            page = visit(
                browser, site, address, problems, viewport=viewport, color_scheme=scheme, locale=locale
            )
            problems += flaws(page, f"{address} ({scheme})")
            if page.locator("html").get_attribute("lang") != locale[:2]:
                problems.append(f"{address} is not in {locale}")
            if page.locator("main h1").count() != 1:
                problems.append(f"{address} has not one heading")
            page.context.close()
    _read_without_script(site, browser, problems)
    assert not problems, "\n".join(problems)


def _read_without_script(site: str, browser: Browser, problems: list[str]) -> None:
    """A reader whose browser runs no script filters the list, reaches the reason, and switches the language."""
    page = visit(browser, site, "/", problems, java_script_enabled=False, locale="en-GB")
    page.get_by_role("link", name="Japan-Ukraine Accord").click()
    page.get_by_label("Words to look for").fill("mine action conference")
    page.get_by_role("button", name="Show", exact=True).click()
    assert page.locator(".part .row").count() == 1
    page.locator(".row-title a").click()
    assert "Kept" in page.locator(".verdict").inner_text()
    page.get_by_role("link", name="日本語").click()
    assert page.locator("html").get_attribute("lang") == "ja"
    assert "ウクライナ地雷対策会議" in page.locator("h1").inner_text()
    # The choice stays with the reader.
    page.goto(site + "/")
    assert page.locator("html").get_attribute("lang") == "ja"


def test_the_keyboard_reaches_the_content_first_and_focus_is_seen(site: str, browser: Browser) -> None:
    page = visit(browser, site, "/vocabulary/", [], locale="en-GB")
    page.keyboard.press("Tab")
    skip = page.locator("a.skip")
    assert skip.evaluate("e => e === document.activeElement")
    assert skip.bounding_box()["y"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    assert page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2
