"""The public pages: every accord, its list, each commitment, the vocabulary, and how the register works."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from commitments import choosing, explaining, looking_back, meanings, showing, standing
from commitments.account import explain
from commitments.cases import Case, case_of
from commitments.charts import burn_up, figure
from commitments.counting import points, statistics
from commitments.feeds.linked import commitments_of, dataset, in_a_page
from commitments.feeds.links import Link, links
from commitments.ledger import ledger, lines_of
from commitments.log import head
from commitments.models import Accord, AccordParty, Commitment, Deadline, Participation, Pause, Section, Topic
from commitments.operations.keeping import facts_of
from commitments.past import Moment, Past, standing_of_accord
from commitments.timeline import latest_changes
from commitments.words import CODEBOOK, QUARTERS, Kind, Role, Status, Uncounted
from tracker.kit.localized import pick
from tracker.kit.snapshot import snapshot

CHANGES = 8
ROWS = 200
# A page of the past reads the log of the whole accord; the API reads it part by part.
MOST_STOOD = 5000


@dataclass(frozen=True, slots=True)
class Row:
    """One commitment of a list: what the reader needs to choose it."""

    commitment: Commitment
    plain: str
    bound: list[Participation]
    date: str
    is_awaiting: bool


def _accords() -> list[Accord]:
    """Those that exist first, then the examples."""
    return list(Accord.objects.prefetch_related("parties").order_by("is_example", "signed_on", "code"))


@require_safe
def front(request: HttpRequest) -> HttpResponse:
    """What this is, every accord with its counts, and what changed last."""
    now = timezone.now()
    with snapshot():
        accords = _accords()
        tallies = choosing.tallies(accords, now)
        real = [accord for accord in accords if not accord.is_example]
        changes = latest_changes(real or accords, CHANGES)
        cards = [{"accord": accord, "tally": tallies[accord.pk]} for accord in accords]
        return render(request, "commitments/front.html", {"cards": cards, "changes": changes, "now": now})


@require_safe
def accord(request: HttpRequest, slug: str) -> HttpResponse:
    """The commitments of one accord, by part, as far as the filters ask; 400 with the names of filters refused."""
    now = timezone.now()
    looking = looking_back.AsOfForm(request.GET, now)
    moment = looking.moment
    with snapshot():
        one = Accord.objects.filter(slug=slug).prefetch_related("parties").first()
        if one is None:
            raise Http404
        members = list(AccordParty.objects.filter(accord=one).select_related("party"))
        sections = list(Section.objects.filter(accord=one).order_by("position"))
        topics = list(Topic.objects.filter(commitments__accord=one).distinct().order_by("code"))
        form = choosing.ListForm(request.GET, one, [member.party for member in members], sections, topics)
        form.is_valid()
        problems = [*looking.problems(), *form.problems()]
        if moment.is_past and Commitment.objects.filter(accord=one)[MOST_STOOD:].exists():
            moment, problems = Moment(now), [*problems, looking.too_many(MOST_STOOD)]
        stood = standing_of_accord(one, moment) if moment.is_past else {}
        listed = _stood(form, one, stood) if moment.is_past else _listed(form, one, now)
        paginator = Paginator(listed, ROWS)
        page = paginator.get_page(form.cleaned_data.get("page") or 1)
        rows = [
            _row(found, stood[found.code].instant if moment.is_past else now) for found in page.object_list
        ]
        names: dict[str, dict[str, str]] = {
            "parties": {member.party.code: pick(member.party.name) for member in members},
            "sections": {section.code: str(section) for section in sections},
            "topics": {topic.code: pick(topic.label) for topic in topics},
            "kinds": {kind.value: str(capfirst(kind.label)) for kind in Kind},
        }
        context = {
            "accord": one,
            "members": members,
            "form": form,
            "formats": _formats(form, one, moment),
            "dataset": in_a_page(dataset("commitments", commitments_of(one.code), pick(one.names))),
            "problems": problems,
            "looking": looking,
            "as_of": moment.as_of,
            "parts": [
                (section, list(some))
                for section, some in groupby(rows, key=lambda row: row.commitment.section)
            ],
            "page": page,
            "found": paginator.count,
            "tally": looking_back.tally(stood) if moment.is_past else choosing.tallies([one], now)[one.pk],
            "changes": [] if form.is_narrowed or moment.is_past else latest_changes([one], CHANGES),
            "money": [] if form.is_narrowed or moment.is_past else lines_of(one),
            "sources": one.sources.order_by("code"),
            "now": now,
            **({} if form.is_narrowed else _numbers(one, moment, names)),
        }
        return render(request, "commitments/accord.html", context, status=400 if problems else 200)


def _formats(form: choosing.ListForm, one: Accord, moment: Moment) -> list[Link]:
    """The list that the page shows, in the formats that programs and spreadsheets read."""
    asked = [
        ("accord", one.code),
        *((name, value) for name, values in form.asked.items() for value in values),
    ]
    if moment.as_of is not None:
        asked.append(("as_of", moment.as_of.isoformat()))
    return links(asked)


def _numbers(one: Accord, moment: Moment, names: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """The two numbers of an accord at a moment, what is left out of them, their groups, and their course."""
    found = statistics(one, moment.as_of or looking_back.today_of(one, moment.now))
    return {
        "numbers": found,
        "progress": figure(found.whole.quarters),
        "excluded": [
            (reason.label, found.whole.excluded[reason])
            for reason in Uncounted
            if found.whole.excluded.get(reason)
        ],
        "course": burn_up(found.series),
        "groups": [
            (
                heading,
                [
                    (names[name].get(code, code), numbers, figure(numbers.quarters))
                    for code, numbers in found.groups[name].items()
                    if numbers.counted
                ],
            )
            for name, heading in (
                ("parties", _("By party that is bound")),
                ("sections", _("By part")),
                ("topics", _("By topic")),
                ("kinds", _("By kind")),
            )
        ],
    }


def _stood(form: choosing.ListForm, one: Accord, stood: Mapping[str, Past]) -> list[Any]:
    """The list as it stood: the filters on the standing are asked of the standing of then."""
    rows = []
    for found in form.narrow_terms(_shown(Commitment.objects.filter(accord=one))):
        past = stood.get(found.code)
        if past is not None and form.fits(looking_back.put_back(found, past)):
            found.dates = looking_back.put_dates_back(found.dates, found, past)
            found.standstills = past.terms.pauses
            rows.append(found)
    return rows


def _listed(form: choosing.ListForm, one: Accord, now: datetime) -> QuerySet[Any]:
    return form.narrow(_shown(choosing.in_plain_words(now).filter(accord=one)))


def _shown(found: QuerySet[Any]) -> QuerySet[Any]:
    """With what a row of the list shows."""
    bound = Participation.objects.filter(role=Role.BOUND).select_related("party")
    return (
        found.select_related("accord", "section")
        .prefetch_related(
            Prefetch("participations", bound, to_attr="bound"),
            Prefetch("deadlines", Deadline.objects.order_by("number"), to_attr="dates"),
            Prefetch("pauses", Pause.objects.order_by("from_at"), to_attr="standstills"),
        )
        .order_by("section__position", "section_id", "code")
    )


def _row(found: Any, now: datetime) -> Row:
    """A row of the list; `found` carries its standing, who is bound, its dates and its pauses."""
    deadline = None
    if found.timeliness not in standing.UNDATED:
        terms = standing.Terms(
            found.kind,
            awaits_event=found.awaits_event,
            triggered_at=found.triggered_at,
            pauses=tuple(standing.Pause(one.from_at, one.until_at) for one in found.standstills),
        )
        judgement = standing.Judgement(found.status, found.status_on)
        _code, on = standing.timeliness(terms, [facts_of(date, ()) for date in found.dates], judgement, now)
        deadline = next((date for date in found.dates if on and on.key == f"{date.number}"), None)
    return Row(
        commitment=found,
        plain=found.plain,
        bound=found.bound,
        date=explaining.line(found.timeliness, deadline, found),
        is_awaiting=found.upkeep != "current",
    )


@require_safe
def commitment(request: HttpRequest, code: str) -> HttpResponse:
    """Everything that is known of one commitment, and from where."""
    now = timezone.now()
    looking = looking_back.AsOfForm(request.GET, now)
    moment = looking.moment
    with snapshot():
        found = (
            choosing.in_plain_words(now)
            .select_related("accord", "section", "instrument")
            .filter(code=code)
            .first()
            if "\x00" not in code
            else None
        )
        if found is None:
            raise Http404
        case = case_of(code, moment)
        problems = looking.problems()
        if moment.is_past:
            context = {"commitment": found, "accord": found.accord, "case": case, "looking": looking}
            context |= {"as_of": moment.as_of, "now": now, **(_stood_then(case, moment) if case else {})}
            return render(request, "commitments/commitment_past.html", context, status=200 if case else 404)
        context = {
            **showing.everything(found, now),
            "head": head(),
            "account": explain(case) if case else [],
            "looking": looking,
            "problems": problems,
        }
        return render(request, "commitments/commitment.html", context, status=400 if problems else 200)


def _stood_then(case: Case, moment: Moment) -> dict[str, Any]:
    """What the page of a commitment shows of a moment of the past."""
    return {
        "commitment": case.commitment,
        "account": explain(case),
        "open_dates": [
            showing.date_of(row, case.zones, case.instant) for row in case.deadlines if not row.closed_as
        ],
        "closed_dates": [
            showing.date_of(row, case.zones, case.instant) for row in case.deadlines if row.closed_as
        ],
        "is_awaiting": case.where.upkeep != "current",
        "ledger": ledger(case.commitment, case.past.money) if case.past else None,
        "positions": showing.positions_of(case.commitment, case.past, moment),
    }


@require_safe
def vocabulary(request: HttpRequest) -> HttpResponse:
    """The methodology: every word with its meaning, the moves, the rules."""
    context = {
        "groups": meanings.vocabulary(),
        "guards": meanings.GUARDS,
        "counting": meanings.COUNTING,
        "weights": [
            (status.value, status.label, number_format(points(QUARTERS[status]))) for status in Status
        ],
        "uncounted": Uncounted.choices,
        "codebook": CODEBOOK,
    }
    return render(request, "commitments/vocabulary.html", context)


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    """How the log works, how to check it, and on which terms the data may be used."""
    return render(request, "commitments/about.html", {"head": head()})
