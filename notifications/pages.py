"""The post room's pages: sign up, confirm, leave, be erased. What one follows is changed in managing.py.

Reading a page changes nothing (link scanners open every address in a mail); only POST acts. None of these needs a
cookie or a CSRF token: the signed link is the whole authority, and a sign-up has none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from commitments.models import Accord, Commitment, Participation, Party, Section, Topic
from commitments.words import Role
from notifications import limits, links, subscribing
from notifications.forms import FollowForm, NotFound, find_target
from notifications.letters import rhythm_in_words
from notifications.models import Rhythm, SavedFilter, Subscriber, Subscription
from notifications.models.people import masked
from notifications.scopes import Followed, in_language, named, target_of, titled, with_targets
from notifications.telling import News
from tracker.kit.localized import alphabetical

# A longer list of what can be followed is folded.
OPEN_AT_MOST = 20
LANGUAGES = {code for code, _name in settings.LANGUAGES}


def _answer(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """A page that is neither kept by caches nor found by search engines, in the active language."""
    request.LANGUAGE_CODE = translation.get_language() or "en"
    response = render(request, f"notifications/{template}.html", context, status=status)
    response.headers["Content-Language"] = translation.get_language() or "en"
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def shown(target: Followed | None) -> dict[str, str]:
    """A target in words, and its page in the language that is being spoken: it need not be the browser's."""
    words = named(target)
    return {**words, "page": in_language(words["page"], translation.get_language() or "en")}


def named_wish(wish: Subscription) -> dict[str, Any]:
    """What is followed, in words, and how often news of it comes."""
    return {
        **shown(target_of(wish)),
        "key": wish.pk,
        "rhythm": wish.rhythm,
        "how_often": rhythm_in_words(wish.rhythm),
        "kinds": wish.kinds,
        "kinds_named": [str(News(code).label) for code in wish.kinds if code in News.values],
        "is_paused": wish.paused_at is not None,
    }


@method_decorator(csrf_exempt, name="dispatch")
class Follow(View):
    """Signing up. The answer is the same whatever is known of the address."""

    http_method_names = ["get", "head", "post"]

    def get(self, request: HttpRequest) -> HttpResponse:
        """The form for what the address names (`?commitment=`, `?accord=` with any filters of its list, `?party=`,
        `?topic=`, `?everything=1`); without any of these, what there is to follow."""
        asked = request.GET.dict()
        if not any(asked.get(name) for name in ("commitment", "accord", "party", "topic", "everything")):
            return _answer(request, "choose", _choices())
        form = FollowForm(asked)
        form.is_valid()
        form.errors.pop("email", None)
        return self._show(request, form, status=400 if form.errors else 200)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Asks the owner of the address; 400 with the field and the rule, 429 for a network that asks too often."""
        form = FollowForm(request.POST)
        if not form.is_valid():
            return self._show(request, form, status=400)
        said = form.cleaned_data
        try:
            subscribing.sign_up(
                said["email"],
                said["language"] or translation.get_language() or "en",
                form.target(),
                rhythm=said["rhythm"],
                kinds=said["kinds"],
                network=limits.network_of(request),
            )
        except subscribing.TooMany:
            form.add_error(
                None, _("Too many sign-ups have come from your network. Please try again in an hour.")
            )
            response = self._show(request, form, status=429)
            response.headers["Retry-After"] = str(int(limits.NETWORK_WINDOW.total_seconds()))
            return response
        return HttpResponseRedirect(reverse("notifications:sent"), status=303)

    def _show(self, request: HttpRequest, form: FollowForm, status: int = 200) -> HttpResponse:
        context: dict[str, Any] = {
            "form": form,
            "kinds": News.choices,
            "rhythms": Rhythm.choices,
            "kinds_chosen": form.data.getlist("kinds") if isinstance(form.data, QueryDict) else [],
        }
        try:
            target = find_target(form.data)
        except NotFound:
            return _answer(request, "follow", context, status=status)
        context["followed"] = shown(target)
        context["is_one"] = isinstance(target, Commitment)
        context["asked"] = _asked(target)
        return _answer(request, "follow", context, status=status)


def _asked(target: Followed | None) -> dict[str, str]:
    """The parameters that name a target."""
    if target is None:
        return {"everything": "1"}
    if isinstance(target, SavedFilter):
        return {"accord": target.accord.code, **target.asked}
    if isinstance(target, Section):
        return {"accord": target.accord.code, "part": target.code}
    return {type(target).__name__.lower(): target.code}


def _choices() -> dict[str, Any]:
    """Everything wider than a commitment that can be followed: accords, then parties and topics by their names."""
    bound = Participation.objects.filter(role=Role.BOUND, party=OuterRef("pk"))
    used = Commitment.objects.real().filter(topics=OuterRef("pk"))
    groups = [
        (_("An accord"), list(Accord.objects.order_by("is_example", "code"))),
        (_("What binds one party"), _by_name(Party.objects.filter(Exists(bound)))),
        (_("A topic"), _by_name(Topic.objects.filter(Exists(used)))),
    ]
    listed: list[tuple[str, list[dict[str, str]]]] = [
        (_("The whole register"), [{**titled(None), "query": "everything=1"}])
    ]
    for title, rows in groups:
        # The heading says what of it; the name alone is found at a glance.
        found = [{**titled(row), "title": str(row), "query": urlencode(_asked(row))} for row in rows]
        if found:
            listed.append((title, found))
    return {"groups": listed, "most": OPEN_AT_MOST}


def _by_name(rows: Iterable[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: (alphabetical(str(row)), row.code))


class Sent(View):
    """What everybody sees after signing up."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest) -> HttpResponse:
        """Says that a mail comes if the address may get one."""
        return _answer(request, "sent", {})


@method_decorator(csrf_exempt, name="dispatch")
class Signed(View):
    """A page behind a signed link. `purpose` is what the link must have been signed for."""

    http_method_names = ["get", "head", "post"]
    purpose = ""
    subscriber: Subscriber | None
    about: list[int]
    # Keeps the language that the address asks for on the subscriber's other pages.
    query: str

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """404 for a link that is not ours, 410 for one whose subscriber is gone (except where gone is what is asked).

        Everything is said in the subscriber's language; one that the address asks for goes before it.
        """
        try:
            who, self.about = links.read(self.purpose, kwargs["token"])
        except links.BadLink:
            return _answer(request, "bad_link", {"purpose": self.purpose}, status=404)
        self.subscriber = subscribing.find(who)
        if self.subscriber is None:
            return _answer(request, "gone", {}, status=200 if request.method == "POST" else 410)
        asked = request.GET.get("lang", "")
        self.query = f"?lang={asked}" if asked in LANGUAGES else ""
        with translation.override(asked if asked in LANGUAGES else self.subscriber.language):
            return super().dispatch(request, *args, **kwargs)

    def show(self, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
        """A page with links to the subscriber's other pages."""
        assert self.subscriber is not None
        who = self.subscriber
        context = {
            **context,
            "masked": masked(who.email),
            "manage_url": self._page("manage", links.MANAGE),
            "erase_url": self._page("erase", links.ERASE),
            # The public pages know nothing of the subscriber: each link to them says the language.
            "language_query": f"?lang={translation.get_language() or 'en'}",
        }
        return _answer(self.request, template, context, status)

    def _page(self, name: str, purpose: str) -> str:
        assert self.subscriber is not None
        token = links.sign(purpose, self.subscriber.uuid)
        return reverse(f"notifications:{name}", args=[token]) + self.query


class Confirm(Signed):
    """The link in the confirmation mail; it works for seven days."""

    purpose = links.CONFIRM

    def _wish(self) -> Subscription | None:
        rows = Subscription.objects.live().filter(subscriber=self.subscriber, pk__in=self.about)
        return with_targets(rows).first()

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """Asks once more, with a button."""
        wish = self._wish()
        if wish is None:
            return self.show("left", {"followed": {}})
        return self.show(
            "confirm", {"followed": named_wish(wish), "is_confirmed": wish.confirmed_at is not None}
        )

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Begins the subscription; pressing twice is harmless. 409 for one saved filter too many."""
        assert self.subscriber is not None
        try:
            wish = subscribing.confirm(self.subscriber.uuid, self.about[0]) if self.about else None
        except subscribing.TooManyFilters:
            wish = self._wish()
            most = subscribing.FILTERS_AT_MOST
            if wish is not None:
                return self.show("confirm", {"followed": named_wish(wish), "most": most}, status=409)
        if wish is None:
            return self.show("left", {"followed": {}})
        return self.show("confirm", {"followed": named_wish(wish), "is_confirmed": True})


class Leave(Signed):
    """The link of List-Unsubscribe (RFC 8058) and of the foot of each mail: ends what brought that mail."""

    purpose = links.LEAVE

    def _those(self) -> Q:
        """What the link speaks of: subscriptions, or the mail that they brought where they are too many for a link. Of a
        mail that is no longer kept nothing is known but that it was a digest."""
        assert self.subscriber is not None
        about = self.about
        if mail := links.mail_of(about):
            about = subscribing.brought_by(mail)
            if not about:
                return subscribing.in_digests()
        return subscribing.those(self.subscriber.uuid, about)

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """A button; a mail program that only looks changes nothing."""
        rows = Subscription.objects.confirmed().filter(self._those(), subscriber=self.subscriber)
        followed = [named_wish(row) for row in with_targets(rows)]
        return self.show("leave", {"all_followed": followed}) if followed else self._left()

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Ends them at once, for a person's button and a mail program's one-click alike."""
        assert self.subscriber is not None
        those = self._those()
        rows = Subscription.objects.confirmed().filter(those, subscriber=self.subscriber)
        followed = [named_wish(row) for row in with_targets(rows)]
        subscribing.end(self.subscriber.uuid, those)
        return self.show("left", {"all_left": followed}) if followed else self._left()

    def _left(self) -> HttpResponse:
        """For a link that was used before: what it speaks of, as far as that is not followed again."""
        about = self.about
        if mail := links.mail_of(about):
            about = subscribing.brought_by(mail)
        rows = Subscription.objects.filter(pk__in=about, subscriber=self.subscriber)
        ended = rows.filter(confirmed_at__isnull=False, ended_at__isnull=False)
        return self.show("left", {"all_left": [named_wish(row) for row in with_targets(ended)]})


class Erase(Signed):
    """Removes the address from every row."""

    purpose = links.ERASE

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """Asks once more, with a button."""
        return self.show("erase", {})

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Erases."""
        assert self.subscriber is not None
        subscribing.erase(self.subscriber.uuid)
        return _answer(request, "gone", {})
