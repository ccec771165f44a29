"""One act that makes many pieces of news: whoever wants each at once gets one mail about all of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commitments import operations
from commitments.actors import loader
from commitments.models import Accord, Commitment, Evidence
from commitments.operations import NewEvidence, NewSuspension
from notifications import delivering, fanning, links, subscribing
from notifications.models import Bookmark, Delivery, Kind, Notice, State, Why
from tests import world
from tests.notifications.readers import a_reader, make_due
from tests.sinks import SmtpSink

HOLD, MINUTE = timedelta(minutes=2), timedelta(minutes=1)


@pytest.fixture
def accord(db: None) -> Accord:
    """One with 20 open commitments."""
    accord = world.an_accord()
    for n in range(1, 21):
        world.a_commitment(accord, f"TST-{n}")
    return accord


def suspend(accord: Accord) -> None:
    """Suspends it, as a reviewer: news on each of its commitments."""
    order = NewSuspension(
        accord.code, timezone.localdate() - timedelta(days=2), "An emergency.", None, "ministry"
    )
    operations.suspend_accords([order], actor=world.actor("reviewer"))


def resume(accord: Accord) -> None:
    """Lets it go on, as a reviewer: news on each of its commitments once more."""
    today = timezone.localdate()
    operations.resume_accords({accord.code: today}, actor=world.actor("reviewer"), why="It is over.")


def evidence_on(numbers: Sequence[int]) -> list[Evidence]:
    """One piece of evidence on each, entered in one act."""
    orders = [
        NewEvidence(f"TST-{n}", "outcome", "supports", "official", source="ministry", happened="2024-08-01")
        for n in numbers
    ]
    return list(operations.attach_evidence(orders, actor=loader()))


def all_are_told() -> int:
    """Whatever the log holds is told, and what waits is sent; returns how many mails went."""
    while fanning.fan_out():
        pass
    make_due()
    return delivering.deliver(seconds=20).sent


def test_an_accord_that_is_suspended_sends_each_of_its_readers_one_mail_that_lists_it_all(
    accord: Accord, smtp_sink: SmtpSink, settings: Any
) -> None:
    settings.ALERT_HOLD = HOLD
    for language in ("en", "uk", "ja"):
        a_reader(f"{language}@example.org", accord, language=language)
    first = Commitment.objects.get(code="TST-1")
    a_reader("one@example.org", accord, first)
    a_reader("week@example.org", accord, rhythm="weekly")
    suspend(accord)
    assert fanning.fan_out() == 81
    waiting = Delivery.objects.filter(kind=Kind.ALERT)
    assert waiting.count() == 4
    assert all(timedelta() < it.next_attempt_at - timezone.now() <= HOLD for it in waiting)
    assert all_are_told() == 5
    (english,) = smtp_sink.to("en@example.org")
    assert english.subject.endswith("20 pieces of news on 20 commitments")
    assert "week" not in english.text
    assert english.text.count("/commitments/TST-") == 20
    assert f"- {accord}" in english.text.split("you follow:")[1]
    assert english.message["List-Unsubscribe"]
    assert english.message["List-Id"] == f"<{accord.slug}.testserver>"
    assert english.message["References"] == f"<at-once-{accord.slug}@testserver>"
    (ukrainian,), (japanese,) = smtp_sink.to("uk@example.org"), smtp_sink.to("ja@example.org")
    assert ukrainian.subject.endswith(" 20 новин щодо 20 зобов’язань")
    assert japanese.subject.endswith("20件の動き（約束20件）")
    (alone,) = smtp_sink.to("one@example.org")
    assert alone.subject.startswith("TST-1: ")
    assert "WHAT COMES NEXT" in alone.text
    assert alone.message["References"] == f"<commitment-{first.pk}@testserver>"
    assert smtp_sink.to("week@example.org")[0].subject.endswith(
        " · Your week: 20 pieces of news on 20 commitments"
    )
    assert all_are_told() == 0


def test_whoever_reads_the_log_again_tells_nobody_twice(accord: Accord, smtp_sink: SmtpSink) -> None:
    a_reader("reader@example.org", accord)
    suspend(accord)
    assert fanning.fan_out() == 20
    Bookmark.objects.update(seq=0)
    assert fanning.fan_out() == 0
    assert all_are_told() == 1
    Bookmark.objects.update(seq=0)
    assert all_are_told() == 0
    assert Delivery.objects.count() == 1


def test_a_few_pieces_of_news_of_one_act_come_each_in_a_mail_of_its_own(
    accord: Accord, smtp_sink: SmtpSink
) -> None:
    a_reader("reader@example.org", accord)
    evidence_on([1, 2, 3])
    assert all_are_told() == 3
    evidence_on([1, 2, 3, 4])
    assert all_are_told() == 1


def test_two_acts_send_two_mails_and_the_second_puts_off_the_first_no_more_than_it_joins_it(
    accord: Accord, smtp_sink: SmtpSink, settings: Any
) -> None:
    settings.ALERT_HOLD = HOLD
    a_reader("reader@example.org", accord)
    suspend(accord)
    fanning.fan_out()
    soon = timezone.now() + MINUTE
    Delivery.objects.update(next_attempt_at=soon)
    resume(accord)
    fanning.fan_out()
    first, second = Delivery.objects.order_by("next_attempt_at")
    assert (first.next_attempt_at, first.is_open, first.notices.count()) == (soon, False, 20)
    assert (second.is_open, second.notices.count()) == (True, 20)
    assert second.next_attempt_at > soon
    assert all_are_told() == 2


def test_an_act_that_is_told_while_its_first_mail_is_with_a_worker_goes_on_in_another(
    accord: Accord, smtp_sink: SmtpSink, monkeypatch: Any
) -> None:
    monkeypatch.setattr(fanning, "EVENTS", 12)
    a_reader("reader@example.org", accord)
    suspend(accord)
    while not Notice.objects.exists():
        fanning.fan_out(0)
    make_due()
    assert delivering.deliver().sent == 1
    assert all_are_told() == 1
    assert Notice.objects.count() == 20


@pytest.mark.parametrize("events", [1, 2, 7])
def test_an_act_that_is_read_in_parts_is_one_mail_all_the_same(
    accord: Accord, smtp_sink: SmtpSink, monkeypatch: Any, events: int
) -> None:
    a_reader("reader@example.org", accord)
    monkeypatch.setattr(fanning, "EVENTS", events)
    evidence_on([1, 2, 3, 4])
    while Notice.objects.count() < 4:
        fanning.fan_out(0)
    assert Delivery.objects.get().notices.count() == 4
    assert all_are_told() == 1


def test_an_act_with_many_readers_is_one_mail_to_the_last_of_them_too(
    accord: Accord, smtp_sink: SmtpSink, monkeypatch: Any
) -> None:
    monkeypatch.setattr(fanning, "BATCH", 2)
    monkeypatch.setattr(fanning, "FIRST", 2)
    for n in range(5):
        a_reader(f"r{n}@example.org", accord)
    suspend(accord)
    told = 0
    while told < 100:
        told += fanning.fan_out(0)
    kinds = Delivery.objects.values_list("kind", flat=True)
    assert sorted(kinds) == [Kind.ALERT, Kind.ALERT, Kind.MANY, Kind.MANY, Kind.MANY]
    assert all_are_told() == 5
    assert len({mail.recipients for mail in smtp_sink.mails}) == 5


def test_what_is_taken_back_within_the_hold_is_missing_in_the_mail_and_its_end_is_no_news(
    accord: Accord, smtp_sink: SmtpSink
) -> None:
    reader = a_reader("reader@example.org", accord)
    pieces = evidence_on([1, 2, 3, 4])
    fanning.fan_out()
    operations.withdraw_evidence([pieces[0].code], actor=world.actor("reviewer"), why="Another event.")
    make_due()
    assert delivering.deliver().sent == 1, "before the withdrawal is told"
    (mail,) = smtp_sink.mails
    assert mail.subject.endswith("3 pieces of news on 3 commitments")
    assert "/TST-1/" not in mail.text
    assert all_are_told() == 0, "the withdrawal of what they were never told"
    assert set(
        Delivery.objects.filter(subscriber=reader).values_list("state", "why")
    ) == {(State.SENT, ""), (State.DROPPED, Why.UNTRUE)}  # fmt: skip
    operations.withdraw_evidence([pieces[1].code], actor=world.actor("reviewer"), why="Another event.")
    assert all_are_told() == 1, "what they were told"


def test_a_mail_that_may_have_arrived_is_followed_by_what_takes_it_back(
    accord: Accord, smtp_sink: SmtpSink
) -> None:
    a_reader("reader@example.org", accord)
    pieces = evidence_on([1, 2, 3, 4])
    fanning.fan_out()
    Delivery.objects.update(attempts=1)
    operations.withdraw_evidence([pieces[0].code], actor=world.actor("reviewer"), why="Another event.")
    make_due()
    assert delivering.deliver().sent == 1
    assert all_are_told() == 1


def test_when_one_piece_is_left_it_is_told_like_any_other(accord: Accord, smtp_sink: SmtpSink) -> None:
    a_reader("reader@example.org", accord)
    pieces = evidence_on([1, 2, 3, 4])
    fanning.fan_out()
    codes = [piece.code for piece in pieces[1:]]
    operations.withdraw_evidence(codes, actor=world.actor("reviewer"), why="Another event.")
    assert all_are_told() == 1
    assert smtp_sink.mails[0].subject.startswith("TST-1: ")


def test_a_pause_drops_such_a_mail_as_it_drops_an_alert(accord: Accord, smtp_sink: SmtpSink) -> None:
    reader = a_reader("reader@example.org", accord)
    suspend(accord)
    fanning.fan_out()
    subscribing.pause(reader.uuid, subscribing.everything())
    assert all_are_told() == 0
    subscribing.resume(reader.uuid, subscribing.everything())
    assert all_are_told() == 0
    assert Delivery.objects.get().why == Why.UNWANTED


def test_such_a_mail_is_no_digest_to_its_reader(accord: Accord, client: Client, settings: Any) -> None:
    settings.ALERT_HOLD = HOLD
    reader = a_reader("reader@example.org", accord)
    suspend(accord)
    fanning.fan_out()
    before = Delivery.objects.get().next_attempt_at
    subscribing.change_hours(reader.uuid, "Europe/Kyiv", 5, 3)
    assert Delivery.objects.get().next_attempt_at == before
    page = client.get(f"/manage/{links.sign(links.MANAGE, reader.uuid)}/").content.decode()
    assert "Your next digest comes on" not in page


def test_dates_that_have_passed_unseen_come_in_one_mail(accord: Accord, smtp_sink: SmtpSink) -> None:
    for commitment in Commitment.objects.all():
        world.a_deadline(commitment, "2025-01")
    a_reader("reader@example.org", accord)
    operations.scan(timezone.now())
    assert all_are_told() == 1
    assert "20 pieces of news on 20 commitments" in smtp_sink.mails[0].subject


def test_each_piece_of_an_act_costs_one_statement(accord: Accord) -> None:
    a_reader("reader@example.org", accord)
    suspend(accord)
    with CaptureQueriesContext(connection) as queries:
        assert fanning.fan_out() == 20
    telling = [query for query in queries if "INSERT INTO notifications_notice" in query["sql"]]
    assert len(telling) == 20
