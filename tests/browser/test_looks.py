"""The public pages in a real browser: nothing is refused by the policy, nothing runs over, every language, both lights."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from playwright.sync_api import Browser, Page, sync_playwright

from tests.servers import ROOT, FreshDatabase

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
# The parts of a page that a reader may have to hit with a finger: links in a row of their own, buttons, fields.
SMALL = """() => [...document.querySelectorAll('nav a, .tally a, .row-title a, button, input, select, summary')]
  .filter(e => e.offsetParent && e.type !== 'hidden' && !e.closest('.skip'))
  .map(e => [e.outerHTML.slice(0, 80), e.getBoundingClientRect().height])
  .filter(([_, height]) => height < 24)"""
# Contrast of every text with what lies behind it (WCAG 2.2, 1.4.3), measured on what the browser painted.
FAINT = """() => {
  const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const numbers = c => c.match(/[\\d.]+/g).map(Number);
  const weights = [0.2126, 0.7152, 0.0722];
  const light = c => weights.reduce((sum, weight, i) => sum + weight * channel(numbers(c)[i]), 0);
  const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if ((numbers(c)[3] ?? 1) > 0) return c; } return 'rgb(255, 255, 255)'; };
  const found = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !e.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const text = walk.currentNode.data.trim().slice(0, 30);
    if (ratio < 4.5) found.add(`${e.tagName}.${e.className} ${ratio.toFixed(2)} ${text}`);
  }
  return [...found];
}"""


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def site(fresh_db: FreshDatabase, settings: Any) -> Iterator[str]:
    """The address of a site of this test's own, which is empty."""
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    server = ThreadedWSGIServer(("127.0.0.1", 0), _Quiet, connections_override={})
    server.set_app(get_wsgi_application())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def accords(site: str) -> None:
    """Both accords, as the demo has them."""
    for name in ("japan-ukraine-2024", "example-accord"):
        call_command("load_accord", Path(ROOT, "fixtures", f"{name}.yaml"), verbosity=0)


@pytest.fixture
def browser(chromium: str) -> Iterator[Browser]:
    """A chromium without a window."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


def visit(browser: Browser, site: str, address: str, problems: list[str], **options: Any) -> Page:
    """Opens a page as a new reader; what the browser complains of is added to `problems`."""
    page = browser.new_context(**options).new_page()

    def complain(message: Any) -> None:
        # The browser itself notes an answer of 400 or 404; those are meant here.
        if message.type in {"error", "warning"} and "status of 40" not in message.text:
            problems.append(f"{address}: {message.text}")

    page.on("console", complain)
    page.on("pageerror", lambda error: problems.append(f"{address}: {error}"))
    page.on("requestfailed", lambda request: problems.append(f"{address}: {request.url} failed"))
    page.goto(site + address)
    return page


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
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > viewport["width"]:
                problems.append(f"{address} is {width} wide at {viewport['width']}")
            problems += [f"{address} ({scheme}) too faint: {text}" for text in page.evaluate(FAINT)]
            problems += [f"{address} too small: {part}" for part in page.evaluate(SMALL)]
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
