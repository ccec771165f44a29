"""Problem details (RFC 9457): every error of the API has one shape, and says nothing of the inside."""

from __future__ import annotations

import uuid
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import set_rollback

log = structlog.get_logger(__name__)
CONTENT_TYPE = "application/problem+json"


class BadParameter(exceptions.APIException):
    """A parameter of the address breaks a rule: a 400 that names it and what is allowed."""

    status_code = status.HTTP_400_BAD_REQUEST

    def __init__(self, name: str, message: str, allowed: list[str] | None = None) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.allowed = allowed


class Told(exceptions.APIException):
    """An error that a door words itself: its status and title, further members of the document, and headers."""

    def __init__(
        self,
        status_code: int,
        title: str,
        detail: str = "",
        /,
        *,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail or title)
        self.status_code = status_code
        self.headers = headers or {}
        self.body = document(status_code, title, detail, **more)


def document(code: int, title: str, detail: str = "", /, **more: Any) -> dict[str, Any]:
    """A problem document with an id by which the operators find it in their logs."""
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": code, "id": str(uuid.uuid4())}
    if detail:
        body["detail"] = detail
    return body | more


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: known errors become problem documents, unknown ones go on (500)."""
    set_rollback()
    headers: dict[str, str] = {}
    if isinstance(error, BadParameter):
        invalid: dict[str, Any] = {"name": error.name, "reason": error.message}
        if error.allowed is not None:
            invalid["allowed"] = error.allowed
        body = document(400, "A parameter is not valid", f"{error.name}: {error.message}", errors=[invalid])
    elif isinstance(error, Told):
        headers, body = error.headers, error.body
    elif isinstance(error, Http404):
        body = document(404, "Not found")
    elif isinstance(error, PermissionDenied):
        body = document(403, "Not allowed")
    elif isinstance(error, exceptions.APIException):
        wait = getattr(error, "wait", None)
        if wait:
            headers["Retry-After"] = str(int(wait) + 1)
        detail = error.detail if isinstance(error.detail, str) else ""
        body = document(error.status_code, str(error.default_detail), str(detail))
    else:
        return None
    return Response(body, status=body["status"], headers=headers, content_type=CONTENT_TYPE)
