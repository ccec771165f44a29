"""Webhooks on the wire: the body of a call, its signature (Standard Webhooks), and what an answer means."""

from __future__ import annotations

import functools
import hashlib
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import orjson
from standardwebhooks import Webhook

from notifications.models import TryOutcome
from tracker.kit.outbound import Answer, Outbound, OutboundError

# The standard's schedule: seconds after each attempt that failed; after the last one the call is given up.
SCHEDULE = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
# A receiver may ask for patience, but not for ever.
LONGEST_PATIENCE = 86_400.0
KEPT = 1000
_KEPT_HEADERS = ("content-type", "date", "retry-after", "server", "x-request-id")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, once signed."""

    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """How one attempt ended. `patience`: seconds that the receiver asked for; `is_gone`: it never wants a call again;
    `is_silent`: no answer came at all."""

    outcome: str
    code: int | None = None
    error: str = ""
    milliseconds: int = 0
    host: str = ""
    request_headers: dict[str, str] = field(default_factory=dict)
    request_bytes: int = 0
    request_digest: str = ""
    answer_headers: dict[str, str] = field(default_factory=dict)
    answer: str = ""
    patience: float | None = None
    is_gone: bool = False
    is_silent: bool = False


def envelope(kind: str, at: str, data: Any) -> bytes:
    """The body of a Standard Webhook: type, timestamp, data."""
    return orjson.dumps({"type": kind, "timestamp": at, "data": data})


class NoSecret(Exception):
    """None of the endpoint's secrets can be read: nothing is sent unsigned."""


def signed(call: uuid.UUID, body: bytes, secrets: Sequence[str], now: datetime) -> Request:
    """Headers by the standard, with one signature for each live secret, the newest first. `now` is in UTC.

    Raises NoSecret.
    """
    if not secrets:
        raise NoSecret
    text = body.decode()
    signatures = [_signer(secret).sign(str(call), now, text) for secret in secrets]
    return Request(
        {
            "Content-Type": "application/json",
            "User-Agent": "AccordTracker-Webhooks/1",
            "webhook-id": str(call),
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        },
        body,
    )


@functools.lru_cache(maxsize=500)
def _signer(secret: str) -> Webhook:
    """Made once for the thousands of calls of an endpoint."""
    return Webhook(secret)


def send(client: Outbound, url: str, request: Request) -> Told:
    """One attempt, within the client's limits of time and size. Never raises for what the other side does."""
    host = urlsplit(url).hostname or ""
    began = datetime.now(UTC)
    sent: dict[str, Any] = {
        "host": host[:260],
        "request_headers": request.headers,
        "request_bytes": len(request.body),
        "request_digest": hashlib.sha256(request.body).hexdigest(),
    }
    try:
        answer = client.request("POST", url, request.headers, request.body)
    except OutboundError as error:
        took = int((datetime.now(UTC) - began).total_seconds() * 1000)
        return Told(TryOutcome.RETRY, None, error.code, max(took, 0), is_silent=True, **sent)
    return _judged(answer, sent)


def _judged(answer: Answer, sent: dict[str, Any]) -> Told:
    is_taken = 200 <= answer.status <= 299
    return Told(
        TryOutcome.SENT if is_taken else TryOutcome.FAILED if answer.status == 410 else TryOutcome.RETRY,
        answer.status,
        milliseconds=int(answer.seconds * 1000),
        answer_headers={name: answer.headers[name][:200] for name in _KEPT_HEADERS if name in answer.headers},
        answer=_CONTROL.sub("", answer.body[: 4 * KEPT].decode(errors="replace"))[:KEPT],
        patience=None if is_taken else patience(answer.headers.get("retry-after", ""), datetime.now(UTC)),
        is_gone=answer.status == 410,
        **sent,
    )


def patience(said: str, now: datetime) -> float | None:
    """The seconds of a Retry-After header, whole seconds or a date, within [0, LONGEST_PATIENCE]; None: says nothing."""
    said = said.strip()
    if re.fullmatch(r"[0-9]+", said):
        seconds = float(said)
    else:
        try:
            at = parsedate_to_datetime(said)
        except (TypeError, ValueError, OverflowError):
            return None
        seconds = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()
    return min(max(seconds, 0.0), LONGEST_PATIENCE)
