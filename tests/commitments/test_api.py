"""The REST feed as watchers meet it: complete, in order, the same shape for lists and errors, never a 500."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from jsonschema import Draft202012Validator

from commitments import operations
from commitments.actors import loader
from commitments.models import Event
from tests import world

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def the_world() -> None:
    """The world that every test here reads: an accord, nine commitments in several states."""
    accord = world.an_accord()
    for number in range(1, 8):
        world.a_commitment(accord, f"TST-{number}", roles={"bound": ["JPN" if number % 2 else "UKR"]})
    late = world.a_commitment(accord, "TST-8")
    world.a_deadline(late, "2024-23", label={"en": "By the autumn"})
    world.a_deadline(late, "2999", authority="press")
    kept = world.a_commitment(accord, "TST-9", kind="continuing", topics=[])
    world.published(kept, "upheld", [world.some_evidence(kept)])
    operations.record_contributions([world.money(kept, note="By the ministry's table.")], actor=loader())
    operations.state_positions([world.a_position(kept)], actor=loader())


def get(address: str, status: int = 200, **headers: str) -> Any:
    """The decoded answer of an address (a full one loses its host)."""
    parts = urlsplit(address)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    response = Client(raise_request_exception=True).get(path, headers=headers)
    assert response.status_code == status, (path, response.status_code, response.content[:500])
    assert not response.cookies
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    kind = "application/json" if status == 200 else "application/problem+json"
    assert response.headers["Content-Type"] in (kind, "application/vnd.oai.openapi+json")
    return response.json()


def walk(address: str) -> Iterator[Any]:
    """Every row of a list, page after page."""
    following: str | None = address
    while following:
        answer = get(following)
        yield from answer["results"]
        following = answer["next"]


def test_lists_page_through_everything_once() -> None:
    for limit in (1, 2, 4, 9, 50):
        codes = [row["code"] for row in walk(f"/api/v1/commitments/?limit={limit}&accord={world.ACCORD}")]
        assert codes == [f"TST-{number}" for number in range(1, 10)]
    page = get("/api/v1/commitments/?limit=4&status=not_assessed")
    assert len(page["results"]) == 4
    assert "status=not_assessed" in page["next"] and "limit=4" in page["next"]
    assert [row["code"] for row in get("/api/v1/accords/")["results"]] == [world.ACCORD]


FILTERS: list[tuple[str, list[int]]] = [
    ("status=upheld", [9]),
    ("timeliness=overdue", [8]),
    ("timeliness=overdue,no_deadline&kind=deliverable&party=UKR", [2, 4, 6, 8]),
    ("kind=continuing", [9]),
    ("kind=continuing&kind=conditional", [9]),
    ("party=JPN&role=beneficiary", []),
    ("party=UKR&role=beneficiary", [8, 9]),
    ("upkeep=verdict_due", [8]),
    ("topic=demining&timeliness=overdue", [8]),
    ("status=upheld&topic=demining", []),
    ("contested=contested,resolved", [9]),
    ("contested=none&timeliness=overdue", [8]),
]


def test_filters_narrow() -> None:
    for query, numbers in FILTERS:
        codes = [row["code"] for row in walk(f"/api/v1/commitments/?{query}")]
        assert codes == [f"TST-{number}" for number in numbers], query


def test_a_commitment_tells_what_was_promised_and_how_we_know() -> None:
    late = get("/api/v1/commitments/TST-8/")
    assert late["title"] == {"en": "Do TST-8", "uk": "Зробити TST-8", "ja": "TST-8を行う"}
    assert (late["status"], late["timeliness"], late["upkeep"], late["plain"]) == (
        "not_assessed",
        "overdue",
        "verdict_due",
        "late",
    )
    assert late["due_at"] == "2024-11-30T22:00:00Z" == late["deadlines"][0]["passed_at"]
    assert late["due_authority"] == "text"
    assert [row["code"] for row in late["parties"]["bound"]] == ["JPN", "UKR"]
    assert [(row["code"], row["lines"]) for row in late["sources"]] == [("press", ["L2"])]
    kept = get("/api/v1/commitments/TST-9/")
    assert kept["assessment"]["status"] == "upheld"
    assert kept["assessment"]["evidence"] == [row["code"] for row in kept["evidence"]] == ["TST-9-E1"]
    assert kept["assessment"]["assessor"] == "editors-desk"
    assert kept["evidence"][0]["source"]["address"] == "https://ministry.example/notice"


def test_drafts_and_the_evidence_that_came_with_them_are_nobodys_business() -> None:
    from commitments.models import Commitment
    from commitments.operations import NewEvidence

    commitment = Commitment.objects.get(code="TST-1")
    hidden = NewEvidence(
        commitment="TST-1", act="outcome", bearing="supports", nature="official", source="ministry",
        happened="2024-08-01",
    )  # fmt: skip
    before = get("/api/v1/commitments/TST-1/")
    draft = world.submitted(commitment, "fulfilled", world.actor("editor"), new_evidence=[hidden])
    after = get("/api/v1/commitments/TST-1/")
    assert {**before, "as_of": 0} == {**after, "as_of": 0}
    operations.publish_assessments([draft.code], actor=world.actor("reviewer"))
    published = get("/api/v1/commitments/TST-1/")
    assert (published["status"], len(published["evidence"])) == ("fulfilled", 1)
    operations.retract_assessments([draft.code], actor=world.actor("reviewer"), why="Too early.")
    retracted = get("/api/v1/commitments/TST-1/")
    assert retracted["assessment"] is None
    assert [(row["review"], row["retracted_why"]) for row in retracted["assessments"]] == [
        ("retracted", "Too early.")
    ]


def test_a_poller_that_follows_the_feed_misses_nothing_and_can_check_the_chain() -> None:
    read = list(walk("/api/v1/events/?after=0&limit=3"))
    assert [row["seq"] for row in read] == list(range(1, Event.objects.count() + 1))
    previous = "0" * 64
    for row in read:
        assert row["prev_hash"] == previous
        previous = hashlib.sha256((previous + row["body"]).encode()).hexdigest()
        assert row["hash"] == previous
        if row["note"] is not None:
            assert hashlib.sha256((row["note_salt"] + row["note"]).encode()).hexdigest() == row["note_digest"]
    end = get(f"/api/v1/events/?after={read[-1]['seq']}")
    assert (end["results"], end["next"], end["has_more"]) == ([], None, False)
    assert end["cursor"] == f"{read[-1]['seq']}-{previous[:8]}"
    filtered = get("/api/v1/events/?kind=status_published&limit=1")
    assert filtered["cursor"] == end["cursor"]
    status = filtered["results"][0]
    assert (status["before"], status["after"], status["commitment"]) == ("not_assessed", "upheld", "TST-9")
    assert status["note"] == "Because the ministry said what was done."
    world.a_deadline(world.a_commitment(world.an_accord(), "TST-A"))
    news = get(f"/api/v1/events/?after={end['cursor']}")
    assert [row["kind"] for row in news["results"]] == ["commitment_registered", "deadline_set"]
    assert get("/api/v1/events/?commitment=TST-9,TST-A&kind=deadline_set")["results"] == news["results"][1:]


def test_an_erased_note_is_gone_and_its_event_stays() -> None:
    seq = get("/api/v1/events/?kind=status_published")["results"][0]["seq"]
    operations.redact_note(seq, actor=loader(), why_code="personal-data")
    event = get(f"/api/v1/events/?after={seq - 1}&limit=1")["results"][0]
    assert (event["note"], event["note_salt"], event["note_redacted"]) == (None, None, True)
    assert event["note_digest"] in event["body"]


def test_sentences_come_in_the_language_that_is_asked_for() -> None:
    address = "/api/v1/events/?kind=status_published&limit=1"
    english = get(address)["results"][0]["sentence"]
    assert english.startswith("Status changed from “not assessed” to “upheld”")
    assert get(address + "&lang=en", accept_language="ja")["results"][0]["sentence"] == english
    for language in ("uk", "ja"):
        response = Client().get(address, headers={"accept-language": f"{language}-XX, en;q=0.5"})
        assert response.headers["Content-Language"] == language


NONSENSE = [
    ("commitments/?sort=code", "sort"),
    ("commitments/?order=title", "order"),
    ("commitments/?order=", "order"),
    ("commitments/?status=done", "status"),
    ("commitments/?status=upheld,", "status"),
    ("commitments/?timeliness=late", "timeliness"),
    ("commitments/?upkeep=%00", "upkeep"),
    ("commitments/?party=%ED%A0%80", "party"),
    ("commitments/?topic=%27%3B--", "topic"),
    ("commitments/?accord=" + "9" * 400, "accord"),
    ("commitments/?limit=0", "limit"),
    ("commitments/?limit=501", "limit"),
    ("commitments/?limit=-1", "limit"),
    ("commitments/?limit=1e2", "limit"),
    ("commitments/?limit=%D9%A1", "limit"),
    ("commitments/?limit=1&limit=2", "limit"),
    ("commitments/?limit=" + "9" * 5000, "limit"),
    ("commitments/?cursor=nonsense", "cursor"),
    ("commitments/?cursor=", "cursor"),
    ("commitments/?cursor=WyJhIiwiYiJd", "cursor"),
    ("commitments/?cursor=WzFd", "cursor"),
    ("commitments/?cursor=WyJcdTAwMDAiXQ", "cursor"),
    ("commitments/?lang=xx", "lang"),
    ("commitments/TST-1%00/", "code"),
    ("commitments/%ED%A0%80/", "code"),
    ("commitments/TST-1/?fields=all", "fields"),
    ("accords/?cursor=x", "cursor"),
    ("events/?after=-1", "after"),
    ("events/?after=1.5", "after"),
    ("events/?after=" + "9" * 19, "after"),
    ("events/?after=1-XYZ", "after"),
    ("events/?after=%D9%A1", "after"),
    ("events/?after=1&after=2", "after"),
    ("events/?after=1-00000000", "after"),
    ("events/?after=99999-00000000", "after"),
    ("events/?commitment=TST-77", "commitment"),
    ("events/?commitment=%00", "commitment"),
    ("events/?kind=status", "kind"),
]


def test_bad_input_is_told_by_name_and_never_breaks_anything() -> None:
    for address, name in NONSENSE:
        problem = get(f"/api/v1/{address}", 400)
        assert problem["errors"][0]["name"] == name, address
        assert problem["errors"][0]["reason"]


def test_a_cursor_of_another_log_is_told_how_to_begin_again() -> None:
    problem = get("/api/v1/events/?after=1-00000000", 400)
    beginning, end = problem["errors"][0]["allowed"]
    assert get(f"/api/v1/events/?after={beginning}")["results"]
    assert get(f"/api/v1/events/?after={end}")["results"] == []


def test_the_feed_is_read_only_and_open_to_every_site() -> None:
    client = Client()
    for method in (client.post, client.put, client.patch, client.delete):
        response = method("/api/v1/commitments/TST-1/", content_type="application/json")
        assert response.status_code == 405
        assert response.headers["Content-Type"] == "application/problem+json"
    assert client.options("/api/v1/events/").status_code == 204
    assert client.head("/api/v1/events/").content == b""
    assert get("/api/v1/commitments/TST-77/", 404)["title"] == "Not found"
    assert get("/api/v1/nowhere/", 404)["status"] == 404
    moved = client.get("/api/v1/commitments?limit=2")
    assert (moved.status_code, moved.headers["Location"]) == (308, "/api/v1/commitments/?limit=2")


def test_a_page_costs_the_same_number_of_queries_whatever_its_size() -> None:
    counts = []
    for limit in (1, 9):
        with CaptureQueriesContext(connection) as queries:
            get(f"/api/v1/commitments/?limit={limit}")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 10
    for address, most in (("/api/v1/events/?limit=500", 5), ("/api/v1/accords/", 8)):
        with CaptureQueriesContext(connection) as queries:
            get(address)
        assert len(queries) <= most


def test_every_answer_has_the_shape_that_the_schema_promises() -> None:
    document = get("/api/v1/schema/")
    assert document["openapi"].startswith("3.1")
    shapes = json.loads(json.dumps(document).replace("#/components/schemas/", "#/$defs/"))["components"][
        "schemas"
    ]

    def holds(name: str, answer: Any) -> None:
        shape = {"$ref": f"#/$defs/{name}", "$defs": shapes}
        errors = [
            f"{list(error.path)}: {error.message}"
            for error in Draft202012Validator(shape).iter_errors(answer)
        ]
        assert not errors, errors[:5]

    examples = {
        "/api/v1/": "/api/v1/",
        "/api/v1/accords/": "/api/v1/accords/",
        "/api/v1/accords/{code}/": f"/api/v1/accords/{world.ACCORD}/",
        "/api/v1/commitments/": "/api/v1/commitments/",
        "/api/v1/commitments/{code}/": "/api/v1/commitments/TST-9/",
        "/api/v1/contributions/": "/api/v1/contributions/",
        "/api/v1/checkpoints/": "/api/v1/checkpoints/",
        "/api/v1/statistics/": "/api/v1/statistics/",
        "/api/v1/events/": "/api/v1/events/?limit=500",
        "/api/v1/parties/": "/api/v1/parties/?accord=TST-2024",
        "/api/v1/parties/{code}/": "/api/v1/parties/JPN/",
        "/api/v1/topics/": "/api/v1/topics/",
        "/api/v1/topics/{code}/": "/api/v1/topics/demining/",
        "/api/v1/provisions/": "/api/v1/provisions/",
        "/api/v1/provisions/{code}/": "/api/v1/provisions/TST-2024:II.1/",
        "/api/v1/sources/": "/api/v1/sources/?order=-code",
        "/api/v1/sources/{code}/": "/api/v1/sources/TST-2024:ministry/",
        "/api/v1/deadlines/": "/api/v1/deadlines/?order=due_at&count=true",
        "/api/v1/deadlines/{code}/": "/api/v1/deadlines/TST-8-D1/",
        "/api/v1/evidence/": "/api/v1/evidence/?order=-public_at",
        "/api/v1/evidence/{code}/": "/api/v1/evidence/TST-9-E1/",
        "/api/v1/assessments/": "/api/v1/assessments/?order=published_at",
        "/api/v1/assessments/{code}/": "/api/v1/assessments/TST-9-A1/",
    }
    ours = {path for path, item in document["paths"].items() if path.startswith("/api/v1/") and "get" in item}
    assert ours == set(examples)
    for path, address in examples.items():
        answers = document["paths"][path]["get"]["responses"]
        name = answers["200"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
        holds(name, get(address))
        if "results" in get(address) and path != "/api/v1/checkpoints/":
            assert get(address)["results"], f"{address} shows no row"
        if {"as_of"} <= {one.get("name") for one in document["paths"][path]["get"]["parameters"]}:
            holds(name, get(f"{address}?as_of=2024-11-17"))
        joint = "&" if "?" in address else "?"
        holds("Problem", get(f"{address}{joint}nonsense=1", 400))
        assert set(answers["400"]["content"]) == {"application/problem+json"}


def test_making_the_schema_warns_of_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    get("/api/v1/schema/")
    said = capsys.readouterr()
    assert "arning" not in said.err + said.out


def test_the_page_that_tries_the_api_runs_no_inline_script() -> None:
    response = Client().get("/api/v1/docs/")
    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy + ";"
    assert "unsafe" not in policy
    page = response.content.decode()
    assert "<script>" not in page
    assert "style=" not in page
    assert "<style" not in page


@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_address_with_a_line_break_is_nothing_as_any_other(method: str) -> None:
    answer = getattr(Client(), method)("/api/v1/commitments/a%0D%0Ab/assessments/1/publish/")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
