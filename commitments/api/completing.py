"""What the gate gives to every answer, told in the description too: headers, 304, 429, 503, and problems by example."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import orjson

from commitments.api.schema import PROBLEM
from tracker.kit.localized import LANGUAGES

Described = dict[str, Any]

_ID = "6f1c1b1e-6a0f-4a53-9c39-5d5a1f5b8f0e"


def _header(meaning: str, shape: Described, required: bool = False) -> Described:
    return {"description": meaning, "schema": shape, **({"required": True} if required else {})}


HEADERS: dict[str, Described] = {
    "ETag": _header(
        "Send it back as If-None-Match. Weak (RFC 9110, 8.8.1): compressed or not, it is the same.",
        {"type": "string", "pattern": '^W/"[0-9a-f]{40}"$'},
    ),
    "Cache-Control": _header("How the answer may be kept (RFC 9111).", {"type": "string"}, required=True),
    "Content-Language": _header(
        "The language of sentences and messages.", {"type": "string", "enum": list(LANGUAGES)}, required=True
    ),
    "Link": _header(
        "The pages beside this one, with rel next and prev, and the licence of the data, with rel license (RFC 8288).",
        {"type": "string"},
    ),
    "Log-Head": _header(
        "The end of the log when it was read.", {"type": "string", "pattern": "^[0-9]+-[0-9a-f]{8}$"}
    ),
    "Content-Disposition": _header("The name of the file (RFC 6266).", {"type": "string"}),
    "RateLimit": _header(
        "How many requests are left (r) in the seconds to come (t).",
        {"type": "string", "pattern": '^"minute";r=[0-9]+;t=[0-9]+$'},
        required=True,
    ),
    "RateLimit-Policy": _header(
        "How many requests (q) each window of so many seconds (w) has.",
        {"type": "string", "pattern": '^"minute";q=[0-9]+;w=60$'},
        required=True,
    ),
    "Retry-After": _header(
        "Seconds until asking again makes sense.", {"type": "string", "pattern": "^[0-9]+$"}, required=True
    ),
    "Commitment-Version": _header(
        "The commitment's version: what a write names in If-Match.",
        {"type": "string", "pattern": '^"v[0-9]+"$'},
    ),
}
PARAMETERS: dict[str, Described] = {
    "If-None-Match": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag of an answer that you have: 304 while it holds.",
        "schema": {"type": "string", "pattern": '^(W/)?"[!#-~]{0,80}"$'},
        "example": 'W/"0f3b6c1d2e4a5968778695a4b3c2d1e0f1a2b3c4"',
    }
}
# Checkpoints are signed later than what they sign: the head of the log, and so an ETag, does not tell of them.
_UNTAGGED = ("list_checkpoints",)
_EVERYWHERE = ("Content-Language", "RateLimit", "RateLimit-Policy", "Cache-Control")
_TITLES: dict[int, tuple[str, Described]] = {
    400: (
        "A parameter is not valid",
        {
            "detail": "limit: A limit is a whole number from 1 to 500.",
            "errors": [
                {
                    "name": "limit",
                    "reason": "A limit is a whole number from 1 to 500.",
                    "allowed": ["1..500"],
                }
            ],
        },
    ),
    404: ("Not found", {}),
    429: ("Too many requests", {"detail": "At most 600 requests a minute. Ask again in 41 seconds."}),
    503: (
        "Not available",
        {"detail": "The service cannot reach its database. Please try again in a moment."},
    ),
}
_ALWAYS = {
    429: "The caller's share of the minute is used up.",
    503: "The database is away; nothing was done.",
}


def an_example(status: int) -> Described | None:
    """A problem document as that status has it; None where what it says differs from order to order."""
    if status not in _TITLES:
        return None
    title, more = _TITLES[status]
    return {"type": "about:blank", "title": title, "status": status, "id": _ID, **more}


@functools.cache
def _examples() -> Described:
    told: Described = orjson.loads((Path(__file__).parent / "examples.json").read_bytes())
    return told


def shown_by(operation: str) -> Any:
    """An answer as that operation gives it, of the invented accord; None where there is no example."""
    return _examples().get(operation)


def _headed(names: tuple[str, ...]) -> Described:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _complete(method: str, operation: Described) -> None:
    answers: dict[str, Described] = operation["responses"]
    reads = method == "get"
    is_tagged = reads and operation["operationId"] not in _UNTAGGED
    problem = "Problem" if reads else "WriteProblem"
    for code, meaning in _ALWAYS.items():
        body = {"schema": {"$ref": f"#/components/schemas/{problem}"}}
        answers.setdefault(str(code), {"description": meaning, "content": {PROBLEM: body}})
    if is_tagged:
        operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/If-None-Match"})
        answers["304"] = {"description": "What you have holds: no body."}
    for status, answer in answers.items():
        names: tuple[str, ...] = _EVERYWHERE
        if status in ("429", "503"):
            names = (*names, "Retry-After")
        if is_tagged and status in ("200", "304"):
            names = (*names, "ETag")
        if reads and status == "200" and operation["operationId"].startswith("list_"):
            names = (*names, "Link", "Log-Head", "Content-Disposition")
        if operation["operationId"] == "read_commitment" and status == "200":
            names = (*names, "Commitment-Version")
        answer["headers"] = _headed(names) | answer.get("headers", {})
        shown = shown_by(operation["operationId"])
        if status == "200" and shown is not None and "application/json" in answer.get("content", {}):
            answer["content"]["application/json"]["example"] = shown
        example = an_example(int(status))
        if example and PROBLEM in answer.get("content", {}):
            answer["content"][PROBLEM].setdefault("example", example)
    operation["responses"] = dict(sorted(answers.items()))


def completed(document: Described) -> Described:
    """The same description with what every address has in common."""
    for path, item in document["paths"].items():
        if path.startswith("/api/"):
            for method in ("get", "post"):
                if method in item:
                    _complete(method, item[method])
    components = document.setdefault("components", {})
    components["headers"] = HEADERS
    components["parameters"] = PARAMETERS
    return document
