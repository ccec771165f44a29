"""The door of every write: the token, its scope, the version that was seen, the key of the request; then the order."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn

from django.db import OperationalError
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg.errors import DeadlockDetected, LockNotAvailable
from rest_framework.request import Request
from rest_framework.response import Response

from commitments import tokens, wire
from commitments.api.door import Door
from commitments.api.writing.body import LARGEST, BadBody, parse, read_members
from commitments.api.writing.keeping import Asked as Write
from commitments.api.writing.keeping import Done, InFlight, OtherRequest, Rehearsed, carry_out, rehearse
from commitments.api.writing.orders import Order
from commitments.filtering import a_code
from commitments.models import ApiToken, Commitment, Event
from commitments.refusals import NotAllowed, Problem, Refused, Stale
from commitments.sentences import sentence
from commitments.words import legal_moves
from tracker.kit.asking import Asked
from tracker.kit.problems import Told

REALM = 'Bearer realm="accord-tracker"'
VERSION = re.compile(r'"v(0|[1-9]\d{0,8})"', re.ASCII)
ENTITY_TAG = re.compile(r'(W/)?"[^"]*"')
# A quoted text as of RFC 9651, without the escapes that nobody needs in a key; the quotes may be left out.
KEY = re.compile(r'"([\x20\x21\x23-\x5b\x5d-\x7e]{1,255})"|([A-Za-z0-9._~:/+=-]{1,255})', re.ASCII)
# Refusals that say "not now, not as it stands" rather than "not like this".
CONFLICTS = frozenset(
    {
        "closed",
        "ended",
        "four_eyes",
        "needed",
        "overlap",
        "reply_pending",
        "second_person",
        "state",
        "taken",
        "withdrawn",
    }
)


def version_tag(version: int) -> str:
    """The version of a commitment as If-Match takes it."""
    return f'"v{version}"'


class WriteDoor(Door):
    """One order by one address. The token's owner gives it, in their office and within their roles."""

    http_method_names = ["post", "options"]
    cache_control = "no-store"
    is_kept = False
    order: ClassVar[Order]

    def take(self, request: Request, code: str, number: str = "") -> Response:
        """Everything a write has to show before it is given to the verb, and what came of it."""
        now = timezone.now()
        token = self.known(request)
        is_trial = Asked(request.query_params, ("dry_run",)).is_true("dry_run")
        body, content = self.read(request)
        key = "" if is_trial else key_of(request)
        version = version_of(request)
        commitment = Commitment.objects.filter(code=a_code("code", code)).select_related("accord").first()
        if commitment is None or (number and int(number) == 0):
            raise Http404
        if version is None:
            raise stale(commitment, request.headers["If-Match"])
        actor = tokens.actor_of(token, timezone.localdate(now))
        if token.accord_id not in (None, commitment.accord_id):
            raise Told(
                403, "Not allowed", _("This token is for %(accord)s alone.") % {"accord": token.accord}
            )
        if not actor.may(self.order.verb, commitment.accord):
            # Looked at before the request's content, which is nobody's business without the role.
            self.refuse(commitment, version, _refusal_of(actor, self.order.verb, commitment))
        try:
            members = read_members(self.order.fields, body)
        except BadBody as error:
            raise bad_body(error) from None
        target = f"{commitment.code}-{self.order.letter}{int(number)}" if number else ""
        write = Write(
            token, digest(key), digest(f"{request.path}\n{version}\n{content}"),
            self.order, commitment.code, target, members, version, now,
        )  # fmt: skip
        try:
            if is_trial:
                return self.told(rehearse(write, actor), commitment)
            return self.answer(carry_out(write, actor), commitment)
        except Refused as refusal:
            self.refuse(commitment, version, refusal)
        except (InFlight, OtherRequest, OperationalError) as error:
            told = not_now(error, commitment.code)
            if told is None:
                raise
            raise told from None

    def known(self, request: Request) -> ApiToken:
        """The token of the request, which must have the order's scope."""
        token = bearer(request)
        if self.order.scope not in token.scopes:
            raise Told(
                403,
                "Not allowed",
                _("This token lacks the scope “%(scope)s”.") % {"scope": self.order.scope},
                headers={
                    "WWW-Authenticate": f'{REALM}, error="insufficient_scope", scope="{self.order.scope}"'
                },
                scope=str(self.order.scope),
            )
        return token

    def read(self, request: Request) -> tuple[Any, str]:
        """The JSON of the body, and its digest."""
        kind = request.headers.get("Content-Type", "").split(";")[0].strip().lower()
        length = request.headers.get("Content-Length", "") or "0"
        if kind != "application/json" and (kind or length != "0"):
            raise Told(
                415, "Unsupported media type", _("The body is JSON: say Content-Type: application/json.")
            )
        if not length.isdecimal() or int(length) > LARGEST:
            raise Told(413, "Too large", _("A body has %(most)s bytes at most.") % {"most": LARGEST})
        raw = request._request.body
        try:
            return parse(raw), hashlib.sha256(raw).hexdigest()
        except BadBody as error:
            raise bad_body(error) from None

    def refuse(self, commitment: Commitment, version: int, refusal: Refused) -> NoReturn:
        """Raises the problem document of a refusal: 403, 404, 409, 412 or 422."""
        if isinstance(refusal, Stale):
            raise stale(
                Commitment.objects.get(pk=commitment.pk), version_tag(version), str(refusal)
            ) from None
        problems = refusal.problems
        if isinstance(refusal, NotAllowed):
            raise Told(403, "Not allowed", str(refusal), code="role") from None
        if any(is_missing(problem, self.order) for problem in problems):
            raise Http404 from None
        more: dict[str, Any] = {}
        if self.order.tells_moves:
            standing = Commitment.objects.get(pk=commitment.pk)
            more["moves"] = [str(move) for move in legal_moves(standing.status, standing.kind)]
        raise refused(refusal, **more) from None

    def answer(self, done: Done, commitment: Commitment) -> Response:
        """What was written."""
        body = {
            "commitment": commitment.code,
            "version": done.version,
            **_row(done.made),
            "events": wire.events(Event.objects.filter(seq__in=done.seqs).order_by("seq")),
        }
        headers = {"Commitment-Version": version_tag(done.version), "ETag": version_tag(done.version)}
        if done.is_again:
            headers["Idempotency-Replayed"] = "true"
        return Response(body, status=done.status, headers=headers)

    def told(self, rehearsed: Rehearsed, commitment: Commitment) -> Response:
        """What would be written."""
        body = {
            "commitment": commitment.code,
            "version": rehearsed.version,
            "dry_run": True,
            **_row(rehearsed.made),
            "would_say": [
                {"kind": fact.kind, "sentence": sentence(fact.kind, fact.facts), "facts": fact.facts}
                for fact in rehearsed.facts
            ],
        }
        return Response(body, status=200)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """An error is nobody's to keep either."""
        done: Any = super().finalize_response(request, response, *args, **kwargs)
        done.headers["Cache-Control"] = "no-store"
        return done


def not_now(error: Exception, code: str) -> Told | None:
    """The problem document of what came between: the key is in use, or somebody changes the same; None for a fault."""
    if isinstance(error, InFlight):
        return Told(
            409, "In flight", _("A request with this Idempotency-Key is being answered now: ask again."),
            headers={"Retry-After": "1"}, code="in_flight",
        )  # fmt: skip
    if isinstance(error, OtherRequest):
        return Told(
            422, "Another request", _("This Idempotency-Key belongs to another request: give a new one."),
            code="other_request",
        )  # fmt: skip
    if not isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
        return None
    return Told(
        409, "Busy",
        _(
            "Somebody else is changing %(code)s at this moment. Nothing was changed; please try again in "
            "a few seconds."
        )
        % {"code": code}, headers={"Retry-After": "2"}, code="busy",
    )  # fmt: skip


def refused(refusal: Refused, **more: Any) -> Told:
    """The problem document of a rule that was broken (422), or of what is not possible as things stand (409)."""
    problems = refusal.problems
    is_conflict = any(problem.code in CONFLICTS for problem in problems)
    return Told(
        409 if is_conflict else 422,
        "Refused",
        str(refusal),
        code=problems[0].code,
        errors=[
            {"name": problem.field or "body", "code": problem.code, "reason": problem.message}
            for problem in problems
        ],
        **more,
    )


def _row(made: Any) -> dict[str, str]:
    return {"noun": made.noun, "code": made.code, "state": str(made.state)}


def _refusal_of(actor: Any, verb: str, commitment: Commitment) -> Refused:
    try:
        actor.require(verb, commitment.accord)
    except Refused as refusal:
        return refusal
    raise AssertionError("asked only of an actor who may not")


def is_missing(problem: Problem, order: Order) -> bool:
    """Whether a verb did not find the row that the address names."""
    return problem.code == "unknown" and problem.field in {order.noun, "commitment"} and order.has_number


def bearer(request: Request) -> ApiToken:
    """The living token in the header Authorization (RFC 6750); raises a 401 without one."""
    scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Told(
            401, "Who is asking?", _("Writing needs a token: Authorization: Bearer act_…"),
            headers={"WWW-Authenticate": REALM},
        )  # fmt: skip
    token = tokens.find_token(text.strip(), timezone.now())
    if token is None:
        raise Told(
            401, "Who is asking?", _("This token is not known, has run out, or was revoked."),
            headers={"WWW-Authenticate": f'{REALM}, error="invalid_token"'},
        )  # fmt: skip
    return token


def version_of(request: Request) -> int | None:
    """The version in If-Match; None for the tag of something else, which can match nothing (RFC 9110, 13.1.1)."""
    given = request.headers.get("If-Match", "").strip()
    if not given:
        raise Told(
            428,
            "Say what you saw",
            _("Send the version of the commitment that you read: If-Match: “v12” in straight quotes."),
        )
    found = VERSION.fullmatch(given)
    if found:
        return int(found[1])
    if ENTITY_TAG.fullmatch(given):
        return None
    reason = _("One version in straight quotes, as the header Commitment-Version tells it.")
    raise Told(
        400,
        "A header is not valid",
        f"If-Match: {reason}",
        errors=[{"name": "If-Match", "reason": reason, "allowed": ['"v12"']}],
    )


def key_of(request: Request) -> str:
    """The Idempotency-Key (draft-ietf-httpapi-idempotency-key-header), which every write needs."""
    found = KEY.fullmatch(request.headers.get("Idempotency-Key", "").strip())
    if found is None:
        reason = _(
            "A new value for every write, such as a UUID in straight quotes; the same one when you ask again."
        )
        raise Told(
            400,
            "A header is not valid",
            f"Idempotency-Key: {reason}",
            errors=[{"name": "Idempotency-Key", "reason": reason}],
        )
    return found[1] or found[2]


def stale(commitment: Commitment, seen: str, detail: str = "") -> Told:
    """A 412 with both values: the version that the client saw, and what stands."""
    theirs: Mapping[str, Any] = {
        "version": version_tag(commitment.version),
        "status": commitment.status,
        "changed_at": commitment.changed_at,
    }
    detail = detail or _("%(code)s stands at version %(theirs)s.") % {
        "code": commitment.code,
        "theirs": commitment.version,
    }
    return Told(
        412, "It has changed", detail, code="stale", yours=seen[:80], theirs=theirs,
        headers={"Commitment-Version": version_tag(commitment.version)},
    )  # fmt: skip


def bad_body(error: BadBody) -> Told:
    """A 400 that names every field and its rule."""
    errors: list[dict[str, Any]] = []
    for fault in error.faults[:20]:
        told: dict[str, Any] = {"name": fault.name, "reason": fault.reason}
        errors.append(told | ({"allowed": list(fault.allowed)} if fault.allowed is not None else {}))
    first = error.faults[0]
    return Told(400, "The body is not valid", f"{first.name}: {first.reason}", errors=errors)


def digest(text: str) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
