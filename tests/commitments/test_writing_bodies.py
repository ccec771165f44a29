"""What a body may say: JSON and nothing beside it, fields that exist, values of their form; else a 400 that names it."""

from __future__ import annotations

from typing import Any

import pytest

from commitments.models import Commitment
from tests.commitments.writers import (
    EVIDENCE,
    JUDGEMENT,
    Writer,
    a_ready_commitment,
    check,
    shapes,
    standing,
    writer,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def commitment() -> Commitment:
    return a_ready_commitment()


@pytest.fixture
def reviewer() -> Writer:
    return writer("reviewer", "somebody")


BROKEN: list[tuple[bytes, str | None]] = [
    (b"", "edtf"),
    (b"{", "body"),
    (b"[]", "body"),
    (b'"text"', "body"),
    (b"NaN", "body"),
    (b'{"edtf": NaN}', "body"),
    (b'{"edtf": "\\ud800"}', "body"),
    (b'{"edtf": "\xff"}', "body"),
    (b'{"edtf": "2999\\u0000"}', "edtf"),
    (b'{"e\\u0000": "2999"}', "body"),
    (b'{"edtf": ' + b"9" * 5000 + b"}", None),
    (b'{"edtf": 1e999}', "body"),
    (b'{"edtf": null, "why": "So."}', "edtf"),
    (b'{"edtf": ["2999"], "why": "So."}', "edtf"),
    (b'{"edtf": "' + b"2" * 41 + b'", "why": "So."}', "edtf"),
    (b'{"edtf": "2999", "edtf": "2998", "why": "So."}', "edtf"),
    (b'{"edtf": "2999", "why": "So.", "authority": "god"}', "authority"),
    (b'{"edtf": "2999", "why": "So.", "authority": 1}', "authority"),
    (b'{"edtf": "2999", "why": "So.", "status": "met"}', "status"),
    (b'{"edtf": "2999", "why": ""}', "why"),
    (b'{"edtf": "2999", "why": "' + b"x" * 20_001 + b'"}', "why"),
    (b'{"edtf": ' + b"[" * 2000 + b"]" * 2000 + b"}", None),
    (b'{"edtf": ' + b"[" * 7 + b"]" * 7 + b"}", None),
]


def test_a_body_that_breaks_its_form_is_a_400_that_names_the_field(
    commitment: Commitment, reviewer: Writer
) -> None:
    before = standing()
    for body, field in BROKEN:
        answer = reviewer.send(commitment, "deadlines/1/move/", body)
        told = answer.json()
        assert answer.status_code == 400, (body[:80], told)
        assert field is None or field in [error["name"] for error in told["errors"]], (body[:80], told)
        check(shapes(), "WriteProblem", told)
    assert standing() == before


WITHIN: list[tuple[dict[str, Any], str]] = [
    ({"effective_on": "2025-13-01"}, "effective_on"),
    ({"effective_on": "2025-1-1"}, "effective_on"),
    ({"effective_on": 20250101}, "effective_on"),
    ({"evidence": [1, "2"]}, "evidence[1]"),
    ({"evidence": [True]}, "evidence[0]"),
    ({"evidence": [0]}, "evidence[0]"),
    ({"evidence": [1.0]}, "evidence[0]"),
    ({"evidence": [1] * 51}, "evidence"),
    ({"submit": "yes"}, "submit"),
    ({"language": "fr"}, "language"),
    ({"new_evidence": [EVIDENCE, EVIDENCE | {"weight": 3}]}, "new_evidence[1].weight"),
    ({"new_evidence": [{"act": "outcome"}]}, "new_evidence[0].bearing"),
    ({"new_evidence": [EVIDENCE | {"new_source": {"title": 7}}]}, "new_evidence[0].new_source.title"),
    ({"new_evidence": [EVIDENCE | {"new_source": []}]}, "new_evidence[0].new_source"),
    ({"new_evidence": {}}, "new_evidence"),
]


def test_the_path_of_what_is_wrong_within_is_told(commitment: Commitment, reviewer: Writer) -> None:
    for change, field in WITHIN:
        answer = reviewer.send(commitment, "assessments/", JUDGEMENT | change)
        assert answer.status_code == 400, change
        assert field in [error["name"] for error in answer.json()["errors"]], change


def test_an_unknown_field_is_told_with_those_that_there_are(commitment: Commitment, reviewer: Writer) -> None:
    (error,) = reviewer.send(commitment, "evidence/1/withdraw/", {"why": "So.", "when": "now"}).json()[
        "errors"
    ]
    assert (error["name"], error["allowed"]) == ("when", ["why"])


def test_an_instant_needs_its_zone_and_a_place_in_the_calendar(
    commitment: Commitment, reviewer: Writer
) -> None:
    for given in (
        "2025-04-01T12:00:00", "2025-04-01", "0001-01-01T00:00:00+14:00", "2025-04-01T25:00:00Z",
        "2025-02-30T00:00:00Z", 1743508800,
    ):  # fmt: skip
        answer = reviewer.send(commitment, "triggers/", {"fact": "request", "happened_at": given})
        assert answer.status_code == 400, given
        assert answer.json()["errors"][0]["name"] == "happened_at"
