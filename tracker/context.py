"""What every template may use: the site's name and address, the languages, the demo's mail page."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """Names and addresses of this installation."""
    return {
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "data_licence": settings.DATA_LICENCE,
        "is_demo": bool(settings.DEMO_MAIL_DIR),
    }
