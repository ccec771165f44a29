"""A write happens once, however often it is sent, and nobody overwrites what somebody else has saved meanwhile."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from commitments.models import Assessment, Commitment, Deadline, Event, Evidence, KeptAnswer
from commitments.tokens import forget_answers
from tests import world
from tests.commitments.writers import EVIDENCE, JUDGEMENT, Writer, a_ready_commitment, standing, writer
from tests.servers import FreshDatabase

# The long form is for a night: 1000.
PAIRS = int(os.environ.get("WRITING_PAIRS", "20"))


@pytest.fixture
def commitment(db: None) -> Commitment:
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
    assert forget_answers(timezone.now()) == 0
    KeptAnswer.objects.update(kept_at=timezone.now() - timedelta(days=1))
    # Run out, though nobody has tidied up: the key is free.
    other = reviewer.send(commitment, "evidence/", EVIDENCE | {"quote": "other"}, key='"one"')
    assert other.status_code == 201
    KeptAnswer.objects.update(kept_at=timezone.now() - timedelta(days=1))
    assert (forget_answers(timezone.now()), KeptAnswer.objects.count()) == (1, 0)


def at_once(things: Sequence[Callable[[], Any]]) -> list[Any]:
    """Does everything at the same moment, each in a thread with a connection of its own; the answers in order."""
    start = threading.Barrier(len(things))
    answers: list[Any] = [None] * len(things)

    def one(place: int, thing: Callable[[], Any]) -> None:
        try:
            start.wait(30)
            answers[place] = thing()
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=each) for each in enumerate(things)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_eight_racing_requests_with_one_key_write_one_event(fresh_db: FreshDatabase) -> None:
    row = world.a_commitment(world.an_accord())
    row.refresh_from_db()
    program = writer("reviewer")
    before = Event.objects.count()

    def send() -> Any:
        return program.send(row, "evidence/", EVIDENCE, version=row.version, key='"one"')

    answers = at_once([send] * 8)
    written = [answer for answer in answers if answer.status_code == 201]
    told = [answer.json().get("code") for answer in answers if answer.status_code == 409]
    assert len(written) + len(told) == 8 and set(told) <= {"in_flight"}
    new = [answer for answer in written if "Idempotency-Replayed" not in answer.headers]
    assert len(new) == 1 and all(answer.json() == new[0].json() for answer in written)
    assert Event.objects.count() == before + 1 and Evidence.objects.count() == 1
    assert send().json() == new[0].json()


def test_eight_racing_requests_with_keys_of_their_own_write_one_event(fresh_db: FreshDatabase) -> None:
    row = world.a_commitment(world.an_accord())
    row.refresh_from_db()
    program = writer("reviewer")
    before = Event.objects.count()
    answers = at_once([lambda: program.send(row, "evidence/", EVIDENCE, version=row.version)] * 8)
    assert sorted(answer.status_code for answer in answers) == [201] + [412] * 7
    assert Event.objects.count() == before + 1


def test_of_two_who_save_at_once_one_saves_and_the_other_is_told_both_values(fresh_db: FreshDatabase) -> None:
    row = world.a_commitment(world.an_accord())
    date = world.a_deadline(row, "2900")
    program, other = writer("reviewer"), writer("reviewer", "second")
    browser = Client()
    browser.force_login(
        world.a_person("reviewer", "third"), backend="django.contrib.auth.backends.ModelBackend"
    )
    page = reverse("admin:commitments_move_deadline", args=[row.pk, 1])
    row.refresh_from_db()
    lost = 0
    for pair in range(PAIRS):
        seen = row.version
        years = (str(3000 + 2 * pair), str(3001 + 2 * pair))

        by_api = partial(program.send, row, "deadlines/1/move/", version=seen)
        first = partial(by_api, {"edtf": years[0], "why": "So."})
        told = {"version": seen, "edtf": years[1], "authority": "", "source": "", "why": "So."}
        second: Callable[[], Any] = partial(browser.post, page, told)
        if pair % 4 == 3:
            again = {"edtf": years[1], "why": "So."}
            second = partial(other.send, row, "deadlines/1/move/", again, version=seen)
        answers = at_once([first, second])
        codes = [answer.status_code for answer in answers]
        saved = [place for place, code in enumerate(codes) if code in (200, 302)]
        assert len(saved) == 1, codes
        row.refresh_from_db()
        date.refresh_from_db()
        lost += date.edtf != years[saved[0]] or row.version != seen + 1
        loser = answers[1 - saved[0]]
        if loser.status_code == 412:
            assert loser.json()["yours"] == f'"v{seen}"'
            assert loser.json()["theirs"]["version"] == f'"v{row.version}"'
        else:
            assert loser.status_code == 409, codes
            stale = loser.context["stale"]
            assert (stale["opened"], stale["now"]) == (seen, row.version)
    assert lost == 0
    assert Deadline.objects.get().revision == Event.objects.filter(kind="deadline_moved").count() == PAIRS


def test_two_authors_who_rewrite_one_draft_do_not_overwrite_each_other(fresh_db: FreshDatabase) -> None:
    row = a_ready_commitment()
    first, second = writer("editor", "first"), writer("editor", "second")

    def say(program: Writer, reason: str) -> Callable[[], Any]:
        body = JUDGEMENT | {"reason": reason, "effective_on": "2025-06-01"}
        return lambda: program.send(row, "assessments/3/revise/", body, version=row.version)

    answers = at_once([say(first, "One."), say(second, "Two.")])
    codes = [answer.status_code for answer in answers]
    assert sorted(codes) == [200, 412]
    assert Assessment.objects.get(number=3).reason == ("One.", "Two.")[codes.index(200)]


def test_a_token_has_a_larger_share_of_the_minute_and_guesses_have_none(
    db: None, settings: Any, time_machine: Any
) -> None:
    time_machine.move_to(timezone.now(), tick=False)
    settings.API_PER_MINUTE, settings.API_TOKEN_PER_MINUTE = 5, 50
    program, narrow = writer("editor"), writer("editor", scopes=["assess"])

    def limit(address: str, token: str) -> str:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = Client(REMOTE_ADDR=address).get("/api/v1/", headers=headers)
        return f"{answer.status_code} {answer.headers['RateLimit-Policy']}"

    assert limit("198.51.100.1", "") == '200 "minute";q=5;w=60'
    assert limit("198.51.100.2", program.token) == '200 "minute";q=50;w=60'
    assert limit("198.51.100.3", narrow.token) == '200 "minute";q=5;w=60'
    guesses = [limit("198.51.100.4", f"act_{number:08x}" + "A" * 43)[:3] for number in range(7)]
    assert guesses == ["200"] * 5 + ["429"] * 2
    # Also from there, who is known already goes on.
    assert limit("198.51.100.4", program.token) == '200 "minute";q=50;w=60'
