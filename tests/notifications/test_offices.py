"""The staff behind a reminder: who holds the office, who is asked instead, who has left, in which language."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from commitments.models import Assessment, Membership
from notifications import delivering, offices, planning
from notifications.models import Notice, ReminderState, Subscriber, SubscriberState, WhyNot
from tests import world
from tests.notifications.readers import link
from tests.notifications.test_reminding import a_desk, fire, in_days, states
from tests.sinks import SmtpSink


def a_date() -> None:
    """A date of the text, eight days ahead, with its rungs planned."""
    world.a_deadline(world.a_commitment(world.an_accord()), in_days(8))
    planning.plan()


def a_draft_of(role: str) -> Assessment:
    """A judgement that somebody of that role has drafted and submitted, with its rungs planned."""
    actor = world.actor(role)
    commitment = world.a_commitment(world.an_accord())
    draft = world.submitted(
        commitment, "in_progress", actor, evidence=[world.some_evidence(commitment).number]
    )
    planning.plan()
    return draft


def told() -> set[str]:
    """The addresses that were told."""
    return set(Notice.objects.filter(source=Notice.REMINDER).values_list("subscriber__email", flat=True))


@pytest.mark.parametrize("lost", ["membership", "is_staff", "accord"])
def test_who_has_lost_the_office_gets_nothing_that_waits(db: None, smtp_sink: SmtpSink, lost: str) -> None:
    people = a_desk()
    a_date()
    fire("d7")
    held = Membership.objects.filter(user=people["editor"])
    if lost == "membership":
        held.delete()
    elif lost == "accord":
        held.update(accord=world.an_accord("OTHER"))
    else:
        people["editor"].is_staff = False
        people["editor"].save()
    assert delivering.deliver(seconds=20).dropped == 1
    assert not smtp_sink.mails


def test_an_office_that_was_taken_over_is_still_told(db: None, smtp_sink: SmtpSink) -> None:
    world.a_person("administrator", email="lead@desk.example")
    a_date()
    fire("d7")
    world.a_person("editor", email="editor@desk.example")
    assert delivering.deliver(seconds=20).sent == 1
    assert smtp_sink.mails[0].recipients == ("lead@desk.example",)


def test_where_the_only_officer_cannot_be_written_to_the_next_one_up_hears(db: None) -> None:
    a_desk()
    now = timezone.now()
    Subscriber.objects.create(
        email="editor@desk.example", created_at=now, changed_at=now, state=SubscriberState.SUPPRESSED
    )
    a_date()
    assert fire("d7") == 1
    assert told() == {"reviewer@desk.example"}


def test_the_only_reviewer_s_own_draft_waits_for_the_next_one_up(db: None, client: Client) -> None:
    people = a_desk()
    draft = a_draft_of("reviewer")
    client.force_login(world.a_person("administrator"))
    page = client.get("/admin/notifications/reminder/").content.decode()
    assert "administrators-desk (administrator)" in page
    assert "(reviewer)" not in page
    assert fire("s1") == 1
    assert told() == {"administrator@desk.example"}
    asked = (draft.commitment.accord_id, "manager", people["reviewer"].pk)
    assert offices.named([asked])[asked] == "administrators-desk (administrator)"


def test_a_rung_that_reaches_nobody_says_so(db: None, client: Client) -> None:
    a_date()
    assert fire("d7") == 0
    assert states()["d7", "officer"] == states()["d7", "watchers"] == (ReminderState.DROPPED, WhyNot.NOBODY)
    client.force_login(world.a_person("administrator"))
    page = client.get("/admin/notifications/reminder/?state__exact=dropped").content.decode()
    assert "nobody is there to hear it" in page


def test_a_rung_that_all_have_noted_says_so(db: None, client: Client, smtp_sink: SmtpSink) -> None:
    a_desk()
    a_date()
    fire("d7")
    delivering.deliver(seconds=20)
    assert client.post(link(smtp_sink.mails[0], "heard"), {"later": ""}).status_code == 200
    assert fire("d1") == 0
    assert states()["d1", "officer"] == (ReminderState.DROPPED, WhyNot.NOTED)


def test_staff_change_the_language_of_their_mails_by_the_link_in_one(
    db: None, client: Client, smtp_sink: SmtpSink
) -> None:
    a_desk()
    a_date()
    fire("d7")
    delivering.deliver(seconds=20)
    manage = link(smtp_sink.mails[0], "manage")
    assert client.post(manage, {"language": "uk"}).status_code == 200
    fire("d1")
    delivering.deliver(seconds=20)
    assert "днів" in smtp_sink.mails[1].text
    assert "Language of the mails" not in smtp_sink.mails[1].text
