"""Whatever is written to the API is answered as its description says, and nothing of it is a 500."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
import schemathesis
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.commitments.writers import a_ready_commitment, shapes, writer

# For each order and each way of making bodies; the long form is for a night: 500, which is 20,000 in all.
CASES = int(os.environ.get("WRITING_CASES", "5"))
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
]  # fmt: skip


@contextmanager
def undone() -> Iterator[None]:
    """Each case finds the same world."""
    mark = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(mark)


def through_a_client(case: Any) -> Response:
    """Sends a case by Django's own client, in the transaction of the test."""
    sent = requests.Request(**case.as_transport_kwargs(base_url="http://testserver")).prepare()
    body = sent.body.encode() if isinstance(sent.body, str) else sent.body or b""
    told = Client(raise_request_exception=False).generic(
        "POST", str(sent.path_url), body, headers={str(k): str(v) for k, v in sent.headers.items() if k != "Content-Length"},
        content_type="application/json",
    )  # fmt: skip
    headers = {name.lower(): [value] for name, value in told.headers.items()}
    return Response(told.status_code, headers, told.content, sent, elapsed=0.0, verify=False)


@pytest.mark.django_db
def test_every_answer_to_a_write_is_one_that_the_description_knows() -> None:
    row = a_ready_commitment()
    headers = {
        "Authorization": f"Bearer {writer('administrator', 'somebody').token}",
        "If-Match": f'"v{row.version}"',
        "Content-Type": "application/json",
    }
    description: Any = schemathesis.openapi.from_dict(shapes())
    description.config.base_url = "http://testserver/"
    answers: dict[int, int] = {}

    def tried(operation: Any, mode: GenerationMode) -> None:
        @settings(
            max_examples=CASES, deadline=None, database=None, derandomize=CASES < 50,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def one(case: Any) -> None:
            of_accord = case.operation.path.startswith("/api/v1/accords/")
            case.path_parameters["code"] = row.accord.code if of_accord else row.code
            if "number" in case.path_parameters:
                case.path_parameters["number"] = 1 + len(str(case.body)) % 4
            case.headers = {**headers, "Idempotency-Key": f'"{uuid.uuid4()}"'}
            case.query = {
                name: case.query[name] for name in case.query or {} if mode == GenerationMode.POSITIVE
            }
            with undone():
                answer = through_a_client(case)
                case.validate_response(answer, checks=CHECKS)
            answers[answer.status_code] = answers.get(answer.status_code, 0) + 1

        one()

    found = [result.ok() for result in description.include(method="POST").get_all_operations()]
    assert len(found) == 22
    for operation in found:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            tried(operation, mode)
    # It has been to the verbs and back, not only to the door.
    assert answers.keys() >= {200, 400, 422}, answers
    assert max(answers) < 500
