"""Money and contested entries in a real browser: they fit a phone and a desk, and read in light and dark."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from playwright.sync_api import Browser

from commitments import operations
from commitments.actors import loader
from tests import world
from tests.browser.looking import flaws, visit

pytestmark = pytest.mark.browser
LOOKS = (
    ({"width": 320, "height": 640}, "dark", "uk-UA"),
    ({"width": 390, "height": 844}, "light", "ja-JP"),
    ({"width": 1280, "height": 900}, "light", "en-GB"),
    ({"width": 1280, "height": 900}, "dark", "en-GB"),
)
ADDRESSES = ("/commitments/TST-1/", "/commitments/TST-2/", "/accords/tst-2024/?contested=contested")


@pytest.fixture
def the_world(site: str) -> None:
    """A pledge with every stage, a range, two currencies and a position; and the minimum that it lies inside."""
    accord = world.an_accord()
    least = {"value": "12000000000", "currency": "USD", "bound": "minimum", "period": "2022-03/.."}
    pledge = {"value": "4500000000", "currency": "USD", "bound": "exact", "period": "2024", "inside": "TST-2"}
    outer = world.a_commitment(
        accord, "TST-2", kind="baseline", details={"amount": least, "period": {"edtf": "2022-03/.."}}
    )
    inner = world.a_commitment(accord, "TST-1", kind="financial", details={"amount": pledge})
    shown = world.some_evidence(inner, quote="the first half was paid")
    wrong = world.money(inner, amount="7")
    rows = operations.record_contributions(
        [
            world.money(inner, stage="pledged", amount="4500000000", day="2024-06-13"),
            world.money(inner, stage="allocated", amount="3000000000", day="2024-07"),
            world.money(inner, evidence=shown.number, note="The first half, as the ministry's table has it."),
            world.money(inner, amount="", amount_low="1000000000", amount_high="1250000000", source="press"),
            world.money(inner, currency="JPY", amount="1900000000", bound="minimum"),
            wrong,
            world.money(outer, amount="15000000000", day="2022-03/2024-09"),
        ],
        actor=loader(),
    )
    operations.withdraw_contributions([rows[5].code], actor=loader(), why="It was counted twice.")
    judged = world.published(inner, "partly_fulfilled", [shown])
    said = operations.state_positions(
        [
            world.a_position(inner, assessment=judged.number, text="Ми бачимо це інакше.", language="uk"),
            world.a_position(inner, party="JPN", stance="explains", text="The rest follows.", source="press"),
            world.a_position(inner, party="JPN", stated_on=date(2024, 10, 1)),
        ],
        actor=loader(),
    )
    operations.resolve_positions(
        {said[2].code: operations.Resolution("withdrawn", "The ministry took it back.")}, actor=loader()
    )


def test_money_and_positions_fit_and_read(
    site: str,
    the_world: None,
    browser: Browser,
) -> None:
    problems: list[str] = []
    for viewport, scheme, locale in LOOKS:
        look: Any = {"viewport": viewport, "color_scheme": scheme, "locale": locale}
        for address in ADDRESSES:
            page = visit(browser, site, address, problems, **look)
            problems += flaws(page, f"{address} ({scheme})")
            if address == "/commitments/TST-1/":
                bars = page.locator(".stages svg.bar")
                assert bars.count() == 3, "one bar a stage in the currency of the target"
                widths = {round(bar.bounding_box()["width"]) for bar in bars.all()}  # type: ignore[index]
                assert len(widths) == 1, "one scale"
                rows = page.locator("section[aria-labelledby=money] tbody tr")
                assert rows.count() == 4, "the table tells every stage and currency"
            page.context.close()
    assert not problems, "\n".join(problems)
