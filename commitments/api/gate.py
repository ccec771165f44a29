"""The gate of the API: each caller's share, answers that were given before, and the headers that all answers have.

An answer depends on the code, the head of the log, the address, the language and the minute (timeliness moves with
time). Those make its ETag and the key under which it is kept, so that a poll that finds nothing new touches no table.
"""

from __future__ import annotations

import functools
import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.text import compress_sequence
from django.utils.translation import gettext as _
from django.utils.translation.trans_real import parse_accept_lang_header

from commitments.api.shares import take_share
from commitments.log import head
from tracker.kit.answers import Answer, shelf
from tracker.kit.limiting import Taken
from tracker.kit.localized import LANGUAGES
from tracker.kit.problems import CONTENT_TYPE, document
from tracker.middleware import AWAY, unavailable

Handler = Callable[[HttpRequest], HttpResponseBase]

PLACES = ("/api/v1/", "/.well-known/accord-tracker")
# What is written there changes only when the log does; elsewhere timeliness moves with every minute.
STILL = "/api/v1/events/"
DATES = "/api/v1/deadlines/"
EXPOSED = (
    "ETag, Link, RateLimit, RateLimit-Policy, Retry-After, Content-Language, Log-Head, Commitment-Version"
)
# What of an answer belongs to its body.
KEPT = ("Content-Type", "Cache-Control", "Link", "Content-Disposition", "Log-Head", "Commitment-Version")
# An answer is data: a browser that shows one runs nothing, and nobody frames it.
POLICY = "default-src 'none'; frame-ancestors 'none'"
_ROOM = Path(__file__).resolve().parent.parent


class Gate:
    """The middleware before all that an answer of the API does not need: sessions, cookies, the pages' policy."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith(PLACES):
            return self.get_response(request)
        language = language_of(request)
        taken = share_of(request)
        response = self._answer(request, language) if taken.is_within else too_many(taken, language)
        for name, value in taken.headers.items():
            response.headers[name] = value
        if response.headers.get("Content-Type", "").startswith("text/html"):
            return response
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Expose-Headers"] = EXPOSED
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Content-Language"] = language
        response.headers["Vary"] = "Accept, Accept-Encoding, Accept-Language"
        return response

    def _answer(self, request: HttpRequest, language: str) -> HttpResponseBase:
        """What the client has already, else what was kept, else what the record says."""
        if request.method not in ("GET", "HEAD"):
            return self.get_response(request)
        try:
            key = key_of(request, language)
        except AWAY:
            return unavailable(request)
        if is_known(request, key):
            response: HttpResponseBase = not_modified()
        else:
            answer = shelf.get(key)
            if answer is None:
                response = self.get_response(request)
                if response.status_code != 200 or not getattr(response, "is_kept", False):
                    return response
                answer = None if response.streaming else keep(key, response)
            response = streamed(request, response) if answer is None else dressed(request, answer)
            if takes_any(request):
                response = not_modified()
        response.headers["ETag"] = etag_of(key)
        return response


def share_of(request: HttpRequest) -> Taken:
    """Counts the request against its caller's share of the minute."""
    return take_share(request)


@functools.cache
def build() -> str:
    """A digest of the code that makes the answers and of its words: another version gives other answers."""
    digest = hashlib.sha256()
    for path in sorted([*_ROOM.rglob("*.py"), *_ROOM.parent.glob("tracker/locale/*/LC_MESSAGES/*.mo")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


class _KnownHead:
    """The head of the log as this process has read it, at most API_HEAD_MS ago."""

    def __init__(self) -> None:
        self._hash, self._read_at, self._of = "", 0.0, ""
        self._lock = threading.Lock()

    def hash(self) -> str:
        now = time.monotonic()
        database = str(settings.DATABASES["default"]["NAME"])
        with self._lock:
            if now - self._read_at < settings.API_HEAD_MS / 1000 and database == self._of:
                return self._hash
        found = head()
        with self._lock:
            # Counted from before the reading, so that it is never older than it says.
            self._hash, self._of, self._read_at = f"{found.seq}-{found.hash}", database, now
        return f"{found.seq}-{found.hash}"


known_head = _KnownHead()


def language_of(request: HttpRequest) -> str:
    """The language of an answer: `?lang=`, else the first that the client asks for and we have, else English."""
    # `request.GET` and `request.headers` are made anew for each request: what needs none of them is quicker.
    asked = request.GET.get("lang", "") if "lang=" in request.META.get("QUERY_STRING", "") else ""
    if asked in LANGUAGES:
        return asked
    for language, _quality in parse_accept_lang_header(request.META.get("HTTP_ACCEPT_LANGUAGE", "")):
        code = language.split("-")[0]
        if code in LANGUAGES:
            return code
    return "en"


def key_of(request: HttpRequest, language: str) -> str:
    """The key of an answer: everything it depends on."""
    minute = 0 if _is_still(request) else int(time.time() // 60)
    told = (
        build(), settings.SITE_URL, settings.SITE_NAME, settings.DATA_LICENCE, known_head.hash(),
        request.get_full_path(), request.META.get("HTTP_ACCEPT", ""), language, str(minute),
    )  # fmt: skip
    return hashlib.sha256("\n".join(told).encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _is_still(request: HttpRequest) -> bool:
    """Whether the answer moves with the log alone; a calendar of dates tells no lateness."""
    if request.path.startswith(STILL):
        return True
    return request.path == DATES and "format=ics" in request.META.get("QUERY_STRING", "").split("&")


def etag_of(key: str) -> str:
    """A weak validator (RFC 9110, 8.8.1): compressed or not, and to the instant, answers of a minute say the same."""
    return f'W/"{key}"'


def is_known(request: HttpRequest, key: str) -> bool:
    """Whether the client has that answer already (If-None-Match, RFC 9110, 13.1.2)."""
    given = request.META.get("HTTP_IF_NONE_MATCH", "")
    return any(one.strip().removeprefix("W/").strip('"') == key for one in given.split(","))


def takes_any(request: HttpRequest) -> bool:
    """Whether any answer at all will do, if there is one (`If-None-Match: *`, RFC 9110, 13.1.2)."""
    return str(request.META.get("HTTP_IF_NONE_MATCH", "")).strip() == "*"


def not_modified() -> HttpResponse:
    """304: what you have holds."""
    response = HttpResponse(status=304, headers={"Cache-Control": "public, no-cache"})
    del response.headers["Content-Type"]
    return response


def dressed(request: HttpRequest, answer: Answer) -> HttpResponse:
    """An answer as this client takes it: compressed, or its headers alone."""
    small = answer.small if _takes_gzip(request) else None
    body = answer.body if small is None else small
    response = HttpResponse(b"" if request.method == "HEAD" else body)
    for name, value in answer.headers.items():
        response.headers[name] = value
    response.headers["Content-Length"] = str(len(body))
    if small is not None:
        response.headers["Content-Encoding"] = "gzip"
    return response


def streamed(request: HttpRequest, response: Any) -> HttpResponseBase:
    """An answer that is written while it is read, as this client takes it: compressed, or its headers alone."""
    if request.method == "HEAD" or takes_any(request):
        response.give_up()
        return HttpResponse(
            headers={name: response.headers[name] for name in KEPT if name in response.headers}
        )
    if _takes_gzip(request):
        response.streaming_content = compress_sequence(response.streaming_content)
        response.headers["Content-Encoding"] = "gzip"
    done: HttpResponseBase = response
    return done


def _takes_gzip(request: HttpRequest) -> bool:
    for part in request.META.get("HTTP_ACCEPT_ENCODING", "").split(","):
        name, _semicolon, quality = part.strip().partition(";")
        if name in ("gzip", "*"):
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def keep(key: str, response: Any) -> Answer:
    """Keeps a rendered answer for who asks next."""
    answer = Answer(
        response.content,
        {name: response.headers[name] for name in KEPT if name in response.headers},
    )
    shelf.put(key, answer)
    return answer


def too_many(taken: Taken, language: str) -> HttpResponse:
    """429 as a problem document."""
    with translation.override(language):
        detail = _("At most %(limit)s requests a minute. Ask again in %(seconds)s seconds.") % {
            "limit": taken.limit,
            "seconds": taken.seconds,
        }
    body = orjson.dumps(document(429, "Too many requests", detail))
    return HttpResponse(body, status=429, content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})
