"""A write happens once, however often it is sent, and nobody overwrites what somebody else has saved meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from commitments.models import Commitment, KeptAnswer
from commitments.tasks import prune_answers
from tests.commitments.writers import (
    EVIDENCE,
    Writer,
    a_ready_commitment,
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


def test_the_same_key_and_request_are_answered_again_and_write_nothing(
    commitment: Commitment, reviewer: Writer
) -> None:
    seen = commitment.version
    first = reviewer.send(commitment, "evidence/", EVIDENCE, version=seen, key='"one"')
    before = standing()
    again = reviewer.send(commitment, "evidence/", EVIDENCE, version=seen, key='"one"')
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    other = reviewer.send(commitment, "evidence/", EVIDENCE | {"quote": "other"}, version=seen, key='"one"')
    assert (other.status_code, other.json()["code"]) == (422, "other_request")
    elsewhere = reviewer.send(commitment, "deadlines/1/waive/", {"why": "So."}, version=seen, key='"one"')
    assert elsewhere.status_code == 422
    assert standing() == before
    # Somebody else's key of the same name is another one.
    mine = writer("editor").send(commitment, "evidence/", EVIDENCE, key='"one"')
    assert mine.status_code == 201 and mine.json() != first.json()


def test_what_was_refused_may_be_put_right_under_the_same_key(
    commitment: Commitment, reviewer: Writer
) -> None:
    wrong = reviewer.send(commitment, "evidence/", EVIDENCE | {"source": "nowhere"}, key='"one"')
    assert wrong.status_code == 422 and not KeptAnswer.objects.exists()
    assert reviewer.send(commitment, "evidence/", EVIDENCE, key='"one"').status_code == 201


def test_an_answer_is_kept_for_a_day(commitment: Commitment, reviewer: Writer) -> None:
    reviewer.send(commitment, "evidence/", EVIDENCE, key='"one"')
    assert prune_answers() == 0
    KeptAnswer.objects.update(kept_at=timezone.now() - timedelta(days=1))
    # Run out, though nobody has tidied up: the key is free.
    other = reviewer.send(commitment, "evidence/", EVIDENCE | {"quote": "other"}, key='"one"')
    assert other.status_code == 201
    KeptAnswer.objects.update(kept_at=timezone.now() - timedelta(days=1))
    assert (prune_answers(), KeptAnswer.objects.count()) == (1, 0)
