"""The page of caught mails: only there while the demo runs, since only then DEMO_MAIL_DIR is set."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

SHOWN = 200
NAME = re.compile(r"(\d{8}T\d{6}\.\d{6})-\d{4}\.eml", re.ASCII)
# A mail may carry its own styles and small pictures, and nothing else: no script, no form, no other address.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
OUTER_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; frame-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)


def _directory() -> Path:
    """Where the catcher keeps them; raises Http404 when there is no catcher."""
    if not settings.DEMO_MAIL_DIR:
        raise Http404
    return Path(settings.DEMO_MAIL_DIR)


def _read(file: Path) -> dict[str, Any]:
    """One mail as the templates need it; raises Http404 when it is gone."""
    found = NAME.fullmatch(file.name)
    try:
        content = file.read_bytes()
    except OSError:
        raise Http404 from None
    message = email.message_from_bytes(content, policy=email.policy.default)
    stamp = found[1] if found else "19700101T000000.000000"
    return {
        "name": file.name,
        "at": datetime.strptime(stamp, "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC),
        "to": str(message.get("X-Envelope-To", "")),
        "sender": str(message.get("From", "")),
        "subject": str(message.get("Subject", "")) or _("(no subject)"),
        "headers": [(name, str(value)) for name, value in message.items()],
        "text": _part(message, "plain"),
        "has_html": bool(_part(message, "html")),
        "message": message,
    }


def _part(message: EmailMessage | email.message.Message, kind: str) -> str:
    """The text of the mail's plain or HTML part; empty when it has none or it cannot be read."""
    if not isinstance(message, EmailMessage):
        return ""
    part = message.get_body(preferencelist=(kind,))
    try:
        return str(part.get_content()) if part is not None else ""
    except (LookupError, KeyError, ValueError):
        return ""


def _file(name: str) -> Path:
    """The file of that name; raises Http404 for a name that the catcher would not have given."""
    if not NAME.fullmatch(name):
        raise Http404
    return _directory() / name


@never_cache
@require_safe
def mails(request: HttpRequest) -> HttpResponse:
    """The newest mails, newest first."""
    files = sorted((file for file in _directory().glob("*.eml") if NAME.fullmatch(file.name)), reverse=True)
    shown = [_read(file) for file in files[:SHOWN]]
    return render(request, "demo/mails.html", {"mails": shown, "count": len(files), "shown": len(shown)})


@never_cache
@require_safe
def mail(request: HttpRequest, name: str) -> HttpResponse:
    """One mail: what it says, how it looks, and its headers."""
    response = render(request, "demo/mail.html", {"mail": _read(_file(name))})
    response.headers["Content-Security-Policy"] = OUTER_POLICY
    return response


@never_cache
@require_safe
@xframe_options_sameorigin
def mail_html(request: HttpRequest, name: str) -> HttpResponse:
    """The HTML part as a document of its own, in a sandbox: links open in a new window, nothing else works."""
    content = _part(_read(_file(name))["message"], "html")
    if not content:
        raise Http404
    # A frame in a sandbox may only open new windows; so every link is told to.
    content = re.sub(r"<a(?=\s)", '<a target="_blank"', content, flags=re.IGNORECASE)
    response = HttpResponse(content, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = POLICY
    return response


urlpatterns = [
    path("mails/", mails, name="demo_mails"),
    path("mails/<str:name>/", mail, name="demo_mail"),
    path("mails/<str:name>/html/", mail_html, name="demo_mail_html"),
]
