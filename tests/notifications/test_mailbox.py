"""The mailbox of the return path: notifications are read by IMAP over TLS, once, and strangers' mails do nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from notifications import bouncing, home, mailbox, troubles
from notifications.models import Bounce, BounceWay, Line, Subscriber
from tests.notifications.imap import Mailbox, certificate
from tests.notifications.test_bouncing import NESTED, REPORT, a_mail
from tests.sinks import SmtpSink
from tracker.kit.briefly import forget_all


@pytest.fixture
def box(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """A running server that this process believes, and the settings that lead to it."""
    pem = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    found = Mailbox(pem)
    settings.BOUNCE_ADDRESS = "bounces@tracker.example"
    settings.BOUNCE_IMAP_HOST, settings.BOUNCE_IMAP_PORT = "127.0.0.1", found.port
    settings.BOUNCE_IMAP_USER, settings.BOUNCE_IMAP_PASSWORD = found.user, found.password
    yield found
    found.socket.close()


def report(to: str, status: str = "5.1.1") -> bytes:
    """A delivery status notification to that return path."""
    return REPORT.format(to=to, action="failed", status=status).encode()


def test_a_notification_in_the_mailbox_suppresses_its_address_and_all_else_is_only_marked(
    db: None, smtp_sink: SmtpSink, box: Mailbox
) -> None:
    delivery = a_mail(smtp_sink)
    path = bouncing.return_path(delivery.pk)
    box.mails = {
        3: b"Subject: I am away\r\n\r\nuntil Monday\r\n",
        4: report(path.replace("+", "+0", 1)),
        5: report(path),
        8: report(path),
        9: b"\xff\xfe\x00 no mail at all" * 10,
        10: report(path) + b"x" * bouncing.LARGEST,
    }
    this = mailbox.collect()
    assert (this.read, this.recorded, this.is_down) == (6, 1, False)
    assert box.seen == set(box.mails)
    bounce = Bounce.objects.get()
    assert (bounce.way, bounce.is_hard, bounce.code) == (BounceWay.MAILBOX, True, "5.1.1")
    assert Subscriber.objects.get().state == "suppressed"
    assert mailbox.collect().read == 0


def test_one_mail_of_a_stranger_does_not_stop_the_mailbox(
    db: None, smtp_sink: SmtpSink, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bouncing, "SECONDS", 0.3)
    path = bouncing.return_path(a_mail(smtp_sink).pk)
    box.mails = {
        1: b"To: " + b"(" * 900_000 + b"\r\n\r\nx\r\n",
        2: f"To: {path}\r\n".encode() + NESTED,
        3: report(path),
    }
    began = time.monotonic()
    this = mailbox.collect()
    assert time.monotonic() - began < 5
    assert (this.read, this.recorded, this.is_down) == (3, 1, False)
    assert box.seen == {1, 2, 3}, "what was given up is not read again"


def test_a_line_that_breaks_before_the_mark_is_read_again_and_counts_once(
    db: None, smtp_sink: SmtpSink, box: Mailbox
) -> None:
    path = bouncing.return_path(a_mail(smtp_sink).pk)
    box.mails = {1: report(path, "4.2.2"), 2: report(path, "4.2.2")}
    box.cuts_after = 1
    first = mailbox.collect()
    assert first.is_down
    assert box.seen == {1}
    assert any("mailbox" in said for said in troubles.what_is_wrong())
    assert not any("mail server" in said for said in troubles.what_is_wrong())
    box.cuts_after = 0
    assert mailbox.collect().read == 0, "not at once: the line rests"
    Line.objects.update(try_again_at="2020-01-01T00:00Z")
    again = mailbox.collect()
    forget_all()
    assert (again.read, again.recorded) == (1, 0)
    assert box.seen == {1, 2}
    assert Bounce.objects.count() == 1
    assert troubles.what_is_wrong() == []


@pytest.mark.parametrize("what", ["password", "certificate", "folder", "nobody"])
def test_what_cannot_be_opened_is_said_and_nothing_is_marked(
    db: None, box: Mailbox, what: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.mails = {1: b"Subject: x\r\n\r\nx\r\n"}
    if what == "password":
        settings.BOUNCE_IMAP_PASSWORD = "wrong"
    elif what == "certificate":
        monkeypatch.delenv("SSL_CERT_FILE")
    elif what == "folder":
        settings.BOUNCE_IMAP_FOLDER = "Elsewhere"
    else:
        box.socket.close()
        settings.BOUNCE_IMAP_PORT = 1
    this = mailbox.collect()
    assert (this.read, this.is_down) == (0, True)
    assert box.seen == set()
    assert "wrong" not in Line.objects.get(name=mailbox.MAILBOX).said
    if what == "certificate":
        assert box.orders == [], "no password to whoever cannot prove the name"


def test_a_copy_of_the_database_and_a_tracker_without_a_mailbox_touch_nothing(
    db: None, box: Mailbox, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.mails = {1: b"Subject: x\r\n\r\nx\r\n"}
    with monkeypatch.context() as patch:
        patch.setattr(home, "is_home", lambda: False)
        assert mailbox.collect().read == 0
    settings.BOUNCE_IMAP_HOST = ""
    assert mailbox.collect().read == 0
    assert box.orders == []
