"""The product told end to end, with real processes: web server, worker, beat, PostgreSQL, Valkey, SMTP."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse

from commitments import operations
from commitments.actors import loader
from commitments.log import head
from commitments.models import Commitment, Event
from commitments.operations import NewDeadline, NewTrigger
from commitments.verifying import verify
from notifications.models import Bookmark, Delivery, State, Subscriber
from tests import world
from tests.processes import Product, product, wait_until
from tests.servers import FreshDatabase
from tests.sinks import Mail, SmtpSink
from tests.visitor import Page, Visitor

pytestmark = pytest.mark.processes


@pytest.fixture
def running(fresh_db: FreshDatabase, smtp_sink: SmtpSink) -> Iterator[Product]:
    with product(fresh_db, smtp_sink) as it:
        yield it


def feed(visitor: Visitor, after: str) -> tuple[list[dict[str, Any]], str]:
    """The events after a cursor as a watcher reads them, to the end, and the cursor to go on from."""
    address, found = f"/api/v1/events/?after={after}&limit=2", []
    while True:
        answer = visitor.client.get(address)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        found += body["results"]
        if body["next"] is None:
            return found, body["cursor"]
        address = body["next"]


def links_in(mail: Mail) -> list[str]:
    """The addresses in the text part of a mail."""
    return re.findall(r"https?://\S+", mail.text)


def follow(visitor: Visitor, page: str, email: str, sink: SmtpSink, **chosen: Any) -> None:
    """Signs up on a page and confirms by the link of the mail that comes."""
    here = visitor.get(page)
    visitor.submit(here, here.form_with("email", "language"), email=email, **chosen)
    mail = wait_until(lambda: sink.to(email), 15, f"the confirmation for {email}")[0]
    link = next(link for link in links_in(mail) if "/confirm/" in link)
    asked = visitor.get(link)
    assert Subscriber.objects.get(email=email).state == "pending", "opening the link changes nothing"
    visitor.submit(asked, asked.forms[-1])
    assert Subscriber.objects.get(email=email).state == "confirmed"


def draft(editor: Visitor, code: str, **said: Any) -> Page:
    """An editor drafts a status in the admin, with a new piece of evidence."""
    number = Commitment.objects.get(code=code).pk
    page = editor.get(f"/admin/commitments/commitment/{number}/change/")
    form_page = editor.get(page.link("draft a status"))
    return editor.submit(form_page, form_page.form_with("status", "reason"), **said)


EVIDENCE = {
    "source_title": "Minutes of the first meeting",
    "publisher": "The ministry",
    "address": "https://ministry.example/minutes",
    "nature": "official",
    "act": "outcome",
    "bearing": "supports",
    "happened": "2025-05-02",
}


def test_the_story(running: Product, smtp_sink: SmtpSink) -> None:
    # An accord, two commitments, the staff of a tracker.
    accord = world.an_accord()
    one = world.a_commitment(accord, "TST-1")
    asked = {"facts": [{"code": "request", "text": "a request of either party"}]}
    two = world.a_commitment(accord, "TST-2", kind="conditional", details={"trigger": asked})
    for role in ("editor", "reviewer"):
        world.a_person(role)
    running.start_web()
    worker, beat = running.start_worker(), running.start_beat()

    # A reader follows the commitment, another one the accord; both confirm by mail.
    reader = Visitor(running.url)
    follow(reader, "/commitments/TST-1/", "reader@people.example", smtp_sink)
    # A whole accord comes in a weekly digest unless one wants its news at once.
    everything = Visitor(running.url)
    wider = reverse("notifications:follow") + f"?accord={accord.code}"
    follow(everything, wider, "all@people.example", smtp_sink, rhythm="instantly")
    smtp_sink.mails.clear()
    watcher = Visitor(running.url)
    _events, cursor = feed(watcher, "0")

    # An editor drafts a status with evidence: nothing of it is public yet. They may not publish it.
    editor, reviewer = Visitor(running.url), Visitor(running.url)
    editor.sign_in("editor", world.PASSWORD)
    said = {
        "status": "fulfilled",
        "effective_on": "2025-05-02",
        "reason": "The meeting was held.",
        "confidence": "high",
    }
    refused = draft(editor, one.code, **said)
    assert "needs at least one piece of evidence" in refused.text
    drafted = draft(editor, one.code, **said, **EVIDENCE)
    assert drafted.status == 200, drafted.text[:500]
    assert feed(watcher, cursor)[0] == []
    assert one.assessments.get().review == "submitted"

    # A reviewer reads the preview, which says how many will be told, and publishes.
    reviewer.sign_in("reviewer", world.PASSWORD)
    page = reviewer.get(f"/admin/commitments/commitment/{one.pk}/change/")
    preview = reviewer.get(page.link("publish"))
    assert re.search(r"\b2\b", preview.text), preview.text
    assert "fulfilled" in preview.text
    reviewer.submit(preview, preview.form_with("version"))

    # The watcher finds the events after the last cursor, once; each reader gets one mail, and its links work.
    events, cursor = feed(watcher, cursor)
    assert [event["kind"] for event in events] == ["evidence_added", "status_published"]
    assert events[-1]["commitment"] == "TST-1"
    assert feed(watcher, cursor)[0] == []
    wait_until(lambda: len(smtp_sink.mails) >= 2, 15, "a mail for each reader")
    mail = smtp_sink.to("reader@people.example")[0]
    assert "Minutes of the first meeting" in mail.text
    assert "The meeting was held." in mail.text
    for link in links_in(mail):
        if "127.0.0.1" in link:
            assert reader.get(link.rstrip(".,)")).status == 200, link

    # A deadline passes: within seconds its event is in the log, once, with the true instant, and mailed.
    smtp_sink.mails.clear()
    crossed = set_to_pass(two)
    marked = wait_until(lambda: Event.objects.filter(kind="became_overdue"), 5, "the scan marks it")
    assert [event.crossed_at for event in marked] == [crossed]
    wait_until(lambda: smtp_sink.to("all@people.example"), 15, "the mail about it")

    # The worker is killed in the middle of its work and Redis emptied: nothing is lost.
    wait_until(all_is_told, 30, "the last word about that date")
    smtp_sink.mails.clear()
    smtp_sink.delay = 0.4
    before = head().seq
    for number in range(6):
        world.some_evidence(two, quote=f"Item {number}", bearing="context")
    wait_until(lambda: smtp_sink.mails, 15, "the first of six mails")
    running.kill(worker)
    running.empty_redis()
    smtp_sink.delay = 0
    # What the dead worker had claimed comes free when its lease is over; the test moves the clock, not the sleep.
    Delivery.objects.filter(state=State.CLAIMED).update(lease_until=datetime.now(UTC) - timedelta(seconds=1))
    worker = running.start_worker()
    wait_until(lambda: len(ids_to(smtp_sink, "all@people.example")) >= 6, 40, "a mail for each of six events")
    wait_until(
        lambda: not Delivery.objects.filter(state__in=[State.WAITING, State.CLAIMED]).exists(),
        40,
        "everything that was owed is settled",
    )
    ids = ids_to(smtp_sink, "all@people.example")
    assert len(set(ids)) == 6, f"one mail for each of six events: {ids}\n{running.output()}"
    assert len(smtp_sink.to("all@people.example")) <= 7, "at most the one on the wire twice, with the same id"
    assert Event.objects.filter(seq__gt=before).count() == 6
    assert Event.objects.filter(kind="became_overdue").count() == 1

    # The reader leaves with one click, and hears nothing more; the chain holds.
    smtp_sink.mails.clear()
    leave = re.search(r"<(https?://[^>]+)>", str(mail.message["List-Unsubscribe"]))
    assert leave is not None
    assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    answer = Visitor(running.url).client.post(leave[1], data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    world.some_evidence(one, bearing="context")
    wait_until(lambda: smtp_sink.to("all@people.example"), 15, "the mail for who still follows")
    time.sleep(1)
    assert smtp_sink.to("reader@people.example") == []
    assert verify() == (head().seq, None)
    assert running.valkey.answers()
    assert beat.is_running()
    running.family.stop(worker)


def ids_to(sink: SmtpSink, email: str) -> set[str]:
    """The Message-IDs that somebody got."""
    return {str(mail.message["Message-ID"]) for mail in sink.to(email)}


def all_is_told() -> bool:
    """Whether everything in the log has been given out, and all of it settled."""
    told = Bookmark.objects.filter(name="fan_out").values_list("seq", flat=True).first()
    open_ones = Delivery.objects.filter(state__in=[State.WAITING, State.CLAIMED])
    return told is not None and told >= head().seq and not open_ones.exists()


def set_to_pass(commitment: Commitment) -> datetime:
    """A request that starts a clock of one hour, recorded two seconds before the hour is over."""
    order = NewDeadline(
        commitment=commitment.code,
        label={"en": "Answer the request"},
        type="clock",
        authority="text",
        clock="party",
        duration="PT1H",
    )
    operations.set_deadlines([order], actor=loader())
    ends_at = (datetime.now(UTC) + timedelta(seconds=2)).replace(microsecond=0)
    request = NewTrigger(commitment.code, "request", ends_at - timedelta(hours=1))
    operations.record_triggers([request], actor=loader())
    return ends_at
