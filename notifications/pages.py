"""The post room's pages: sign up, confirm, change, leave, be erased.

Reading a page changes nothing (link scanners open every address in a mail); only POST acts. None of these needs a
cookie or a CSRF token: the signed link is the whole authority, and a sign-up has none.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import F
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from commitments.models import Accord, Commitment
from notifications import limits, links, subscribing
from notifications.forms import FollowForm
from notifications.models import Subscriber, Subscription
from tracker.kit.localized import pick, picked_language

LANGUAGES = {code for code, _name in settings.LANGUAGES}


def _answer(
    request: HttpRequest, template: str, context: dict[str, Any], language: str = "", status: int = 200
) -> HttpResponse:
    """A page that is neither kept by caches nor found by search engines, in the reader's own language.

    A language asked for in the address goes before the one that the subscriber has chosen.
    """
    asked = request.GET.get("lang", "")
    with translation.override(asked if asked in LANGUAGES else language or translation.get_language()):
        request.LANGUAGE_CODE = translation.get_language() or "en"
        response = render(request, f"notifications/{template}.html", context, status=status)
        response.headers["Content-Language"] = translation.get_language() or "en"
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _named(subscription: Subscription | None) -> dict[str, str]:
    """What is followed, in words."""
    if subscription is None:
        return {}
    return _scope_named(subscription.accord, subscription.commitment)


def _scope_named(accord: Accord, commitment: Commitment | None) -> dict[str, str]:
    return {
        "accord": str(accord),
        "title": pick(commitment.title) if commitment else str(accord),
        "language": picked_language(commitment.title if commitment else accord.short_names),
        "code": commitment.code if commitment else "",
        "page": reverse("commitments:commitment", args=[commitment.code])
        if commitment
        else reverse("commitments:accord", args=[accord.slug]),
    }


def masked(email: str) -> str:
    """An address that its owner recognises and nobody else can use: `a…@example.org`."""
    local, _at, domain = email.partition("@")
    return f"{local[:1]}…@{domain}"


@method_decorator(csrf_exempt, name="dispatch")
class Follow(View):
    """Signing up. The answer is the same whatever is known of the address."""

    http_method_names = ["get", "head", "post"]

    def get(self, request: HttpRequest) -> HttpResponse:
        """The form alone, for `?accord=CODE` or `?commitment=CODE`; without either, the way to the front page."""
        found = {name: request.GET[name] for name in ("accord", "commitment") if request.GET.get(name)}
        if not found:
            return HttpResponseRedirect("/")
        form = FollowForm(initial={**found, "language": translation.get_language()})
        return self._show(request, form, found)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Asks the owner of the address; 400 with the field and the rule, 429 for a network that asks too often."""
        form = FollowForm(request.POST)
        if not form.is_valid():
            return self._show(request, form, request.POST, status=400)
        accord, commitment = form.scope()
        try:
            subscribing.sign_up(
                form.cleaned_data["email"],
                form.cleaned_data["language"] or translation.get_language() or "en",
                accord,
                commitment,
                network=limits.network_of(request),
            )
        except subscribing.TooMany:
            form.add_error(
                None, _("Too many sign-ups have come from your network. Please try again in an hour.")
            )
            response = self._show(request, form, request.POST, status=429)
            response.headers["Retry-After"] = str(int(limits.NETWORK_WINDOW.total_seconds()))
            return response
        return HttpResponseRedirect(reverse("notifications:sent"), status=303)

    def _show(self, request: HttpRequest, form: FollowForm, said: Any, status: int = 200) -> HttpResponse:
        commitment = (
            Commitment.objects.select_related("accord")
            .filter(code=str(said.get("commitment", ""))[:80])
            .first()
            if _is_text(said.get("commitment"))
            else None
        )
        accord = commitment.accord if commitment else None
        if accord is None and _is_text(said.get("accord")):
            accord = Accord.objects.filter(code=str(said["accord"])[:80]).first()
        context: dict[str, Any] = {"form": form, "accord": accord, "commitment": commitment}
        if accord:
            context["followed"] = _scope_named(accord, commitment)
        return _answer(request, "follow", context, status=status)


def _is_text(value: Any) -> bool:
    """Whether PostgreSQL can be asked for it."""
    return isinstance(value, str) and bool(value) and "\x00" not in value


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

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """404 for a link that is not ours, 410 for one whose subscriber is gone (except where gone is what is asked)."""
        try:
            who, self.about = links.read(self.purpose, kwargs["token"])
        except links.BadLink:
            return _answer(request, "bad_link", {"purpose": self.purpose}, status=404)
        self.subscriber = subscribing.find(who)
        if self.subscriber is None:
            return _answer(request, "gone", {}, status=200 if request.method == "POST" else 410)
        return super().dispatch(request, *args, **kwargs)

    def show(self, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
        """A page in the subscriber's language with links to their other pages."""
        assert self.subscriber is not None
        who = self.subscriber
        context = {
            **context,
            "masked": masked(who.email),
            "manage_url": reverse("notifications:manage", args=[links.sign(links.MANAGE, who.uuid)]),
            "erase_url": reverse("notifications:erase", args=[links.sign(links.ERASE, who.uuid)]),
        }
        return _answer(self.request, template, context, who.language, status)


class Confirm(Signed):
    """The link in the confirmation mail; it works for seven days."""

    purpose = links.CONFIRM

    def _wish(self) -> Subscription | None:
        rows = Subscription.objects.live().filter(subscriber=self.subscriber, pk__in=self.about)
        return rows.select_related("accord", "commitment").first()

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """Asks once more, with a button."""
        wish = self._wish()
        if wish is None:
            return self.show("left", {"followed": {}})
        return self.show("confirm", {"followed": _named(wish), "is_confirmed": wish.confirmed_at is not None})

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Begins the subscription; pressing twice is harmless."""
        assert self.subscriber is not None
        wish = subscribing.confirm(self.subscriber.uuid, self.about[0]) if self.about else None
        if wish is None:
            return self.show("left", {"followed": {}})
        return self.show("confirm", {"followed": _named(wish), "is_confirmed": True})


class Manage(Signed):
    """Everything an address follows, on one page."""

    purpose = links.MANAGE

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """The list, with a button for each."""
        return self._list("")

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """`end`: the number of a subscription, or `all`; `language`: the language of the mails."""
        assert self.subscriber is not None
        who, ending, language = (
            self.subscriber.uuid,
            request.POST.get("end", ""),
            request.POST.get("language", ""),
        )
        if ending == "all":
            subscribing.end(who, subscribing.everything())
            said = _("You follow nothing any more.")
        elif ending.isdecimal() and len(ending) < 19:
            subscribing.end(who, subscribing.one(int(ending)))
            said = _("You no longer follow this.")
        elif language in LANGUAGES:
            subscribing.change_language(who, language)
            self.subscriber.language = language
            with translation.override(language):
                said = _("Your mails come in this language from now on.")
        else:
            return self._list(_("language: choose one of those in the list."), status=400)
        return self._list(said)

    def _list(self, said: str, status: int = 200) -> HttpResponse:
        assert self.subscriber is not None
        rows = (
            Subscription.objects.confirmed()
            .filter(subscriber=self.subscriber)
            .select_related("accord", "commitment")
            .order_by("accord__code", F("commitment__code").asc(nulls_first=True))
        )
        with translation.override(self.subscriber.language):
            followed = [{"key": row.pk, **_named(row)} for row in rows]
        context = {"all_followed": followed, "said": said, "chosen": self.subscriber.language}
        return self.show("manage", context, status=status)


class Leave(Signed):
    """The link of List-Unsubscribe (RFC 8058) and of the foot of each mail: ends what brought that mail."""

    purpose = links.LEAVE

    def _scope(self) -> tuple[int, int]:
        return (self.about[0], self.about[1]) if len(self.about) == 2 else (0, 0)

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """A button; a mail program that only looks changes nothing."""
        accord, commitment = self._scope()
        rows = Subscription.objects.confirmed().filter(
            subscribing.scope(accord, commitment), subscriber=self.subscriber
        )
        followed = [_named(row) for row in rows.select_related("accord", "commitment")]
        return self.show("leave" if followed else "left", {"all_followed": followed})

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Ends them at once, for a person's button and a mail program's one-click alike."""
        assert self.subscriber is not None
        subscribing.end(self.subscriber.uuid, subscribing.scope(*self._scope()))
        return self.show("left", {})


class Erase(Signed):
    """Removes the address from every row."""

    purpose = links.ERASE

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        """Asks once more, with a button."""
        return self.show("erase", {})

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """Erases."""
        assert self.subscriber is not None
        language = self.subscriber.language
        subscribing.erase(self.subscriber.uuid)
        return _answer(request, "gone", {}, language)
