"""The write side of the API: the staff's verbs over POST, within scopes and roles, once, and on what was seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from jsonschema import Draft202012Validator

from commitments.actors import NEEDS, RANK
from commitments.api.writing import suspending
from commitments.api.writing.addresses import ORDERS
from commitments.api.writing.orders import Order
from commitments.models import (
    Commitment,
    Event,
    Scope,
)
from commitments.words import StaffRole
from tests import world
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

# One body for each order that does what it says to the ready commitment, by name; the number it is about.
BODIES: dict[str, tuple[int, dict[str, Any]]] = {
    "draft_assessment": (0, JUDGEMENT | {"new_evidence": [EVIDENCE], "submit": True, "language": "uk"}),
    "revise_assessment": (3, JUDGEMENT),
    "submit_assessment": (3, {}),
    "request_changes": (2, {"why": "Say where it is shown."}),
    "publish_assessment": (2, {}),
    "reject_assessment": (3, {"why": "Twice."}),
    "retract_assessment": (1, {"why": "Too early."}),
    "add_evidence": (0, EVIDENCE),
    "withdraw_evidence": (2, {"why": "Another matter."}),
    "verify_evidence": (1, {}),
    "set_deadline": (
        0,
        {
            "label": {"en": "Do it", "ja": "行う"},
            "type": "target",
            "authority": "text",
            "clock": "party",
            "edtf": "2998",
        },
    ),
    "move_deadline": (1, {"edtf": "2999-02", "why": "A correction."}),
    "extend_deadline": (1, {"edtf": "2999-03", "source": "ministry", "why": "Both agreed."}),
    "meet_deadline": (1, {"met_on": "2025-05-05"}),
    "waive_deadline": (1, {"why": "Given up.", "source": "ministry"}),
    "pause_commitment": (0, {"from_on": "2025-04-01", "until_on": "2025-05-01", "reason": "Both agreed."}),
    "resume_commitment": (1, {"until_on": "2025-08-01", "why": "Both agreed.", "shifts_dates": True}),
    "record_trigger": (0, {"fact": "request", "happened_at": "2025-04-01T12:00:00+03:00"}),
    "publish_trigger": (2, {}),
    "withdraw_trigger": (1, {"why": "No request."}),
}
# What each order makes public, and how its row stands then.
OUTCOMES: dict[str, tuple[list[str], str]] = {
    "draft_assessment": ([], "submitted"),
    "revise_assessment": ([], "draft"),
    "submit_assessment": ([], "submitted"),
    "request_changes": ([], "changes_requested"),
    "publish_assessment": (["status_published"], "published"),
    "reject_assessment": ([], "rejected"),
    "retract_assessment": (["status_retracted"], "retracted"),
    "add_evidence": (["evidence_added"], "standing"),
    "withdraw_evidence": (["evidence_withdrawn"], "withdrawn"),
    "verify_evidence": (["evidence_verified"], "verified"),
    "set_deadline": (["deadline_set"], "open"),
    "move_deadline": (["deadline_moved"], "open"),
    "extend_deadline": (["deadline_moved"], "open"),
    "meet_deadline": (["deadline_met"], "met"),
    "waive_deadline": (["deadline_waived"], "waived"),
    "pause_commitment": (["clock_paused"], "running"),
    "resume_commitment": (["deadline_moved", "clock_resumed"], "ended"),
    "record_trigger": (["trigger_recorded", "deadline_set"], "public"),
    "publish_trigger": (["trigger_recorded", "deadline_set"], "public"),
    "withdraw_trigger": (["trigger_withdrawn"], "withdrawn"),
}
NAMES = {order.name: order for order in ORDERS}


@pytest.fixture
def commitment() -> Commitment:
    return a_ready_commitment()


@pytest.fixture
def reviewer() -> Writer:
    return writer("reviewer", "somebody")


def path_of(order: Order) -> str:
    return order.path.replace("{number}", str(BODIES[order.name][0]))


@contextmanager
def undone() -> Iterator[None]:
    """What happens within is taken back: one world serves many orders."""
    mark = transaction.savepoint()
    yield
    transaction.savepoint_rollback(mark)


def test_every_order_does_what_the_verb_does_and_tells_what_it_wrote(
    commitment: Commitment, reviewer: Writer
) -> None:
    before = Event.objects.count()
    for name, order in NAMES.items():
        with undone():
            answer = reviewer.send(commitment, path_of(order), BODIES[name][1])
            assert answer.status_code == order.status, (name, answer.content)
            told = answer.json()
            kinds, state = OUTCOMES[name]
            assert [event["kind"] for event in told["events"]] == kinds, name
            assert [event["seq"] for event in told["events"]] == list(
                Event.objects.filter(seq__gt=before).order_by("seq").values_list("seq", flat=True)
            )
            assert {event["by"] for event in told["events"]} <= {"reviewers-desk"}
            assert (told["noun"], told["state"]) == (order.noun, state), name
            now = Commitment.objects.get()
            assert told["version"] == now.version and (now.version > commitment.version) == (
                bool(kinds) or name == "revise_assessment"
            ), name
            assert answer.headers["Commitment-Version"] == answer.headers["ETag"] == f'"v{now.version}"'
            assert answer.headers["Cache-Control"] == "no-store"
            check(shapes(), "Written", told)


def test_a_dry_run_says_what_would_happen_and_changes_nothing(
    commitment: Commitment, reviewer: Writer
) -> None:
    before = standing()
    for name, order in NAMES.items():
        answer = reviewer.send(commitment, path_of(order), BODIES[name][1], key="", query="?dry_run=true")
        assert answer.status_code == 200, (name, answer.content)
        assert standing() == before, name
        told = answer.json()
        assert [fact["kind"] for fact in told["would_say"]] == OUTCOMES[name][0], name
        assert all(fact["sentence"] for fact in told["would_say"])
        assert (told["dry_run"], told["state"]) == (True, OUTCOMES[name][1])
        check(shapes(), "Rehearsed", told)


def test_what_was_read_is_what_a_write_names(commitment: Commitment, reviewer: Writer) -> None:
    for _again in range(2):
        read = Client().get(f"/api/v1/commitments/{commitment.code}/")
        assert read.headers["Commitment-Version"] == f'"v{read.json()["version"]}"'
    answer = reviewer.send(commitment, "evidence/", EVIDENCE, version=read.headers["Commitment-Version"])
    assert answer.status_code == 201, answer.content


def test_a_judgement_goes_its_whole_way_between_two_people(reviewer: Writer) -> None:
    row = world.a_commitment(world.an_accord())
    editor = writer("editor")
    draft = editor.send(
        row, "assessments/",
        JUDGEMENT | {"status": "in_progress", "evidence": [], "new_evidence": [EVIDENCE | {"act": "announcement"}]},
    ).json()  # fmt: skip
    number = draft["code"].rpartition("-A")[2]
    assert draft["state"] == "draft" and not draft["events"]
    assert editor.send(row, f"assessments/{number}/submit/").json()["state"] == "submitted"
    refused = editor.send(row, f"assessments/{number}/publish/")
    assert refused.status_code == 403 and refused.json()["code"] == "role"
    planned = reviewer.send(row, f"assessments/{number}/publish/", {"at": "2999-01-01T00:00:00Z"})
    assert planned.json()["state"] == "planned" and not planned.json()["events"]
    published = reviewer.send(row, f"assessments/{number}/publish/").json()
    assert [event["kind"] for event in published["events"]] == ["evidence_added", "status_published"]
    row.refresh_from_db()
    assert (row.status, row.version) == ("in_progress", published["version"])


def test_nobody_publishes_their_own_draft_where_four_eyes_are_asked(
    commitment: Commitment, reviewer: Writer
) -> None:
    own = reviewer.send(commitment, "assessments/", JUDGEMENT | {"submit": True}).json()["code"]
    before = standing()
    answer = reviewer.send(commitment, f"assessments/{own.rpartition('-A')[2]}/publish/")
    assert (answer.status_code, answer.json()["code"]) == (409, "four_eyes")
    assert standing() == before


REFUSALS: list[tuple[str, Any, int, str | None, str | None]] = [
        ("assessments/", JUDGEMENT | {"status": "upheld"}, 422, "kind", "status"),
        ("assessments/", JUDGEMENT | {"status": "not_assessed"}, 422, "move", "status"),
        ("assessments/", JUDGEMENT | {"effective_on": "2999-01-01"}, 422, "future", "effective_on"),
        ("assessments/", JUDGEMENT | {"evidence": []}, 422, "no_proof", "evidence"),
        ("assessments/", JUDGEMENT | {"evidence": [77]}, 422, "unknown", "evidence"),
        ("assessments/", JUDGEMENT | {"party": "FRA"}, 422, "not_bound", "party"),
        ("assessments/1/publish/", {}, 409, "state", "assessment"),
        ("assessments/2/publish/", {"at": "2001-01-01T00:00:00Z"}, 422, "past", "at"),
        ("assessments/9/submit/", {}, 404, None, None),
        ("evidence/99/verify/", {}, 404, None, None),
        ("evidence/", EVIDENCE | {"source": "nowhere"}, 422, "unknown", "source"),
        ("evidence/", {k: v for k, v in EVIDENCE.items() if k != "source"}, 422, "required", "source"),
        ("evidence/", EVIDENCE | {"happened": "2999"}, 422, "future", "happened"),
        ("deadlines/4/move/", {"edtf": "2999-02", "why": "So."}, 409, "closed", "deadline"),
        ("deadlines/2/move/", {"edtf": "2999-02", "why": "So."}, 422, "clock", "edtf"),
        ("deadlines/1/move/", {"edtf": "the autumn", "why": "So."}, 422, "date", "edtf"),
        ("deadlines/1/extend/", {"edtf": "2999-02", "why": "So."}, 422, "required", "source"),
        ("deadlines/1/meet/", {}, 422, "one", "met_on"),
        ("deadlines/1/meet/", {"met_on": "9999-12-31"}, 422, "future", "met_on"),
        ("deadlines/0/meet/", {"met_on": "2025-05-05"}, 404, None, None),
        ("pauses/", {"from_on": "2025-06-01", "until_on": "2025-12-01", "reason": "So."}, 409, "overlap", "from_on"),
        ("pauses/", {"from_on": "0001-01-01", "reason": "So."}, 422, "before_start", "from_on"),
        ("pauses/8/resume/", {"until_on": "2025-08-01", "why": "So."}, 404, None, None),
        ("triggers/", {"fact": "war", "happened_at": "2025-04-01T12:00:00Z"}, 422, "unknown", "fact"),
        ("triggers/", {"fact": "request", "happened_at": "9998-04-01T12:00:00Z"}, 422, "future", "happened_at"),
        ("triggers/5/withdraw/", {"why": "So."}, 404, None, None),
    ]  # fmt: skip


def test_what_a_verb_refuses_is_told_with_its_code_and_field_and_leaves_no_trace(
    commitment: Commitment, reviewer: Writer
) -> None:
    before = standing()
    for path, body, status, code, field in REFUSALS:
        for query in ("", "?dry_run=true"):
            answer = reviewer.send(commitment, path, body, query=query)
            told = answer.json()
            assert answer.status_code == status, (path, body, told)
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert told.get("code") == code, (path, body, told)
            assert code is None or told["errors"][0]["name"] == field
            assert ("moves" in told) == (path.startswith("assessments/") and status != 404)
            check(shapes(), "WriteProblem", told)
    assert standing() == before


SHOWN: list[tuple[dict[str, Any], int, str]] = [
    ({"version": ""}, 428, ""),
    ({"version": '"v999"'}, 412, ""),
    ({"version": 'W/"v1"'}, 412, ""),
    ({"version": '"8f14e45f"'}, 412, ""),
    ({"version": "*"}, 400, "If-Match"),
    ({"version": "v1"}, 400, "If-Match"),
    ({"version": '"v1", "v2"'}, 400, "If-Match"),
    ({"key": ""}, 400, "Idempotency-Key"),
    ({"key": '"' + "k" * 256 + '"'}, 400, "Idempotency-Key"),
    ({"key": '"half'}, 400, "Idempotency-Key"),
    ({"query": "?force=true"}, 400, "force"),
    ({"query": "?dry_run=perhaps"}, 400, "dry_run"),
    ({"query": "?access_token=act_1"}, 400, "access_token"),
    ({"query": "?token=act_1"}, 400, "token"),
    ({"Content_Type": "text/plain"}, 415, ""),
    ({"body": b'{"why": "' + b"x" * 70_000 + b'"}'}, 413, ""),
    ({"Authorization": ""}, 401, ""),
    ({"Authorization": "Basic YTpi"}, 401, ""),
    ({"Authorization": "Bearer act_00000000" + "A" * 43}, 401, ""),
]


def test_what_a_write_has_to_show(commitment: Commitment, reviewer: Writer) -> None:
    before = standing()
    for told, status, named in SHOWN:
        body = told.get("body", {"edtf": "2999-02", "why": "So."})
        rest = {name: value for name, value in told.items() if name != "body"}
        answer = reviewer.send(commitment, "deadlines/1/move/", body, **rest)
        found = answer.json()
        assert answer.status_code == status, (told, found)
        assert not named or found["errors"][0]["name"] == named
        assert ("WWW-Authenticate" in answer.headers) == (status == 401)
        check(shapes(), "WriteProblem", found)
    assert standing() == before


def test_who_wrote_on_what_has_changed_is_told_both_values(commitment: Commitment, reviewer: Writer) -> None:
    seen = commitment.version
    assert reviewer.send(commitment, "evidence/", EVIDENCE, version=seen).status_code == 201
    answer = reviewer.send(commitment, "evidence/", EVIDENCE, version=seen)
    told = answer.json()
    assert (answer.status_code, told["code"]) == (412, "stale")
    assert told["yours"] == f'"v{seen}"'
    assert told["theirs"]["version"] == answer.headers["Commitment-Version"] == f'"v{seen + 1}"'
    assert told["theirs"]["status"] == "in_progress"


def test_a_token_in_an_address_is_refused_where_one_reads_too(reviewer: Writer) -> None:
    for address in ("/api/v1/", "/api/v1/commitments/", "/api/v1/events/"):
        answer = Client().get(f"{address}?token={reviewer.token}")
        assert answer.status_code == 400 and reviewer.token not in answer.content.decode()
        assert answer.json()["errors"][0]["name"] == "token"


def test_every_address_asks_for_its_scope_its_role_and_a_token_and_takes_nothing_but_post(
    commitment: Commitment,
) -> None:
    second = world.an_accord("TST-2")
    # Somebody who is in nobody's way: neither author nor reviewer of what is there.
    by_role = {role: writer(role, f"a-{role}") for role in StaffRole.values}
    by_scope = {
        scope: writer("administrator", "narrow", [other for other in Scope.values if other != scope])
        for scope in Scope.values
    }
    elsewhere = writer("administrator", "elsewhere", accord=second)
    before = standing()
    for name, order in NAMES.items():
        path, body = path_of(order), BODIES[name][1]
        lacking = by_scope[order.scope].send(commitment, path, body)
        assert (lacking.status_code, lacking.json()["scope"]) == (403, order.scope), name
        assert "insufficient_scope" in lacking.headers["WWW-Authenticate"]
        assert elsewhere.send(commitment, path, body).status_code == 403, name
        may = {
            role: program.send(commitment, path, body, key="", query="?dry_run=true").status_code
            for role, program in by_role.items()
        }
        needed = RANK[NEEDS[order.verb]]
        assert may == {role: 200 if RANK[StaffRole(role)] >= needed else 403 for role in StaffRole.values}, (
            name
        )
        address = f"/api/v1/commitments/{commitment.code}/{path}"
        for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE"):
            assert Client().generic(method, address).status_code == 405, method
        assert Client().options(address).headers["Allow"] == "POST, OPTIONS"
        assert Client().post(address, body, content_type="application/json").status_code == 401, name
    assert standing() == before


def test_every_order_has_its_test_and_its_place_in_the_contract() -> None:
    assert set(BODIES) == set(OUTCOMES) == set(NAMES)
    document = shapes()
    described = {
        operation["operationId"]: operation
        for item in document["paths"].values()
        for method, operation in item.items()
        if method == "post"
    }
    of_accords = {order.name for order in suspending.ORDERS}
    assert set(described) == set(NAMES) | of_accords
    for name, operation in described.items():
        # An accord has no version that a write could have missed.
        of_version = set() if name in of_accords else {"412", "428"}
        assert set(operation["responses"]) >= {
            "200", "400", "401", "403", "404", "409", "413", "415", "422", *of_version
        }, name  # fmt: skip
        assert operation["security"] == [{"token": []}]
        (body,) = operation["requestBody"]["content"].values()
        if name in BODIES:
            Draft202012Validator(body["schema"]).validate(BODIES[name][1])
        Draft202012Validator(body["schema"]).validate(next(iter(body["examples"].values()))["value"])
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_messages_are_in_the_language_that_is_asked_for(commitment: Commitment, reviewer: Writer) -> None:
    said = {
        reviewer.send(commitment, "assessments/", JUDGEMENT | {"evidence": []}, query=f"?lang={code}").json()[
            "detail"
        ]
        for code in ("en", "uk", "ja")
    }
    assert len(said) == 3


def test_a_row_of_another_commitment_is_not_reached(commitment: Commitment, reviewer: Writer) -> None:
    other = world.a_commitment(commitment.accord, "TST-2")
    answer = reviewer.send(other, "evidence/1/withdraw/", {"why": "So."})
    assert answer.status_code == 404
    assert reviewer.send("TST-404", "evidence/", EVIDENCE).status_code == 404
    assert json.loads(answer.content)["title"] == "Not found"
