"""Private calendars: the dates of what somebody follows, for whoever has the address, and for nobody else."""

from __future__ import annotations

import hashlib
import html
import re
from datetime import UTC, datetime
from typing import Any

import icalendar
import pytest
from django.test import Client

from commitments.feeds import dates as reading
from commitments.models import Accord, Commitment, Party, Section, Topic
from notifications import calendars, links, scopes, subscribing
from notifications.models import PrivateCalendar, Subscriber, Subscription
from tests import world
from tests.commitments.test_calendar import checked
from tests.notifications.readers import a_reader
from tracker.settings import hide_links

pytestmark = pytest.mark.django_db
_ADDRESS = re.compile(r">http://testserver(/calendar/([^/<]+)/dates\.ics)<")


@pytest.fixture
def accord() -> Accord:
    """Three commitments with a date each; the second binds one party and has another topic and part."""
    accord = world.an_accord()
    world.a_deadline(world.a_commitment(accord), "2027-03")
    second = world.a_commitment(accord, "TST-2", roles={"bound": ["JPN"]}, topics=[], section="B")
    world.a_deadline(second, "2027-05")
    world.a_deadline(world.a_commitment(accord, "TST-3", topics=[]), "2027-06")
    return accord


def page_of(reader: Subscriber) -> str:
    """The path of a subscriber's page."""
    return f"/manage/{links.sign(links.MANAGE, reader.uuid)}/"


def made(client: Client, reader: Subscriber) -> tuple[str, str]:
    """The path and the token of a calendar that was made on the page."""
    answer = client.post(page_of(reader), {"calendar": "new"})
    found = _ADDRESS.search(answer.content.decode())
    assert answer.status_code == 200 and found
    return found[1], found[2]


def names(client: Client, path: str) -> set[str]:
    """The dates in a calendar, by their codes."""
    whole: icalendar.Calendar = checked(client.get(path).content)
    return {str(entry["UID"]).partition("@")[0] for entry in whole.walk("VEVENT")}


def test_the_address_is_shown_once_and_kept_as_a_digest(client: Client, accord: Accord) -> None:
    reader = a_reader("reader@example.org", accord)
    assert "Make an address" in client.get(page_of(reader)).content.decode()
    path, token = made(client, reader)
    assert len(token) == 43
    assert PrivateCalendar.objects.get().digest == hashlib.sha256(token.encode()).hexdigest()
    again = client.get(page_of(reader)).content.decode()
    assert token not in again and "Make a new address" in again
    assert names(client, path) == {"TST-1-D1", "TST-2-D1", "TST-3-D1"}


def test_a_look_changes_nothing_and_sets_no_cookie(client: Client, accord: Accord) -> None:
    reader = a_reader("reader@example.org", accord)
    client.get(f"{page_of(reader)}?calendar=new")
    assert not PrivateCalendar.objects.exists()
    path, _token = made(client, reader)
    before = list(PrivateCalendar.objects.values()), list(Subscription.objects.values())
    answer = client.get(path)
    assert not answer.cookies and answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert "private" in answer.headers["Cache-Control"]
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    for method in (client.post, client.put, client.delete):
        assert method(path).status_code == 405
    assert client.head(path).status_code == 200
    assert before == (list(PrivateCalendar.objects.values()), list(Subscription.objects.values()))
    # It may be handed on: neither its own address nor anything of the person stands in it.
    assert b"reader" not in answer.content and _token.encode() not in answer.content


def test_who_has_it_already_is_told_so(client: Client, accord: Accord) -> None:
    path, _token = made(client, a_reader("reader@example.org", accord))
    tag = client.get(path).headers["ETag"]
    answer = client.get(path, headers={"if-none-match": tag})
    assert (answer.status_code, answer.content) == (304, b"")
    assert "private" in answer.headers["Cache-Control"]
    world.a_deadline(Commitment.objects.get(code="TST-1"), "2028")
    assert client.get(path, headers={"if-none-match": tag}).status_code == 200


@pytest.mark.parametrize("token", ["x", "A" * 43, "%00" * 3, "é" * 43, "A" * 5000, "../../etc"])
def test_any_other_token_opens_nothing(client: Client, accord: Accord, token: str) -> None:
    made(client, a_reader("reader@example.org", accord))
    assert client.get(f"/calendar/{token}/dates.ics").status_code == 404


def test_a_new_address_ends_the_old_one_and_an_end_ends_it(client: Client, accord: Accord) -> None:
    reader, other = a_reader("reader@example.org", accord), a_reader("other@example.org", accord)
    kept, _ = made(client, other)
    first, _ = made(client, reader)
    second, _ = made(client, reader)
    assert [client.get(path).status_code for path in (first, second)] == [404, 200]
    for _again in range(2):
        said = client.post(page_of(reader), {"calendar": "end"})
        assert said.status_code == 200 and "is ended" in said.content.decode()
    assert [client.get(path).status_code for path in (second, kept)] == [404, 200]


def test_an_unknown_order_is_refused_and_changes_nothing(client: Client, accord: Accord) -> None:
    reader = a_reader("reader@example.org", accord)
    answer = client.post(page_of(reader), {"calendar": "all"})
    assert answer.status_code == 400 and "Choose one of those in the list." in html.unescape(
        answer.content.decode()
    )
    assert not PrivateCalendar.objects.exists()


def test_it_goes_with_the_person(client: Client, accord: Accord) -> None:
    reader = a_reader("reader@example.org", accord)
    path, _token = made(client, reader)
    client.post(f"/erase/{links.sign(links.ERASE, reader.uuid)}/")
    assert not PrivateCalendar.objects.exists()
    assert client.get(path).status_code == 404
    assert calendars.make_calendar(reader.uuid) is None


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (lambda accord: accord, {"TST-1-D1", "TST-2-D1", "TST-3-D1"}),
        (lambda accord: Section.objects.get(accord=accord, code="B"), {"TST-2-D1"}),
        (lambda accord: Party.objects.get(code="UKR"), {"TST-1-D1", "TST-3-D1"}),
        (lambda accord: Topic.objects.get(code="demining"), {"TST-1-D1"}),
        (lambda accord: Commitment.objects.get(code="TST-3"), {"TST-3-D1"}),
        (lambda accord: scopes.a_filter(accord, {"part": "B"}), {"TST-2-D1"}),
        (lambda accord: None, {"TST-1-D1", "TST-2-D1", "TST-3-D1"}),
    ],
)
def test_it_has_the_dates_of_what_is_followed(
    client: Client, accord: Accord, target: Any, expected: set[str]
) -> None:
    path, _token = made(client, a_reader("reader@example.org", target(accord)))
    assert names(client, path) == expected


def test_an_invented_accord_is_there_for_who_asked_for_it(client: Client, accord: Accord) -> None:
    example = world.an_accord("EXM-2024", is_example=True)
    world.a_deadline(world.a_commitment(example, "EXM-1"), "2027-03")
    everything, _ = made(client, a_reader("all@example.org", None))
    that_one, _ = made(client, a_reader("one@example.org", example))
    of_topic, _ = made(client, a_reader("topic@example.org", Topic.objects.get(code="demining")))
    assert "EXM-1-D1" not in names(client, everything) | names(client, of_topic)
    assert names(client, that_one) == {"EXM-1-D1"}


def test_what_is_no_longer_followed_is_no_longer_there_and_a_pause_stops_mails_alone(
    client: Client, accord: Accord
) -> None:
    reader = a_reader("reader@example.org", Commitment.objects.get(code="TST-1"))
    a_reader("reader@example.org", Commitment.objects.get(code="TST-2"))
    path, _token = made(client, reader)
    subscribing.pause(reader.uuid, subscribing.everything())
    assert names(client, path) == {"TST-1-D1", "TST-2-D1"}
    subscribing.end(reader.uuid, subscribing.one(reader.subscriptions.get(commitment__code="TST-1").pk))
    assert names(client, path) == {"TST-2-D1"}
    subscribing.end(reader.uuid, subscribing.everything())
    assert names(client, path) == set()


def test_what_nobody_confirmed_is_not_followed(client: Client, accord: Accord) -> None:
    reader = a_reader("reader@example.org", Commitment.objects.get(code="TST-1"))
    subscribing.sign_up("reader@example.org", "en", accord, network="192.0.2.7")
    path, _token = made(client, reader)
    assert names(client, path) == {"TST-1-D1"}


def test_of_too_many_dates_the_next_ones_are_shown(
    client: Client, accord: Accord, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.a_deadline(Commitment.objects.get(code="TST-1"), "2020")
    monkeypatch.setattr(calendars, "MOST_DATES", 2)
    monkeypatch.setattr(reading.dates, "__defaults__", (2,))
    path, _token = made(client, a_reader("reader@example.org", accord))
    assert names(client, path) == {"TST-1-D1", "TST-2-D1"}
    assert "Only the next dates" in str(checked(client.get(path).content)["X-WR-CALDESC"])


def test_what_fits_a_saved_filter_moves_with_time(client: Client, accord: Accord, time_machine: Any) -> None:
    time_machine.move_to("2027-02-01T00:00:00+00:00", tick=False)
    late = scopes.a_filter(accord, {"standing": "late"})
    path, _token = made(client, a_reader("reader@example.org", late))
    assert names(client, path) == set()
    time_machine.move_to("2027-04-02T00:00:00+00:00", tick=False)
    assert names(client, path) == {"TST-1-D1"}


def test_it_speaks_the_language_of_its_owner(client: Client, accord: Accord) -> None:
    path, _token = made(client, a_reader("reader@example.org", accord, language="ja"))
    whole = checked(client.get(path, headers={"accept-language": "uk"}).content)
    assert any("TST-1を行う" in str(entry["SUMMARY"]) for entry in whole.walk("VEVENT"))


def test_the_token_is_in_no_log(accord: Accord) -> None:
    told = hide_links(None, "info", {"path": "GET /calendar/Zm9v_bar-1/dates.ics 200"})
    assert "Zm9v" not in told["path"] and "dates.ics" in told["path"]


def test_a_calendar_of_a_reader_is_read_at_any_time(accord: Accord) -> None:
    reader = a_reader("reader@example.org", accord)
    shown, is_cut = calendars.followed_dates(reader, datetime(2030, 1, 1, tzinfo=UTC))
    assert len(shown) == 3 and not is_cut
