"""What a format says of itself, so that it can be cited: the head of the log, the moment, the licence, the address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.text import slugify

from commitments.log import head
from commitments.wire import site_address


@dataclass(frozen=True, slots=True)
class About:
    """One answer: of which list, read at which place of the log (SEQ-hash8) and which instant (UTC)."""

    name: str
    address: str
    log_head: str
    at: datetime

    def wire(self) -> dict[str, Any]:
        """As members, for every format that has room for them."""
        return {
            "publisher": settings.SITE_NAME,
            "address": self.address,
            "log_head": self.log_head,
            "at": self.at,
            "licence": settings.DATA_LICENCE or None,
        }

    def headers(self, ending: str = "") -> dict[str, str]:
        """As headers; with an ending, the name of a file too (RFC 6266)."""
        told = {"Log-Head": self.log_head}
        if settings.DATA_LICENCE.startswith(("https://", "http://")):
            told["Link"] = f'<{settings.DATA_LICENCE}>; rel="license"'
        if ending:
            name = slugify(f"{settings.SITE_NAME} {self.name} {self.log_head}")
            told["Content-Disposition"] = f'attachment; filename="{name}.{ending}"'
        return told


def about(request: HttpRequest, name: str, now: datetime, end: str = "") -> About:
    """What an answer says of itself; called in the snapshot in which the rows are read, unless the head is known."""
    return About(name, site_address(request.get_full_path()), end or head().cursor, now)
