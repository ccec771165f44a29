"""The staff's pages of the post room in a real browser: both lights, wide and narrow, from an address to its reader."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser

from notifications.models import Delivery
from tests import world
from tests.browser.looking import flaws, press, visit
from tests.notifications.readers import a_reader, one_round
from tests.sinks import SmtpSink

pytestmark = pytest.mark.browser
LOOKS = (
    ({"width": 1280, "height": 900}, "light", "uk-UA"),
    ({"width": 390, "height": 844}, "dark", "ja-JP"),
)
# Whether a cell of a narrow list leaves the screen: there a row is a card, and nothing is looked for to the right.
CUT = """() => innerWidth < 768 && [...document.querySelectorAll('#result_list td, #result_list th')]
  .some(e => e.getBoundingClientRect().right > innerWidth)"""


@pytest.fixture
def room(site: str, smtp_sink: SmtpSink) -> tuple[list[str], str]:
    """Mails that went well and mails that did not: the addresses of the pages, and an administrator's session. Made
    before the browser is: nothing is asked of the database beside it."""
    accord = world.an_accord()
    blocked = "550 5.7.1 Service unavailable, client host [192.0.2.1] blocked using a list"
    for name, reply in (("a", ""), ("b", blocked), ("c", "452 4.2.2 full"), ("d", "550 5.1.1 nobody")):
        a_reader(f"{name}@example.org", accord)
        if reply:
            smtp_sink.refusals[f"{name}@example.org"] = reply
    world.some_evidence(world.a_commitment(accord))
    one_round()
    refused = Delivery.objects.get(subscriber__email="b@example.org")
    client = Client()
    client.force_login(world.a_person("administrator"))
    under = "/admin/notifications"
    addresses = [
        f"{under}/delivery/",
        f"{under}/delivery/{refused.pk}/change/",
        f"{under}/attempt/",
        f"{under}/subscriber/",
        f"{under}/subscriber/{refused.subscriber_id}/change/",
        f"{under}/bounce/",
        f"{under}/reminder/",
        f"{under}/reminder/mails/",
        f"{under}/line/",
        f"{under}/endpoint/add/",
    ]
    return addresses, client.cookies[settings.SESSION_COOKIE_NAME].value


def test_the_staffs_pages_of_the_post_room_fit_and_can_be_read(
    site: str, room: tuple[list[str], str], browser: Browser
) -> None:
    addresses, session = room
    problems: list[str] = []
    for viewport, scheme, locale in LOOKS:
        page = visit(
            browser, site, "/admin/login/", problems, viewport=viewport, color_scheme=scheme, locale=locale
        )
        page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site}])
        for address in addresses:
            page.goto(site + address)
            assert page.locator("h1").count() >= 1
            if page.evaluate(CUT):
                problems.append(f"{address} ({scheme}) is cut at its edge")
            problems += [it for it in flaws(page, f"{address} ({scheme})") if "too small" not in it]
        page.goto(site + addresses[0])
        page.fill("#find-address", "b@example.org")
        press(page, ".find input[type=submit]")
        assert page.url.endswith("/change/")
        assert "@" not in page.url
        assert "blocked using a list" in page.inner_text("body")
        page.context.close()
    assert not problems, "\n".join(problems)
