"""What every page is looked at for in a real browser: nothing too wide, too faint, too small, nothing refused."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, Page, Request

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


def visit(browser: Browser, site: str, address: str, problems: list[str], **options: Any) -> Page:
    """Opens a page as a new reader; what the browser complains of is added to `problems`."""
    page = browser.new_context(**options).new_page()

    def complain(message: Any) -> None:
        # The browser itself notes an answer of 400, 404 or 410; those are meant here.
        if message.type in {"error", "warning"} and "status of 4" not in message.text:
            problems.append(f"{address}: {message.text}")

    page.on("console", complain)
    page.on("pageerror", lambda error: problems.append(f"{address}: {error}"))

    def missed(request: Request) -> None:
        # One that a page had begun when it was left is nobody's fault.
        if "ERR_ABORTED" not in (request.failure or ""):
            problems.append(f"{address}: {request.url} failed")

    page.on("requestfailed", missed)
    page.goto(site + address)
    return page


def flaws(page: Page, step: str) -> list[str]:
    """What is wrong with how a page looks."""
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert page.viewport_size is not None
    return [
        *([f"{step} is {wide} wide"] if wide > page.viewport_size["width"] else []),
        *(f"{step} too faint: {text}" for text in page.evaluate(FAINT)),
        *(f"{step} too small: {part}" for part in page.evaluate(SMALL)),
    ]


def press(page: Page, button: str) -> None:
    """Presses a button that sends a form, and waits for the page that comes back."""
    with page.expect_navigation():
        page.locator(button).first.click()
