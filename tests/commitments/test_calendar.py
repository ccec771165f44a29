"""Calendars of dates: valid for strict readers, the right days in every zone, the same entry when a date moves."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import icalendar
import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from commitments import operations
from commitments.actors import loader
from commitments.feeds import dates as reading
from commitments.feeds.calendar import calendar, summary
from commitments.feeds.dates import CalendarDate, dates
from commitments.log import head
from commitments.models import Accord, Commitment, Deadline, Event, Party, Source
from tests import world

ADDRESS = "https://tracker.example/api/v1/deadlines/?format=ics"
_NAME = re.compile(r"[A-Z][A-Z0-9-]*(;[A-Z-]+=[^:;]+)*:", re.ASCII)


def checked(body: bytes) -> icalendar.Calendar:
    """The calendar, once it has passed what RFC 5545 says of lines, and of the properties of each entry."""
    assert body.endswith(b"END:VCALENDAR\r\n")
    lines = body.split(b"\r\n")
    assert b"\n" not in b"".join(lines) and b"\r" not in b"".join(lines)
    assert max(map(len, lines)) <= 75
    for line in lines:
        line.decode()  # no character is split
    unfolded = re.sub("\r\n[ \t]", "", body.decode()).split("\r\n")
    for text in unfolded[:-1]:
        assert _NAME.match(text), text
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", text), text
    whole = icalendar.Calendar.from_ical(body)
    assert isinstance(whole, icalendar.Calendar)
    assert whole["VERSION"] == "2.0" and whole["METHOD"] == "PUBLISH" and whole["PRODID"]
    assert len(whole.subcomponents) >= 1
    seen = set()
    for entry in whole.walk("VEVENT"):
        for name in ("UID", "DTSTAMP", "DTSTART", "SUMMARY", "SEQUENCE", "LAST-MODIFIED", "STATUS", "URL"):
            assert name in entry and not isinstance(entry[name], list), name
        assert entry["UID"] not in seen
        seen.add(entry["UID"])
        start, end = entry.decoded("DTSTART"), entry.decoded("DTEND", None)
        if isinstance(start, datetime):
            assert start.tzinfo is not None and end is None
        elif end is not None:
            assert type(end) is date and end > start
        assert not entry.errors
    assert not whole.errors
    return whole


def of(*codes: str) -> icalendar.Calendar:
    """The calendar of the dates of these commitments, or of all."""
    found = Deadline.objects.filter(commitment__code__in=codes) if codes else Deadline.objects.all()
    return checked(calendar(dates(found), "A calendar", ADDRESS, head().cursor))


def only(whole: icalendar.Calendar) -> Any:
    """Its one entry."""
    (entry,) = whole.walk("VEVENT")
    return entry


def move(row: Deadline, edtf: str, **changes: Any) -> None:
    """Moves a date, as an editor does."""
    operations.move_deadlines({row.code: edtf}, actor=loader(), why="They agreed.", **changes)


@pytest.mark.django_db
class TestEntries:
    """What stands in the entry of a date."""

    @pytest.fixture
    def commitment(self) -> Commitment:
        return world.a_commitment(world.an_accord())

    def test_a_window_is_a_span_of_whole_days(self, commitment: Commitment) -> None:
        row = world.a_deadline(commitment, "2025-23")
        entry = only(of())
        assert entry["UID"] == f"TST-1-D1@{settings.SITE_HOST}"
        assert entry.decoded("DTSTART") == date(2025, 9, 1)
        assert entry.decoded("DTEND") == date(2025, 12, 1)
        assert entry["DTSTART"].params["VALUE"] == "DATE"
        assert str(entry["SUMMARY"]) == "Due: Do it – Do TST-1 (TST-1)"
        assert str(entry["URL"]) == f"{settings.SITE_URL}/commitments/TST-1/?lang=en"
        assert "The text sets this date: autumn 2025." in entry["DESCRIPTION"]
        told = Event.objects.get(kind="deadline_set")
        assert entry.decoded("DTSTAMP") == entry.decoded("LAST-MODIFIED") == told.at.replace(microsecond=0)
        assert f"{told.seq}-{told.hash[:8]}" in entry["DESCRIPTION"]
        assert entry["SEQUENCE"] == 0 and entry["STATUS"] == "CONFIRMED" and row.pk

    @pytest.mark.parametrize("zone", ["Asia/Tokyo", "Europe/Kyiv", "America/St_Johns", "Pacific/Apia"])
    def test_a_last_day_is_the_same_day_in_every_zone(self, zone: str) -> None:
        accord = world.an_accord()
        Party.objects.update(time_zone=zone)
        commitment = world.a_commitment(accord)
        world.a_deadline(commitment, "2025-10-26")
        entry = only(of())
        assert entry.decoded("DTSTART") == date(2025, 10, 26)
        assert entry.decoded("DTEND") == date(2025, 10, 27)

    def test_midnight_in_tokyo_and_in_kyiv_ends_the_same_last_day(self) -> None:
        accord = world.an_accord()
        for code, party in (("TST-1", "JPN"), ("TST-2", "UKR")):
            commitment = world.a_commitment(accord, code, roles={"bound": [party]})
            world.a_deadline(commitment, "2025-07-31")
        rows = {row.commitment.code: row for row in Deadline.objects.select_related("commitment")}
        assert rows["TST-1"].due_at == datetime(2025, 7, 31, 15, tzinfo=UTC)
        assert rows["TST-2"].due_at == datetime(2025, 7, 31, 21, tzinfo=UTC)
        for entry in of().walk("VEVENT"):
            assert (entry.decoded("DTSTART"), entry.decoded("DTEND")) == (
                date(2025, 7, 31),
                date(2025, 8, 1),
            )

    @pytest.mark.parametrize(
        ("edtf", "day"), [("2025-03-01/..", date(2025, 3, 1)), ("../2025-03-01", date(2025, 3, 1))]
    )
    def test_an_open_window_stands_on_the_day_that_is_known(
        self, commitment: Commitment, edtf: str, day: date
    ) -> None:
        world.a_deadline(commitment, edtf)
        entry = only(of())
        assert entry.decoded("DTSTART") == day and "DTEND" not in entry

    def test_the_last_day_of_the_calendar_is_no_error(self, commitment: Commitment) -> None:
        world.a_deadline(commitment, "9999-12-31/..")
        assert only(of()).decoded("DTSTART") == date(9999, 12, 31)

    def test_dates_in_words_alone_and_waiting_clocks_are_left_out(self, commitment: Commitment) -> None:
        world.a_deadline(commitment, "", words="as soon as possible")
        world.a_deadline(commitment, "", type="clock", duration="PT24H")
        whole = of()
        assert not whole.walk("VEVENT") and whole.walk("VTIMEZONE")

    def test_a_moved_date_is_the_same_entry_with_a_higher_sequence(self, commitment: Commitment) -> None:
        row = world.a_deadline(commitment, "2027-03")
        before = only(of())
        move(row, "2027-06-15")
        after = only(of())
        assert after["UID"] == before["UID"]
        assert after["SEQUENCE"] == before["SEQUENCE"] + 1
        assert after.decoded("DTSTART") == date(2027, 6, 15)
        assert after.decoded("LAST-MODIFIED") >= before.decoded("LAST-MODIFIED")
        assert "At first: March 2027" in after["DESCRIPTION"]
        # What a move is for stands in the log, where it can be erased.
        assert "They agreed" not in after["DESCRIPTION"]

    def test_another_date_of_the_commitment_keeps_its_sequence(self, commitment: Commitment) -> None:
        row, other = world.a_deadline(commitment, "2027-03"), world.a_deadline(commitment, "2027-04")
        move(row, "2027-06-15")
        numbers = {str(entry["UID"]): entry["SEQUENCE"] for entry in of().walk("VEVENT")}
        assert numbers == {f"{row.code}@{settings.SITE_HOST}": 1, f"{other.code}@{settings.SITE_HOST}": 0}

    def test_a_met_date_says_so_and_is_kept(self, commitment: Commitment) -> None:
        row = world.a_deadline(commitment, "2024-09")
        operations.meet_deadlines({row.code: date(2024, 9, 5)}, actor=loader(), why="Told.")
        entry = only(of())
        assert str(entry["SUMMARY"]).startswith("Met: ")
        assert "Date met on 5 September 2024" in entry["DESCRIPTION"]
        assert entry["STATUS"] == "CONFIRMED" and entry["SEQUENCE"] == 1

    def test_a_waived_date_is_cancelled(self, commitment: Commitment) -> None:
        row = world.a_deadline(commitment, "2027-09")
        operations.waive_deadlines([row.code], actor=loader(), why="Given up.", source="ministry")
        entry = only(of())
        assert entry["STATUS"] == "CANCELLED" and entry["SEQUENCE"] == 1
        assert str(entry["SUMMARY"]).startswith("Waived: ")

    def test_a_judgement_that_settles_a_date_raises_its_sequence(self, commitment: Commitment) -> None:
        world.a_deadline(commitment, "2027-09")
        before = only(of())
        world.published(commitment, "fulfilled", [world.some_evidence(commitment)])
        after = only(of())
        assert after["SEQUENCE"] == before["SEQUENCE"] + 1
        assert not str(after["SUMMARY"]).startswith("Due")

    def test_a_judgement_taken_back_opens_it_again_with_a_higher_sequence(
        self, commitment: Commitment
    ) -> None:
        world.a_deadline(commitment, "2027-09")
        judged = world.published(commitment, "fulfilled", [world.some_evidence(commitment)])
        settled = only(of())
        operations.retract_assessments(
            [judged.code], actor=world.actor("reviewer"), why="It was another one."
        )
        again = only(of())
        assert again["SEQUENCE"] == settled["SEQUENCE"] + 1
        assert str(again["SUMMARY"]).startswith("Due: ") and again["STATUS"] == "CONFIRMED"

    @pytest.mark.parametrize(
        ("changes", "begins"),
        [
            ({"authority": "press"}, "Expected: "),
            ({"authority": "editorial"}, "Expected: "),
            ({"clock": "tracker", "authority": "editorial"}, "Our own date: "),
            ({"clock": "tracker", "authority": "editorial", "type": "review"}, "Our own date: "),
        ],
    )
    @pytest.mark.parametrize("language", ["en", "uk", "ja"])
    def test_a_date_that_binds_nobody_calls_nobody_late(
        self, commitment: Commitment, changes: dict[str, str], begins: str, language: str
    ) -> None:
        world.a_deadline(commitment, "2024-07", **changes)
        operations.scan(datetime(2025, 1, 1, tzinfo=UTC))
        with translation.override("en"):
            told = str(only(of())["DESCRIPTION"])
            assert summary(Deadline.objects.get()).startswith(begins)
            assert "no party is late by it" in told.lower()
        with translation.override(language):
            entry = only(of())
            late = {"en": "overdue", "uk": "прострочен", "ja": "超過"}[language]
            assert late not in f"{entry['SUMMARY']} {entry['DESCRIPTION']}".lower()

    def test_nothing_in_it_depends_on_the_moment(self, commitment: Commitment, time_machine: Any) -> None:
        world.a_deadline(commitment, "2025-23")
        texts = set()
        for moment in ("2025-01-01", "2025-10-01", "2026-01-01"):
            time_machine.move_to(f"{moment}T00:00:00+00:00")
            texts.add(calendar(dates(Deadline.objects.all()), "A", ADDRESS, head().cursor))
        assert len(texts) == 1

    def test_an_example_says_so(self) -> None:
        accord = world.an_accord(is_example=True)
        world.a_deadline(world.a_commitment(accord))
        entry = only(of())
        assert str(entry["SUMMARY"]).startswith("Example: Due: ")
        assert "invented" in entry["DESCRIPTION"]

    def test_the_languages_of_the_reader(self, commitment: Commitment) -> None:
        world.a_deadline(commitment, label={"en": "Do it", "uk": "Зробити", "ja": "実施"})
        for language, words in (("uk", "Зробити"), ("ja", "実施")):
            with translation.override(language):
                assert words in str(only(of())["SUMMARY"])
                assert str(only(of())["URL"]).endswith(f"?lang={language}")

    def test_words_that_were_taken_down_are_not_shown(self, commitment: Commitment) -> None:
        row = world.a_deadline(commitment, "2027-03")
        move(row, "2027-06-15")
        noted = Event.objects.get(kind="deadline_moved")
        operations.redact_note(noted.seq, why_code="personal-data", actor=loader())
        assert "They agreed" not in str(of().to_ical())

    def test_the_licence_and_the_place_in_the_log(self, commitment: Commitment, settings: Any) -> None:
        settings.DATA_LICENCE = "https://creativecommons.org/licenses/by/4.0/"
        world.a_deadline(commitment)
        whole = of()
        assert settings.DATA_LICENCE in only(whole)["DESCRIPTION"]
        assert settings.DATA_LICENCE in str(whole["DESCRIPTION"])
        assert head().cursor in str(whole["X-WR-CALDESC"])
        assert str(whole["X-WR-CALNAME"]) == str(whole["NAME"]) == "A calendar"
        assert whole["X-PUBLISHED-TTL"] == "PT1H"
        assert b"REFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n" in whole.to_ical()


@pytest.mark.django_db
class TestClocks:
    """Clocks of hours are instants."""

    def test_a_running_clock_ends_at_an_instant(self) -> None:
        terms = {"facts": [{"code": "request", "text": "a request of either party"}], "clock_from": "request"}
        commitment = world.a_commitment(world.an_accord(), kind="conditional", details={"trigger": terms})
        world.a_deadline(commitment, "", type="clock", duration="PT24H")
        # The night in which Kyiv puts its clocks forward: hours are hours.
        asked = datetime(2025, 3, 30, 0, 30, tzinfo=UTC)
        order = operations.NewTrigger(commitment.code, "request", asked)
        operations.record_triggers([order], actor=loader())
        entry = only(of())
        assert entry.decoded("DTSTART") == datetime(2025, 3, 31, 0, 30, tzinfo=UTC)
        assert b"DTSTART:20250331T003000Z" in entry.to_ical()
        assert str(entry["SUMMARY"]).startswith("Clock runs out: ")


class TestTexts:
    """Any text whatever stays inside its line."""

    words = st.text(
        st.one_of(st.characters(), st.sampled_from("\r\n\t,;:\\\"'<>&\x00\x0b\x85\u2028😀🇺🇦が")), max_size=200
    )

    @trials(deadline=None)
    @given(label=words, title=words, said=words)
    def test_any_text_can_be_read_back(self, label: str, title: str, said: str) -> None:
        accord = Accord(code="TST", short_names={"en": title or "x"})
        row = Deadline(
            commitment=Commitment(code="TST-1", accord=accord, title={"en": title}),
            number=1, label={"en": label}, type="target", authority="text", clock="party", edtf="2025",
            first_on=date(2025, 1, 1), last_on=date(2025, 12, 31), words=said,
            source=Source(title=said, publisher=title),
        )  # fmt: skip
        one = CalendarDate(row, 3, datetime(2025, 1, 1, tzinfo=UTC), "5-0123abcd")
        entry = only(checked(calendar([one], title, ADDRESS, "5-0123abcd")))
        kept = re.sub("\r\n?|\x85|\u2028|\u2029", "\n", label)
        kept = re.sub("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]", "", kept)
        assert kept in str(entry["SUMMARY"])


@pytest.mark.django_db
class TestDoor:
    """How the API gives it."""

    def ask(self, path: str, status: int = 200, **headers: str) -> Any:
        response = Client().get(f"/api/v1/{path}", headers={"accept-language": "en", **headers})
        assert response.status_code == status, response.content[:400]
        return response

    @pytest.fixture(autouse=True)
    def accord(self) -> Accord:
        accord = world.an_accord()
        for number in (1, 2):
            world.a_deadline(world.a_commitment(accord, f"TST-{number}"), f"202{number + 4}-23")
        return accord

    def test_a_calendar_of_the_dates_that_fit(self) -> None:
        answer = self.ask("deadlines/?format=ics&commitment=TST-2")
        assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
        assert answer.headers["Log-Head"] == head().cursor
        assert only(checked(answer.content))["UID"] == f"TST-2-D1@{settings.SITE_HOST}"

    def test_a_calendar_of_the_commitments_that_fit(self) -> None:
        answer = self.ask("commitments/?format=ics&q=TST-1")
        assert only(checked(answer.content))["UID"] == f"TST-1-D1@{settings.SITE_HOST}"
        assert len(checked(self.ask("commitments/", accept="text/calendar").content).walk("VEVENT")) == 2

    def test_it_holds_while_the_log_stands_still(self, time_machine: Any) -> None:
        time_machine.move_to("2026-01-01T00:00:00+00:00", tick=False)
        tag = self.ask("deadlines/?format=ics").headers["ETag"]
        time_machine.move_to("2026-01-09T00:00:00+00:00", tick=False)
        self.ask("deadlines/?format=ics", 304, **{"if-none-match": tag})
        world.a_deadline(Commitment.objects.get(code="TST-1"), "2027")
        assert self.ask("deadlines/?format=ics", **{"if-none-match": tag}).headers["ETag"] != tag

    @pytest.mark.parametrize("name", ["limit=5", "order=code", "fields=code", "cursor=abc", "count=true"])
    def test_what_would_cut_it_is_refused(self, name: str) -> None:
        problem = self.ask(f"deadlines/?format=ics&{name}", 400).json()
        assert problem["errors"][0]["name"] == name.partition("=")[0]

    def test_the_past_has_no_calendar(self) -> None:
        problem = self.ask("commitments/?format=ics&as_of=2024-07-01", 400).json()
        assert problem["errors"][0]["name"] == "as_of"

    def test_too_many_dates_are_a_list(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading.dates, "__defaults__", (1,))
        problem = self.ask("deadlines/?format=ics", 400).json()
        assert problem["errors"][0]["name"] == "format"
