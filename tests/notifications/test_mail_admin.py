"""What staff see before mails go: the next notices, to whom and why; every mail as it looks, with nothing sent."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from commitments import operations
from commitments.actors import loader
from notifications import fanning, outbox, planning, previewing, subscribing
from notifications.models import Attempt, Delivery, Kind, Reminder, State
from notifications.telling import TOLD
from tests import world
from tests.notifications.readers import a_reader, make_due
from tests.test_house import everything_happens


def in_days(days: int) -> str:
    """A day of the calendar, so many days from now."""
    return (timezone.now() + timedelta(days=days)).date().isoformat()


def test_the_next_notices_can_be_read_with_whom_and_why_before_they_go(db: None, client: Client) -> None:
    world.a_person("editor", email="editor@desk.example")
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    world.a_deadline(commitment, in_days(20))
    a_reader("one@example.org", accord)
    a_reader("two@example.org", commitment)
    planning.plan()
    client.force_login(world.a_person("administrator"))
    page = client.get("/admin/notifications/reminder/").content.decode()
    assert "2 readers" in page
    assert "editors-desk (editor)" in page
    assert "TST-1 · Do it" in page
    assert "days to go: due" in page
    assert "TST-1-D1: target, the text" in page
    row = Reminder.objects.first()
    assert row is not None
    assert client.get(f"/admin/notifications/reminder/{row.pk}/change/").status_code == 200
    Reminder.objects.update(state="dropped", why="moved", settled_at=timezone.now())
    assert "TST-1" not in client.get("/admin/notifications/reminder/").content.decode()
    assert (
        "the date moved" in client.get("/admin/notifications/reminder/?state__exact=dropped").content.decode()
    )


@pytest.mark.parametrize("language", ["en", "uk", "ja"])
def test_every_sort_of_mail_can_be_looked_at_and_nothing_is_sent(
    db: None, client: Client, language: str
) -> None:
    everything_happens()
    planning.plan()
    client.force_login(world.a_person("administrator"))
    listed = list(previewing.samples())
    assert {sample.name.partition("-")[0] for sample in listed} >= {"question", "event", "digest"}
    assert sum(sample.name.startswith("event-") for sample in listed) == len(TOLD)
    rungs = set(Reminder.objects.values_list("audience", "rung"))
    assert sum(sample.name.startswith("reminder-") for sample in listed) == len(rungs) > 0
    page = client.get("/admin/notifications/reminder/mails/").content.decode()
    for sample in listed:
        path = f"/admin/notifications/reminder/mails/{sample.name}/"
        assert path in page
        if sample.name.startswith("event-") and language != "uk":
            assert previewing.letter(
                sample.name, language
            ).subject  # the page around it was seen in one language
            continue
        assert client.get(path, {"language": language}).status_code == 200, sample
        if sample.name == "endpoint-owner":
            shown = client.get(path, {"language": language}).content.decode()
            assert "newsroom" in shown
            assert "/admin/notifications/endpoint/0/change/" in shown
        framed = client.get(f"{path}html/", {"language": language})
        assert framed.status_code == 200
        assert f'lang="{language}"' in framed.content.decode()
        assert "script" not in framed["Content-Security-Policy"]
        assert framed["X-Frame-Options"] == "SAMEORIGIN"
        assert "x-leave" not in framed.content.decode()
    assert not Delivery.objects.exists()


def test_every_rung_of_the_ladder_for_every_audience_can_be_looked_at(db: None) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    for role in ("editor", "reviewer"):
        world.a_person(role)
    for days in (40, 20, 5, -3, -200):
        world.a_deadline(commitment, in_days(days))
    planning.plan()
    operations.scan(timezone.now())
    planning.plan()
    rungs = set(Reminder.objects.values_list("audience", "rung"))
    listed = {it.name for it in previewing.samples() if it.name.startswith("reminder-")}
    rows = Reminder.objects.filter(pk__in=[int(name.partition("-")[2]) for name in listed])
    assert set(rows.values_list("audience", "rung")) == rungs
    assert len(listed) == len(rungs) > 5
    assert {audience for audience, _rung in rungs} > {"watchers"}, "readers, and the staff by their duty"
    for name in listed:
        subjects = {previewing.letter(name, language).subject for language in ("en", "uk", "ja")}
        assert len(subjects) == 3, name


def test_what_is_owed_is_shown_as_it_would_read_now(db: None, client: Client) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("reader@example.org", accord)
    gone = world.some_evidence(commitment)
    fanning.fan_out()
    owed = Delivery.objects.get()
    client.force_login(world.a_person("administrator"))
    path = f"/admin/notifications/reminder/mails/delivery-{owed.pk}/"
    assert path in client.get(f"/admin/notifications/delivery/{owed.pk}/change/").content.decode()
    assert "New evidence" in client.get(path).content.decode()
    operations.withdraw_evidence([gone.code], actor=loader(), why="Wrong.")
    answer = client.get(path)
    assert answer.status_code == 404
    assert "nothing in it is true any more" in answer.content.decode()
    owed.refresh_from_db()
    assert (owed.state, Attempt.objects.count()) == (State.WAITING, 0)


@pytest.mark.parametrize(
    ("language", "paused", "undecided"),
    [
        ("en", "its reader has paused this", "It would wait now"),
        ("uk", "читач призупинив", "Зараз він би зачекав"),
        ("ja", "一時停止しています", "現在は待機します"),
    ],
)
def test_why_a_mail_would_not_go_now_is_true_of_a_pause_and_of_what_another_worker_holds(
    db: None, language: str, paused: str, undecided: str
) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    weekly = a_reader("weekly@example.org", accord, rhythm="weekly")
    a_reader("at-once@example.org", accord)
    judged = world.published(commitment, "fulfilled", [world.some_evidence(commitment, origin="backfill")])
    fanning.fan_out()
    make_due()
    digest = Delivery.objects.get(kind=Kind.DIGEST)
    alert = Delivery.objects.exclude(pk=digest.pk).get()
    subscribing.pause(weekly.uuid, subscribing.everything())

    def why(mail: Delivery) -> str:
        with pytest.raises(previewing.NoSuchMail) as said, translation.override(language):
            previewing.letter(f"delivery-{mail.pk}", language)
        return str(said.value)

    assert paused in why(digest)
    assert {it.id for it in outbox.claim()} >= {alert.pk}
    operations.retract_assessments([judged.code], actor=world.actor("reviewer"), why="Too early.")
    fanning.fan_out()
    assert undecided in why(Delivery.objects.exclude(pk__in=[digest.pk, alert.pk]).get())


def test_the_watchers_of_many_commitments_are_counted_together_and_each_once(
    db: None, client: Client
) -> None:
    accord = world.an_accord()
    client.force_login(world.a_person("administrator"))
    a_reader("wide@example.org", accord)
    gone = a_reader("paused@example.org", accord)
    subscribing.pause(gone.uuid, subscribing.everything())
    counts = []
    for number in range(1, 7):
        commitment = world.a_commitment(accord, f"TST-{number}")
        world.a_deadline(commitment, in_days(20 + number))
        a_reader("wide@example.org", commitment)
        if number == 6:
            a_reader("near@example.org", commitment)
        if number in (1, 6):
            planning.plan()
            client.get("/admin/notifications/reminder/")
            with CaptureQueriesContext(connection) as asking:
                rows = client.get("/admin/notifications/reminder/").context["cl"].result_list
            counts.append(len(asking))
    assert counts[0] == counts[1]
    known = {row.commitment.code: row.known for row in rows if row.audience == "watchers"}
    assert known == {f"TST-{n}": "2 readers" if n == 6 else "1 reader" for n in range(1, 7)}


@pytest.mark.parametrize(
    "name", ["event-0", "event-x", "digest-hourly", "reminder-9", "delivery-x", "gossip", "event-"]
)
def test_a_mail_that_is_not_there_is_a_404(db: None, client: Client, name: str) -> None:
    world.an_accord()
    client.force_login(world.a_person("administrator"))
    assert client.get(f"/admin/notifications/reminder/mails/{name}/").status_code == 404
    assert client.get(f"/admin/notifications/reminder/mails/{name}/html/").status_code == 404


def test_only_administrators_look(db: None, client: Client) -> None:
    for role in ("viewer", "editor", "reviewer"):
        client.force_login(world.a_person(role))
        assert client.get("/admin/notifications/reminder/").status_code == 403
        assert client.get("/admin/notifications/reminder/mails/").status_code == 404
        assert client.get("/admin/notifications/reminder/mails/question/").status_code == 404
