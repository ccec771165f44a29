"""The mail provider's ways in: reports of bounces that are signed as Standard Webhooks, and those of known providers."""

from __future__ import annotations

import binascii
import uuid
from typing import Any

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from standardwebhooks import Webhook, WebhookVerificationError

from notifications import bouncing, providers
from notifications.bouncing import Weight
from notifications.models import BounceWay
from tracker.kit.problems import CONTENT_TYPE, document

LARGEST = 64 * 1024
MOST = 500


def _problem(status: int, title: str, detail: str = "") -> HttpResponse:
    return HttpResponse(
        orjson.dumps(document(status, title, detail)), status=status, content_type=CONTENT_TYPE
    )


@method_decorator(csrf_exempt, name="dispatch")
class Bounces(View):
    """POST only. Without BOUNCE_SECRET there is no such address; an unsigned or old report changes nothing."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """`{"type": "bounces", "data": [{"message_id", "kind": "hard" | "soft", "code"}]}`; 204 when all was read."""
        if not settings.BOUNCE_SECRET:
            return _problem(404, "Not found")
        body = request.read(LARGEST + 1)
        if len(body) > LARGEST:
            return _problem(413, "Too large", f"At most {LARGEST} bytes.")
        try:
            Webhook(settings.BOUNCE_SECRET).verify(body, dict(request.headers), json_parse=False)
        except (WebhookVerificationError, binascii.Error, ValueError):
            return _problem(401, "Not signed", "The signature, its id or its time is missing or wrong.")
        try:
            reports = _reports(orjson.loads(body))
        except orjson.JSONDecodeError:
            return _problem(400, "Not JSON")
        except ValueError as error:
            return _problem(400, "A field is not valid", str(error))
        for delivery, weight, code in reports:
            bouncing.record(delivery, weight, code, BounceWay.PROVIDER)
        return HttpResponse(status=204)


@method_decorator(csrf_exempt, name="dispatch")
class Provider(View):
    """Where the provider of BOUNCE_PROVIDER posts what became of mails, in its own form; without one there is no such
    address. A report that does not prove its origin changes nothing."""

    http_method_names = ["head", "post"]

    def head(self, request: HttpRequest) -> HttpResponse:
        """Some providers look whether the address is there when it is entered."""
        return HttpResponse(status=204) if settings.BOUNCE_PROVIDER else _problem(404, "Not found")

    def post(self, request: HttpRequest) -> HttpResponse:
        """200 when all was read, whatever it said: providers take nothing else for a yes."""
        if not settings.BOUNCE_PROVIDER:
            return _problem(404, "Not found")
        try:
            providers.read(request)
        except RequestDataTooBig:
            return _problem(413, "Too large", f"At most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes.")
        except providers.Forged:
            return _problem(
                401, "Not signed", "The provider's signature, or its name and password, is missing or wrong."
            )
        except providers.Unreadable:
            return _problem(400, "Not a report", f"It is not in the form of {settings.BOUNCE_PROVIDER}.")
        return HttpResponse(status=200)


def _reports(said: Any) -> list[tuple[uuid.UUID, Weight, str]]:
    """What the report says; raises ValueError that names the field. A bounce weighs no more than its code says."""
    data = said.get("data") if isinstance(said, dict) else None
    if not isinstance(data, list) or len(data) > MOST:
        raise ValueError(f"data: a list of at most {MOST} reports")
    found = []
    for place, row in enumerate(data):
        if not isinstance(row, dict):
            raise ValueError(f"data[{place}]: an object")
        kind, code = row.get("kind"), row.get("code", "")
        if kind not in ("hard", "soft"):
            raise ValueError(f"data[{place}].kind: hard or soft")
        if not isinstance(code, str) or len(code) > 12 or not code.isprintable():
            raise ValueError(f"data[{place}].code: a text of at most 12 characters")
        message_id = row.get("message_id")
        try:
            delivery = uuid.UUID(str(message_id).strip("<> ").split("@")[0])
        except ValueError:
            raise ValueError(f"data[{place}].message_id: the Message-ID of one of our mails") from None
        weight = Weight.HARD if kind == "hard" else Weight.UNCLEAR
        if status := bouncing.status_in(code):
            weight = min(bouncing.weigh(status), Weight.HARD if kind == "hard" else Weight.SOFT)
        found.append((delivery, weight, code))
    return found
