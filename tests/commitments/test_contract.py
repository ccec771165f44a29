"""The API keeps what its description promises: answers to made-up requests over the whole of it, none undocumented.

Some for each address in the suite; ACCORD_CONTRACT_CASES=20000 asks as many over all of them.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as sized
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from commitments import operations
from commitments.actors import loader
from commitments.api import completing
from commitments.api.completing import an_example
from commitments.importing import load_accord
from tests import world
from tests.commitments.writers import a_ready_commitment, writer
from tracker.kit.answers import shelf
from tracker.wsgi import application

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parent.parent.parent
FIXTURES, EXAMPLES = ROOT / "fixtures", ROOT / "commitments" / "api" / "examples.json"
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
CASES = int(os.environ.get("ACCORD_CONTRACT_CASES", "0"))
EACH = 6
# Codes that exist, so that half of the requests get further than 404.
CODES = {
    "accords": world.ACCORD, "parties": "JPN", "topics": "demining", "provisions": "TST-2024:II.1",
    "sources": "TST-2024:ministry", "commitments": "TST-1", "deadlines": "TST-1-D1", "evidence": "TST-1-E1",
    "assessments": "TST-1-A1",
}  # fmt: skip


def described() -> Any:
    """The description as it is served."""
    shelf.clear()
    return Client().get("/api/v1/schema/").json()


def operations_of(document: Any) -> list[tuple[str, str, Any]]:
    """Path, method and description of every operation."""
    return [
        (path, method, item[method])
        for path, item in document["paths"].items()
        for method in ("get", "post")
        if method in item
    ]


def test_every_operation_names_what_the_gate_may_answer() -> None:
    document = described()
    found = operations_of(document)
    assert {method for _path, method, _item in found} == {"get", "post"}
    for path, method, item in found:
        answers = item["responses"]
        assert {"429", "503"} <= set(answers), path
        assert "Retry-After" in answers["429"]["headers"], path
        if path.startswith("/api/") and method == "get":
            assert {"200", "400"} <= set(answers), path
            # What is signed is no part of the log, which the tag goes by.
            is_tagged = path != "/api/v1/checkpoints/"
            assert ("304" in answers) == ("ETag" in answers["200"]["headers"]) == is_tagged, path
            assert "content" not in answers.get("304", {})
        for status, answer in answers.items():
            assert {"RateLimit", "Content-Language"} <= set(answer["headers"]), (path, status)


def test_the_examples_of_problems_fit_their_shapes() -> None:
    shapes = described()["components"]["schemas"]
    for name in ("Problem", "WriteProblem"):
        whole = Draft202012Validator({**shapes[name], "$defs": {}, "components": {"schemas": shapes}})
        for status in (400, 404, 429, 503):
            example = an_example(status)
            assert example is not None
            assert example["status"] == status
            if name == "Problem":
                whole.validate(example)


def _answers_of_the_example(document: Any) -> dict[str, Any]:
    """One answer of each reading, about the invented accord, with a row each."""
    load_accord(FIXTURES / "example-accord.yaml", today=date(2026, 1, 15))
    found: dict[str, Any] = {}
    for path, method, item in operations_of(document):
        if (
            method != "get"
            or not path.startswith("/api/")
            or "application/json" not in item["responses"]["200"]["content"]
        ):
            continue
        name = item["operationId"]
        if "{" in path:
            noun = path.split("/")[3]
            rows = Client().get(f"/api/v1/{noun}/?limit=1&order=code").json()["results"]
            if not rows:
                continue
            code = rows[0]["code"]
            if noun in ("provisions", "sources"):
                code = f"{rows[0]['accord']}:{code}"
            path = path.replace("{code}", code)
        query = "?limit=1" if name.startswith("list_") else ""
        answer = Client().get(path + query)
        assert answer.status_code == 200, (path, answer.content[:300])
        found[name] = answer.json()
    return found


def test_each_answer_has_an_example_of_its_shape() -> None:
    """The examples are answers that were given once; ACCORD_WRITE_EXAMPLES=1 writes them anew."""
    document = described()
    if os.environ.get("ACCORD_WRITE_EXAMPLES"):
        told = _answers_of_the_example(document)
        written = orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        EXAMPLES.write_bytes(written.replace(b"http://testserver", b"https://tracker.example.org"))
        completing._examples.cache_clear()
        document = described()
    shapes = {"components": document["components"]}
    found = 0
    for path, method, item in operations_of(document):
        content = item["responses"].get("200", {}).get("content", {}).get("application/json", {})
        if method == "get" and path.startswith("/api/") and content:
            Draft202012Validator({**content["schema"], **shapes}).validate(content["example"])
            found += 1
    assert found >= 22


def asked_of(operation: Any, number: int, headers: dict[str, str]) -> int:
    """Asks so much of one operation, as described and not as described; returns how many requests were made."""
    noun = operation.path.removeprefix("/api/v1/").split("/")[0]
    made = 0

    @sized(
        max_examples=number,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data(), seed=st.integers(0, 2**32))
    def ask(data: Any, seed: int) -> None:
        nonlocal made
        mode = GenerationMode.NEGATIVE if seed % 3 == 0 else GenerationMode.POSITIVE
        try:
            case = data.draw(operation.as_strategy(generation_mode=mode))
        except schemathesis.errors.SchemathesisError:
            # Nothing can be wrong with an address that takes nothing.
            case = data.draw(operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
        if "code" in (case.path_parameters or {}) and noun in CODES and random.Random(seed).random() < 0.6:
            case.path_parameters["code"] = CODES[noun]
        made += 1
        case.call_and_validate(checks=CHECKS, headers={**headers, "Accept-Encoding": "identity"})

    ask()
    return made


@pytest.fixture
def _one_transaction() -> Iterator[None]:
    """A request leaves the connection open: the test's transaction lives in it (as Django's own client does)."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.usefixtures("_one_transaction")
def test_made_up_requests_meet_no_server_error_and_no_undocumented_answer(settings: Any) -> None:
    commitment = a_ready_commitment()
    operations.record_contributions([world.money(commitment)], actor=loader())
    token = {"Authorization": f"Bearer {writer('reviewer', 'somebody').token}"}
    settings.ALLOWED_HOSTS = ["localhost"]
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema/", application)
    found: list[Any] = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    assert len(found) >= 40
    each = max(EACH, -(-CASES // len(found)))
    made = sum(asked_of(one, each, token if one.method == "post" else {}) for one in found)
    assert made >= CASES


LISTS = [
    "accords", "parties", "provisions", "sources", "topics", "deadlines", "assessments", "evidence",
    "contributions", "statistics", "events", "checkpoints",
    *(f"commitments include={part}" for part in ("deadlines", "sources", "evidence", "all")),
    "commitments", "commitments count=true", "commitments q=mine",
]  # fmt: skip


@pytest.mark.parametrize("asked", LISTS)
def test_a_page_takes_as_many_queries_whatever_its_size(asked: str) -> None:
    noun, _space, query = asked.partition(" ")
    accord = world.an_accord()
    for number in range(1, 17):
        one = world.a_commitment(accord, f"TST-{number}")
        world.a_deadline(one, "2999")
        world.published(one, "fulfilled", [world.some_evidence(one)])
        operations.record_contributions([world.money(one)], actor=loader())
    counts = []
    for limit in (9, 16):
        shelf.clear()
        Client().get(f"/api/v1/{noun}/?limit={limit}&{query}" if query else f"/api/v1/{noun}/?limit={limit}")
        shelf.clear()
        with CaptureQueriesContext(connection) as queries:
            answer = Client().get(f"/api/v1/{noun}/?limit={limit}" + (f"&{query}" if query else ""))
        assert answer.status_code == 200, answer.content[:300]
        reads = [one["sql"] for one in queries if "SELECT" in one["sql"]]
        counts.append(len(reads))
    # The page, its parts, and the head of the log twice: what the answer is kept under, and what it says of itself.
    most = 2 + {"accords": 6, "statistics": 3, "commitments": 2}.get(noun, 2) + ("count" in query)
    assert counts[0] == counts[1] <= most, (counts, reads)
