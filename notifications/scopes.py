"""What one may follow, in words and as the scopes that an event of a commitment falls into."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any

import orjson
from django.db import models
from django.db.models import Exists, OuterRef, QuerySet, Value
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from commitments import choosing
from commitments.models import Accord, AccordParty, Commitment, Participation, Party, Section, Topic
from commitments.words import Role
from notifications.models import TARGETS, SavedFilter, Subscription
from tracker.kit.localized import pick, picked_language

Followed = Accord | Section | Party | Topic | Commitment | SavedFilter
EVERYTHING = "all"
# The one filter whose value is typed and not chosen.
_TYPED = "q"
# So many values of filters are looked up in one statement.
TOGETHER = 100
_COLUMNS: dict[type[models.Model], str] = {
    Accord: "accord",
    Section: "section",
    Party: "party",
    Topic: "topic",
    Commitment: "commitment",
    SavedFilter: "saved",
}


def columns(target: Followed | None) -> dict[str, Any]:
    """The target as values of a subscription's columns; None is everything."""
    return {} if target is None else {_COLUMNS[type(target)]: target}


def scope_of(target: Followed | None) -> str:
    """The scope's word, as the database computes it."""
    assert target is None or target.pk
    return EVERYTHING if target is None else f"{_COLUMNS[type(target)]}:{target.pk}"


def target_of(wish: Subscription) -> Followed | None:
    """What a subscription is of; None is everything."""
    for name in TARGETS:
        found: Followed | None = getattr(wish, name)
        if found is not None:
            return found
    return None


def by_scope(scope: str) -> Followed | None:
    """The target of a scope's word; raises LookupError when it is gone."""
    if scope == EVERYTHING:
        return None
    name, _colon, key = scope.partition(":")
    model = next(model for model, column in _COLUMNS.items() if column == name)
    found = model._default_manager.filter(pk=int(key)).first()
    if found is None:
        raise LookupError(scope)
    return found  # type: ignore[return-value]


def with_targets(rows: QuerySet[Subscription]) -> QuerySet[Subscription]:
    """The rows with all that is needed to name their targets."""
    return rows.select_related(
        "accord", "section__accord", "party", "topic", "commitment__accord", "saved__accord"
    )


def accord_of(target: Followed | None) -> Accord | None:
    """The accord that a target lies in; None where it spans accords."""
    if isinstance(target, Accord):
        return target
    return target.accord if isinstance(target, Section | Commitment | SavedFilter) else None


def list_form(accord: Accord, asked: Mapping[str, Any]) -> choosing.ListForm:
    """The filters of an accord's list, bound to what was asked."""
    members = AccordParty.objects.filter(accord=accord).select_related("party")
    topics = Topic.objects.filter(commitments__accord=accord).distinct().order_by("code")
    sections = Section.objects.filter(accord=accord).order_by("position")
    return choosing.ListForm(dict(asked), accord, [member.party for member in members], sections, topics)


def a_filter(accord: Accord, asked: Mapping[str, str]) -> SavedFilter:
    """A checked filter of an accord's list, not saved yet."""
    said = {name: value for name, value in asked.items() if value}
    return SavedFilter(
        accord=accord, asked=said, code=orjson.dumps(said, option=orjson.OPT_SORT_KEYS).decode()
    )


def kept(target: Followed | None) -> Followed | None:
    """The target as it stands in the record; a filter that nobody has saved before is saved, inside a transaction."""
    return kept_filter(target) if isinstance(target, SavedFilter) else target


def kept_filter(saved: SavedFilter) -> SavedFilter:
    """The filter as it stands in the record; one that nobody has saved before is saved. It is held until the transaction
    ends, so that it is not cleaned away before anybody follows it."""
    if saved.pk:
        return saved
    rows = SavedFilter.objects.select_related("accord").select_for_update(no_key=True, of=("self",))
    while True:
        SavedFilter.objects.bulk_create([saved], ignore_conflicts=True)
        found = rows.filter(accord=saved.accord, code=saved.code).first()
        if found is not None:
            return found


def of_commitments(keys: Collection[int], now: datetime | None = None) -> dict[int, list[str]]:
    """The scopes that bring news of each commitment, by its key, the saved filters as of `now` (UTC)."""
    found: dict[int, list[str]] = {}
    parties, topics = defaultdict(list), defaultdict(list)
    bound = Participation.objects.filter(commitment__in=keys, role=Role.BOUND)
    for commitment, party in bound.values_list("commitment_id", "party_id"):
        parties[commitment].append(f"party:{party}")
    of_topic = Commitment.topics.through.objects.filter(commitment__in=keys)
    for commitment, topic in of_topic.values_list("commitment_id", "topic_id"):
        topics[commitment].append(f"topic:{topic}")
    rows = list(
        Commitment.objects.filter(pk__in=keys).values_list(
            "pk", "accord_id", "section_id", "accord__is_example"
        )
    )
    filters = _filters_that_hold(keys, {row[1] for row in rows}, now or timezone.now())
    for key, accord, section, is_example in rows:
        found[key] = [
            f"accord:{accord}",
            f"section:{section}",
            f"commitment:{key}",
            *parties[key],
            *filters[key],
            # An invented accord is nobody's news who did not ask for it.
            *([] if is_example else [EVERYTHING, *topics[key]]),
        ]
    return found


def _filters_that_hold(
    keys: Collection[int], accords: Collection[int], now: datetime
) -> dict[int, list[str]]:
    """Which of the saved filters that anybody follows each commitment fits."""
    followed = Subscription.objects.active().filter(saved=OuterRef("pk"))
    found: dict[int, list[str]] = defaultdict(list)
    for saved, commitment in that_hold(
        SavedFilter.objects.filter(Exists(followed), accord__in=accords), keys, now
    ):
        found[commitment].append(f"saved:{saved}")
    return found


def that_hold(
    saved: QuerySet[SavedFilter], keys: Collection[int], now: datetime
) -> Iterator[tuple[int, int]]:
    """The pairs of a filter and a commitment, among these, that fits it as of `now` (UTC).

    Each value that is asked for is looked up once, however many filters ask for it, and many in one statement; where the
    commitments stand is read once. People save filters as they like, and the log waits while this is found out.
    """
    rows = saved.select_related("accord").order_by("accord", "id")
    for accord, of_accord in groupby(rows, key=lambda row: row.accord):
        form, filters = list_form(accord, {}), list(of_accord)
        terms = {term: set[int]() for row in filters for term in row.asked.items()}
        _look_up(form, terms, Commitment.objects.filter(pk__in=keys, accord=accord))
        there = {row.pk: row for row in choosing.in_plain_words(now).filter(pk__in=keys, accord=accord)}
        for row in filters:
            form.cleaned_data = row.asked
            for commitment in set(there).intersection(*(terms[term] for term in row.asked.items())):
                if form.fits(there[commitment]):
                    yield row.pk, commitment


def _look_up(form: choosing.ListForm, terms: Mapping[tuple[str, str], set[int]], rows: QuerySet[Any]) -> None:
    """Fills in which of the rows have each term; what moves with time is not looked at here."""
    every = list(terms)
    for start in range(0, len(every), TOGETHER):
        asked = []
        for number, (name, value) in enumerate(every[start : start + TOGETHER], start):
            form.cleaned_data = {name: value}
            asked.append(form.narrow_terms(rows).annotate(term=Value(number)).values_list("term", "pk"))
        for number, commitment in asked[0].union(*asked[1:], all=True):
            terms[every[number]].add(commitment)


def _narrowed(form: choosing.ListForm, asked: Mapping[str, Any], rows: QuerySet[Any]) -> QuerySet[Any]:
    """`rows` as the filter asks. It was checked when it was saved; a topic that has gone since fits nothing."""
    form.cleaned_data = dict(asked)
    return form.narrow(rows)


def fitting(saved: SavedFilter, now: datetime) -> QuerySet[Any]:
    """The commitments that fit a saved filter as of `now` (UTC)."""
    rows = choosing.in_plain_words(now).filter(accord=saved.accord)
    return _narrowed(list_form(saved.accord, {}), saved.asked, rows)


def named(target: Followed | None, *, is_asked_for: bool = True) -> dict[str, str]:
    """A target in words, as `titled`, and the path of the page that shows it."""
    return {**titled(target, is_asked_for=is_asked_for), "page": _page_of(target, is_asked_for)}


def titled(target: Followed | None, *, is_asked_for: bool = True) -> dict[str, str]:
    """A target in words: title, its language, its code, and its accord.

    Unless its reader is known to have asked for it, what somebody typed is left out: anybody can have a question sent to
    anybody, and it must not carry their words."""
    if target is None:
        return _words(_("Everything in this register, without the examples"))
    if isinstance(target, Commitment):
        return _words(pick(target.title), str(target.accord), picked_language(target.title), target.code)
    if isinstance(target, Accord):
        return _words(str(target), str(target), picked_language(target.short_names))
    if isinstance(target, Party):
        return _words(_("All that binds %(party)s") % {"party": pick(target.name)})
    if isinstance(target, Topic):
        return _words(_("Everything about “%(topic)s”") % {"topic": pick(target.label)})
    if isinstance(target, Section):
        return _words(pick(target.title), str(target.accord), picked_language(target.title), target.code)
    # A filter says nothing without the accord whose list it narrows.
    return _words(f"{target.accord} · {_filter_in_words(target, is_asked_for)}")


def _words(title: str, accord: str = "", language: str = "", code: str = "") -> dict[str, str]:
    return {"title": title, "accord": accord, "language": language, "code": code}


def _page_of(target: Followed | None, is_asked_for: bool) -> str:
    """The path of the page that shows a target, without a language."""
    if target is None:
        return reverse("commitments:front")
    if isinstance(target, Commitment):
        return reverse("commitments:commitment", args=[target.code])
    if isinstance(target, Accord):
        return _list_of(target.slug, {})
    if isinstance(target, Party):
        bound = Participation.objects.filter(
            role=Role.BOUND, party=target, commitment__accord=OuterRef("accord")
        )
        return _in_the_one(AccordParty.objects.filter(Exists(bound), party=target), {"party": target.code})
    if isinstance(target, Topic):
        about = Commitment.objects.real().filter(topics=target)
        return _in_the_one(about, {"topic": target.code})
    if isinstance(target, Section):
        return _list_of(target.accord.slug, {"part": target.code})
    asked = {name: value for name, value in target.asked.items() if is_asked_for or name != _TYPED}
    return _list_of(target.accord.slug, asked)


def _list_of(slug: str, asked: Mapping[str, str]) -> str:
    page = reverse("commitments:accord", args=[slug])
    return f"{page}?{urlencode(asked)}#list" if asked else page


def _in_the_one(rows: QuerySet[Any], asked: Mapping[str, str]) -> str:
    """The list of the accord of these rows as far as is asked; the page of all accords where they lie in several."""
    slugs = rows.order_by("accord__slug").values_list("accord__slug", flat=True).distinct()[:2]
    return _list_of(slugs[0], asked) if len(slugs) == 1 else reverse("commitments:front")


def in_language(path: str, language: str) -> str:
    """A path of ours as it is read in that language."""
    path, mark, place = path.partition("#")
    return f"{path}{'&' if '?' in path else '?'}lang={language}{mark}{place}"


def _filter_in_words(saved: SavedFilter, is_asked_for: bool) -> str:
    """The filter as its form says it: “Where it stands: Late; Topic: Demining”."""
    form = list_form(saved.accord, saved.asked)
    said = []
    for name, value in saved.asked.items():
        field = form.fields[name]
        choices: Iterable[tuple[Any, Any]] = getattr(field, "choices", ())
        label = next((str(label) for code, label in choices if str(code) == value), value)
        if name == _TYPED and not is_asked_for:
            label = _("shown on the page that opens")
        said.append(_("%(filter)s: %(value)s") % {"filter": field.label, "value": label})
    return "; ".join(said)
