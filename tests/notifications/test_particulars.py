"""What a mail shows beside its sentence: before and now, which date, from which source, and nothing that disturbs it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from commitments import operations, standing
from commitments.actors import loader
from commitments.models import Commitment, Event, Source
from commitments.spoken_dates import instant_in_words
from commitments.words import Plain
from notifications import letters, particulars
from notifications.letters import Letter
from tests import world
from tests.commitments.test_clocks import TERMS
from tests.notifications.test_letters import LANGUAGES

TURNS = "\u202e\u2066\u202a"


def latest(kind: str, language: str = "en") -> Letter:
    """The mail about the latest event of a kind."""
    event = Event.objects.filter(kind=kind).order_by("-seq").first()
    assert event is not None
    return letters.alert(event, language, ["all"])


def before_and_now(letter: Letter) -> list[str]:
    """The lines on where it stood and stands."""
    return re.findall(r"^(?:Before|Now): . (.*)", letter.text, re.M)


def on_the_page(commitment: Commitment) -> str:
    """What the page would say of it."""
    row: Any = Commitment.objects.standing_at(timezone.now()).get(pk=commitment.pk)
    said = particulars.plain_words(row.status, row.timeliness, row.kind)
    word = Plain(standing.plain(row.status, row.timeliness, row.kind)).label
    assert said["word"].endswith(f" {word}")
    return f"{word} ({said['status']}; {said['timeliness']})"


def test_before_is_what_the_page_said_before(db: None) -> None:
    commitment = world.a_commitment(world.an_accord())
    late = world.a_deadline(commitment, "2025-01")
    operations.scan(timezone.now())
    world.published(commitment, "in_progress", [world.some_evidence(commitment)])
    exhibits = [world.some_evidence(commitment, happened="2025-06-01")]

    def move(to: str) -> None:
        operations.move_deadlines({late.code: to}, actor=loader(), why="Agreed.", authority="agreed")

    def pause() -> None:
        order = operations.NewPause(
            commitment=commitment.code, from_on=date(2027, 6, 1), reason="A truce.", source="ministry"
        )
        operations.pause_commitments([order], actor=loader())

    def resume() -> None:
        code = commitment.pauses.get().code
        operations.resume_commitments({code: date(2027, 6, 20)}, actor=loader(), why="It is over.")

    def judge() -> None:
        world.published(commitment, "fulfilled", exhibits, effective_on=date(2025, 6, 1))

    steps: list[tuple[str, Callable[[], object]]] = [
        ("deadline_moved", lambda: move("2099")),
        ("deadline_moved", lambda: move("2025-01")),
        ("clock_paused", pause),
        ("clock_resumed", resume),
        ("status_published", judge),
    ]
    with time_machine.travel(datetime(2027, 7, 1, 12, tzinfo=UTC), tick=False) as clock:
        operations.scan(timezone.now())
        for kind, do in steps:
            clock.shift(timedelta(minutes=1))
            before = on_the_page(commitment)
            do()
            after = on_the_page(commitment)
            said = before_and_now(latest(kind))
            assert said == ([before, after] if before != after else [after]), kind
    assert said == ["Late (in progress; overdue)", "Kept (fulfilled; met late)"]


def test_before_of_a_date_that_was_met_or_waived_is_late(db: None) -> None:
    for kind in ("met", "waived"):
        commitment = world.a_commitment(world.an_accord(f"T-{kind}"), f"X-{kind}")
        row = world.a_deadline(commitment, "2025-01", label={"en": "Deliver the radar"})
        operations.scan(timezone.now())
        assert before_and_now(latest("became_overdue"))[0].startswith("Not yet judged (not assessed; ")
        if kind == "met":
            operations.meet_deadlines({row.code: date(2025, 4, 1)}, actor=loader(), why="It was done.")
        else:
            operations.waive_deadlines([row.code], actor=loader(), why="Given up.", source="ministry")
        was, now = before_and_now(latest(f"deadline_{kind}"))
        assert was == "Late (not assessed; overdue)"
        assert now.startswith("Not yet judged (not assessed; ")


def test_a_mail_that_is_late_tells_what_its_event_changed_and_where_it_stands_now(db: None) -> None:
    commitment = world.a_commitment(world.an_accord())
    world.published(commitment, "in_progress", [world.some_evidence(commitment)])
    first = Event.objects.get(kind="status_published")
    world.published(commitment, "stalled", [world.some_evidence(commitment)], effective_on=date(2024, 9, 1))
    said = before_and_now(letters.alert(first, "en", ["all"]))
    assert said == ["Not yet judged (not assessed; no deadline)", "Under way (stalled; no deadline)"]
    # What changes nothing has no "before", though the day before was another.
    assert len(before_and_now(latest("evidence_added"))) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mail_on_a_date_says_which_one_and_a_waiver_its_source(db: None, language: str) -> None:
    commitment = world.a_commitment(world.an_accord())
    labels = {"en": "Deliver the radar", "uk": "Передати радар"}
    dates = [world.a_deadline(commitment, "2025-01-15", label=labels) for _twice in range(3)]
    world.a_deadline(commitment, "2099-01-20", label={"en": "Deliver the second radar"})
    operations.scan(timezone.now())
    operations.meet_deadlines({dates[0].code: date(2025, 4, 1)}, actor=loader(), why="It was done.")
    operations.waive_deadlines([dates[1].code], actor=loader(), why="Given up.", source="ministry")
    label = labels.get(language, labels["en"])
    day = {"en": "15 January 2025", "uk": "15 січня 2025 року", "ja": "2025年1月15日"}[language]
    for kind in ("became_overdue", "deadline_met", "deadline_waived"):
        letter = latest(kind, language)
        for part in (letter.text, letter.html):
            assert label in part
            assert day in part
        assert (f'<span lang="en">{label}</span>' in letter.html) is (language == "ja")
    for part in (letter.text, letter.html):
        assert "An announcement" in part
        assert "https://ministry.example/notice" in part
        assert "Given up." in part
    assert '<span lang="en">Deliver the second radar</span>' in letter.html or language == "en"


def test_only_who_judges_gives_a_reason_the_rest_is_entered(db: None) -> None:
    commitment = world.a_commitment(world.an_accord())
    spare = world.some_evidence(commitment)
    world.published(commitment, "in_progress", [world.some_evidence(commitment)])
    operations.withdraw_evidence([spare.code], actor=loader(), why="A double.")
    assert "Judged by: reviewers-desk" in latest("status_published").text
    letter = latest("evidence_withdrawn")
    assert "A double.\nEntered by: records-desk" in letter.text
    assert "Judged by" not in letter.html


def test_a_recorded_fact_is_told_with_its_instant_and_with_what_is_missing(db: None) -> None:
    commitment = world.a_commitment(world.an_accord(), kind="conditional", details={"trigger": TERMS})
    world.a_deadline(commitment, "", type="clock", duration="PT24H", label={"en": "Consult"})
    at = datetime(2026, 3, 1, 13, 15, tzinfo=UTC)
    words = {"attack": "an armed attack", "request": "a request of either party"}
    first = operations.NewTrigger(commitment.code, "attack", at, note="Reported by the ministry.")
    operations.record_triggers([first], actor=loader())
    letter = latest("trigger_recorded")
    assert words["attack"] in letter.subject and "1 March 2026, 13:15 UTC" in letter.subject
    for part in (letter.text, letter.html):
        assert words["attack"] in part
        assert "Happened at: 1 March 2026, 13:15 UTC" in part
        assert "Reported by the ministry." in part
    assert f"What the duty still waits for:\n- {words['request']}\n" in letter.text
    assert "A NOTE" in letter.text and "THE REASON" not in letter.text

    asked = operations.NewTrigger(
        commitment.code, "request", at, sent_at=at, received_at=at + timedelta(hours=1), hidden=("sent_at",)
    )
    operations.record_triggers([asked], actor=loader())
    letter = latest("trigger_recorded")
    assert "received 1 March 2026, 14:15 UTC" in letter.text
    assert "Sent at" not in letter.text
    assert "Consult: this clock ends on 2 March 2026, 14:15 UTC" in letter.text
    assert "waits for" not in letter.text


def test_a_later_fact_tells_the_clock_that_it_started_and_that_a_pause_holds(db: None) -> None:
    commitment = world.a_commitment(world.an_accord(), kind="conditional", details={"trigger": TERMS})
    world.a_deadline(commitment, "", type="clock", duration="PT24H", label={"en": "Consult"})
    now = timezone.now()
    for fact, hours in (("attack", 3), ("request", 3), ("request", 1)):
        if hours == 1:
            order = operations.NewPause(commitment.code, now.date(), "A stop.")
            operations.pause_commitments([order], actor=loader())
        fact_order = operations.NewTrigger(commitment.code, fact, now - timedelta(hours=hours))
        operations.record_triggers([fact_order], actor=loader())
    letter = latest("trigger_recorded")
    ends = instant_in_words(now + timedelta(hours=23))
    assert f"Consult: this clock ends on {ends}" in letter.text
    assert "a clock counts from it" in letter.text
    assert "Its clocks stand still" in letter.text


def test_no_sign_of_a_text_turns_round_or_breaks_what_stands_beside_it(db: None) -> None:
    evil = f"שלום {TURNS}tail\u2028b\u0085c\x0bd\x1be\nf"
    accord = world.an_accord(names={"en": evil}, short_names={"en": evil})
    commitment = world.a_commitment(accord, title={"en": evil})
    world.a_deadline(commitment, "2025-01", label={"en": evil})
    operations.scan(timezone.now())
    spare = world.some_evidence(commitment)
    operations.withdraw_evidence([spare.code], actor=loader(), why=f"one{TURNS}\n\ntwo\x0b")
    for kind in ("became_overdue", "evidence_withdrawn"):
        letter = latest(kind)
        for part in (letter.subject, letter.text, letter.html):
            assert not re.search(r"[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]", part)
        lines = letter.text.split("\n")
        assert "שלום tail b c d e f" in lines
        assert "TST-1, שלום tail b c d e f" in lines
    assert "one\n\ntwo" in letter.text


def test_who_follows_much_is_told_some_of_it_and_how_much_more(db: None) -> None:
    accord = world.an_accord()
    followed = [world.a_commitment(accord, f"TST-{n}") for n in range(1, 31)]
    scopes = [f"commitment:{row.pk}" for row in followed]
    world.some_evidence(followed[0])
    event = Event.objects.get(kind="evidence_added")
    text = letters.alert(event, "en", scopes).text
    assert text.count("\n- Do TST-") == letters.REASONS
    assert f"\n- {30 - letters.REASONS} more\n" in text
    assert "more\n" not in letters.alert(event, "en", scopes[: letters.REASONS]).text


@pytest.mark.parametrize(
    ("language", "said", "whole", "more"),
    [
        ("en", "Because <it> was done & said. ", "The whole of it, on the page", "more pieces of evidence"),
        ("uk", "Бо «це» & зроблено й сказано. ", "Повний текст на сторінці", "на сторінці"),
        ("ja", "これは「実施」され＆公表されたため。", "全文を見る（ページ）", "の証拠（ページ）"),
    ],
)
def test_a_reason_and_evidence_without_end_leave_a_mail_that_is_read_to_its_end(
    db: None, client: Client, language: str, said: str, whole: str, more: str
) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord, title=dict.fromkeys(LANGUAGES, said * 10))
    exhibits = [world.some_evidence(commitment, locator=f"“{said}” {n}"[:80]) for n in range(60)]
    Source.objects.filter(accord=accord).update(
        title=(said * 20)[:500], publisher=(said * 10)[:200], address="https://example.org/?" + "&a=b" * 500
    )
    world.published(commitment, "in_progress", exhibits, reason=said * 2000)
    letter = latest("status_published", language)
    assert len(letter.html.encode()) < 100_000
    assert len(letter.text.encode()) < 100_000
    for part in (letter.text, letter.html):
        assert "x-leave" in part
    assert whole in letter.html
    shown = len(re.findall(r"/\?&", letter.text))
    assert 0 < shown < 60
    assert re.search(rf"{60 - shown}\D.*{more}", letter.html)
    event = Event.objects.get(kind="status_published")
    way = f"/commitments/{commitment.code}/?lang={language}#event-{event.seq}"
    assert way in letter.text and way in letter.html
    page = client.get(way.partition("#")[0]).content.decode()
    assert f'id="event-{event.seq}"' in page
    assert page.count(escape(said.strip())) > 2000


def test_a_reason_of_a_usual_length_is_told_whole(db: None) -> None:
    commitment = world.a_commitment(world.an_accord())
    reason = "x" * particulars.REASON
    world.published(commitment, "in_progress", [world.some_evidence(commitment)], reason=reason)
    letter = latest("status_published")
    assert reason in letter.text and reason in letter.html
    assert "The whole of it" not in letter.text + letter.html
    assert "more piece" not in letter.text + letter.html
