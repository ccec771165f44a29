"""The API described: OpenAPI for programs, and a page to try it for people."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import override
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from commitments.api import schema
from commitments.api.completing import completed
from commitments.api.door import Door
from commitments.api.writing import contract
from tracker.kit.asking import Asked
from tracker.kit.rendering import JSON


class OpenAPI(JSON):
    """JSON under the name that OpenAPI documents have."""

    media_type = "application/vnd.oai.openapi+json"


class Schema(Door):
    """This API as an OpenAPI 3.1 document, made from the code that serves it."""

    renderer_classes: list[type[BaseRenderer]] = [OpenAPI]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        Asked(request.query_params, ())
        # The words of the document are English, whatever the reader's language.
        with patched_settings(contract.joined(schema.SETTINGS)), override("en"):
            generator: Any = SchemaGenerator(urlconf=None)  # type: ignore[no-untyped-call]
            document: dict[str, Any] = generator.get_schema(request=None, public=True)
        # Errors are JSON too, under their own name, and every document shows where it is served.
        document["servers"] = [{"url": "/"}]
        return Response(completed(document))


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """A page on which the API can be read and tried, under the same strict policy as every other page."""
    return render(request, "commitments/api_docs.html")
