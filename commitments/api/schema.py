"""What the API says of itself: the parameters, answers and errors of each address, for drf-spectacular."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from commitments import words
from commitments.api.money_shapes import SHAPES as MONEY_SHAPES
from commitments.api.noun_shapes import SHAPES as NOUN_SHAPES
from commitments.api.shapes import SHAPES
from commitments.api.shaping import Shape, chosen, ref
from commitments.api.statistics_shapes import SHAPES as STATISTICS_SHAPES
from commitments.feeds.forms import (
    BEFORE,
    DATED,
    FEEDS,
    FILES,
    FORMAT,
    FORMS,
    JSON,
    LINKED,
    OF_COMMITMENTS,
    OF_THE_LOG,
)
from commitments.filtering import COMMITMENT_FILTERS, FILTERS, LONGEST_SEARCH
from commitments.wire.commitments import PARTS
from tracker.kit.localized import LANGUAGES
from tracker.kit.paging import DEFAULT_LIMIT, MAX_LIMIT

WHOLE: dict[str, Shape] = SHAPES | MONEY_SHAPES | STATISTICS_SHAPES | NOUN_SHAPES
# Rows of lists hold what was asked for: members can be chosen, parts come on request.
ALL_SHAPES = WHOLE | {
    f"{name.removesuffix('Page')}Row": chosen(
        WHOLE[name.removesuffix("Page")], "A row: the members that `fields` and `include` chose."
    )
    for name in WHOLE
    if name.endswith("Page") and name != "EventPage"
}
SETTINGS = {
    # The shapes name their own enumerations; the hook that would do so for serializers has nothing to add.
    "POSTPROCESSING_HOOKS": [],
    "APPEND_COMPONENTS": {"schemas": ALL_SHAPES},
    "TAGS": [
        {"name": "accords"},
        {"name": "commitments"},
        {"name": "contributions"},
        {"name": "statistics"},
        {"name": "parties"},
        {"name": "texts"},
        {"name": "deadlines"},
        {"name": "evidence"},
        {"name": "assessments"},
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


def _any_of(
    name: str,
    meaning: str,
    values: list[str] | None = None,
    joined: str = " Repeated, or separated by commas: any of them.",
) -> OpenApiParameter:
    item = {"type": "string", "enum": values} if values else A_CODE
    return OpenApiParameter(
        name,
        {"type": "array", "items": item},
        OpenApiParameter.QUERY,
        description=f"{meaning}{joined}",
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
COUNT = _in_query(
    "count",
    "true: `count` tells how many rows fit in all, which costs time.",
    {"type": "string", "enum": ["true", "false"], "default": "false"},
)
INSTANT = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}([T ].+)?$"}
CODE = OpenApiParameter("code", A_CODE, OpenApiParameter.PATH, description="The public code.")
WITHIN = OpenApiParameter(
    "code",
    {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._()/-]{0,79}:[A-Za-z0-9][A-Za-z0-9._()/-]{0,79}$"},
    OpenApiParameter.PATH,
    description="The code of the accord, a colon, and the code within it.",
)


def _answers(of: str, *problems: int) -> dict[Any, Any]:
    meanings = {400: "A parameter is not valid; `errors` names it.", 404: "There is nothing of that code."}
    return {
        (200, "application/json"): OpenApiResponse(ref(of), description="The answer."),
        **{
            (code, PROBLEM): OpenApiResponse(ref("Problem"), description=meanings[code])
            for code in (400, *problems)
        },
    }


BEFORE_PLACE = _in_query(
    BEFORE,
    "With a feed (`format=atom` or `jsonfeed`): what the log told before that place (SEQ, or SEQ-hash8).",
    {"type": "string", "pattern": r"^\d{1,18}(-[0-9a-f]{8})?$"},
)


def _format(*names: str) -> OpenApiParameter:
    return _in_query(
        FORMAT,
        "The format; without it the media type in Accept decides. A file holds the whole list and takes no `limit`, "
        "`cursor` or `count`. " + " ".join(f"{name}: {FORMS[name].meaning}" for name in names),
        {"type": "string", "enum": [JSON, *names], "default": JSON},
    )


# What is neither JSON nor text, and what is JSON by the words of others.
_WRITTEN: dict[str, dict[str, Any]] = {
    "xlsx": {"type": "string", "format": "binary"},
    "jsonfeed": {"type": "object", "required": ["version", "title", "items"]},
    "jsonld": {"type": "object", "required": ["@context", "@type", "hasPart"]},
}


def _written(*names: str) -> dict[Any, Any]:
    """The other formats of an answer."""
    return {
        (200, FORMS[name].bare): OpenApiResponse(
            _WRITTEN.get(name, {"type": "string"}),
            description=FORMS[name].meaning,
        )
        for name in names
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


def _listed(
    tag: str,
    name: str,
    summary: str,
    of: str,
    *given: OpenApiParameter,
    orders: Sequence[str] = ("code",),
    parts: Sequence[str] = (),
    forms: Sequence[str] = FILES,
) -> dict[str, Any]:
    """A list: its own parameters and those that every list has."""
    signed = [f"{sign}{order}" for order in orders for sign in ("", "-")]
    order = _in_query(
        "order",
        "What the list goes by; with a minus sign backwards. Rows without a date come after those with one.",
        {"type": "string", "enum": signed, "default": orders[0]},
    )
    fields = _any_of(
        "fields",
        "The members of a row that are wanted.",
        list(WHOLE[of]["properties"]),
        joined=" Several: all of them.",
    )
    more = [order, LIMIT, CURSOR, COUNT, _format(*forms), fields]
    if set(FEEDS) & set(forms):
        more.append(BEFORE_PLACE)
    if parts:
        told = "A part that hangs on a row."
        more.append(_any_of("include", told, [*parts, "all"], joined=" Several: all of them."))
    return _said(tag, name, summary, _answers(f"{of}Page") | _written(*forms), *given, *more)


def _filter(name: str) -> OpenApiParameter:
    """A filter of commitments, as commitments.filtering defines it."""
    one = FILTERS[name]
    if one.is_list:
        return _any_of(name, one.meaning, list(one.words))
    shapes: dict[str, dict[str, Any]] = {
        "q": {"type": "string", "minLength": 1, "maxLength": LONGEST_SEARCH},
        "changed_since": {
            "type": "string",
            "pattern": f"{INSTANT['pattern']}|^\\d{{1,18}}(-[0-9a-f]{{8}})?$",
        },
    }
    return _in_query(name, one.meaning, shapes.get(name, INSTANT))


_ACCORD = _any_of("accord", "The code of an accord.")
_COMMITMENT = _any_of("commitment", "The code of a commitment.")
_ORIGIN = _any_of("origin", "live, or backfill: history that was entered later.", list(words.Origin.values))
_PUBLIC_SINCE = _in_query(
    "public_since", "Public since: an instant or a day (its beginning in UTC).", INSTANT
)


def _yes_or_no(name: str, meaning: str) -> OpenApiParameter:
    return _in_query(name, meaning, {"type": "string", "enum": ["true", "false"]})


def _one(tag: str, name: str, summary: str, of: str, *given: OpenApiParameter) -> dict[str, Any]:
    return _said(tag, name, summary, _answers(of, 404), CODE, *given)


INDEX = _said("about", "index", "Where everything is", _answers("Index"))
ACCORDS = _listed("accords", "list_accords", "The accords", "Accord", AS_OF, KNOWN_AT, forms=LINKED)
ACCORD = _one("accords", "read_accord", "One accord", "Accord", AS_OF, KNOWN_AT)
PARTIES = _listed("parties", "list_parties", "The parties", "Party", _ACCORD)
PARTY = _one("parties", "read_party", "One party", "Party")
TOPICS = _listed("texts", "list_topics", "The topics", "Topic", _ACCORD)
TOPIC = _one("texts", "read_topic", "One topic", "Topic")
PROVISIONS = _listed("texts", "list_provisions", "The numbered clauses", "Provision", _ACCORD)
PROVISION = _one("texts", "read_provision", "One clause, by ACCORD:CODE", "Provision") | {
    "parameters": [WITHIN, LANG]
}
SOURCES = _listed("texts", "list_sources", "The publications", "SourceOfAccord", _ACCORD)
SOURCE = _one("texts", "read_source", "One publication, by ACCORD:CODE", "SourceOfAccord") | {
    "parameters": [WITHIN, LANG]
}
COMMITMENTS = _listed(
    "commitments",
    "list_commitments",
    "The commitments",
    "Commitment",
    *(_filter(name) for name in COMMITMENT_FILTERS),
    AS_OF,
    KNOWN_AT,
    orders=("code", "due_at", "changed_at"),
    parts=PARTS,
    forms=OF_COMMITMENTS,
)
COMMITMENT = _one(
    "commitments", "read_commitment", "One commitment", "CommitmentWithHistory", AS_OF, KNOWN_AT
)
DEADLINES = _listed(
    "deadlines",
    "list_deadlines",
    "Everything that is due by a date",
    "DeadlineOfCommitment",
    _ACCORD,
    _COMMITMENT,
    _any_of("type", "What sort of date.", list(words.DeadlineType.values)),
    _any_of("authority", "Who set it.", list(words.Authority.values)),
    _any_of("clock", "Whose clock.", list(words.Clock.values)),
    _yes_or_no("open", "Whether it is open."),
    _filter("due_after"),
    _filter("due_before"),
    orders=("code", "due_at"),
    forms=DATED,
)
DEADLINE = _one("deadlines", "read_deadline", "One date", "DeadlineOfCommitment")
EVIDENCE = _listed(
    "evidence",
    "list_evidence",
    "The evidence",
    "EvidenceOfCommitment",
    _ACCORD,
    _COMMITMENT,
    _any_of("nature", "What sort of publication it stands in.", list(words.Nature.values)),
    _any_of("act", "What it shows.", list(words.Act.values)),
    _any_of("bearing", "Which way it points.", list(words.Bearing.values)),
    _ORIGIN,
    _yes_or_no("standing", "Whether it stands, or was withdrawn."),
    _PUBLIC_SINCE,
    orders=("code", "public_at"),
)
EXHIBIT = _one("evidence", "read_evidence", "One piece of evidence", "EvidenceOfCommitment")
ASSESSMENTS = _listed(
    "assessments",
    "list_assessments",
    "The public judgements",
    "AssessmentOfCommitment",
    _ACCORD,
    _COMMITMENT,
    _any_of("status", "What was judged.", list(words.Status.values)),
    _any_of("confidence", "How sure the office was.", list(words.Confidence.values)),
    _ORIGIN,
    _any_of("review", "Whether it stands.", ["published", "retracted"]),
    _PUBLIC_SINCE,
    orders=("code", "published_at"),
)
ASSESSMENT = _one("assessments", "read_assessment", "One judgement", "AssessmentOfCommitment")
CHECKPOINTS = _listed(
    "events", "list_checkpoints", "Signed checkpoints of the log", "Checkpoint", orders=("seq",)
)
CONTRIBUTIONS = _listed(
    "contributions",
    "list_contributions",
    "Money that was pledged, allocated or delivered, by commitment",
    "Contribution",
    _ACCORD,
    _COMMITMENT,
    _any_of("stage", "How far it has come.", list(words.Stage.values)),
    _any_of("currency", "ISO 4217; nothing is converted."),
    _any_of("party", "The code of the party that gives it."),
)
STATISTICS = _listed(
    "statistics",
    "list_statistics",
    "Fully fulfilled and progress, by accord, with their denominators",
    "Statistics",
    _ACCORD,
    AS_OF,
    KNOWN_AT,
)
EVENTS = _said(
    "events",
    "list_events",
    "The log, in order, strictly after a place",
    _answers("EventPage") | _written(*OF_THE_LOG),
    _in_query(
        "after",
        "The number of the last event you have (0: from the beginning), or the `cursor` of an answer.",
        {"type": "string", "pattern": r"^\d{1,18}(-[0-9a-f]{8})?$", "default": "0"},
    ),
    _ACCORD,
    _COMMITMENT,
    _any_of("kind", "What happened.", list(words.EventKind.values)),
    _ORIGIN,
    LIMIT,
    BEFORE_PLACE,
    _format(*OF_THE_LOG),
)
