"""The addresses of parties, topics, clauses, sources, dates, exhibits and judgements: a list each, and one of each."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import F, QuerySet
from django.http import Http404
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commitments import words
from commitments.api import schema
from commitments.api.feeding import as_calendar
from commitments.api.filters import accords_named, commitments_named
from commitments.api.listing import Listing
from commitments.feeds.about import about
from commitments.feeds.forms import DATED
from commitments.filtering import a_code
from commitments.models import Assessment, Deadline, Evidence, Party, Provision, Source, Topic
from commitments.wire import Wire, nouns
from tracker.kit.asking import Asked
from tracker.kit.paging import Column, instant_column, number_column
from tracker.kit.snapshot import snapshot

_WITHIN = re.compile(r"(?P<accord>[^:]{1,80}):(?P<code>[^:]{1,80})")
_NUMBERED = re.compile(r"(?P<commitment>.{1,80})-(?P<letter>[A-Z])(?P<number>[1-9]\d{0,4})", re.ASCII)


class Noun(Listing):
    """A list whose rows can also be read one by one: `one` finds the row of a public identifier."""

    def one(self, code: str) -> QuerySet[Any]:
        """The row of that identifier; raises BadParameter for what can be none."""
        return self.everything().filter(code=a_code("code", code))

    def everything(self) -> QuerySet[Any]:
        """All rows that are public."""
        raise NotImplementedError

    def read(self, request: Request, code: str) -> Response:
        """One row, with all its members."""
        Asked(request.query_params, ())
        with snapshot():
            rows = self.wire(self.one(code), timezone.now(), self.parts)
        if not rows:
            raise Http404
        return Response({name: value for name, value in rows[0].items() if not name.startswith("_")})


class _Parties(Noun):
    name, shape, filters = "parties", "Party", ("accord",)

    def everything(self) -> QuerySet[Any]:
        return Party.objects.all()

    def found(self, asked: Asked, now: datetime) -> QuerySet[Any]:
        accords = accords_named(asked)
        return self.everything().filter(accords__in=accords).distinct() if accords else self.everything()

    def wire(self, rows: QuerySet[Any], now: datetime, parts: Collection[str]) -> Sequence[Wire]:
        return nouns.parties(rows)


class Parties(_Parties):
    """The parties, by code."""

    @extend_schema(**schema.PARTIES)
    def get(self, request: Request) -> HttpResponseBase:
        return self.answer(request)


class OneParty(_Parties):
    """One party."""

    @extend_schema(**schema.PARTY)
    def get(self, request: Request, code: str) -> Response:
        return self.read(request, code)


class _Topics(Noun):
    name, shape, filters = "topics", "Topic", ("accord",)

    def everything(self) -> QuerySet[Any]:
        return Topic.objects.all()

    def found(self, asked: Asked, now: datetime) -> QuerySet[Any]:
        accords = accords_named(asked)
        found = self.everything()
        return found.filter(commitments__accord__in=accords).distinct() if accords else found

    def wire(self, rows: QuerySet[Any], now: datetime, parts: Collection[str]) -> Sequence[Wire]:
        return nouns.topics(rows)


class Topics(_Topics):
    """The topics, by code."""

    @extend_schema(**schema.TOPICS)
    def get(self, request: Request) -> HttpResponseBase:
        return self.answer(request)


class OneTopic(_Topics):
    """One topic."""

    @extend_schema(**schema.TOPIC)
    def get(self, request: Request, code: str) -> Response:
        return self.read(request, code)


class _OfAccord(Noun):
    """What is numbered within an accord: its identifier is ACCORD:CODE."""

    filters: ClassVar[Sequence[str]] = ("accord",)
    orders: ClassVar[Mapping[str, Sequence[Column]]] = {
        "code": (Column("accord", F("accord__code")), Column("code"))
    }

    def one(self, code: str) -> QuerySet[Any]:
        found = _WITHIN.fullmatch(code)
        accord, own = (found["accord"], found["code"]) if found else ("", "")
        return self.everything().filter(accord__code=a_code("code", accord), code=a_code("code", own))

    def found(self, asked: Asked, now: datetime) -> QuerySet[Any]:
        accords = accords_named(asked)
        return self.everything().filter(accord__in=accords) if accords else self.everything()


class _Provisions(_OfAccord):
    name, shape = "provisions", "Provision"

    def everything(self) -> QuerySet[Any]:
        return Provision.objects.all()

    def wire(self, rows: QuerySet[Any], now: datetime, parts: Collection[str]) -> Sequence[Wire]:
        return nouns.provisions(rows)


class Provisions(_Provisions):
    """The numbered clauses of the accords."""

    @extend_schema(**schema.PROVISIONS)
    def get(self, request: Request) -> HttpResponseBase:
        return self.answer(request)


class OneProvision(_Provisions):
    """One clause."""

    @extend_schema(**schema.PROVISION)
    def get(self, request: Request, code: str) -> Response:
        return self.read(request, code)


class _Sources(_OfAccord):
    name, shape = "sources", "SourceOfAccord"

    def everything(self) -> QuerySet[Any]:
        return Source.objects.all()

    def wire(self, rows: QuerySet[Any], now: datetime, parts: Collection[str]) -> Sequence[Wire]:
        return nouns.sources(rows)


class Sources(_Sources):
    """The publications on which the record rests."""

    @extend_schema(**schema.SOURCES)
    def get(self, request: Request) -> HttpResponseBase:
        return self.answer(request)


class OneSource(_Sources):
    """One publication."""

    @extend_schema(**schema.SOURCE)
    def get(self, request: Request, code: str) -> Response:
        return self.read(request, code)


def _by_commitment(*more: Column) -> dict[str, Sequence[Column]]:
    own = (Column("commitment", F("commitment__code")), number_column("number"))
    return {"code": own, **{one.name: (one, number_column("_id", F("id"))) for one in more}}


class _OfCommitment(Noun):
    """What is numbered within a commitment: its code ends with a letter of its own and the number."""

    letter: ClassVar[str]
    coded: ClassVar[Mapping[str, type[Any]]] = {}

    def one(self, code: str) -> QuerySet[Any]:
        found = _NUMBERED.fullmatch(a_code("code", code))
        if found is None or found["letter"] != self.letter:
            raise Http404
        return self.everything().filter(commitment__code=found["commitment"], number=int(found["number"]))

    def value(self, row: Wire, column: str) -> Any:
        if column == "number":
            return row["code"].rpartition(f"-{self.letter}")[2]
        return row[column]

    def found(self, asked: Asked, now: datetime) -> QuerySet[Any]:
        found = self.everything()
        if accords := accords_named(asked):
            found = found.filter(commitment__accord__in=accords)
        if commitments := commitments_named(asked):
            found = found.filter(commitment__in=commitments)
        for name, choices in self.coded.items():
            if values := asked.any_of(name, choices.values):
                found = found.filter(**{f"{name}__in": values})
        return found


class _Deadlines(_OfCommitment):
    name, shape, letter = "deadlines", "DeadlineOfCommitment", "D"
    forms = DATED
    coded = {"type": words.DeadlineType, "authority": words.Authority, "clock": words.Clock}
    filters = ("accord", "commitment", *coded, "open", "due_after", "due_before")
    orders = _by_commitment(instant_column("due_at"))

    def everything(self) -> QuerySet[Any]:
        return Deadline.objects.all()

    def found(self, asked: Asked, now: datetime) -> QuerySet[Any]:
        found = super().found(asked, now)
        if "open" in asked.given:
            found = found.filter(closed_at__isnull=asked.is_true("open"))
        if (after := asked.instant("due_after")) is not None:
            found = found.filter(due_at__gte=after)
        if (before := asked.instant("due_before")) is not None:
            found = found.filter(due_at__lt=before)
        return found

    def wire(self, rows: QuerySet[Any], now: datetime, parts: Collection[str]) -> Sequence[Wire]:
        return nouns.deadlines(rows, now)

    def written(self, request: Request, asked: Asked, form: str, now: datetime) -> HttpResponseBase:
        """As a calendar."""
        return as_calendar(
            request, asked, lambda: self.found(asked, now), lambda: about(request._request, self.name, now)
        )


class Deadlines(_Deadlines):
    """Everything that is due by a date, of all commitments."""

    @extend_schema(**schema.DEADLINES)
    def get(self, request: Request) -> HttpResponseBase:
        return self.answer(request)


class OneDeadline(_Deadlines):
    """One date."""

    @extend_schema(**schema.DEADLINE)
    def get(self, request: Request, code: str) -> Response:
        return self.read(request, code)


class _Evidence(_OfCommitment):
    name, shape, letter = "evidence", "EvidenceOfCommitment", "E"
    coded = {"nature": words.Nature, "act": words.Act, "bearing": words.Bearing, "origin": words.Origin}
    filters = ("accord", "commitment", *coded, "standing", "public_since")
    orders = _by_commitment(instant_column("public_at"))

    def everything(self) -> QuerySet[Any]:
        return Evidence.objects.public()

    def found(self, asked: Asked, now: datetime) -> QuerySet[Any]:
        found = super().found(asked, now)
        if "standing" in asked.given:
            found = found.filter(withdrawn_at__isnull=asked.is_true("standing"))
        if (since := asked.instant("public_since")) is not None:
            found = found.filter(public_at__gte=since)
        return found

    def wire(self, rows: QuerySet[Any], now: datetime, parts: Collection[str]) -> Sequence[Wire]:
        return nouns.evidence(rows)


class EvidenceList(_Evidence):
    """The evidence, of all commitments; what was withdrawn stays, with the reason."""

    @extend_schema(**schema.EVIDENCE)
    def get(self, request: Request) -> HttpResponseBase:
        return self.answer(request)


class OneExhibit(_Evidence):
    """One piece of evidence."""

    @extend_schema(**schema.EXHIBIT)
    def get(self, request: Request, code: str) -> Response:
        return self.read(request, code)


class _Assessments(_OfCommitment):
    name, shape, letter = "assessments", "AssessmentOfCommitment", "A"
    coded = {"status": words.Status, "confidence": words.Confidence, "origin": words.Origin}
    filters = ("accord", "commitment", *coded, "review", "public_since")
    orders = _by_commitment(instant_column("published_at"))

    def everything(self) -> QuerySet[Any]:
        return Assessment.objects.public()

    def found(self, asked: Asked, now: datetime) -> QuerySet[Any]:
        found = super().found(asked, now)
        shown = [words.Review.PUBLISHED.value, words.Review.RETRACTED.value]
        if reviews := asked.any_of("review", shown):
            found = found.filter(review__in=reviews)
        if (since := asked.instant("public_since")) is not None:
            found = found.filter(published_at__gte=since)
        return found

    def wire(self, rows: QuerySet[Any], now: datetime, parts: Collection[str]) -> Sequence[Wire]:
        return nouns.assessments(rows)


class Assessments(_Assessments):
    """The public judgements, of all commitments; retracted ones stay, with the reason."""

    @extend_schema(**schema.ASSESSMENTS)
    def get(self, request: Request) -> HttpResponseBase:
        return self.answer(request)


class OneAssessment(_Assessments):
    """One judgement."""

    @extend_schema(**schema.ASSESSMENT)
    def get(self, request: Request, code: str) -> Response:
        return self.read(request, code)
