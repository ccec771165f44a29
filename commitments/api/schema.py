"""What the API says of itself: the parameters, answers and errors of each address, for drf-spectacular."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from commitments import words
from commitments.api.money_shapes import SHAPES as MONEY_SHAPES
from commitments.api.shapes import SHAPES, ref
from commitments.api.statistics_shapes import SHAPES as STATISTICS_SHAPES
from tracker.kit.localized import LANGUAGES
from tracker.kit.paging import DEFAULT_LIMIT, MAX_LIMIT

SETTINGS = {
    # The shapes name their own enumerations; the hook that would do so for serializers has nothing to add.
    "POSTPROCESSING_HOOKS": [],
    "APPEND_COMPONENTS": {"schemas": SHAPES | MONEY_SHAPES | STATISTICS_SHAPES},
    "TAGS": [
        {"name": "accords"},
        {"name": "commitments"},
        {"name": "contributions"},
        {"name": "statistics"},
        {"name": "events"},
        {"name": "about"},
    ],
    "SCHEMA_PATH_PREFIX": "/api/v1/",
}
PROBLEM = "application/problem+json"
# The form of commitments.models.fields.CODE; which codes there are, the answers say.
A_CODE = {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._()/-]{0,79}$"}


def _in_query(name: str, meaning: str, shape: dict[str, Any]) -> OpenApiParameter:
    return OpenApiParameter(name, shape, OpenApiParameter.QUERY, description=meaning)


def _any_of(name: str, meaning: str, values: list[str] | None = None) -> OpenApiParameter:
    item = {"type": "string", "enum": values} if values else A_CODE
    return OpenApiParameter(
        name,
        {"type": "array", "items": item},
        OpenApiParameter.QUERY,
        description=f"{meaning} Repeated, or separated by commas: any of them.",
        explode=True,
        style="form",
    )


LANG = _in_query(
    "lang",
    "The language of sentences and messages; without it, Accept-Language decides.",
    {"type": "string", "enum": list(LANGUAGES)},
)
LIMIT = _in_query(
    "limit",
    "How many rows a page has.",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
)
CURSOR = _in_query(
    "cursor", "Taken from `next`; opaque.", {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,400}$"}
)
AS_OF = _in_query(
    "as_of",
    "As it stood at the end of that day, in the latest time zone of those who are bound: judgements by the day from "
    "which they hold, evidence by when it happened and was published, dates and moves by their own days. What we "
    "have taken back since is gone; add `known_at` to see it.",
    {"type": "string", "format": "date"},
)
KNOWN_AT = _in_query(
    "known_at",
    "By what the log had told at that instant; a day means its end in UTC. Alone: as the register stood then.",
    {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}([T ].+)?$"},
)
CODE = OpenApiParameter("code", A_CODE, OpenApiParameter.PATH, description="The public code.")


def _answers(of: str, *problems: int) -> dict[Any, Any]:
    meanings = {400: "A parameter is not valid; `errors` names it.", 404: "There is nothing of that code."}
    return {
        (200, "application/json"): OpenApiResponse(ref(of), description="The answer."),
        **{
            (code, PROBLEM): OpenApiResponse(ref("Problem"), description=meanings[code])
            for code in (400, *problems)
        },
    }


def _said(
    tag: str, name: str, summary: str, answers: dict[Any, Any], *given: OpenApiParameter
) -> dict[str, Any]:
    return {
        "operation_id": name,
        "summary": summary,
        "tags": [tag],
        "parameters": [*given, LANG],
        "responses": answers,
        "auth": [],
    }


INDEX = _said("about", "index", "Where everything is", _answers("Index"))
ACCORDS = _said(
    "accords",
    "list_accords",
    "The accords, by code",
    _answers("AccordPage"),
    AS_OF,
    KNOWN_AT,
    LIMIT,
    CURSOR,
)
ACCORD = _said("accords", "read_accord", "One accord", _answers("Accord", 404), CODE, AS_OF, KNOWN_AT)
COMMITMENTS = _said(
    "commitments",
    "list_commitments",
    "The commitments, by code",
    _answers("CommitmentPage"),
    _any_of("accord", "The code of an accord."),
    _any_of("status", "What people judged.", list(words.Status.values)),
    _any_of("timeliness", "What the parties' clock says.", list(words.Timeliness.values)),
    _any_of("upkeep", "What our own clock says.", list(words.Upkeep.values)),
    _any_of("party", "The code of a party, in any role unless `role` says which."),
    _any_of("role", "What a party is to the commitment; with `party`, that party.", list(words.Role.values)),
    _any_of("kind", "What sort of promise it is.", list(words.Kind.values)),
    _any_of("topic", "The code of a topic."),
    _any_of("contested", "Whether a party disputes what we say.", list(words.Contested.values)),
    AS_OF,
    KNOWN_AT,
    LIMIT,
    CURSOR,
)
COMMITMENT = _said(
    "commitments",
    "read_commitment",
    "One commitment",
    _answers("CommitmentWithHistory", 404),
    CODE,
    AS_OF,
    KNOWN_AT,
)
CHECKPOINTS = _said(
    "events",
    "list_checkpoints",
    "Signed checkpoints of the log, in its order",
    _answers("CheckpointPage"),
    LIMIT,
    CURSOR,
)
CONTRIBUTIONS = _said(
    "contributions",
    "list_contributions",
    "Money that was pledged, allocated or delivered, by commitment",
    _answers("ContributionPage"),
    _any_of("accord", "The code of an accord."),
    _any_of("commitment", "The code of a commitment."),
    _any_of("stage", "How far it has come.", list(words.Stage.values)),
    _any_of("currency", "ISO 4217; nothing is converted."),
    _any_of("party", "The code of the party that gives it."),
    LIMIT,
    CURSOR,
)
STATISTICS = _said(
    "statistics",
    "list_statistics",
    "Fully fulfilled and progress, by accord, with their denominators",
    _answers("StatisticsPage"),
    _any_of("accord", "The code of an accord."),
    AS_OF,
    KNOWN_AT,
    LIMIT,
    CURSOR,
)
EVENTS = _said(
    "events",
    "list_events",
    "The log, in order, strictly after a place",
    _answers("EventPage"),
    _in_query(
        "after",
        "The number of the last event you have (0: from the beginning), or the `cursor` of an answer.",
        {"type": "string", "pattern": r"^\d{1,18}(-[0-9a-f]{8})?$", "default": "0"},
    ),
    _any_of("accord", "The code of an accord."),
    _any_of("commitment", "The code of a commitment."),
    _any_of("kind", "What happened.", list(words.EventKind.values)),
    LIMIT,
)
