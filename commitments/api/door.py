"""What every address of the API has: one representation, open to every site, in the language that is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpRequest
from django.utils import translation
from django.utils.translation import gettext as _
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from commitments import tokens
from commitments.api import gate
from commitments.feeds.about import About
from commitments.wire import api_address
from tracker.kit.asking import Asked
from tracker.kit.paging import Page, address
from tracker.kit.problems import BadParameter


class OnlyJSON(BaseContentNegotiation):
    """There is one representation, so what the client prefers decides nothing (RFC 9110, 12.1)."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """None: bodies are not read."""
        return None

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        """The one renderer there is."""
        return renderers[0], renderers[0].media_type


class Door(APIView):
    """Anonymous and read-only: no session, no cookie; any site may read it from a browser."""

    http_method_names = ["get", "head", "options"]
    content_negotiation_class = OnlyJSON
    # Asking again is cheap, so nothing is used without asking.
    cache_control = "public, no-cache"
    # Whether answers may be kept under the head of the log (commitments.api.gate).
    is_kept: ClassVar[bool] = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """The language of sentences and messages: `?lang=`, else what the client asks for; never a cookie."""
        super().initial(request, *args, **kwargs)
        translation.activate(gate.language_of(request._request))
        for name in tokens.IN_ADDRESSES:
            if name in request.query_params:
                raise BadParameter(
                    name,
                    _(
                        "A token never stands in an address, where logs and histories keep it: send it in the header "
                        "Authorization."
                    ),
                    allowed=["Authorization: Bearer"],
                )

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """What the gate reads of an answer; it writes the headers that all of them have."""
        done: Any = super().finalize_response(request, response, *args, **kwargs)
        done.headers.setdefault("Cache-Control", self.cache_control)
        done.is_kept = self.is_kept
        return done

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """A browser asks what another site may do."""
        methods = ", ".join(name.upper() for name in self.http_method_names)
        return Response(
            status=204,
            headers={
                "Allow": methods,
                "Access-Control-Allow-Methods": methods,
                "Access-Control-Allow-Headers": "Accept, Accept-Language, Authorization, Cache-Control, "
                "Content-Type, Idempotency-Key, If-Match, If-None-Match",
                "Access-Control-Max-Age": "86400",
            },
        )


def list_answer(page: Page[Any], asked: Asked, said: About, total: int | None = None) -> Response:
    """A page of a list with the addresses of those beside it, also in the header Link (RFC 8288)."""

    def beside(cursor: str | None) -> str | None:
        return cursor and address(api_address(said.name), [*asked.kept("cursor"), ("cursor", cursor)])

    links = {"next": beside(page.after), "prev": beside(page.before)}
    body: dict[str, Any] = {"results": page.rows, **links, "about": said.wire()}
    if total is not None:
        body["count"] = total
    return Response(body, headers=headers_of(said, links))


def headers_of(said: About, links: Mapping[str, str | None]) -> dict[str, str]:
    """What an answer says of itself, and the addresses beside it, as headers."""
    told, more = said.headers(), link_header(links)
    if "Link" in told and "Link" in more:
        return told | {"Link": f"{more['Link']}, {told['Link']}"}
    return told | more


def link_header(links: Mapping[str, str | None]) -> dict[str, str]:
    """The addresses as one header; none when there are none."""
    told = ", ".join(f'<{link}>; rel="{rel}"' for rel, link in links.items() if link)
    return {"Link": told} if told else {}
