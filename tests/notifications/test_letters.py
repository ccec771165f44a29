"""What the mails say: in three languages, as text and HTML, with headers that nobody can add to."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from email import message_from_bytes, policy
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone, translation

from commitments import operations
from commitments.actors import loader
from commitments.models import Event, Note
from commitments.spoken_dates import instant_in_words
from notifications import letters, particulars
from notifications.channels.email import Reader, assemble
from notifications.telling import TOLD
from tests import world
from tests.commitments.test_clocks import TERMS
from tests.notifications.readers import a_reader, link, make_due, message_id, one_round
from tests.notifications.test_telling import everything_happens_to
from tests.sinks import SmtpSink
from tests.test_house import everything_happens
from tracker.kit.localized import pick

LANGUAGES = ["en", "uk", "ja"]
NOBODY = Reader(uuid.uuid4(), "reader@example.org", (1,))


def parsed(letter: letters.Letter, reader: Reader = NOBODY) -> Any:
    """A letter as a mail program reads it."""
    return message_from_bytes(assemble(letter, reader, uuid.uuid4()), policy=policy.default)


class Links(HTMLParser):
    """Collects addresses, and anything that would be fetched or run."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.loaded: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Looks at one tag."""
        for name, value in attrs:
            if tag == "a" and name == "href":
                self.hrefs.append(value or "")
            elif name in {"src", "srcset", "background", "poster", "data"} or tag in {
                "script",
                "link",
                "iframe",
            }:
                self.loaded.append(f"{tag} {name}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_line_of_a_mail_is_longer_than_smtp_allows(db: None, smtp_sink: SmtpSink, language: str) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("reader@example.org", accord, commitment, language)
    everything_happens_to(commitment)
    one_round()
    for mail in smtp_sink.mails:
        assert max(len(row) for row in mail.content.split(b"\r\n")) <= 998
        assert mail.content.isascii()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_news_is_told_in_the_readers_language(db: None, language: str) -> None:
    everything_happens()
    kinds = set()
    for event in Event.objects.filter(kind__in=TOLD).select_related("commitment"):
        assert event.commitment is not None
        kinds.add(event.kind)
        mail = parsed(letters.alert(event, language, [f"commitment:{event.commitment_id}", "all"]))
        text = mail.get_body(("plain",)).get_content()
        html = mail.get_body(("html",)).get_content()
        assert mail.get_content_type() == "multipart/alternative"
        with translation.override(language):
            title = pick(event.commitment.title)
        for part in (text, html):
            assert title in part
            assert f"/commitments/{event.commitment.code}/?lang={language}" in part
        assert f'<html lang="{language}">' in html
        found = Links(html)
        assert not found.loaded
        assert any("/leave/" in href for href in found.hrefs)
        assert all(href.startswith(("http://testserver/", "https://")) for href in found.hrefs), found.hrefs
        assert "x-leave" not in text + html
        assert "x-manage" not in text + html
    assert kinds == TOLD


def test_a_status_mail_tells_before_and_after_reason_evidence_what_comes_next_and_why(
    db: None, client: Client, smtp_sink: SmtpSink
) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    world.a_deadline(commitment, "2099-05")
    a_reader("reader@example.org", accord, commitment)
    world.published(
        commitment,
        "in_progress",
        [world.some_evidence(commitment, origin="backfill")],
        reason="It began.\nWe saw it.",
    )
    one_round()
    (mail,) = smtp_sink.mails
    assert mail.subject.startswith("TST-1: Status changed from “not assessed” to “in progress”")
    for part in (mail.text, mail.html):
        for words in (
            "Not yet judged", "Under way", "It began.", "We saw it.", "reviewers-desk", "An announcement",
            "A ministry", "https://ministry.example/notice", "31 May 2099", "You get this mail because",
        ):  # fmt: skip
            assert words in part, words
    headers = mail.message
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["List-Id"] == "<tst-2024.testserver>"
    assert headers["To"] == "reader@example.org"
    assert headers["Precedence"] is None
    for purpose in ("manage", "leave"):
        assert client.get(link(mail, purpose)).status_code == 200
        assert link(mail, purpose) in mail.html


def test_what_comes_next_of_a_clock_of_hours_is_an_instant(db: None) -> None:
    commitment = world.a_commitment(world.an_accord(), kind="conditional", details={"trigger": TERMS})
    world.a_deadline(commitment, "", type="clock", duration="PT24H", label={"en": "Consult"})
    asked = timezone.now() - timedelta(hours=2)
    for fact in ("attack", "request"):
        order = operations.NewTrigger(commitment.code, fact, asked)
        operations.record_triggers([order], actor=loader())
    found = particulars.next_dates([commitment.pk], timezone.now())[commitment.pk]
    assert found["day"] == instant_in_words(asked + timedelta(hours=24))
    assert "UTC" in found["day"]


def test_mails_about_one_commitment_make_one_thread(db: None, smtp_sink: SmtpSink) -> None:
    accord = world.an_accord()
    first, second = world.a_commitment(accord), world.a_commitment(accord, "TST-2")
    a_reader("reader@example.org", accord)
    for commitment in (first, first, second):
        world.some_evidence(commitment)
    one_round()
    threads = [str(mail.message["References"]) for mail in smtp_sink.mails]
    assert sorted(threads.count(thread) for thread in set(threads)) == [1, 2]
    assert len({message_id(mail) for mail in smtp_sink.mails}) == 3


def test_no_text_of_the_record_can_add_a_header_or_a_tag(db: None, smtp_sink: SmtpSink) -> None:
    evil = "x\r\nBcc: victim@example.org\r\n\r\n<script>alert(1)</script>{{ 7|add:7 }}"
    accord = world.an_accord(short_names={"en": evil}, names={"en": evil})
    commitment = world.a_commitment(accord, title={"en": evil}, summary={"en": evil})
    a_reader("reader@example.org", accord, commitment)
    source = {"title": evil, "publisher": evil, "address": "https://example.org/a?b=<c>&d", "nature": "press"}
    world.some_evidence(commitment, source=None, new_source=source, nature="press", locator="p. 1")
    spare = world.some_evidence(commitment)
    one_round()
    operations.withdraw_evidence([spare.code], actor=loader(), why=f".\r\n.\r\nQUIT\r\n{evil}")
    one_round()
    assert len(smtp_sink.mails) == 3
    for mail in smtp_sink.mails:
        assert mail.recipients == ("reader@example.org",)
        assert mail.message["Bcc"] is None
        assert mail.message["Subject"].count("\n") == 0
        assert "<script" not in mail.html
        assert "&lt;script" in mail.html
        assert "{{ 7" in mail.text
    withdrawn = next(mail for mail in smtp_sink.mails if "withdrawn" in mail.subject)
    assert "\n.\n.\nQUIT\n" in "\n" + withdrawn.text.replace("\r\n", "\n"), (
        "dots at the start of a line arrive"
    )
    for bad in ("a@b.c\r\nBcc: d@e.f", "a@b.c, d@e.f g", "<a@b.c>", ""):
        with pytest.raises(ValueError, match="header"):
            assemble(letters.Letter("s", "t", "h", "x", "y"), Reader(uuid.uuid4(), bad, (1,)), uuid.uuid4())
    with pytest.raises(ValueError, match="header"):
        assemble(letters.Letter("s\r\nBcc: a@b.c", "t", "h", "x", "y"), NOBODY, uuid.uuid4())


def test_a_reason_that_was_removed_is_in_no_mail(db: None, smtp_sink: SmtpSink) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("reader@example.org", accord)
    evidence = world.some_evidence(commitment, origin="backfill")
    world.published(commitment, "fulfilled", [evidence], reason="A name that must go.")
    Note.objects.update(text="", salt="", redacted_at=timezone.now())
    one_round()
    (mail,) = smtp_sink.mails
    assert "A name" not in mail.text + mail.html


def test_the_mail_of_an_invented_accord_says_so(db: None, smtp_sink: SmtpSink) -> None:
    accord = world.an_accord(is_example=True)
    a_reader("reader@example.org", accord)
    world.some_evidence(world.a_commitment(accord))
    one_round()
    (mail,) = smtp_sink.mails
    assert mail.subject.startswith("Example: ")
    assert "invented" in mail.text
    assert "invented" in mail.html


def test_a_date_of_the_press_that_has_passed_is_never_called_late(db: None, smtp_sink: SmtpSink) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("reader@example.org", accord)
    world.a_deadline(commitment, "2025-01", authority="press")
    operations.scan(timezone.now())
    one_round()
    (mail,) = smtp_sink.mails
    visible = re.sub(r"<style.*?</style>|<[^>]+>", " ", mail.html, flags=re.S)
    for words in (mail.subject, mail.text, visible):
        assert not re.search(r"\b(late|overdue|not kept)\b", words, re.I), words
    assert "behind target" in mail.text


def test_one_that_is_late_by_the_text_says_before_and_now(db: None, smtp_sink: SmtpSink) -> None:
    accord = world.an_accord()
    commitment = world.a_commitment(accord)
    a_reader("reader@example.org", accord)
    world.a_deadline(commitment, "2025-01")
    operations.scan(timezone.now())
    one_round()
    make_due()
    (mail,) = smtp_sink.mails
    assert "Now: ◷ Late (not assessed; overdue)" in mail.text
    assert "Before: ○ Not yet judged" in mail.text


def test_a_contested_entry_says_so_in_every_mail_and_the_words_are_the_partys(db: None) -> None:
    commitment = world.a_commitment(world.an_accord())
    stated = operations.state_positions([world.a_position(commitment)], actor=loader())
    world.some_evidence(commitment)
    first, second = Event.objects.news().filter(kind__in=TOLD).order_by("seq")
    about_it = letters.alert(first, "en", ["all"])
    for part in (about_it.text, about_it.html):
        assert "Ukraine disputes this" in part
        assert "Contested: disputed by Ukraine." in part
        assert "We see this differently." in part
        assert "https://ministry.example/notice" in part
        assert "Judged by" not in part
    assert "ITS WORDS" in about_it.text and "THE REASON" not in about_it.text
    assert "Contested: disputed by Ukraine." in letters.alert(second, "en", ["all"]).text
    operations.resolve_positions(
        {stated[0].code: operations.Resolution("kept", "Confirmed.")}, actor=loader()
    )
    assert "Contested" not in letters.alert(second, "en", ["all"]).text


def test_a_mail_about_money_tells_the_sum_its_note_and_its_source(db: None) -> None:
    commitment = world.a_commitment(world.an_accord())
    operations.record_contributions([world.money(commitment, note="In kind.")], actor=loader())
    event = Event.objects.get(kind="contribution_recorded")
    letter = letters.alert(event, "en", ["all"])
    assert "Delivered: 1.5" in letter.subject and "billion US dollars" in letter.subject
    assert "A NOTE\nIn kind." in letter.text
    assert "THE SOURCE\n- An announcement, A ministry" in letter.text
