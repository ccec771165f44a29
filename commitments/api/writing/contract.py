"""What the API says of its write side: each order with its body, answers, errors and an example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from commitments import words
from commitments.api.schema import A_CODE, LANG, PROBLEM
from commitments.api.shaping import Shape, flag, many, number, obj, or_null, ref, text, word
from commitments.api.writing.body import shape_of
from commitments.api.writing.orders import Order

if TYPE_CHECKING:
    from commitments.api.writing.suspending import AccordOrder

_ROW = {
    "noun": text("What the row is.", enum=["assessment", "evidence", "deadline", "pause", "trigger"]),
    "code": text("The code of the row that was made or changed."),
    "state": text("How it stands now."),
}
_VERSION = number("The commitment's version after it: the next If-Match.")
SHAPES: dict[str, Shape] = {
    "Written": obj(
        "What was written. `events` is empty where nothing became public.",
        commitment=text(),
        version=_VERSION,
        **_ROW,
        events=many(ref("Event")),
    ),
    "Rehearsed": obj(
        "What would be written; nothing was.",
        commitment=text(),
        version=number("The version that the commitment would have."),
        dry_run=flag(),
        **_ROW,
        would_say=many(
            obj(
                "An event that would be in the log.",
                kind=word(words.EventKind),
                sentence=text(),
                facts={"type": "object"},
            )
        ),
    ),
    "Suspended": obj(
        "The suspension of an accord as it stands after the order, or with dry_run=true as it would.",
        accord=text(),
        state=text("Whether its end is recorded.", enum=["running", "ended"]),
        from_on=text(format="date"),
        until_on=or_null(text("The day on which the clocks run again.", format="date")),
        pauses=many(text(), "The codes of the pauses that it made."),
        dry_run=flag(),
    ),
    "WriteProblem": {
        "type": "object",
        "description": "Why nothing was written (RFC 9457).",
        "properties": {
            "type": text(),
            "title": text(),
            "status": number(),
            "detail": text(),
            "id": text("The operators find it in their logs by this."),
            "code": text("The rule, as a stable code."),
            "scope": text("The scope that the token lacks."),
            "errors": many(
                {
                    "type": "object",
                    "properties": {
                        "name": text("The field, header or parameter."),
                        "code": text("The rule, as a stable code."),
                        "reason": text(),
                        "allowed": many(text()),
                    },
                    "required": ["name", "reason"],
                    "additionalProperties": False,
                }
            ),
            "moves": many(word(words.Status), "The statuses that are open from where it stands."),
            "yours": text("The version that the request named."),
            "theirs": obj(
                "What stands.",
                version=text("The tag that If-Match takes."),
                status=word(words.Status),
                changed_at=or_null(text(format="date-time")),
            ),
        },
        "required": ["type", "title", "status", "id"],
        "additionalProperties": False,
    },
}
SECURITY = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token that staff make for themselves."}
}
_MEANINGS = {
    400: "The body, a parameter, If-Match or Idempotency-Key is not valid; `errors` names what and why.",
    401: "There is no token, or none that is alive.",
    403: "The token lacks the scope, or its owner the role.",
    404: "There is no such commitment, or it has no such row.",
    409: "Not as it stands: `code` and `errors` say why; or the same key is being answered now.",
    412: "The commitment has changed: `yours` and `theirs`.",
    413: "The body is too large.",
    415: "The body is no JSON.",
    422: "A rule refuses it: `errors` names field, code and reason; or the key belongs to another request.",
    428: "If-Match is missing.",
    429: "The caller's share of the minute is used up.",
}
_HEADERS = (
    OpenApiParameter(
        "If-Match",
        {"type": "string", "pattern": '^"v(0|[1-9][0-9]{0,8})"$'},
        OpenApiParameter.HEADER,
        required=True,
        description="The version of the commitment that you read, as its header Commitment-Version tells it.",
    ),
    OpenApiParameter(
        "Idempotency-Key",
        {"type": "string", "pattern": '^"[ !#-\\[\\]-~]{1,255}"$'},
        OpenApiParameter.HEADER,
        description="A new value for every write, the same one when you ask again; needed unless dry_run=true.",
    ),
    OpenApiParameter(
        "dry_run",
        {"type": "string", "enum": ["true", "false"], "default": "false"},
        OpenApiParameter.QUERY,
        description="true: say what would happen, and change nothing.",
    ),
)


def described(order: Order) -> dict[str, Any]:
    """What drf-spectacular is told of one order."""
    path = [OpenApiParameter("code", A_CODE, OpenApiParameter.PATH, description="The commitment.")]
    if order.has_number:
        row = {"type": "integer", "minimum": 0, "maximum": 9999}
        path.append(
            OpenApiParameter(
                "number", row, OpenApiParameter.PATH, description=f"The number of the {order.noun}."
            )
        )
    done = OpenApiResponse(ref("Written"), description="Written; the same again for the same key.")
    trial = OpenApiResponse(ref("Rehearsed"), description="With dry_run=true.")
    answers: dict[Any, Any] = {(order.status, "application/json"): done}
    if order.status == 200:
        either = {"oneOf": [ref("Written"), ref("Rehearsed")]}
        answers[200, "application/json"] = OpenApiResponse(
            either,
            description="Written (the same again for the same key), or with dry_run=true what would be.",
        )
    else:
        answers[200, "application/json"] = trial
    return _described(order, [*path, *_HEADERS], answers, _MEANINGS)


def described_accord(order: AccordOrder) -> dict[str, Any]:
    """The same of an order about a whole accord, which has no version."""
    path = OpenApiParameter("code", A_CODE, OpenApiParameter.PATH, description="The accord.")
    done = OpenApiResponse(ref("Suspended"), description="Written; the same again for the same key.")
    trial = OpenApiResponse(ref("Suspended"), description="With dry_run=true what would be, else written.")
    answers = {(200, "application/json"): trial} | (
        {} if order.status == 200 else {(order.status, "application/json"): done}
    )
    meanings = {code: meaning for code, meaning in _MEANINGS.items() if code not in (412, 428)} | {
        404: "There is no such accord."
    }
    return _described(order, [path, *_HEADERS[1:]], answers, meanings)


def _described(
    order: Order | AccordOrder,
    parameters: list[OpenApiParameter],
    answers: dict[Any, Any],
    meanings: Mapping[int, str],
) -> dict[str, Any]:
    problems = {
        (code, PROBLEM): OpenApiResponse(ref("WriteProblem"), description=meaning)
        for code, meaning in meanings.items()
    }
    return {
        "operation_id": order.name,
        "summary": order.summary,
        "description": f"Needs the scope `{order.scope}`, and of its owner the role for `{order.verb}`.",
        "tags": ["writing"],
        "parameters": [*parameters, LANG],
        "request": {"application/json": shape_of(order.fields)},
        "examples": [OpenApiExample("Example", value=dict(order.example), request_only=True)],
        "responses": answers | problems,
        "auth": [{"token": []}],
    }


def joined(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of the description with the write side in them."""
    components = settings["APPEND_COMPONENTS"]
    return {
        **settings,
        "TAGS": [*settings["TAGS"], {"name": "writing"}],
        "APPEND_COMPONENTS": {
            **components,
            "schemas": components["schemas"] | SHAPES,
            "securitySchemes": SECURITY,
        },
    }
