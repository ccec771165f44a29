"""Mail providers report in their own forms what became of our mails; who cannot prove to be the provider changes nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.test import Client

from notifications import providers
from notifications.models import Bounce, Delivery
from tests.notifications.test_bouncing import a_mail, state
from tests.servers import ROOT
from tests.sinks import SmtpSink

WHERE = "/bounces/provider/"
PASSWORD = "provider:" + "p" * 30
KEY = "key-of-the-provider-0001"
READER = "reader@example.org"


@pytest.fixture
def provider(settings: Any) -> Any:
    """Says which provider reports, with its key."""

    def said(name: str, **keys: str) -> None:
        settings.BOUNCE_PROVIDER = name
        settings.ANYMAIL = keys or {"WEBHOOK_SECRET": PASSWORD}

    return said


def post(said: Any, password: str = PASSWORD, **more: Any) -> Any:
    """As a provider posts that sends a name and a password."""
    proof = base64.b64encode(password.encode()).decode()
    return Client().post(
        WHERE,
        json.dumps(said),
        content_type="application/json",
        headers={"Authorization": f"Basic {proof}"},
        **more,
    )


def postmark(kind: str = "HardBounce", **more: Any) -> dict[str, Any]:
    return {
        "RecordType": "Bounce",
        "Type": kind,
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "Email": READER,
        "Details": "",
        "Description": "The server was unable to deliver your message.",
        "BouncedAt": "2026-11-05T16:33:54.9070259Z",
        **more,
    }


def test_a_provider_that_sends_a_password_suppresses_the_reader_of_the_last_mail(
    db: None, smtp_sink: SmtpSink, provider: Any
) -> None:
    mail = a_mail(smtp_sink)
    provider("postmark")
    assert post(postmark()).status_code == 200
    bounce = Bounce.objects.get()
    assert (bounce.delivery, bounce.is_hard, bounce.way, state()) == (mail.pk, True, "provider", "suppressed")
    assert post(postmark()).status_code == 200
    assert Bounce.objects.count() == 1, "told before"


@pytest.mark.parametrize(
    ("said", "hard", "code", "about"),
    [
        (postmark("SoftBounce"), False, "", "unclear"),
        (postmark("SoftBounce", Details="smtp;550 nobody"), False, "550", "unclear"),
        (postmark("HardBounce"), True, "", "mailbox"),
        (postmark("Blocked", Details="smtp;550 blocked"), False, "550", "other"),
        (postmark("SpamNotification"), False, "complaint", "other"),
        (postmark("SMTPApiError"), False, "", "other"),
        (postmark("SoftBounce", Details="smtp;452 4.2.2 the mailbox is full"), False, "4.2.2", "mailbox"),
        (postmark("HardBounce", Details="smtp;550 5.1.1 nobody of this name"), True, "5.1.1", "mailbox"),
        (postmark("HardBounce", Details="smtp;550 5.7.1 not by our policy"), False, "5.7.1", "other"),
        (postmark("SpamComplaint", RecordType="SpamComplaint"), True, "complaint", "mailbox"),
        (
            postmark(
                RecordType="SubscriptionChange", SuppressSending=True, SuppressionReason="ManualSuppression"
            ),
            True,
            "unsubscribed",
            "mailbox",
        ),
    ],
)
def test_what_a_report_says_is_hard_or_soft(
    db: None, smtp_sink: SmtpSink, provider: Any, said: dict[str, Any], hard: bool, code: str, about: str
) -> None:
    a_mail(smtp_sink)
    provider("postmark")
    assert post(said).status_code == 200
    bounce = Bounce.objects.get()
    assert (bounce.is_hard, bounce.code, bounce.about, state() == "suppressed") == (hard, code, about, hard)


def sparkpost(bounce_class: str, raw_reason: str) -> list[dict[str, Any]]:
    event = {
        "type": "bounce",
        "bounce_class": bounce_class,
        "raw_reason": raw_reason,
        "raw_rcpt_to": READER,
        "timestamp": "1454442600",
    }
    return [{"msys": {"message_event": event}}]


@pytest.mark.parametrize(
    ("bounce_class", "raw_reason", "hard", "about"),
    [
        ("10", "550 nobody of this name", True, "mailbox"),
        ("22", "452 4.2.2 full", False, "mailbox"),
        ("20", "550 come again", False, "unclear"),
        ("51", "550 spam from this host", False, "other"),
        ("51", "550 5.7.1 spam from this host", False, "other"),
        ("24", "", False, "other"),
    ],
)
def test_a_provider_whose_words_the_library_makes_less_of_is_read_with_care(
    db: None,
    smtp_sink: SmtpSink,
    provider: Any,
    bounce_class: str,
    raw_reason: str,
    hard: bool,
    about: str,
) -> None:
    a_mail(smtp_sink)
    provider("sparkpost")
    assert post(sparkpost(bounce_class, raw_reason)).status_code == 200
    bounce = Bounce.objects.get()
    assert (bounce.is_hard, bounce.about, state() == "suppressed") == (hard, about, hard)


@pytest.mark.parametrize(
    "said",
    [
        postmark("Transient"),
        postmark(RecordType="Delivery"),
        postmark(Email="somebody.else@example.org"),
        postmark(Email=None),
        postmark(Email="reader@example.org\x00"),
    ],
)
def test_what_is_no_bounce_of_a_reader_changes_nothing(
    db: None, smtp_sink: SmtpSink, provider: Any, said: dict[str, Any]
) -> None:
    a_mail(smtp_sink)
    provider("postmark")
    assert post(said).status_code == 200
    assert not Bounce.objects.exists()
    assert state() == "confirmed"


def mailgun(message_id: str, key: str = KEY, recipient: str = READER) -> dict[str, Any]:
    now, token = str(int(time.time())), "a" * 50
    proof = hmac.new(key.encode(), f"{now}{token}".encode(), hashlib.sha256).hexdigest()
    return {
        "signature": {"timestamp": now, "token": token, "signature": proof},
        "event-data": {
            "event": "failed",
            "severity": "permanent",
            "reason": "generic",
            "timestamp": 1521472262.908181,
            "recipient": recipient,
            "delivery-status": {"code": 550, "message": "5.1.1 nobody of this name", "description": ""},
            "message": {"headers": {"message-id": message_id, "to": recipient}},
        },
    }


def test_a_provider_that_signs_names_the_mail_by_our_message_id(
    db: None, smtp_sink: SmtpSink, provider: Any
) -> None:
    mail = a_mail(smtp_sink)
    later = Delivery.objects.create(
        kind="alert",
        subscriber=mail.subscriber,
        state="sent",
        created_at=mail.created_at,
        next_attempt_at=mail.created_at,
        settled_at=mail.created_at.replace(year=2099),
    )
    provider("mailgun", MAILGUN_WEBHOOK_SIGNING_KEY=KEY)
    ours = re.search(rb"(?im)^Message-ID: <(.+)>\r?$", smtp_sink.mails[0].content)
    assert ours
    found = Client().post(WHERE, json.dumps(mailgun(ours[1].decode())), content_type="application/json")
    assert found.status_code == 200
    assert Bounce.objects.get().delivery == mail.pk != later.pk
    assert state() == "suppressed"


def test_a_message_id_of_somebody_elses_mail_touches_nobody(
    db: None, smtp_sink: SmtpSink, provider: Any
) -> None:
    mail = a_mail(smtp_sink)
    provider("mailgun", MAILGUN_WEBHOOK_SIGNING_KEY=KEY)
    said = mailgun(f"{mail.pk}@testserver", recipient="stranger@example.org")
    assert Client().post(WHERE, json.dumps(said), content_type="application/json").status_code == 200
    assert not Bounce.objects.exists()


def test_postal_signs_with_a_key_of_its_own(db: None, smtp_sink: SmtpSink, provider: Any) -> None:
    a_mail(smtp_sink)
    key = rsa.generate_private_key(65537, 2048)
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    provider("postal", POSTAL_WEBHOOK_KEY=base64.b64encode(public).decode())
    body = json.dumps(
        {
            "event": "MessageDeliveryFailed",
            "timestamp": 1606753101.961181,
            "payload": {
                "status": "HardFail",
                "details": "5.1.1 nobody of this name",
                "output": "550 5.1.1",
                "timestamp": 1606753101.9,
                "message": {"id": 1, "token": "t", "to": READER, "message_id": "x@y", "tag": None},
            },
            "uuid": "0fcc8603-1e5c-4b3a-8d4d-9dcf0d7a8f3f",
        }
    )
    proof = key.sign(body.encode(), padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
    signed = base64.b64encode(proof).decode()
    for signature, status in ((signed, 200), (base64.b64encode(b"x" * 256).decode(), 401)):
        answer = Client().post(
            WHERE, body, content_type="application/json", headers={"X-Postal-Signature": signature}
        )
        assert answer.status_code == status
    assert state() == "suppressed"


def test_a_report_that_does_not_prove_its_origin_changes_nothing(
    db: None, smtp_sink: SmtpSink, provider: Any
) -> None:
    mail = a_mail(smtp_sink)
    provider("postmark")
    assert post(postmark(), "provider:" + "x" * 30).status_code == 401
    assert Client().post(WHERE, json.dumps(postmark()), content_type="application/json").status_code == 401
    provider("mailgun", MAILGUN_WEBHOOK_SIGNING_KEY=KEY)
    wrong = [mailgun(f"{mail.pk}@testserver", "another-key-0000000000"), {}, [], "x", {"signature": 1}]
    for said in wrong:
        answer = Client().post(WHERE, json.dumps(said), content_type="application/json")
        assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")
    deep = "[" * 100_000
    assert Client().post(WHERE, deep, content_type="application/json").status_code == 401
    assert not Bounce.objects.exists()
    assert state() == "confirmed"


@pytest.mark.parametrize(
    "body", ["", "{", "[" * 100_000, "[1]", '{"RecordType": "Inbound"}', '"text"', "\udcff"]
)
def test_what_is_not_in_the_providers_form_is_said_to_be_so(db: None, provider: Any, body: str) -> None:
    provider("postmark")
    proof = base64.b64encode(PASSWORD.encode()).decode()
    answer = Client().post(
        WHERE,
        body.encode(errors="surrogateescape"),
        content_type="application/json",
        headers={"Authorization": f"Basic {proof}"},
    )
    assert answer.status_code in (200, 400)
    assert answer.status_code == 400 or "RecordType" not in body
    assert not Bounce.objects.exists()


def test_a_report_that_is_too_large_is_not_read(db: None, provider: Any, settings: Any) -> None:
    provider("postmark")
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    assert post(postmark(Details="x" * 2000)).status_code == 413


def test_without_a_provider_there_is_no_such_address(db: None, provider: Any) -> None:
    assert post(postmark()).status_code == 404
    assert Client().head(WHERE).status_code == 404
    provider("postmark")
    assert Client().head(WHERE).status_code == 204
    assert Client().get(WHERE).status_code == 405


def test_every_provider_that_can_be_named_has_a_reader(provider: Any, settings: Any) -> None:
    guide = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    (row,) = [line for line in guide.splitlines() if line.startswith("| `BOUNCE_PROVIDER` |")]
    named = re.findall(r"`([a-z]+)`", row)
    assert len(named) == 9
    for name in named:
        provider(name, **{"WEBHOOK_SECRET": PASSWORD, f"{name.upper()}_WEBHOOK_KEY": KEY, **_keys(name)})
        assert providers._view().esp_name.lower() == name


def _keys(name: str) -> dict[str, str]:
    known = {
        "mailersend": "MAILERSEND_SIGNING_SECRET",
        "mailgun": "MAILGUN_WEBHOOK_SIGNING_KEY",
        "mailtrap": "MAILTRAP_TRACKING_SECRET",
    }
    return {known[name]: KEY} if name in known else {}
