"""Cleaning: what is old goes, addresses that follow nothing are forgotten, and nothing that is owed is touched."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.db.models.deletion import Collector
from django.utils import timezone

from commitments.models import Heartbeat
from notifications import delivering, fanning, outbox, scopes, subscribing
from notifications.models import (
    Attempt,
    Delivery,
    Notice,
    SavedFilter,
    SignUpCount,
    State,
    Subscriber,
    SubscriberState,
    Subscription,
)
from notifications.pruning import prune
from tests import world
from tests.notifications.readers import NETWORK, a_reader, message_id
from tests.sinks import SmtpSink

NOW = timezone.now()


def test_addresses_that_nobody_confirmed_or_that_follow_nothing_are_forgotten(db: None) -> None:
    accord = world.an_accord()
    a_reader("stays@example.org", accord)
    leaver = a_reader("left@example.org", accord)
    subscribing.end(leaver.uuid, subscribing.everything())
    subscribing.sign_up("stranger@example.org", "en", accord, network=NETWORK)
    Delivery.objects.update(state=State.SENT, settled_at=NOW)
    a_reader("never@example.org", accord)
    Subscriber.objects.filter(email="never@example.org").update(state=SubscriberState.SUPPRESSED)
    Subscription.objects.filter(subscriber__email="never@example.org").update(ended_at=NOW)

    def known() -> set[str]:
        return {email.partition("@")[0] for email in Subscriber.objects.values_list("email", flat=True)}

    prune(NOW + timedelta(days=6))
    assert known() == {"stays", "left", "stranger", "never"}
    prune(NOW + timedelta(days=8))
    assert known() == {"stays", "left", "never"}
    prune(NOW + timedelta(days=31))
    assert known() == {"stays", "never"}, "who must never be written to is remembered"
    assert not SignUpCount.objects.exists()
    assert Heartbeat.objects.get(name="prune").found == {"gone": 1}


@pytest.mark.parametrize("state", [State.WAITING, State.CLAIMED])
def test_a_question_that_waits_for_a_server_for_days_is_asked_all_the_same(
    db: None, smtp_sink: SmtpSink, state: State
) -> None:
    subscribing.sign_up("new@example.org", "en", world.an_accord(), network=NETWORK)
    if state == State.CLAIMED:
        outbox.claim()
    prune(NOW + timedelta(days=8))
    if state == State.CLAIMED:
        Delivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert delivering.deliver().sent == 1
    prune(timezone.now() + timedelta(days=6))
    assert Subscription.objects.live().exists(), "the link works for seven days"
    prune(timezone.now() + timedelta(days=8))
    assert not Subscriber.objects.exists()


def test_what_was_settled_long_ago_goes_with_its_tries_and_what_is_owed_stays(
    db: None, smtp_sink: SmtpSink
) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    for name in ("sent", "stuck", "waiting"):
        a_reader(f"{name}@example.org", accord)
    world.some_evidence(commitment)
    fanning.fan_out()
    of = {
        d.subscriber.email.partition("@")[0]: d
        for d in Delivery.objects.select_related("subscriber")
        if d.subscriber
    }
    Delivery.objects.filter(pk=of["waiting"].pk).update(next_attempt_at=NOW + timedelta(days=1))
    Delivery.objects.filter(pk=of["stuck"].pk).update(state=State.QUARANTINED, settled_at=NOW)
    delivering.deliver()
    assert prune(NOW + timedelta(days=89)) == 0
    assert prune(NOW + timedelta(days=91)) == 1
    assert set(Delivery.objects.values_list("pk", flat=True)) == {of["waiting"].pk, of["stuck"].pk}
    assert Notice.objects.count() == 2
    assert not Attempt.objects.exists()


def test_people_erase_themselves_while_their_mails_go_out_and_nothing_locks_up(
    fresh_db: Any, smtp_sink: SmtpSink
) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    readers = [a_reader(f"r{n}@example.org", accord) for n in range(20)]
    for _event in range(10):
        world.some_evidence(commitment)
    fanning.fan_out()
    failures: list[BaseException] = []

    def run(work: Any) -> None:
        try:
            work()
        except BaseException as error:  # the test must see whatever went wrong in a thread
            failures.append(error)
        finally:
            connection.close()

    def erase() -> None:
        for reader in readers[:15]:
            assert subscribing.erase(reader.uuid)

    def tell() -> None:
        for _event in range(10):
            world.some_evidence(commitment)
            fanning.fan_out()

    work = [erase, tell, *[lambda: delivering.deliver(seconds=30)] * 3]
    threads = [threading.Thread(target=run, args=(each,)) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    fanning.fan_out()
    while delivering.deliver(seconds=30).sent:
        pass
    ids = [message_id(mail) for mail in smtp_sink.mails]
    assert len(ids) == len(set(ids))
    assert set(Delivery.objects.values_list("state", flat=True)) <= {State.SENT, State.DROPPED}
    for reader in readers[15:]:
        assert len(smtp_sink.to(reader.email)) == 20
    assert Subscriber.objects.count() == 5
    sent_by_the_rows = Delivery.objects.filter(state=State.SENT).count()
    assert sent_by_the_rows == len(ids)


def beside(work: Any) -> threading.Thread:
    """Work on a connection of its own, begun."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_filter_that_somebody_signs_up_for_just_now_is_not_cleaned_away(
    fresh_db: Any, monkeypatch: Any
) -> None:
    accord = world.an_accord()
    SavedFilter.objects.bulk_create([scopes.a_filter(accord, {"standing": "late"})])
    kept = scopes.kept

    def and_it_is_cleaned(target: Any) -> Any:
        """Cleaning runs between the saving of the filter and that of the wish."""
        found = kept(target)
        beside(prune).join()
        return found

    monkeypatch.setattr(subscribing, "kept", and_it_is_cleaned)
    wanted = scopes.a_filter(accord, {"standing": "late"})
    subscribing.sign_up("reader@example.org", "en", wanted, network=NETWORK)
    assert Subscription.objects.get().saved == SavedFilter.objects.get()


@pytest.mark.parametrize("cleaned", [SavedFilter, Subscription])
def test_whoever_signs_up_for_what_is_cleaned_away_just_now_gets_it_anew(
    fresh_db: Any, monkeypatch: Any, cleaned: type[Model]
) -> None:
    accord = world.an_accord()
    SavedFilter.objects.bulk_create([scopes.a_filter(accord, {"standing": "late"})])
    subscribing.sign_up("late@example.org", "en", accord, network=NETWORK)
    long_ago = NOW - timedelta(days=8)
    Subscription.objects.update(asked_at=long_ago)
    Delivery.objects.update(state=State.SENT, created_at=long_ago, settled_at=long_ago)
    threads: list[threading.Thread] = []
    collect = Collector.collect

    def sign_up() -> None:
        wanted = scopes.a_filter(accord, {"standing": "late"}) if cleaned is SavedFilter else accord
        subscribing.sign_up("late@example.org", "en", wanted, network=NETWORK)

    def and_somebody_comes(self: Any, rows: Any, *args: Any, **more: Any) -> Any:
        """A sign-up begins when cleaning has made its choice."""
        if not threads and getattr(rows, "model", None) is cleaned:
            assert len(rows) == 1
            threads.append(beside(sign_up))
            threads[0].join(0.5)
        return collect(self, rows, *args, **more)

    monkeypatch.setattr(Collector, "collect", and_somebody_comes)
    prune(NOW)
    threads[0].join()
    wish = Subscription.objects.get()
    assert wish.saved == SavedFilter.objects.first()
    assert Delivery.objects.filter(subscription=wish, state=State.WAITING).count() == 1
