"""The references of `bench api`: a bare view, a plain nested ModelViewSet, a tuned one, and a body made by PostgreSQL."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework import serializers
from rest_framework.pagination import BasePagination, CursorPagination, PageNumberPagination
from rest_framework.viewsets import ReadOnlyModelViewSet

from commitments.models import (
    Accord,
    Citation,
    Commitment,
    Deadline,
    Event,
    Evidence,
    Note,
    Participation,
    Party,
    Section,
    Source,
)
from commitments.wire.attachments import SOURCE_FIELDS
from tracker.kit.rendering import JSON

SIZE = 50
TERMS = (
    "code", "title", "summary", "kind", "strength", "verb_words", "verb_source", "provenance", "is_verifiable",
    "is_counted", "starts_on", "ends_on", "ends_when", "awaits_event", "contested", "status", "status_on", "due_at",
    "due_authority", "version", "changed_at", "triggered_at", "review_every", "period", "qualifiers", "amount",
    "portfolio", "trigger", "rhythm", "cautions", "unverifiable_why",
)  # fmt: skip
DATES = (
    "number", "label", "type", "authority", "clock", "words", "anchor_on", "edtf", "first_on", "last_on", "opens_at",
    "due_at", "crosses_at", "original_edtf", "original_due_at", "revision", "met_on", "closed_as", "closed_at",
)  # fmt: skip
EXHIBITS = (
    "number", "locator", "quote", "nature", "act", "bearing", "happened", "happened_on", "origin", "public_at",
    "withdrawn_at", "withdrawn_why",
)  # fmt: skip


def _of(model: type[Any], *names: str, **nested: Any) -> type[serializers.ModelSerializer[Any]]:
    """A serializer of those columns, with others nested in it."""
    meta = type("Meta", (), {"model": model, "fields": [*names, *nested]})
    return type(f"{model.__name__}Plain", (serializers.ModelSerializer,), {"Meta": meta, **nested})


EVENTS = (
    "seq",
    "at",
    "kind",
    "origin",
    "by",
    "happened_on",
    "crossed_at",
    "note_digest",
    "body",
    "prev_hash",
    "hash",
)

_party = _of(Party, "code", "name")
_source = _of(Source, *SOURCE_FIELDS)
_commitment = _of(
    Commitment,
    *TERMS,
    accord=_of(Accord, "code", "is_example")(),
    section=_of(Section, "code", "title")(),
    participations=_of(Participation, "role", "source", party=_party())(many=True),
    deadlines=_of(Deadline, *DATES)(many=True),
    citations=_of(Citation, "lines", source=_source())(many=True),
    evidence=_of(Evidence, *EXHIBITS, source=_source())(many=True),
)


_event = _of(Event, *EVENTS, accord=_of(Accord, "code", "is_example")(), commitment=_of(Commitment, "code")())


class Pages(PageNumberPagination):
    """Page numbers, and the number of all."""

    page_size = SIZE


class Cursors(CursorPagination):
    """Pages by cursor."""

    page_size = SIZE
    ordering = "code"


class Plain(ReadOnlyModelViewSet[Commitment]):
    """As most are written."""

    queryset = Commitment.objects.order_by("code")
    serializer_class = _commitment
    pagination_class: type[BasePagination] = Pages


class Tuned(Plain):
    """As one that somebody looked after: joins, prefetching, cursors, a quick renderer."""

    queryset = Commitment.objects.select_related("accord", "section").prefetch_related(
        "participations__party", "deadlines", "citations__source", "evidence__source"
    )
    pagination_class: type[BasePagination] = Cursors
    renderer_classes = [JSON]


class PlainEvents(ReadOnlyModelViewSet[Event]):
    """Events as most would serve them; the note of each is looked up by itself."""

    queryset = Event.objects.order_by("seq")
    serializer_class = type(
        "EventPlain",
        (_event,),
        {
            "note": serializers.SerializerMethodField(),
            "get_note": lambda _self, row: getattr(
                Note.objects.filter(pk=row.note_digest).first(), "text", None
            ),
            "Meta": type("Meta", (), {"model": Event, "fields": [*EVENTS, "accord", "commitment", "note"]}),
        },
    )
    pagination_class: type[BasePagination] = Pages


class TunedEvents(PlainEvents):
    """As one that somebody looked after, without the notes."""

    queryset = Event.objects.select_related("accord", "commitment").order_by("seq")
    serializer_class = _event
    pagination_class: type[BasePagination] = type("BySeq", (Cursors,), {"ordering": "seq"})
    renderer_classes = [JSON]


def bare(request: HttpRequest) -> HttpResponse:
    """Nothing but an answer."""
    return HttpResponse(b"{}", content_type="application/json")


def _built(names: tuple[str, ...], table: str) -> str:
    return ", ".join(f"'{name}', {table}.\"{name}\"" for name in names)


_SOURCE = f"json_build_object({_built(SOURCE_FIELDS, 's')})"
BODY = f"""
SELECT json_build_object('results', coalesce(json_agg(row), '[]'))::text FROM (
    SELECT json_build_object({_built(TERMS, "c")},
        'accord', a.code, 'example', a.is_example,
        'section', json_build_object('code', t.code, 'title', t.title),
        'parties', (SELECT json_agg(json_build_object('role', x.role, 'source', x.source, 'code', p.code, 'name', p.name)
            ORDER BY x.id) FROM commitments_participation x JOIN commitments_party p ON p.id = x.party_id
            WHERE x.commitment_id = c.id),
        'deadlines', (SELECT json_agg(json_build_object({_built(DATES, "d")}) ORDER BY d.number)
            FROM commitments_deadline d WHERE d.commitment_id = c.id),
        'sources', (SELECT json_agg(json_build_object('lines', n.lines, 'source', {_SOURCE}) ORDER BY s.code)
            FROM commitments_citation n JOIN commitments_source s ON s.id = n.source_id WHERE n.commitment_id = c.id),
        'evidence', (SELECT json_agg(json_build_object({_built(EXHIBITS, "e")}, 'source', {_SOURCE}) ORDER BY e.number)
            FROM commitments_evidence e JOIN commitments_source s ON s.id = e.source_id
            WHERE e.commitment_id = c.id AND e.public_at IS NOT NULL),
        'timeliness', (c.turns_timeliness)[width_bucket(now(), c.turns_at) + 1],
        'upkeep', (c.turns_upkeep)[width_bucket(now(), c.turns_at) + 1],
        'provisions', ARRAY(SELECT v.code FROM commitments_commitment_provisions m
            JOIN commitments_provision v ON v.id = m.provision_id WHERE m.commitment_id = c.id ORDER BY v.code),
        'topics', ARRAY(SELECT v.code FROM commitments_commitment_topics m
            JOIN commitments_topic v ON v.id = m.topic_id WHERE m.commitment_id = c.id ORDER BY v.code),
        'related_instruments', ARRAY(SELECT v.code FROM commitments_commitment_related_instruments m
            JOIN commitments_instrument v ON v.id = m.instrument_id WHERE m.commitment_id = c.id ORDER BY v.code),
        'parts', ARRAY(SELECT v.code FROM commitments_dependency m
            JOIN commitments_commitment v ON v.id = m.commitment_id WHERE m.on_id = c.id AND m.type = 'part_of' ORDER BY 1),
        'dependencies', (SELECT json_agg(json_build_object('on', v.code, 'type', m.type) ORDER BY m.id)
            FROM commitments_dependency m JOIN commitments_commitment v ON v.id = m.on_id WHERE m.commitment_id = c.id),
        'evidence_count', (SELECT count(*) FROM commitments_evidence e WHERE e.commitment_id = c.id
            AND e.public_at IS NOT NULL AND e.withdrawn_at IS NULL)
    ) AS row
    FROM commitments_commitment c JOIN commitments_accord a ON a.id = c.accord_id
    JOIN commitments_section t ON t.id = c.section_id
    WHERE c.code > %s ORDER BY c.code LIMIT {SIZE}
) AS page
"""  # noqa: S608 - columns of our own


def built(request: HttpRequest) -> HttpResponse:
    """The whole body made by PostgreSQL: the least that a list of these members can cost."""
    with connection.cursor() as cursor:
        cursor.execute(BODY, [request.GET.get("after", "")])
        return HttpResponse(cursor.fetchone()[0], content_type="application/json")


EVENT_BODY = f"""
SELECT json_build_object('results', coalesce(json_agg(row), '[]'))::text FROM (
    SELECT json_build_object({_built(EVENTS, "e")}, 'accord', a.code, 'example', a.is_example, 'commitment', c.code,
        'note', n.text, 'note_salt', n.salt, 'note_language', n.language) AS row
    FROM commitments_event e JOIN commitments_accord a ON a.id = e.accord_id
    LEFT JOIN commitments_commitment c ON c.id = e.commitment_id
    LEFT JOIN commitments_note n ON n.digest = e.note_digest
    WHERE e.seq > %s ORDER BY e.seq LIMIT {SIZE}
) AS page
"""  # noqa: S608 - columns of our own


def built_events(request: HttpRequest) -> HttpResponse:
    """The whole body of a page of events made by PostgreSQL."""
    with connection.cursor() as cursor:
        cursor.execute(EVENT_BODY, [request.GET.get("after", 0)])
        return HttpResponse(cursor.fetchone()[0], content_type="application/json")


urlpatterns = [
    path("bare-events/", bare),
    path("built-events/", built_events),
    path("plain-events/", PlainEvents.as_view({"get": "list"})),
    path("tuned-events/", TunedEvents.as_view({"get": "list"})),
    path("bare/", bare),
    path("built/", built),
    path("plain/", Plain.as_view({"get": "list"})),
    path("tuned/", Tuned.as_view({"get": "list"})),
]
