"""What stands around every request: an answer while the database is down, and the reader's language."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

from tracker.kit.problems import CONTENT_TYPE, document

Handler = Callable[[HttpRequest], HttpResponse]
log = structlog.get_logger(__name__)
AWAY = (OperationalError, InterfaceError)
CODES = {code for code, _name in settings.LANGUAGES}


class Unavailable:
    """A database that is away is a 503 with Retry-After, and no trace of the inside."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answers for a lost or missing database; everything else goes on."""
        return unavailable(request) if isinstance(error, AWAY) else None


def unavailable(request: HttpRequest) -> HttpResponse:
    """503 for a page, or as a problem document (RFC 9457) for the API."""
    log.error("database_unavailable", path=request.path)
    said = "The service cannot reach its database. Please try again in a moment."
    is_api = request.path.startswith("/api/")
    body = orjson.dumps(document(503, "Not available", said)) if is_api else f"{said}\n".encode()
    return HttpResponse(
        body,
        status=503,
        content_type=CONTENT_TYPE if is_api else "text/plain; charset=utf-8",
        headers={"Retry-After": "5", "Cache-Control": "no-store"},
    )


class Language:
    """The language of a page: `?lang=` in the address, else the cookie, else what the browser asks for."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        asked = request.GET.get("lang", "")
        language = asked if asked in CODES else translation.get_language_from_request(request)
        with translation.override(language):
            request.LANGUAGE_CODE = translation.get_language() or "en"
            response = self.get_response(request)
        if request.path.startswith("/api/"):
            # It knows no cookie, and says itself on what its answers depend.
            return response
        if asked in CODES:
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                asked,
                max_age=365 * 86400,
                samesite="Lax",
                secure=settings.LANGUAGE_COOKIE_SECURE,
                httponly=True,
            )
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        response.headers.setdefault("Content-Language", language)
        return response
