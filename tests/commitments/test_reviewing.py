"""From a draft to the public: submitted, given back, planned, noticed, published by a deputy; shares of parties."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from commitments import operations
from commitments.actors import Actor
from commitments.models import Accord, Assessment, Commitment, Deputy, Event, Evidence, Membership
from commitments.operations import NewEvidence
from commitments.refusals import NotAllowed, Refused
from commitments.sentences import facts_of
from tests import world

pytestmark = pytest.mark.django_db


@pytest.fixture
def accord() -> Accord:
    return world.an_accord()


@pytest.fixture
def commitment(accord: Accord) -> Commitment:
    return world.a_commitment(accord)


@pytest.fixture
def proof(commitment: Commitment) -> Evidence:
    return world.some_evidence(commitment)


def problems(call: Any, *args: Any, **options: Any) -> list[str]:
    before = Event.objects.count()
    with pytest.raises(Refused) as caught:
        call(*args, **options)
    assert Event.objects.count() == before
    return [problem.code for problem in caught.value.problems]


def test_only_what_was_submitted_can_be_published(commitment: Commitment, proof: Evidence) -> None:
    editor, reviewer = world.actor("editor"), world.actor("reviewer")
    draft = world.a_draft(commitment, "fulfilled", editor, evidence=[proof.number])
    assert problems(operations.publish_assessments, [draft.code], actor=reviewer) == ["state"]
    operations.submit_assessments([draft.code], actor=editor)
    assert problems(operations.submit_assessments, [draft.code], actor=editor) == ["state"]
    operations.publish_assessments([draft.code], actor=reviewer)
    assert Commitment.objects.get().status == "fulfilled"


def test_what_is_given_back_is_rewritten_and_comes_again(commitment: Commitment, proof: Evidence) -> None:
    editor, reviewer = world.actor("editor"), world.actor("reviewer")
    row = world.submitted(commitment, "fulfilled", editor, evidence=[proof.number])
    assert problems(operations.request_changes, [row.code], actor=reviewer, why=" ") == ["required"]
    with pytest.raises(NotAllowed):
        operations.request_changes([row.code], actor=editor, why="Name the day.")
    operations.request_changes([row.code], actor=reviewer, why="Name the day.")
    assert problems(operations.publish_assessments, [row.code], actor=reviewer) == ["state"]
    seen = Event.objects.count()
    said = world.a_judgement(
        commitment, "partly_fulfilled", evidence=[proof.number], reason="Half was delivered."
    )
    operations.revise_assessments({row.code: said}, actor=editor)
    operations.submit_assessments([row.code], actor=editor)
    assert Event.objects.count() == seen, "nothing of it is public"
    operations.publish_assessments([row.code], actor=reviewer)
    row = Assessment.objects.get()
    assert (row.status, row.reason, row.review_note) == (
        "partly_fulfilled",
        "Half was delivered.",
        "Name the day.",
    )


def test_a_revision_keeps_its_own_evidence_and_drops_what_is_no_longer_named(commitment: Commitment) -> None:
    editor, reviewer = world.actor("editor"), world.actor("reviewer")
    fresh = [
        NewEvidence(commitment.code, "outcome", "supports", "official", source="ministry", happened=day)
        for day in ("2024-07-20", "2024-07-21")
    ]
    draft = world.a_draft(commitment, "fulfilled", editor, new_evidence=fresh)
    said = world.a_judgement(commitment, "fulfilled", evidence=[2])
    operations.revise_assessments({draft.code: said}, actor=editor)
    operations.submit_assessments([draft.code], actor=editor)
    operations.publish_assessments([draft.code], actor=reviewer)
    assert [row.number for row in Evidence.objects.public()] == [2]


def test_a_planned_publication_happens_at_its_time_once_in_the_approvers_name(
    commitment: Commitment, proof: Evidence
) -> None:
    editor, reviewer = world.actor("editor"), world.actor("reviewer")
    row = world.submitted(commitment, "fulfilled", editor, evidence=[proof.number])
    now = datetime.now(UTC)
    at = now + timedelta(hours=2)
    assert problems(operations.plan_publication, [row.code], actor=reviewer, at=now) == ["past"]
    operations.plan_publication([row.code], actor=reviewer, at=at)
    assert operations.publish_what_is_planned(at - timedelta(seconds=1)) == 0
    assert Commitment.objects.get().status == "not_assessed"
    Membership.objects.filter(role="reviewer").delete()
    assert operations.publish_what_is_planned(at) == 1, "what was approved then holds"
    assert operations.publish_what_is_planned(at) == 0
    (event,) = Event.objects.filter(kind="status_published")
    assert event.by == "reviewers-desk"


def test_nobody_plans_what_they_drafted(commitment: Commitment, proof: Evidence) -> None:
    both = world.actor("reviewer")
    row = world.submitted(commitment, "fulfilled", both, evidence=[proof.number])
    at = datetime.now(UTC) + timedelta(hours=1)
    assert problems(operations.plan_publication, [row.code], actor=both, at=at) == ["four_eyes"]


def test_a_plan_that_a_guard_refuses_meanwhile_goes_back_to_its_author(
    commitment: Commitment, proof: Evidence
) -> None:
    row = world.submitted(commitment, "fulfilled", world.actor("editor"), evidence=[proof.number])
    at = datetime.now(UTC) + timedelta(hours=1)
    operations.plan_publication([row.code], actor=world.actor("reviewer"), at=at)
    operations.withdraw_evidence(
        [proof.code], actor=world.actor("reviewer"), why="It was about another matter."
    )
    assert operations.publish_what_is_planned(at) == 0
    row.refresh_from_db()
    assert (row.review, row.publish_at) == ("changes_requested", None)
    assert "evidence" in row.review_note
    assert Commitment.objects.get().status == "not_assessed"


def test_a_party_that_was_given_notice_has_its_time_to_reply(commitment: Commitment) -> None:
    editor, reviewer = world.actor("editor"), world.actor("reviewer")
    against = world.some_evidence(commitment, bearing="contradicts")
    row = world.submitted(commitment, "not_fulfilled", editor, evidence=[against.number])
    until = datetime.now(UTC) + timedelta(days=14)
    notice = operations.give_notice
    assert problems(notice, [row.code], actor=reviewer, to=["FRA"], reply_by=until) == ["unknown"]
    assert problems(notice, [row.code], actor=reviewer, to=[], reply_by=until) == ["unknown"]
    past = datetime(2024, 1, 1, tzinfo=UTC)
    assert problems(notice, [row.code], actor=reviewer, to=["JPN"], reply_by=past) == ["past"]
    notice([row.code], actor=reviewer, to=["JPN"], reply_by=until)
    assert problems(operations.publish_assessments, [row.code], actor=reviewer) == ["reply_pending"]
    operations.record_reply([row.code], actor=reviewer, reply="We see it otherwise.")
    operations.publish_assessments([row.code], actor=reviewer)
    assert Commitment.objects.get().status == "not_fulfilled"
    assert not Event.objects.filter(body__contains="otherwise").exists(), "the reply stays with the staff"


def test_notice_is_for_judgements_against_a_party(commitment: Commitment, proof: Evidence) -> None:
    row = world.submitted(commitment, "fulfilled", world.actor("editor"), evidence=[proof.number])
    until = datetime.now(UTC) + timedelta(days=14)
    options = {"actor": world.actor("reviewer"), "to": ["JPN"], "reply_by": until}
    assert problems(operations.give_notice, [row.code], **options) == ["not_adverse"]


def test_a_deputy_acts_only_while_the_colleague_is_away(commitment: Commitment, proof: Evidence) -> None:
    editor = world.actor("editor")
    row = world.submitted(commitment, "fulfilled", editor, evidence=[proof.number])
    helper, absent = world.a_person("viewer", "helper"), world.a_person("reviewer")
    Deputy.objects.create(absent=absent, deputy=helper, from_on=date(2025, 7, 1), until_on=date(2025, 7, 31))
    for day in (date(2025, 6, 30), date(2025, 8, 1)):
        with pytest.raises(NotAllowed):
            operations.publish_assessments([row.code], actor=Actor.of(helper, day))
    operations.publish_assessments([row.code], actor=Actor.of(helper, date(2025, 7, 31)))
    assert Event.objects.get(kind="status_published").by == "viewers-desk", "in the deputy's own name"


def test_a_share_of_a_party_is_judged_beside_the_whole(commitment: Commitment, proof: Evidence) -> None:
    world.published(commitment, "in_progress", [proof])
    world.published(commitment, "fulfilled", [proof], party="JPN", reason="Japan did its part.")
    assert Commitment.objects.get().status == "in_progress", "the whole is judged for itself"
    facts = facts_of(Event.objects.filter(kind="status_published").latest("seq").body)
    assert (facts["party"], facts["before"], facts["after"]) == ("JPN", "not_assessed", "fulfilled")
    order = world.a_judgement(commitment, "fulfilled", evidence=[proof.number], party="FRA")
    assert problems(operations.draft_assessments, [order], actor=world.actor("editor")) == ["not_bound"]
    order = world.a_judgement(commitment, "stalled", evidence=[proof.number], party="JPN")
    assert problems(operations.draft_assessments, [order], actor=world.actor("editor")) == ["move"]


def test_one_piece_of_evidence_for_many_commitments_is_verified_by_somebody_else(
    accord: Accord, commitment: Commitment
) -> None:
    other = world.a_commitment(accord, "TST-2")
    client = Client()
    client.force_login(world.a_person("editor"), backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("admin:commitments_attach_evidence", args=[commitment.pk])
    said = {
        "version": commitment.version, "source": "ministry", "act": "outcome", "bearing": "supports",
        "nature": "official", "happened": "2024-08-01", "also_for": "TST-2, TST-9",
    }  # fmt: skip
    refused = client.post(address, said)
    assert "There is no commitment TST-9." in refused.content.decode()
    assert not Evidence.objects.exists()
    assert client.post(address, {**said, "also_for": "TST-2"}).status_code == 302
    first, second = Evidence.objects.order_by("commitment__code")
    assert (first.exhibit, second.commitment) == (second.exhibit, other)
    assert problems(operations.verify_evidence, [first.code], actor=world.actor("editor")) == [
        "second_person"
    ]
    operations.verify_evidence([first.code], actor=world.actor("reviewer"))
    first.refresh_from_db()
    assert (first.verified_by, first.verified_on is not None) == ("reviewers-desk", True)
    assert Event.objects.filter(kind="evidence_verified").count() == 1
