"""Commitments: the list, the page of one with its whole history, and the drafts that wait for a second person."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from commitments.actors import Actor
from commitments.admin.orders import ORDERS
from commitments.admin.reading import Reading
from commitments.admin.rehearsing import plain_of
from commitments.admin.verbs import VerbView
from commitments.forms.triggering import may_be_triggered
from commitments.ledger import entries_of, promised_in_words
from commitments.models import Assessment, Commitment, Event, Note
from commitments.money import target_of
from commitments.sentences import facts_of, sentence
from commitments.templatetags.record import contested, standing
from commitments.wordings import terms_digest
from commitments.words import Contested, Kind, Review, Timeliness, Upkeep
from tracker.kit.localized import pick

SHOWN_EVENTS = 200


class _Computed(admin.SimpleListFilter):
    """A filter by a code that is computed as of now."""

    words: Any = None

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Every word."""
        return list(self.words.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rows that stand so."""
        value = self.value()
        return (
            queryset.filter(**{self.parameter_name or "": value}) if value in self.words.values else queryset
        )


class TimelinessFilter(_Computed):
    """By the parties' clock."""

    title = _("timeliness")
    parameter_name = "timeliness"
    words = Timeliness


class UpkeepFilter(_Computed):
    """By our own clock."""

    title = _("upkeep")
    parameter_name = "upkeep"
    words = Upkeep


class ContestedFilter(_Computed):
    """By whether a party disputes the record."""

    title = _("contested")
    parameter_name = "contested"
    words = Contested


def key_of(text: str) -> int:
    """The key in an address; 404 for what is none."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise Http404
    return int(text)


@admin.register(Commitment)
class CommitmentAdmin(Reading):
    """What was promised, where it stands, and the verbs one may use."""

    accord_path = "accord_id"
    list_display = [
        "code",
        "short_title",
        "accord",
        "standing",
        "status",
        "timeliness",
        "upkeep",
        "dispute",
        "due",
    ]
    list_display_links = ["code", "short_title"]
    list_filter = ["accord", "status", TimelinessFilter, UpkeepFilter, ContestedFilter, "kind", "strength"]
    list_select_related = ["accord"]
    search_fields = ["code", "title", "summary"]
    ordering = ["code"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With where they stand now."""
        return super().get_queryset(request).standing_at(timezone.now())  # type: ignore[attr-defined,no-any-return]

    @admin.display(description=_("title"))
    def short_title(self, row: Commitment) -> str:
        """The title in the reader's language."""
        return pick(row.title)

    @admin.display(description=_("standing"))
    def standing(self, row: Any) -> str:
        """In one plain word."""
        return standing(plain_of(row))

    @admin.display(description=_("timeliness"), ordering="timeliness")
    def timeliness(self, row: Any) -> str:
        """What the parties' clock says."""
        return str(Timeliness(row.timeliness).label)

    @admin.display(description=_("upkeep"), ordering="upkeep")
    def upkeep(self, row: Any) -> str:
        """What our own clock says."""
        return str(Upkeep(row.upkeep).label)

    @admin.display(description=_("due"), ordering="due_at")
    def due(self, row: Commitment) -> Any:
        """The first instant after the deadline that speaks."""
        return row.due_at

    @admin.display(description=_("contested"), ordering="contested")
    def dispute(self, row: Commitment) -> str:
        """Whether a party disputes the record; a dash where none ever did."""
        return contested(row.contested)

    def get_urls(self) -> list[URLPattern]:
        """One address per verb, before Django's own. Plain views: a verb is a transaction of its own."""
        verbs = [
            path(
                order.path,
                self.admin_site.admin_view(VerbView.as_view(order=order, model_admin=self)),
                name=f"commitments_{name}",
            )
            for name, order in ORDERS.items()
        ]
        return [*verbs, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one commitment; it takes no form, so nothing can be posted to it."""
        rows = self.get_queryset(request).select_related("accord", "section", "instrument")
        commitment = get_object_or_404(rows, pk=key_of(object_id))
        actor = Actor.of(request.user)
        return TemplateResponse(
            request,
            "admin/commitments/commitment.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": f"{commitment.code} · {pick(commitment.title)}",
                **page_of(commitment, actor),
                **(extra_context or {}),
            },
        )


UNPUBLISHED = (Review.DRAFT, Review.SUBMITTED, Review.CHANGES_REQUESTED)


def _may(actor: Actor, commitment: Commitment) -> dict[str, bool]:
    return {name: actor.may(order.verb, commitment.accord) for name, order in ORDERS.items()}


def page_of(commitment: Any, actor: Actor) -> dict[str, Any]:
    """What the page of a commitment shows, drafts included."""
    assessments = list(
        commitment.assessments.select_related("party")
        .prefetch_related("evidence")
        .order_by("-effective_on", "-number")
    )
    for row in assessments:
        row.commitment = commitment
    may = _may(actor, commitment)
    may["draft"] = may["draft"] and commitment.kind != Kind.BASELINE
    return {
        "commitment": commitment,
        "plain_code": plain_of(commitment),
        "timeliness": Timeliness(commitment.timeliness).label,
        "upkeep": Upkeep(commitment.upkeep).label,
        "is_our_turn": commitment.upkeep != Upkeep.CURRENT,
        "may": may,
        "participations": commitment.participations.select_related("party"),
        "provisions": commitment.provisions.all(),
        "topics": commitment.topics.all(),
        "citations": commitment.citations.select_related("source").order_by("source__code"),
        "deadlines": commitment.deadlines.order_by("number"),
        "evidence": commitment.evidence.select_related("source").order_by("number"),
        "drafts": [row for row in assessments if row.review in UNPUBLISHED],
        "assessments": [row for row in assessments if row.review not in UNPUBLISHED],
        "triggers": commitment.triggers.select_related("source").order_by("number"),
        "pauses": commitment.pauses.select_related("source").order_by("number"),
        "target": target_of(commitment.amount),
        "promised": promised_in_words(target_of(commitment.amount)),
        "contributions": entries_of(commitment),
        "positions": commitment.positions.select_related("party", "source").order_by("number"),
        "has_trigger": may_be_triggered(commitment),
        "history": history_of(commitment),
        "actor": actor,
    }


def history_of(commitment: Commitment) -> list[dict[str, Any]]:
    """The events of a commitment, the latest first, each with its sentence and its note."""
    events = list(Event.objects.filter(commitment=commitment).order_by("-seq")[:SHOWN_EVENTS])
    notes = Note.objects.in_bulk([event.note_digest for event in events if event.note_digest])
    facts = {event.seq: facts_of(event.body) for event in events}
    earlier = commitment.wordings.exclude(digest=terms_digest(commitment)).filter(redacted_at=None)
    digests = set(earlier.values_list("digest", flat=True))
    return [
        {
            "event": event,
            "sentence": sentence(event.kind, facts[event.seq]),
            "note": notes.get(event.note_digest),
            "has_earlier_words": facts[event.seq].get("terms") in digests,
        }
        for event in events
    ]


@admin.register(Assessment)
class AssessmentAdmin(Reading):
    """Judgements, and the drafts that wait."""

    accord_path = "commitment__accord_id"
    list_display = [
        "code",
        "status",
        "effective_on",
        "confidence",
        "assessor",
        "review",
        "drafted_at",
        "look",
    ]
    list_display_links = None
    list_filter = ["review", "status", "confidence", "origin", "commitment__accord"]
    list_select_related = ["commitment"]
    search_fields = ["commitment__code", "reason"]
    ordering = ["-drafted_at", "-id"]

    @admin.display(description=_("commitment"))
    def look(self, row: Assessment) -> str:
        """The way to the page where it can be published."""
        return format_html(
            '<a href="{}">{}</a>',
            reverse("admin:commitments_commitment_change", args=[row.commitment_id]),
            row.commitment,
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A judgement is read on the page of its commitment."""
        row = get_object_or_404(self.get_queryset(request), pk=key_of(object_id))
        return redirect("admin:commitments_commitment_change", row.commitment_id)
