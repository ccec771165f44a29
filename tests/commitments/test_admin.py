"""The staff's door: an editor drafts, a reviewer publishes, nobody loses what the other wrote, nothing is a 500."""

from __future__ import annotations

import re
import threading
from datetime import UTC, date, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from commitments import jobs, operations
from commitments.actors import loader
from commitments.models import Assessment, Commitment, Deadline, Event, Evidence, Heartbeat, Membership
from commitments.operations import NewEvidence
from tests import world
from tests.servers import FreshDatabase
from tracker.kit.briefly import forget_all


def signed_in(role: str, **changes: Any) -> Client:
    """A browser of a member of staff, past the sign-in page (test_the_sign_in_page_* goes through it)."""
    client = Client()
    client.force_login(world.a_person(role, **changes), backend="django.contrib.auth.backends.ModelBackend")
    return client


def at(commitment: Commitment, verb: str, *number: int) -> str:
    return reverse(f"admin:commitments_{verb}", args=[commitment.pk, *number])


def page_of(commitment: Commitment) -> str:
    return reverse("admin:commitments_commitment_change", args=[commitment.pk])


def text(response: Any) -> str:
    """The words of a page."""
    bare = re.sub(r"<[^>]*>", " ", response.content.decode())
    return re.sub(r"\s+", " ", unescape(bare))


def fields_of(response: Any) -> dict[str, Any]:
    """What a browser would send back for the form of an order, untouched."""
    form = response.context["form"]
    sent = {}
    for field in form:
        value = field.value()
        if value is not None:
            sent[field.name] = value.isoformat() if isinstance(value, date) else value
    return sent


@pytest.fixture
def commitment(db: None) -> Commitment:
    return world.a_commitment(world.an_accord())


def test_an_editor_drafts_with_new_evidence_and_a_reviewer_publishes(commitment: Commitment) -> None:
    world.a_deadline(commitment, "2024-23", label={"en": "By the autumn"})
    commitment.refresh_from_db()
    editor, reviewer = signed_in("editor"), signed_in("reviewer")
    address = at(commitment, "draft")
    opened = editor.get(address)
    assert [code for code, _label in opened.context["form"].fields["status"].choices] == [
        "not_assessed", "not_started", "in_progress", "stalled", "partly_fulfilled", "fulfilled",
        "not_fulfilled", "superseded",
    ]  # fmt: skip
    told = fields_of(opened) | {
        "status": "fulfilled",
        "effective_on": "2024-08-01",
        "reason": "The ministry published what was delivered.",
        "confidence": "high",
        "source_title": "Delivery confirmed",
        "publisher": "A ministry",
        "address": "https://ministry.example/delivered",
        "published": "2024-08-02",
        "nature": "official",
        "act": "outcome",
        "bearing": "supports",
        "happened": "2024-08-01",
    }
    seen = Event.objects.count()
    assert editor.post(address, told).headers["Location"] == page_of(commitment)
    draft = Assessment.objects.get()
    assert (draft.review, draft.status, draft.assessor) == ("submitted", "fulfilled", "editors-desk")
    assert draft.evidence.get().public_at is None
    assert Event.objects.count() == seen
    assert editor.get(at(commitment, "publish", 1)).status_code == 403
    assert "Not public yet" in text(editor.get(page_of(commitment)))

    preview = reviewer.get(at(commitment, "publish", 1))
    said = text(preview)
    assert "Status changed from “not assessed” to “fulfilled”, as of" in said
    assert re.search(r"Late\s+→\s+Kept", said)
    assert "TST-1-D1 By the autumn (met)" in said
    assert "0 people" in said
    assert "becomes public with it" in said
    assert Event.objects.count() == seen, "a preview leaves no trace"
    assert Assessment.objects.get().review == "submitted"
    assert Deadline.objects.get().closed_at is None

    done = reviewer.post(at(commitment, "publish", 1), fields_of(preview), follow=True)
    assert "Published." in text(done)
    commitment.refresh_from_db()
    assert commitment.status == "fulfilled"
    assert [event.kind for event in Event.objects.filter(seq__gt=seen)] == [
        "evidence_added",
        "status_published",
    ]
    assert "Status changed from “not assessed” to “fulfilled”" in text(done)


def test_nobody_publishes_what_they_drafted_where_the_accord_asks_for_four_eyes(
    commitment: Commitment,
) -> None:
    world.submitted(commitment, "in_progress", world.actor("reviewer"), evidence=[
        world.some_evidence(commitment).number
    ])  # fmt: skip
    commitment.refresh_from_db()
    reviewer = signed_in("reviewer")
    preview = reviewer.get(at(commitment, "publish", 1))
    assert "nobody publishes what they drafted themselves" in text(preview)
    assert b'type="submit" value="Publish"' not in preview.content
    seen = Event.objects.count()
    again = reviewer.post(at(commitment, "publish", 1), {"version": commitment.version})
    assert again.status_code == 200
    assert "four eyes" in text(again)
    assert Event.objects.count() == seen
    assert signed_in("reviewer", name="another").post(
        at(commitment, "publish", 1), {"version": commitment.version}
    ).status_code == 302  # fmt: skip


def test_a_refusal_names_the_rule_beside_its_field_and_the_open_moves(commitment: Commitment) -> None:
    world.published(commitment, "fulfilled", [world.some_evidence(commitment)])
    commitment.refresh_from_db()
    editor = signed_in("editor")
    told = fields_of(editor.get(at(commitment, "draft"))) | {
        "status": "stalled",
        "reason": " ",
        "effective_on": "2999-01-01",
    }
    refused = editor.post(at(commitment, "draft"), told)
    assert refused.status_code == 200
    assert refused.context["form"].errors["reason"] == ["A judgement needs a reason."]
    told["reason"] = "It stopped."
    errors = editor.post(at(commitment, "draft"), told).context["form"].errors
    assert errors["effective_on"] == ["A judgement cannot hold from a day in the future."]
    assert "there is no move to “stalled”. Open are: “fulfilled”, “in progress”" in errors["status"][0]
    unproven = told | {"status": "fulfilled", "effective_on": "2024-08-02"}
    assert (
        "at least one piece of evidence"
        in editor.post(at(commitment, "draft"), unproven).context["form"].errors["evidence"][0]
    )
    assert not Assessment.objects.filter(review="draft").exists()


def test_two_people_at_once_lose_nothing(commitment: Commitment) -> None:
    editor, other = signed_in("editor"), signed_in("editor", name="other")
    evidence = world.some_evidence(commitment)
    told = {
        "status": "fulfilled",
        "effective_on": "2024-08-01",
        "reason": "Delivered.",
        "confidence": "high",
        "evidence": [str(evidence.number)],
    }
    first = fields_of(editor.get(at(commitment, "draft"))) | told
    second = fields_of(other.get(at(commitment, "attach_evidence")))
    attached = second | {"source": "press", "happened": "2024-07-01", "nature": "press"}
    assert other.post(at(commitment, "attach_evidence"), attached).status_code == 302
    stale = editor.post(at(commitment, "draft"), first)
    assert stale.status_code == 409
    said = text(stale)
    assert f"You opened version {first['version']}" in said
    assert f"Now it is version {int(first['version']) + 1}" in said
    assert "Your status fulfilled The status that stands not assessed" in said
    assert "New evidence that supports fulfilment" in said
    assert not Assessment.objects.exists()
    kept = fields_of(stale)
    assert kept["reason"] == "Delivered."
    assert editor.post(at(commitment, "draft"), kept).status_code == 302
    assert Assessment.objects.get().reason == "Delivered."


def test_each_verb_has_its_form(commitment: Commitment) -> None:
    reviewer = signed_in("reviewer")

    def gives(verb: str, number: tuple[int, ...], status: int = 302, **told: Any) -> Any:
        opened = reviewer.get(at(commitment, verb, *number))
        answer = reviewer.post(at(commitment, verb, *number), fields_of(opened) | told)
        assert answer.status_code == status, text(answer)
        return answer

    gives(
        "set_deadline", (), label_en="Sign it", edtf="2024-09", type="target", authority="text", clock="party"
    )
    deadline = Deadline.objects.get()
    assert (deadline.code, deadline.edtf) == ("TST-1-D1", "2024-09")
    wrong = gives("move_deadline", (1,), 200, edtf="soon", why="Agreed.")
    assert "is not a date that can be read" in wrong.context["form"].errors["edtf"][0]
    assert "needs a reason" in gives("move_deadline", (1,), 200, edtf="2999").context["form"].errors["why"][0]
    gives("move_deadline", (1,), edtf="2024-10", authority="agreed", why="Agreed in writing.")
    future = gives("meet_deadline", (1,), 200, met_on="2999-01-01")
    assert "in the future" in future.context["form"].errors["met_on"][0]
    gives("meet_deadline", (1,), met_on="2024-11-02")
    deadline.refresh_from_db()
    assert (deadline.edtf, deadline.original_edtf, deadline.closed_as) == ("2024-10", "2024-09", "met")
    assert reviewer.get(at(commitment, "move_deadline", 2)).status_code == 404

    sourceless = gives("attach_evidence", (), 200, happened="2024-08-01")
    assert "needs a source" in sourceless.context["form"].errors["source"][0]
    bad = gives("attach_evidence", (), 200, source_title="X", address="javascript:alert(1)")
    assert bad.context["form"].errors["address"]
    gives(
        "attach_evidence", (), source_title="A notice", address="https://a.example/1", happened="2024-08-01"
    )
    gives("attach_evidence", (), source="ministry", bearing="context")
    assert "needs a reason" in gives("withdraw_evidence", (2,), 200).context["form"].errors["why"][0]
    gives("withdraw_evidence", (2,), why="A copy of the first.")
    assert Evidence.objects.get(number=2).withdrawn_why == "A copy of the first."

    gives("correct", (), title_en="Do it well", why="A typing error.")
    commitment.refresh_from_db()
    assert commitment.title == {"en": "Do it well", "uk": "Зробити TST-1", "ja": "TST-1を行う"}
    unchanged = Event.objects.count()
    gives("correct", (), why="Nothing to correct.")
    assert Event.objects.count() == unchanged

    draft = world.submitted(commitment, "fulfilled", world.actor("editor"), evidence=[1])
    gives("reject", (draft.number,))
    second = world.submitted(commitment, "fulfilled", world.actor("editor"), evidence=[1])
    gives("publish", (second.number,))
    assert "needs a reason" in gives("retract", (second.number,), 200).context["form"].errors["why"][0]
    gives("retract", (second.number,), why="Too early.")
    assert list(Assessment.objects.order_by("number").values_list("review", flat=True)) == [
        "rejected",
        "retracted",
    ]
    assert Event.objects.filter(by="reviewers-desk").count() >= 8


def test_roles_decide_what_is_offered_and_what_is_done(commitment: Commitment) -> None:
    other = world.a_commitment(world.an_accord("OTH-2024"), "OTH-1")
    verbs = {"viewer": 0, "editor": 2, "reviewer": 4}
    for role, offered in verbs.items():
        client = signed_in(role)
        page = client.get(page_of(commitment)).content.decode()
        count = sum(
            at(commitment, verb) in page for verb in ("draft", "attach_evidence", "set_deadline", "correct")
        )
        assert count == offered, role
        for verb, least in (("draft", "editor"), ("set_deadline", "reviewer"), ("correct", "reviewer")):
            allowed = list(verbs).index(role) >= list(verbs).index(least)
            for answer in (
                client.get(at(commitment, verb)),
                client.post(at(commitment, verb), {"version": "1"}),
            ):
                assert (answer.status_code != 403) is allowed, (role, verb)
        assert client.get("/admin/auth/user/").status_code == 403
        assert client.get("/admin/commitments/membership/add/").status_code == 403
    only_here = signed_in("editor", name="only-here", accord=commitment.accord)
    assert only_here.get(page_of(commitment)).status_code == 200
    assert only_here.get(page_of(other)).status_code == 404
    assert only_here.get(at(other, "draft")).status_code == 404
    assert "OTH-1" not in text(only_here.get("/admin/commitments/commitment/"))
    outsider = Client()
    user = get_user_model().objects.create_user("nobody", password=world.PASSWORD, is_staff=True)
    outsider.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    assert outsider.get(page_of(commitment)).status_code in {403, 404}
    assert Client().get(page_of(commitment)).headers["Location"].startswith("/admin/login/")
    boss = signed_in("administrator", is_superuser=True)
    assert boss.get("/admin/commitments/membership/add/").status_code == 200
    assert boss.get(f"/admin/auth/user/{user.pk}/change/").status_code == 200
    assert Membership.objects.filter(user=user).count() == 0


def test_no_row_of_the_record_is_edited_through_its_own_page(commitment: Commitment) -> None:
    evidence = world.some_evidence(commitment)
    client = signed_in("administrator", is_superuser=True)
    event = Event.objects.latest("seq")
    before = (Commitment.objects.values().get(pk=commitment.pk), Event.objects.count())
    for model, key in (("commitment", commitment.pk), ("event", event.pk), ("source", evidence.source_id)):
        base = f"/admin/commitments/{model}/"
        assert client.get(base).status_code == 200
        assert client.get(f"{base}add/").status_code in {403, 404}
        assert client.get(f"{base}{key}/change/").status_code == 200
        client.post(f"{base}{key}/change/", {"status": "fulfilled", "code": "X", "body": "{}"})
        assert client.post(f"{base}{key}/delete/", {"post": "yes"}).status_code in {403, 404}
    assert (Commitment.objects.values().get(pk=commitment.pk), Event.objects.count()) == before


@pytest.mark.parametrize(
    "told",
    [
        {"version": "9" * 40},
        {"version": ""},
        {"version": "1", "status": "x" * 500},
        {
            "version": "1",
            "status": "done",
            "reason": "\x00",
            "confidence": "sure",
            "effective_on": "0001-01-01",
        },
        {"version": "1", "status": "fulfilled", "reason": "R", "effective_on": "2024-02-30"},
        {
            "version": "1",
            "status": "fulfilled",
            "reason": "R",
            "effective_on": "2024-08-01",
            "evidence": ["0", "9999"],
        },
        {
            "version": "1",
            "status": "fulfilled",
            "reason": "R",
            "effective_on": "2024-08-01",
            "evidence": "9" * 40,
        },
        {
            "version": "1",
            "status": "fulfilled",
            "source_title": "T",
            "published": "0000",
            "happened": "2024-13",
        },
        {
            "version": "1",
            "status": "fulfilled",
            "source_title": "T" * 501,
            "address": "https://a.example/" + "a" * 2048,
        },
    ],
)
def test_nonsense_in_a_form_is_told_and_changes_nothing(commitment: Commitment, told: dict[str, Any]) -> None:
    complete = {
        "confidence": "high", "language": "en", "nature": "official", "act": "outcome", "bearing": "supports",
        "effective_on": "2024-08-01", "reason": "R",
    }  # fmt: skip
    answer = signed_in("editor").post(at(commitment, "draft"), complete | told)
    assert answer.status_code in {200, 409}
    assert answer.context["form"].errors
    assert not Assessment.objects.exists()
    assert not Evidence.objects.exists()


def test_the_desk_says_what_waits_and_warns_when_nobody_looks(commitment: Commitment) -> None:
    world.a_deadline(commitment, "2024-23")
    lasting = world.a_commitment(world.an_accord(), "TST-2", kind="continuing")
    world.a_deadline(lasting, "2024-11", type="review", authority="editorial", clock="tracker")
    world.submitted(commitment, "in_progress", world.actor("editor"), evidence=[
        world.some_evidence(commitment).number
    ])  # fmt: skip
    client = signed_in("editor")
    silent = client.get("/admin/")
    assert "never yet" in text(silent)
    now = datetime.now(UTC)
    for name in jobs.ALL:
        Heartbeat.objects.create(name=name, at=now - timedelta(seconds=5))
    # What was read is known for some seconds.
    assert "never yet" in text(client.get("/admin/"))
    forget_all()
    desk = client.get("/admin/")
    said = text(desk)
    for figure in ("1 Judgements waiting for review", "1 Awaiting our verdict", "1 Overdue by the parties"):
        assert figure in said, figure
    assert b'class="warning"' not in desk.content
    Heartbeat.objects.filter(name="scan").update(at=now - timedelta(seconds=61))
    forget_all()
    assert "The clock looked: 61 seconds ago" in text(client.get("/admin/"))
    for address in re.findall(r'class="figure[^"]*">\s*<a href="([^"]+)"', desk.content.decode()):
        assert client.get(unescape(address)).status_code == 200


def test_pages_cost_few_queries_and_keep_the_strict_policy(commitment: Commitment) -> None:
    client = signed_in("reviewer")
    for _number in range(3):
        world.some_evidence(commitment)
    for address in (
        "/admin/",
        "/admin/commitments/commitment/",
        page_of(commitment),
        at(commitment, "draft"),
    ):
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(address)
        assert answer.status_code == 200
        assert len(queries) <= 40, address  # five of them are the banner's
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        page = answer.content.decode()
        assert not re.search(r"<script(?![^>]*src=)", page), address
        assert not re.search(r'<[^>]*\s(style|onclick|onload)="', page), address
        assert "<style" not in page, address


@pytest.mark.django_db
def test_the_sign_in_page_lets_staff_in_and_locks_out_who_guesses() -> None:
    user = world.a_person("editor")
    browser = Client(REMOTE_ADDR="203.0.113.7")
    good = {"username": user.username, "password": world.PASSWORD, "next": "/admin/"}
    assert browser.post("/admin/login/", good).headers["Location"] == "/admin/"
    assert browser.get("/admin/").status_code == 200
    guesser = Client(REMOTE_ADDR="203.0.113.8")
    answers = [
        guesser.post("/admin/login/", good | {"password": f"guess {n}"}).status_code for n in range(10)
    ]
    assert answers[0] == 200
    assert answers[-1] == 429
    assert guesser.post("/admin/login/", good).status_code == 429
    assert Client(REMOTE_ADDR="203.0.113.7").post("/admin/login/", good).status_code == 302


def test_a_commitment_that_somebody_holds_is_told_kindly(fresh_db: FreshDatabase, settings: Any) -> None:
    settings.STAFF_LOCK_TIMEOUT_MS = 200
    commitment = world.a_commitment(world.an_accord())
    editor = signed_in("editor")
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Commitment.objects.select_for_update().get(pk=commitment.pk)
            held.set()
            free.wait(10)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert held.wait(10)
        told = {
            "version": commitment.version,
            "source": "press",
            "nature": "press",
            "act": "action",
            "bearing": "context",
        }
        answer = editor.post(at(commitment, "attach_evidence"), told)
        assert answer.status_code == 409
        assert "Somebody else is changing TST-1 at this moment" in text(answer)
        assert not Evidence.objects.exists()
    finally:
        free.set()
        holder.join()
    assert editor.post(at(commitment, "attach_evidence"), told).status_code == 302
    assert Evidence.objects.get().source.code == "press"


def test_two_reviewers_who_publish_at_once_publish_once(fresh_db: FreshDatabase) -> None:
    commitment = world.a_commitment(world.an_accord())
    operations.attach_evidence(
        [NewEvidence(commitment="TST-1", act="action", bearing="supports", nature="press", source="press",
                     happened="2024-07-01")],
        actor=loader(),
    )  # fmt: skip
    world.submitted(commitment, "in_progress", world.actor("editor"), evidence=[1])
    commitment.refresh_from_db()
    clients = [signed_in("reviewer"), signed_in("reviewer", name="second")]
    answers: list[int] = []
    gate = threading.Barrier(2)

    def publish(client: Client) -> None:
        gate.wait(10)
        answer = client.post(at(commitment, "publish", 1), {"version": commitment.version})
        answers.append(answer.status_code)
        connection.close()

    threads = [threading.Thread(target=publish, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [302, 409]
    assert Event.objects.filter(kind="status_published").count() == 1
