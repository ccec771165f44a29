"""Mails that came back: hard ones end it, soft ones are counted, forged ones do nothing."""

from __future__ import annotations

import base64
import io
import secrets
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from standardwebhooks import Webhook

from notifications import bouncing
from notifications.bouncing import Weight
from notifications.models import Bounce, BounceWay, Delivery, Subscriber
from tests import world
from tests.notifications.readers import a_reader, one_round
from tests.sinks import SmtpSink

SECRET = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
REPORT = """\
From: MAILER-DAEMON@mail.example
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

It could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example

Final-Recipient: rfc822; reader@example.org
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} nobody of this name
--b--
"""


# Each line is compared with the boundary of each part around it: seconds, for less than a megabyte.
NESTED = b"".join(
    b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n) for n in range(90)
) + (b"--\r\n" * 230_000)


@pytest.fixture(autouse=True)
def _address(settings: Any) -> None:
    settings.BOUNCE_ADDRESS = "bounces@tracker.example"


def a_mail(sink: SmtpSink) -> Delivery:
    """A mail that a reader has got."""
    accord = world.an_accord()
    a_reader("reader@example.org", accord)
    world.some_evidence(world.a_commitment(accord))
    one_round()
    assert sink.mails
    return Delivery.objects.get()


def state() -> str:
    return Subscriber.objects.get(email="reader@example.org").state


def report(to: str, action: str = "failed", status: str = "5.1.1") -> bytes:
    return REPORT.format(to=to, action=action, status=status).encode()


def test_every_mail_has_a_return_path_of_its_own_that_names_nobody(db: None, smtp_sink: SmtpSink) -> None:
    mail = a_mail(smtp_sink)
    sender = smtp_sink.mails[0].sender
    assert sender == bouncing.return_path(mail.pk)
    assert sender.endswith("@tracker.example")
    assert len(sender.split("@")[0]) <= 64 + 10
    assert "reader" not in sender
    assert bouncing.delivery_of(sender) == mail.pk
    assert bouncing.delivery_of(sender.upper()) == mail.pk


def test_a_notification_at_the_return_path_suppresses_and_nothing_is_written_there_again(
    db: None, smtp_sink: SmtpSink
) -> None:
    mail = a_mail(smtp_sink)
    assert bouncing.read(report(smtp_sink.mails[0].sender))
    assert state() == "suppressed"
    bounce = Bounce.objects.get()
    assert (bounce.is_hard, bounce.code, bounce.way, bounce.delivery) == (True, "5.1.1", "mailbox", mail.pk)
    assert not bouncing.read(report(smtp_sink.mails[0].sender)), "told before"
    world.some_evidence(world.a_commitment(world.an_accord("TST-2024-B"), "TST-9"))
    assert one_round().sent == 0


@pytest.mark.parametrize(
    ("content", "given"),
    [
        (report("bounces@tracker.example"), []),
        (report(f"bounces+{uuid.uuid4().hex}-{'a' * 20}@tracker.example"), []),
        (b"", []),
        (b"\xff\xfe\x00 not a mail", ["bounces+x-y@tracker.example"]),
        (b"To: \r\n\r\n", []),
        (b"To: =?utf-8?b?////?= <a@b>, <<<>>>\r\nContent-Type: multipart/report\r\n\r\n", []),
    ],
)
def test_a_forged_notification_has_no_effect(
    db: None, smtp_sink: SmtpSink, content: bytes, given: list[str]
) -> None:
    mail = a_mail(smtp_sink)
    right = bouncing.return_path(mail.pk)
    wrong = right.replace(right.split("-")[1][:4], "aaaa" if right.split("-")[1][:4] != "aaaa" else "bbbb")
    assert not bouncing.read(content, given)
    assert not bouncing.read(report(wrong))
    assert state() == "confirmed"
    assert not Bounce.objects.exists()


def test_what_is_no_failure_is_no_bounce_and_a_full_mailbox_is_a_soft_one(
    db: None, smtp_sink: SmtpSink
) -> None:
    a_mail(smtp_sink)
    path = smtp_sink.mails[0].sender
    for action, status in (("delayed", "4.4.1"), ("delivered", "2.0.0"), ("failed", "2.1.5"), ("", "")):
        assert not bouncing.read(report(path, action, status))
    vacation = f"To: {path}\r\nSubject: Away\r\n\r\nStatus: 5.1.1\r\nAction: failed\r\n".encode()
    assert not bouncing.read(vacation)
    assert bouncing.read(report(path, "failed", "5.2.2"))
    assert (Bounce.objects.get().is_hard, state()) == (False, "confirmed")


def test_a_notification_that_says_less_than_the_server_did_is_read_by_the_servers_words(
    db: None, smtp_sink: SmtpSink
) -> None:
    a_mail(smtp_sink)
    for said, about in (("550-5.7.1 blocked", "other"), ("550 5.2.2 full", "mailbox"), ("550 no", "unclear")):
        content = report(bouncing.return_path(another_mail().pk), "failed", "5.0.0")
        assert bouncing.read(content.replace(b"550 5.0.0 nobody of this name", said.encode()))
        assert Bounce.objects.latest("pk").about == about
    content = report(bouncing.return_path(another_mail().pk), "failed", "5.0.0")
    assert bouncing.read(content.replace(b"550 5.0.0 nobody", b"550 5.1.1 nobody"))
    assert Bounce.objects.latest("pk").is_hard


@pytest.mark.parametrize("is_ours", [False, True])
def test_a_mail_that_is_made_to_be_read_for_ever_holds_nobody_up(
    db: None, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch, is_ours: bool
) -> None:
    monkeypatch.setattr(bouncing, "SECONDS", 0.5)
    path = bouncing.return_path(a_mail(smtp_sink).pk) if is_ours else "bounces@tracker.example"
    addresses = f"To: {path}\r\nDelivered-To: ".encode() + b"(" * 900_000 + b"\r\n\r\n"
    nested = f"To: {path}\r\n".encode() + NESTED
    for content in (addresses, nested):
        began = time.monotonic()
        assert not bouncing.read(content)
        assert time.monotonic() - began < 2
    assert not Bounce.objects.exists()


def test_a_token_is_found_in_whichever_header_a_server_puts_it(db: None, smtp_sink: SmtpSink) -> None:
    path = bouncing.return_path(a_mail(smtp_sink).pk)
    forged = f"bounces+{uuid.uuid4().hex}-{'a' * 20}@tracker.example"
    content = report("bounces@tracker.example")
    assert not bouncing.read(content + path.encode()), "not in what it says"
    assert bouncing.read(f"Envelope-To: {forged},\r\n {path}\r\n".encode() + content.replace(b"\n", b"\r\n"))
    assert state() == "suppressed"


def another_mail(email: str = "reader@example.org") -> Delivery:
    """One more mail that went to that reader."""
    now = timezone.now()
    return Delivery.objects.create(
        kind="alert", subscriber=Subscriber.objects.get(email=email), created_at=now, next_attempt_at=now,
        state="sent", settled_at=now,
    )  # fmt: skip


# The provider's way in.


def post(client: Client, said: Any, secret: str = SECRET, at: datetime | None = None, **changes: str) -> Any:
    """A signed report."""
    body = said if isinstance(said, bytes) else orjson.dumps(said)
    at = at or datetime.now(UTC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", at, body.decode(errors="replace")),
        **changes,
    }
    return client.post("/bounces/", body, content_type="application/json", headers=headers)


def told(mail: Delivery, **changes: Any) -> dict[str, Any]:
    row = {"message_id": f"<{mail.pk}@testserver>", "kind": "hard", "code": "5.1.1", **changes}
    return {"type": "bounces", "data": [row]}


def test_a_signed_report_counts_once_and_an_unsigned_one_not_at_all(
    db: None, client: Client, smtp_sink: SmtpSink, settings: Any
) -> None:
    mail = a_mail(smtp_sink)
    assert post(client, told(mail)).status_code == 404, "no secret, no such address"
    settings.BOUNCE_SECRET = SECRET
    other = "whsec_" + base64.b64encode(b"x" * 32).decode()
    old = datetime.now(UTC) - timedelta(minutes=6)
    assert post(client, told(mail), secret=other).status_code == 401
    assert post(client, told(mail), at=old).status_code == 401
    for changes in ({"webhook-signature": ""}, {"webhook-signature": "nonsense"}, {"webhook-signature": "v1,é"},
                    {"webhook-timestamp": "soon"}, {"webhook-id": "msg_2"}):  # fmt: skip
        assert post(client, told(mail), SECRET, None, **changes).status_code == 401, changes
    assert client.get("/bounces/").status_code == 405
    assert state() == "confirmed"
    assert not Bounce.objects.exists()
    assert [post(client, told(mail)).status_code for _again in range(2)] == [204, 204]
    assert state() == "suppressed"
    assert Bounce.objects.count() == 1


@pytest.mark.parametrize(
    ("kind", "code", "is_hard", "about"),
    [
        ("hard", "", True, "mailbox"),
        ("hard", "550", True, "mailbox"),
        ("hard", "5.7.1", False, "other"),
        ("hard", "5.2.2", False, "mailbox"),
        ("soft", "5.1.1", False, "mailbox"),
        ("soft", "", False, "unclear"),
    ],
)
def test_a_report_weighs_no_more_than_its_code_says(
    db: None,
    client: Client,
    smtp_sink: SmtpSink,
    settings: Any,
    kind: str,
    code: str,
    is_hard: bool,
    about: str,
) -> None:
    mail = a_mail(smtp_sink)
    settings.BOUNCE_SECRET = SECRET
    assert post(client, told(mail, kind=kind, code=code)).status_code == 204
    bounce = Bounce.objects.get()
    assert (bounce.is_hard, bounce.about, state() == "suppressed") == (is_hard, about, is_hard)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "data"),
        ([], "data"),
        ({"data": {}}, "data"),
        ({"data": [3]}, "data[0]"),
        ({"data": [{"kind": "medium"}]}, "kind"),
        ({"data": [{"kind": "hard", "code": 5}]}, "code"),
        ({"data": [{"kind": "hard", "code": "5\u0000"}]}, "code"),
        ({"data": [{"kind": "hard", "message_id": "x"}]}, "message_id"),
        ({"data": [{"kind": "hard"}]}, "message_id"),
        (b"{nonsense", ""),
        (b"\xff\xfe", ""),
    ],
)
def test_a_report_that_is_wrong_is_told_by_its_field(
    db: None, client: Client, settings: Any, said: Any, field: str
) -> None:
    settings.BOUNCE_SECRET = SECRET
    answer = post(client, said)
    assert answer.status_code in {400, 401}
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert field in answer.json().get("detail", "")
    assert not Bounce.objects.exists()


def test_a_report_about_nothing_of_ours_changes_nothing(db: None, client: Client, settings: Any) -> None:
    settings.BOUNCE_SECRET = SECRET
    said = {"data": [{"kind": "hard", "message_id": str(uuid.uuid4())}]}
    assert post(client, said).status_code == 204
    assert post(client, b"x" * 70_000).status_code == 413
    assert not Bounce.objects.exists()


# By staff.


def test_the_command_reads_one_mail_and_never_fails(
    db: None, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    a_mail(smtp_sink)
    path = smtp_sink.mails[0].sender
    for content, to, said in (
        (b"nonsense", [], "ignored"),
        (report("somebody@else.example"), [path], "recorded"),
    ):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        call_command("receive_bounce", to=to)
        assert capsys.readouterr().out.strip() == said
    assert state() == "suppressed"


def test_an_administrator_lets_an_address_sign_up_again_and_it_must_confirm_anew(
    db: None, client: Client, smtp_sink: SmtpSink
) -> None:
    mail = a_mail(smtp_sink)
    bouncing.record(mail.pk, Weight.HARD, "5.1.1", BounceWay.SMTP)
    page = "/admin/notifications/bounce/"
    client.force_login(world.a_person("reviewer"))
    assert client.get(page).status_code == 403
    client.force_login(world.a_person("administrator"))
    shown = client.get(page).content.decode()
    assert "r…@example.org" in shown
    assert "reader@example.org" not in shown
    client.post(page, {"action": "allow_again", "_selected_action": [str(Bounce.objects.get().pk)]})
    assert state() == "pending"
    assert not Bounce.objects.exists()
    world.some_evidence(world.a_commitment(world.an_accord("TST-2024-B"), "TST-9"))
    assert one_round().sent == 0


def test_mails_that_left_before_the_secret_key_was_changed_still_bounce(db: None, settings: Any) -> None:
    mail = uuid.uuid4()
    path = bouncing.return_path(mail)
    before, settings.SECRET_KEY = settings.SECRET_KEY, secrets.token_urlsafe(50)
    assert bouncing.delivery_of(path) is None, "a key that is no longer believed"
    settings.SECRET_KEY_FALLBACKS = [before]
    assert bouncing.delivery_of(path) == mail
    assert bouncing.delivery_of(bouncing.return_path(mail)) == mail
