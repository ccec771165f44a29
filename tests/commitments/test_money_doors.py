"""Money and positions through the doors: what readers see, what staff may do, and what a refusal says."""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from commitments import operations
from commitments.actors import loader
from commitments.models import Commitment, Contribution, Event, Position
from commitments.sentences import facts_of, sentence
from tests import world

pytestmark = pytest.mark.django_db
TARGET = {"value": "4500000000", "currency": "USD", "bound": "exact", "period": "2024"}


@pytest.fixture
def commitment() -> Commitment:
    return world.a_commitment(world.an_accord(), kind="financial", details={"amount": TARGET})


def words(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", page))).replace("\u00a0", " ")


def get(address: str, status: int = 200) -> str:
    response = Client().get(address)
    assert response.status_code == status
    return response.content.decode()


def signed_in(role: str) -> Client:
    client = Client()
    client.force_login(world.a_person(role), backend="django.contrib.auth.backends.ModelBackend")
    return client


def at(commitment: Commitment, verb: str, *number: int) -> str:
    return reverse(f"admin:commitments_{verb}", args=[commitment.pk, *number])


def sent_back(response: Any) -> dict[str, Any]:
    """What a browser would send for the form of an order, untouched."""
    found = {}
    for field in response.context["form"]:
        value = field.value()
        if value is not None:
            found[field.name] = value.isoformat() if isinstance(value, date) else value
    return found


def recorded(commitment: Commitment, **changes: Any) -> Contribution:
    return operations.record_contributions([world.money(commitment, **changes)], actor=loader())[0]


def stated(commitment: Commitment, **changes: Any) -> Position:
    return operations.state_positions([world.a_position(commitment, **changes)], actor=loader())[0]


def test_the_page_tells_the_target_and_each_stage_with_its_own_bar(commitment: Commitment) -> None:
    recorded(commitment, stage="pledged", amount="4500000000")
    recorded(commitment, amount="", amount_low="1000000000", amount_high="2000000000")
    recorded(commitment, currency="JPY", amount="100000", bound="minimum", note="In kind.")
    gone = recorded(commitment, amount="7")
    operations.withdraw_contributions([gone.code], actor=loader(), why="Counted twice.")
    page = get("/commitments/TST-1/")
    said = words(page)
    for expected in (
        "Promised: 4.5 billion US dollars (2024)",
        "Pledged 100% of what was promised",
        "Delivered 22% to 44% of what was promised",
        "Delivered between 1 billion US dollars and 2 billion US dollars 22% to 44% of what was promised 1",
        "Delivered at least 100,000 Japanese yen — 1",
        "stages are never added together, and no currency is converted",
        "Sources disagree about the sum",
        "In kind.",
        "Counted twice.",
        "Pledged: 4.5 billion US dollars (August 2024)",
    ):
        assert expected in said, expected
    assert "5.5" not in said and "6.5" not in said
    bars = re.findall(r'<svg class="bar"[^>]*aria-label="([^"]*)".*?</svg>', page, re.DOTALL)
    assert bars == ["Pledged: 100% of what was promised", "Delivered: 22% to 44% of what was promised"]
    assert re.findall(r'class="fill-(\w+)" x="(\d+)" y="0" width="(\d+)"', page) == [
        ("sure", "0", "1000"),
        ("sure", "0", "222"),
        ("unsure", "222", "222"),
    ]
    assert re.search(r"<s>Delivered: 7 US dollars", page)


def test_a_share_is_never_rounded_up_to_all_of_it(commitment: Commitment) -> None:
    recorded(commitment, amount="4499999999")
    assert "99% of what was promised" in words(get("/commitments/TST-1/"))
    recorded(commitment, stage="allocated", amount="1")
    assert "less than 1% of what was promised" in words(get("/commitments/TST-1/"))


def test_more_than_the_target_marks_where_the_target_is(commitment: Commitment) -> None:
    recorded(commitment, amount="9000000000")
    page = get("/commitments/TST-1/")
    assert 'class="fill-target" x="500"' in page
    assert "200% of what was promised" in words(page)


def test_a_sum_inside_a_sum_is_told_on_both_and_added_on_neither() -> None:
    accord = world.an_accord()
    least = {"value": "12000000000", "currency": "USD", "bound": "minimum", "period": "2022-03/.."}
    outer = world.a_commitment(accord, "TST-2", kind="financial", details={"amount": least})
    inner = world.a_commitment(
        accord, "TST-1", kind="financial", details={"amount": {**TARGET, "inside": "TST-2"}}
    )
    recorded(inner, amount="4500000000")
    recorded(outer, amount="6000000000")
    said = words(get("/commitments/TST-2/"))
    assert "Promised: at least 12 billion US dollars (from March 2022)" in said
    assert "These sums lie inside this one and are never added to it: TST-1" in said
    assert "50% of the least that was promised" in said
    assert "10.5 billion" not in said
    assert "It lies inside the sum of TST-2" in words(get("/commitments/TST-1/"))


def test_an_accord_tells_its_money_by_stage_and_counts_a_sum_inside_a_sum_once() -> None:
    accord = world.an_accord()
    assert "Money on record" not in get("/accords/tst-2024/")
    outer = world.a_commitment(accord, "TST-2")
    inner = world.a_commitment(accord, "TST-1", details={"amount": {**TARGET, "inside": "TST-2"}})
    recorded(outer, stage="pledged", amount="12000000000", bound="minimum")
    recorded(inner, stage="pledged", amount="4500000000")
    recorded(inner, amount="1500000000")
    recorded(world.a_commitment(accord, "TST-3"), amount="500000000")
    said = words(get("/accords/tst-2024/"))
    assert "Pledged at least 12 billion US dollars 1 Delivered 2 billion US dollars 2" in said
    assert "16.5 billion" not in said
    told = Client().get("/api/v1/accords/TST-2024/").json()["money"]
    assert [(one["stage"], one["low"], one["minimum"], one["share_low"]) for one in told] == [
        ("pledged", "12000000000", True, None),
        ("delivered", "2000000000", False, None),
    ]


def test_a_target_without_a_payment_accuses_nobody(commitment: Commitment) -> None:
    said = words(get("/commitments/TST-1/"))
    assert "No payment is on record yet. That says nothing about whether any was made." in said
    plain = world.a_commitment(commitment.accord, "TST-2")
    assert 'id="money"' not in get(f"/commitments/{plain.code}/")


def test_contested_stands_beside_the_standing_on_the_page_and_in_lists(commitment: Commitment) -> None:
    world.a_commitment(commitment.accord, "TST-2")
    assert "contested" not in get("/commitments/TST-1/")
    row = stated(commitment, text="Це не так.", language="uk")
    page = get("/commitments/TST-1/")
    assert "Contested : Ukraine" in words(page)
    assert '<span lang="uk">Це не так.</span>' in page
    assert "Ukraine disputes this" in words(page)
    listed = words(get("/accords/tst-2024/?contested=contested"))
    assert "1 of 2 shown" in listed and "Do TST-1" in listed
    assert 'class="contested"' in get("/accords/tst-2024/")
    operations.resolve_positions(
        {row.code: operations.Resolution("corrected", "We had the wrong day.")}, actor=loader()
    )
    said = words(get("/commitments/TST-1/"))
    assert "Dispute resolved" in said and "We had the wrong day." in said
    assert "1 of 2 shown" in words(get("/accords/tst-2024/?contested=resolved"))
    get("/accords/tst-2024/?contested=perhaps", 400)


def test_a_day_of_the_past_shows_the_money_and_the_positions_of_that_day(commitment: Commitment) -> None:
    recorded(commitment, stage="pledged", amount="4500000000", day="2024-07-01")
    recorded(commitment, amount="1500000000", day="2024-09-15")
    gone = recorded(commitment, amount="7", day="2024-07-02")
    operations.withdraw_contributions([gone.code], actor=loader(), why="Counted twice.")
    early = stated(commitment, stated_on=date(2024, 7, 20), text="No.")
    stated(commitment, stated_on=date(2024, 9, 20), text="Still no.")
    operations.resolve_positions({early.code: operations.Resolution("kept", "Looked at.")}, actor=loader())
    then = words(get("/commitments/TST-1/?as_of=2024-08-01"))
    for expected in ("Pledged: 4.5 billion US dollars", "Contested", "No.", "S1 · open"):
        assert expected in then, expected
    for later in ("Delivered", "Still no.", "Looked at.", "Counted twice."):
        assert later not in then, later
    now = words(get("/commitments/TST-1/"))
    assert "Delivered: 1.5 billion US dollars" in now and "Looked at." in now


def test_staff_record_money_and_withdraw_it_through_the_forms(commitment: Commitment) -> None:
    done = world.some_evidence(commitment)
    commitment.refresh_from_db()
    editor, reviewer = signed_in("editor"), signed_in("reviewer")
    opened = editor.get(at(commitment, "record_contribution"))
    assert opened.status_code == 200
    told = sent_back(opened) | {
        "stage": "delivered", "amount": "1500000000", "day": "2024-08", "party": "JPN", "evidence": str(done.number),
        "note": "The first half.",
    }  # fmt: skip
    assert told["currency"] == "USD"
    answer = editor.post(at(commitment, "record_contribution"), told)
    assert answer.status_code == 302, answer.context["form"].errors
    row = Contribution.objects.get()
    assert (row.code, row.recorded_by, row.source.code) == ("TST-1-C1", "editors-desk", "ministry")
    page = words(
        reviewer.get(reverse("admin:commitments_commitment_change", args=[commitment.pk])).content.decode()
    )
    assert "1.5 billion US dollars" in page
    assert "Delivered: 1.5 billion US dollars (August 2024)" in page
    assert editor.get(at(commitment, "withdraw_contribution", 1)).status_code == 403
    form = reviewer.get(at(commitment, "withdraw_contribution", 1))
    refused = reviewer.post(at(commitment, "withdraw_contribution", 1), sent_back(form))
    assert refused.status_code == 200
    assert refused.context["form"].errors["why"] == ["Withdrawing a contribution needs a reason."]
    answer = reviewer.post(
        at(commitment, "withdraw_contribution", 1), sent_back(form) | {"why": "Counted twice."}
    )
    assert answer.status_code == 302
    row.refresh_from_db()
    assert row.withdrawn_why == "Counted twice."


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": "-1"}, "amount"),
        ({"amount": "1.005"}, "amount"),
        ({"amount": ""}, "amount"),
        ({"amount": "", "amount_low": "2", "amount_high": "1"}, "amount_high"),
        ({"currency": "DEM"}, "currency"),
        ({"currency": ""}, "currency"),
        ({"day": "2999"}, "day"),
        ({"day": "soon"}, "day"),
        ({"stage": "promised"}, "stage"),
        ({"bound": "maximum"}, "bound"),
        ({"party": "FRA"}, "party"),
        ({"evidence": "9"}, "evidence"),
        ({"evidence": "x"}, "evidence"),
        ({"source": ""}, "source"),
        ({"source": "", "source_title": "A", "address": "ftp://a"}, "address"),
    ],
)
def test_what_the_verb_refuses_stands_beside_its_field_and_nothing_is_saved(
    commitment: Commitment, changes: dict[str, str], field: str
) -> None:
    editor = signed_in("editor")
    address = at(commitment, "record_contribution")
    told = sent_back(editor.get(address)) | {
        "stage": "delivered", "amount": "10", "day": "2024-08", "source": "ministry",
    }  # fmt: skip
    before = Event.objects.count()
    answer = editor.post(address, told | changes)
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert (Contribution.objects.count(), Event.objects.count()) == (0, before)
    assert editor.post(address, told).status_code == 302


def test_staff_record_a_position_and_resolve_it_through_the_forms(commitment: Commitment) -> None:
    editor, reviewer = signed_in("editor"), signed_in("reviewer")
    address = at(commitment, "state_position")
    told = sent_back(editor.get(address)) | {
        "party": "UKR", "text": "", "stated_on": "2024-09-01", "source_title": "A note of the ministry",
    }  # fmt: skip
    refused = editor.post(address, told)
    assert refused.context["form"].errors["text"] == ["A position needs the words of the party."]
    assert (
        editor.post(address, told | {"text": "No.", "assessment": "x"}).context["form"].errors["assessment"]
    )
    assert editor.post(address, told | {"text": "We see this differently."}).status_code == 302
    row = Position.objects.get()
    assert (row.code, row.source.code, row.recorded_by) == ("TST-1-S1", "TST-1-S1-source", "editors-desk")
    listed = reviewer.get(reverse("admin:commitments_commitment_changelist") + "?contested=contested")
    assert "TST-1" in words(listed.content.decode())
    address = at(commitment, "resolve_position", 1)
    assert editor.get(address).status_code == 403
    told = sent_back(reviewer.get(address))
    assert list(reviewer.post(address, told | {"why": "x", "resolved_as": "won"}).context["form"].errors) == [
        "resolved_as"
    ]
    assert reviewer.post(address, told | {"resolved_as": "kept", "why": "Confirmed."}).status_code == 302
    commitment.refresh_from_db()
    assert commitment.contested == "resolved"
    page = reviewer.get(reverse("admin:commitments_commitment_change", args=[commitment.pk]))
    assert "The position of Ukraine is resolved: the record stands as it is" in words(page.content.decode())


def test_staff_correct_the_sum_promised_and_the_log_tells_it(commitment: Commitment) -> None:
    reviewer = signed_in("reviewer")
    address = at(commitment, "correct_target")
    told = sent_back(reviewer.get(address))
    assert (told["value"], told["currency"], told["bound"], told["period"]) == (
        "4500000000", "USD", "exact", "2024",
    )  # fmt: skip
    for changes, field in (
        ({"value": "-1"}, "value"),
        ({"currency": "DEM"}, "currency"),
        ({"bound": "roughly"}, "bound"),
        ({"bound": "unspecified"}, "bound"),
        ({"period": "soon"}, "period"),
        ({"inside": "TST-1"}, "inside"),
        ({"inside": "TST-9"}, "inside"),
        ({"why": ""}, "why"),
    ):
        answer = reviewer.post(address, told | {"why": "A misprint.", "value": "45"} | changes)
        assert list(answer.context["form"].errors) == [field], changes
    commitment.refresh_from_db()
    assert commitment.amount == TARGET
    changes = {"value": "12000000000", "bound": "minimum", "why": "The text says over twelve."}
    assert reviewer.post(address, told | changes).status_code == 302
    event = Event.objects.latest("seq")
    facts = facts_of(event.body)
    assert (event.kind, facts["fields"]) == ("commitment_corrected", ["amount"])
    assert facts["target"] == {
        "value": "12000000000", "currency": "USD", "bound": "minimum", "period": "2024", "inside": None,
    }  # fmt: skip
    assert sentence(event.kind, facts) == "The sum that was promised was corrected"
    assert "Promised: at least 12 billion US dollars" in words(get("/commitments/TST-1/"))
    assert signed_in("editor").get(address).status_code == 403


def test_two_editors_at_once_the_second_is_told_and_keeps_what_was_typed(commitment: Commitment) -> None:
    editor = signed_in("editor")
    address = at(commitment, "record_contribution")
    told = sent_back(editor.get(address)) | {"amount": "10", "day": "2024-08", "source": "ministry"}
    recorded(commitment)
    answer = editor.post(address, told)
    assert answer.status_code == 409
    assert 'value="10"' in answer.content.decode()
    assert Contribution.objects.count() == 1
