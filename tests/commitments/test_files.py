"""Whole lists as files: every row once, in every format, with where it is from; and no formula in any cell."""

from __future__ import annotations

import csv
import gzip
import io
import re
from datetime import date
from html import unescape
from typing import Any

import openpyxl
import orjson
import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from commitments.api import whole as files
from commitments.feeds import files as writers
from commitments.feeds.columns import harmless
from commitments.log import head
from commitments.models import Accord
from tests import world

pytestmark = pytest.mark.django_db
LISTS = (
    "accords", "parties", "provisions", "sources", "topics", "commitments", "deadlines", "assessments", "evidence",
    "contributions", "statistics", "events", "checkpoints",
)  # fmt: skip


@pytest.fixture(autouse=True)
def accord() -> Accord:
    """Some commitments with everything that hangs on one."""
    accord = world.an_accord()
    for number in range(1, 8):
        commitment = world.a_commitment(
            accord, f"TST-{number}", title={"en": f"=SUM({number})", "uk": "Так, «це»"}
        )
        world.a_deadline(commitment, "2024-09")
    world.published(commitment, "fulfilled", [world.some_evidence(commitment)])
    return accord


@pytest.fixture
def short_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows at a time, and more than two of them make a long file."""
    monkeypatch.setattr("commitments.api.listing.BATCH", 2)
    monkeypatch.setattr("commitments.api.views.BATCH", 2)
    monkeypatch.setattr(files, "SHORT", 1)


def ask(path: str, status: int = 200, **headers: str) -> Any:
    """The answer of an address of the API."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    response = Client().get(f"/api/v1/{path}", headers=given)
    assert response.status_code == status, (path, getattr(response, "content", b"")[:500])
    return response


def body_of(response: Any) -> bytes:
    """All of it, also where it comes in pieces."""
    return b"".join(response.streaming_content) if response.streaming else response.content


def lines_of(path: str) -> tuple[list[Any], Any]:
    """The rows of an NDJSON file, and what its last line says."""
    *rows, last = (orjson.loads(line) for line in body_of(ask(path)).splitlines())
    return rows, last["about"]


def table_of(path: str) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    return list(csv.DictReader(io.StringIO(body_of(ask(path)).decode(), newline="")))


def rows_of(name: str) -> list[Any]:
    """The rows of a list in JSON, from page to page."""
    rows, following = [], f"{name}/?limit=3"
    while following:
        page = ask(following).json()
        rows += page["results"]
        following = page["next"] and page["next"].partition("/api/v1/")[2]
    return rows


@pytest.mark.parametrize("is_long", [False, True], ids=["short", "long"])
def test_every_list_is_a_file_of_every_form_with_each_row_once(
    is_long: bool, request: pytest.FixtureRequest
) -> None:
    if is_long:
        request.getfixturevalue("short_batches")
    for name in LISTS:
        rows = rows_of(name)
        keys = [row.get("code", row.get("seq", row.get("accord"))) for row in rows]
        found, about = lines_of(f"{name}/?format=ndjson")
        assert [row.get("code", row.get("seq", row.get("accord"))) for row in found] == keys, name
        assert about["rows"] == len(rows)
        assert len(table_of(f"{name}/?format=csv")) == len(rows)
        book = openpyxl.load_workbook(io.BytesIO(body_of(ask(f"{name}/?format=xlsx"))))
        assert len(list(book[name].rows)) == 1 + len(rows)
        member = next(iter(rows[0])) if rows else "code" if name not in ("events", "checkpoints") else "seq"
        if name not in ("events", "statistics"):
            assert ask(f"{name}/?format=json&fields={member}").json()["results"] == [
                {member: row[member]} for row in rows
            ]


def test_a_row_of_a_file_is_the_row_of_the_list(short_batches: None) -> None:
    members = "code,title,status,due_at,parties,version"
    rows, _about = lines_of(f"commitments/?format=ndjson&fields={members}")
    assert rows == ask(f"commitments/?fields={members}").json()["results"]
    assert "deadlines" not in lines_of("commitments/?format=ndjson")[0][0]
    assert lines_of("commitments/?format=ndjson&include=deadlines")[0][0]["deadlines"]


def test_it_says_from_where_and_when_it_is(settings: Any) -> None:
    settings.DATA_LICENCE = "https://licence.example/by/4.0"
    place = head().cursor
    _rows, about = lines_of("commitments/?format=ndjson&status=fulfilled")
    assert about["log_head"] == place
    assert about["licence"] == settings.DATA_LICENCE
    assert about["address"] == f"{settings.SITE_URL}/api/v1/commitments/?format=ndjson&status=fulfilled"
    assert about["at"].endswith("Z")
    row = table_of("commitments/?format=csv")[0]
    assert (row["about.log_head"], row["about.licence"]) == (place, settings.DATA_LICENCE)
    response = ask("commitments/?format=xlsx")
    assert response["Log-Head"] == place
    assert response["Link"] == '<https://licence.example/by/4.0>; rel="license"'
    assert place in response["Content-Disposition"]
    book: Any = openpyxl.load_workbook(io.BytesIO(response.content))
    told = dict(book["about"].values)
    assert told["log_head"] == place
    assert told["rows"] == 7
    page = ask("commitments/?limit=2")
    assert page.json()["about"]["log_head"] == place == page["Log-Head"]
    assert 'rel="next"' in page["Link"]
    assert 'rel="license"' in page["Link"]


def test_no_cell_is_a_formula() -> None:
    row = table_of("commitments/?format=csv")[0]
    assert (row["title.en"], row["title.uk"]) == ("'=SUM(1)", "Так, «це»")
    sheet = openpyxl.load_workbook(io.BytesIO(body_of(ask("commitments/?format=xlsx"))))["commitments"]
    names = [cell.value for cell in next(sheet.iter_rows())]
    cell = sheet.cell(2, names.index("title.en") + 1)
    assert (cell.data_type, cell.value) == ("s", "=SUM(1)")
    assert isinstance(sheet.cell(2, names.index("version") + 1).value, int)
    assert {cell.data_type for line in sheet.iter_rows() for cell in line} <= {"s", "n", "b", "d"}


@given(st.text())
def test_what_a_spreadsheet_would_run_begins_with_an_apostrophe(text: str) -> None:
    told = harmless(text)
    assert told.removeprefix("'") == text.removeprefix("'")
    if told and told[0] in "=+-@\t\r":
        assert float(told) is not None


def test_days_are_days_and_what_no_sheet_can_hold_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = openpyxl.Workbook(write_only=True).create_sheet()
    assert writers._typed(sheet, date(2024, 6, 13)) == date(2024, 6, 13)
    assert writers._typed(sheet, date(1899, 12, 31)).value == "1899-12-31"
    assert writers._typed(sheet, "a\x00b").value == "a\N{REPLACEMENT CHARACTER}b"
    long = writers._typed(sheet, "x" * 40_000).value
    assert len(long) == writers.LONGEST_CELL
    assert long.endswith("x […] 40000")
    monkeypatch.setattr(writers, "MOST_ROWS_OF_A_WORKBOOK", 6)
    told = ask("commitments/?format=xlsx", 400).json()["errors"][0]
    assert (told["name"], told["allowed"]) == ("format", ["csv", "ndjson"])


def test_what_cuts_a_list_is_refused_in_a_file_and_an_unknown_form_names_those_there_are() -> None:
    for query in ("limit=5", "cursor=abc", "count=true"):
        told = ask(f"commitments/?format=csv&{query}", 400).json()["errors"][0]
        assert told["name"] == query.partition("=")[0]
    assert "ndjson" in ask("commitments/?format=pdf", 400).json()["errors"][0]["allowed"]
    assert ask("commitments/?format=csv&status=unheard", 400).json()["errors"][0]["name"] == "status"
    assert ask("parties/?format=atom", 400).json()["errors"][0]["name"] == "format"


ACCEPTS = [
    ("text/csv", "text/csv"),
    ("application/x-ndjson;q=0.5, text/csv;q=0.4", "application/x-ndjson"),
    ("text/csv;q=0", "application/json"),
    ("text/html, */*", "application/json"),
    ("*/*, text/csv;q=0.9", "application/json"),
    ("image/png", "application/json"),
    ("text/csv;q=x, ;;, application/json;q=0.1", "application/json"),
]


@pytest.mark.parametrize(("wanted", "given"), ACCEPTS)
def test_accept_chooses_where_no_format_is_named(wanted: str, given: str) -> None:
    assert ask("commitments/", accept=wanted)["Content-Type"].partition(";")[0] == given
    assert ask("commitments/?format=json", accept=wanted)["Content-Type"] == "application/json"


def test_files_know_filters_orders_and_the_past(short_batches: None) -> None:
    assert [row["code"] for row in table_of("commitments/?format=csv&status=fulfilled")] == ["TST-7"]
    assert [row["code"] for row in lines_of("commitments/?format=ndjson&order=-code")[0]] == [
        f"TST-{number}" for number in range(7, 0, -1)
    ]
    assert len(lines_of("commitments/?format=ndjson&order=due_at")[0]) == 7
    past = lines_of("commitments/?format=ndjson&as_of=2024-06-14")[0]
    assert {row["status"] for row in past} == {"not_assessed"}
    assert len(past) == 7
    after = head().seq - 3
    assert [row["seq"] for row in lines_of(f"events/?format=ndjson&after={after}")[0]] == [
        after + 1,
        after + 2,
        after + 3,
    ]
    assert ask("events/?format=csv&after=1-ffffffff", 400).json()["errors"][0]["name"] == "after"


def test_a_file_that_the_client_has_is_not_written_again(short_batches: None) -> None:
    for form in ("csv", "ndjson", "xlsx"):
        first = ask(f"commitments/?format={form}")
        body_of(first)
        again = ask(f"commitments/?format={form}", 304, if_none_match=first["ETag"])
        assert again.content == b""


def test_head_of_a_long_file_writes_nothing_and_holds_nothing(short_batches: None) -> None:
    for _time in range(files.AT_ONCE + 1):
        response = Client().head("/api/v1/commitments/?format=ndjson")
        assert (response.status_code, response.content) == (200, b"")
        assert response["Content-Type"] == "application/x-ndjson"


def test_a_long_file_is_compressed_for_who_takes_that(short_batches: None) -> None:
    response = ask("commitments/?format=csv", accept_encoding="gzip")
    assert response["Content-Encoding"] == "gzip"
    assert gzip.decompress(body_of(response)).startswith(b"code,accord,")
    assert response["ETag"].startswith('W/"')


def test_only_some_long_files_are_written_at_once_and_a_place_comes_back(short_batches: None) -> None:
    taken = [ask("commitments/?format=ndjson") for _place in range(files.AT_ONCE)]
    told = ask("commitments/?format=ndjson", 503)
    assert told["Retry-After"] == str(files.RETRY_AFTER)
    assert told["Content-Type"] == "application/problem+json"
    # One reads its file, the other goes away before it has.
    body_of(taken[0])
    for response in taken:
        response.give_up()
        response.give_up()
    for _place in range(files.AT_ONCE + 1):
        response = ask("commitments/?format=ndjson")
        assert body_of(response).count(b"\n") == 8
        response.give_up()


def test_a_reader_that_dawdles_loses_its_place(short_batches: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LONGEST", -1)
    response = ask("commitments/?format=ndjson")
    with pytest.raises(files.TooSlow):
        body_of(response)
    response.give_up()
    assert files._places.acquire(blocking=False)
    files._places.release()


def test_linked_data_is_a_dataset_with_every_row(short_batches: None, settings: Any) -> None:
    settings.DATA_LICENCE = "https://licence.example/by/4.0"
    told = orjson.loads(body_of(ask("commitments/?format=jsonld&kind=deliverable")))
    assert (told["@context"], told["@type"], told["license"]) == (
        "https://schema.org",
        "Dataset",
        settings.DATA_LICENCE,
    )
    assert told["version"] == head().cursor
    assert [row["identifier"] for row in told["hasPart"]] == [f"TST-{number}" for number in range(1, 8)]
    assert told["hasPart"][6]["creativeWorkStatus"]["termCode"] == "fulfilled"
    assert {"@language": "uk", "@value": "Так, «це»"} in told["hasPart"][0]["name"]
    for one in told["distribution"]:
        response = ask(one["contentUrl"].partition("/api/v1/")[2])
        assert response["Content-Type"].startswith(one["encodingFormat"])
    accords = orjson.loads(body_of(ask("accords/?format=jsonld")))["hasPart"]
    assert [row["@type"] for row in accords] == ["Legislation"]
    assert accords[0]["legislationPassedBy"][0]["@type"] == "Country"
    assert ask("commitments/?format=jsonld&fields=code", 400).json()["errors"][0]["name"] == "fields"


def test_a_page_offers_the_list_that_it_shows(accord: Accord) -> None:
    page = Client().get(f"/accords/{accord.slug}/?standing=kept&party=JPN&q=SUM").content.decode()
    section = page[page.index('class="formats') :]
    links = [unescape(link) for link in re.findall(r'<a href="([^"]+)"', section[: section.index("</p>")])]
    assert len(links) == len(set(links)) == page.count('<link rel="alternate"')
    for link in links:
        assert ask(link.removeprefix("/api/v1/"))
        if "format=csv" in link:
            assert [row["code"] for row in table_of(link.removeprefix("/api/v1/"))] == ["TST-7"]
    (told,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)
    assert orjson.loads(told)["@type"] == "Dataset"
    world.a_commitment(accord, "TST-8", title={"en": "</script><b>&amp;"})
    past = Client().get(f"/accords/{accord.slug}/?as_of=2024-06-14").content.decode()
    assert "as_of=2024-06-14&amp;format=csv" in past
