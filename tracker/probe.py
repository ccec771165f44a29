"""Asks the web server of this container whether it lives: `python -m tracker.probe [PORT]`, exit code 0 or 1.

Standard library only. It speaks as the proxy does (the site's host, HTTPS in front), since anything else is refused.
"""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit


def main(arguments: list[str]) -> int:
    """0 when `/livez` answers 200 within four seconds; else 1, with the reason on the error stream."""
    port = arguments[0] if arguments else "8000"
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/livez",
        headers={
            "Host": urlsplit(os.environ.get("SITE_URL", "")).hostname or "localhost",
            "X-Forwarded-Proto": "https",
        },
    )
    # Proxies of the environment have no part in a question to ourselves, and a redirect is no answer.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
    try:
        with opener.open(request, timeout=4) as response:
            return 0 if response.status == 200 else 1
    except (urllib.error.URLError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201  (this is a program)
        return 1


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Takes a redirect for the answer that it is."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        """Follows nothing."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
