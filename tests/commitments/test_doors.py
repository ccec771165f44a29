"""Every verb has a door: its form opens, does what it says, refuses beside the field, and is never a 500."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from commitments import operations
from commitments.actors import loader
from commitments.admin.orders import ORDERS
from commitments.models import (
    Accord,
    Assessment,
    Commitment,
    Contribution,
    Deadline,
    Event,
    Evidence,
    Pause,
    Position,
    Trigger,
)
from commitments.operations import NewPause, NewTrigger
from tests import world

pytestmark = pytest.mark.django_db
TERMS = {"facts": [{"code": "request", "text": "a request of either party"}]}


def signed_in(role: str) -> Client:
    client = Client()
    client.force_login(world.a_person(role), backend="django.contrib.auth.backends.ModelBackend")
    return client


def at(commitment: Commitment, verb: str, *number: int) -> str:
    return reverse(f"admin:commitments_{verb}", args=[commitment.pk, *number])


@pytest.fixture
def commitment() -> Commitment:
    """A triggered duty with something for every verb to act on."""
    row = world.a_commitment(world.an_accord(), kind="conditional", details={"trigger": TERMS})
    world.a_deadline(row, "2999-01")
    world.a_deadline(row, "", type="clock", duration="PT24H")
    asked = NewTrigger(row.code, "request", datetime(2025, 3, 1, tzinfo=UTC), note="By letter.")
    operations.record_triggers([asked], actor=loader())
    operations.pause_commitments([NewPause(row.code, date(2025, 7, 1), "Agreed.")], actor=loader())
    proof = world.some_evidence(row, happened="2025-05-01")
    world.published(row, "fulfilled", [proof], effective_on=date(2025, 5, 1))
    world.submitted(
        row, "fulfilled", world.actor("editor"), evidence=[proof.number], effective_on=date(2025, 6, 1)
    )
    return row


def sent_back(form: Any) -> dict[str, Any]:
    """What a browser would send for a form, untouched."""
    values = {field.name: field.value() for field in form}
    return {name: value for name, value in values.items() if value is not None}


def test_every_order_has_a_page_for_those_who_may_and_none_for_others(commitment: Commitment) -> None:
    numbers: dict[Any, int] = {
        Deadline: 1, Evidence: 1, Trigger: 1, Pause: 1, Contribution: 1, Position: 1,
        Event: Event.objects.exclude(note_digest="").values_list("seq", flat=True)[0],
    }  # fmt: skip
    operations.record_contributions([world.money(commitment)], actor=loader())
    operations.state_positions([world.a_position(commitment)], actor=loader())
    administrator, viewer = signed_in("administrator"), signed_in("viewer")
    for name, order in ORDERS.items():
        number = [2 if order.of is Assessment else numbers[order.of]] if order.of else []
        address = at(commitment, name, *number)
        assert viewer.get(address).status_code == 403, name
        page = administrator.get(address)
        assert page.status_code == 200, name
        assert str(order.button) in page.content.decode() or page.context["preview"], name
        # Nonsense in every field is a message on the page, never an error of ours.
        fields = [field.name for field in page.context["form"] if field.name != "version"]
        if fields:
            before = Event.objects.count()
            version = page.context["form"]["version"].value()
            broken = {**dict.fromkeys(fields, "\x00☃" * 30), "version": version}
            answer = administrator.post(address, broken)
            assert answer.status_code == 200, name
            assert answer.context["form"].errors, name
            assert Event.objects.count() == before, name


def test_a_trigger_is_recorded_in_kyivs_time_and_a_time_that_never_was_is_refused(
    commitment: Commitment,
) -> None:
    reviewer = signed_in("reviewer")
    address = at(commitment, "record_trigger")
    form = reviewer.get(address).context["form"]
    said = sent_back(form) | {"fact": "request", "zone": "Europe/Kyiv"}
    skipped = reviewer.post(address, {**said, "happened_at": "2025-03-30 03:30"})
    assert "did not exist in Europe/Kyiv" in skipped.content.decode()
    twice = reviewer.post(address, {**said, "happened_at": "2025-10-26 03:30"})
    assert "came twice in Europe/Kyiv" in twice.content.decode()
    for never in ("2025-02-29 12:00", "tomorrow", "0000-01-01 00:00"):
        assert (
            "is no time that can be read"
            in reviewer.post(address, {**said, "happened_at": never}).content.decode()
        )
    assert Trigger.objects.count() == 1
    assert reviewer.post(address, {**said, "happened_at": "2025-03-29 20:00"}).status_code == 302
    clock = Deadline.objects.get(trigger__number=2)
    assert clock.due_at == datetime(2025, 3, 30, 18, tzinfo=UTC)


def test_a_clock_is_met_through_the_admin_to_the_minute(commitment: Commitment) -> None:
    reviewer = signed_in("reviewer")
    # The judgement met what was open; a second request starts a second clock.
    again = NewTrigger(commitment.code, "request", datetime(2025, 8, 1, tzinfo=UTC))
    operations.record_triggers([again], actor=loader())
    clock = Deadline.objects.open().get(trigger__number=2)
    address = at(commitment, "meet_deadline", clock.number)
    form = reviewer.get(address).context["form"]
    assert "met_on" not in form.fields
    said = sent_back(form) | {"zone": "Asia/Tokyo"}
    early = reviewer.post(address, {**said, "met_at": "2025-08-01 08:59"})
    assert "had not started" in early.content.decode()
    assert reviewer.post(address, {**said, "met_at": "2025-08-01 23:30"}).status_code == 302
    clock.refresh_from_db()
    assert clock.met_at == datetime(2025, 8, 1, 14, 30, tzinfo=UTC)


def test_a_judgement_goes_its_way_through_the_admin(commitment: Commitment) -> None:
    editor, reviewer = signed_in("editor"), signed_in("reviewer")
    why = {"why": "Name the document."}
    version = Commitment.objects.get().version
    assert editor.get(at(commitment, "request_changes", 2)).status_code == 403
    address = at(commitment, "request_changes", 2)
    assert reviewer.post(address, {**why, "version": version}).status_code == 302
    page = editor.get(at(commitment, "revise", 2))
    said = sent_back(page.context["form"]) | {"reason": "The letter of 1 May answers it."}
    assert editor.post(at(commitment, "revise", 2), said).status_code == 302
    row = Assessment.objects.get(number=2)
    assert (row.review, row.reason) == ("submitted", "The letter of 1 May answers it.")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%d %H:%M")
    planned = {"at": tomorrow, "zone": "UTC", "version": version}
    # Nobody approves words that were rewritten since they read them.
    assert reviewer.post(at(commitment, "plan", 2), planned).status_code == 409
    planned["version"] = Commitment.objects.get().version
    assert reviewer.post(at(commitment, "plan", 2), planned).status_code == 302
    assert (
        "Approved: public from"
        in reviewer.get(reverse("admin:commitments_commitment_change", args=[commitment.pk])).content.decode()
    )


def test_a_note_is_taken_down_and_the_chain_still_holds(commitment: Commitment) -> None:
    event = Event.objects.filter(kind="trigger_recorded").get()
    administrator = signed_in("administrator")
    address = at(commitment, "redact", event.seq)
    assert signed_in("reviewer").get(address).status_code == 403
    form = administrator.get(address).context["form"]
    assert administrator.post(address, sent_back(form) | {"why": "personal-data"}).status_code == 302
    assert Trigger.objects.get().note == "[removed]"
    from commitments.verifying import verify

    assert verify()[1] is None


def test_an_administrator_registers_a_commitment_through_the_admin(commitment: Commitment) -> None:
    accord = Accord.objects.get()
    administrator = signed_in("administrator")
    address = reverse("admin:commitments_register", args=[accord.pk])
    assert signed_in("reviewer").get(address).status_code == 403
    assert administrator.get(address).status_code == 200
    said = {
        "code": "TST-9", "title_en": "Hold the dialogue", "summary_en": "Both hold a dialogue.", "section": "A",
        "kind": "continuing", "strength": "firm", "provenance": "official_text", "bound": ["JPN", "UKR"],
        "provisions": "II.1", "citation": "press", "lines": "L3", "review_every": "P6M",
    }  # fmt: skip
    for wrong, message in (
        ({"code": commitment.code}, "There already is a commitment"),
        ({"provisions": "XX.1"}, "There is no provision"),
        ({"review_every": "PT24H"}, "is no period of the calendar"),
        ({"ends": "2024-02-30"}, "names a day that does not exist"),
        ({"ends": "2020"}, "ends before it begins"),
    ):
        answer = administrator.post(address, {**said, **wrong})
        assert message in answer.content.decode(), wrong
    assert not Commitment.objects.filter(code="TST-9").exists()
    assert administrator.post(address, said).status_code == 302
    row = Commitment.objects.get(code="TST-9")
    assert (row.review_every, row.participations.count(), row.citations.count()) == ("P6M", 2, 1)
