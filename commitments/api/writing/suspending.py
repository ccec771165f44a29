"""Orders on a whole accord: suspend it, and let it go on. Its commitments have versions, it has none: what is in the way of
an order is refused, and the same key is answered as before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.db import OperationalError
from django.http import Http404
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commitments import operations, tokens
from commitments.actors import Actor
from commitments.api.writing import contract
from commitments.api.writing.body import BadBody, Field, day, flag, read_members, text
from commitments.api.writing.dating import SOURCE, WHY
from commitments.api.writing.door import WriteDoor, bad_body, digest, key_of, not_now, refused
from commitments.api.writing.keeping import InFlight, OtherRequest, known_answer
from commitments.filtering import a_code
from commitments.log import operation
from commitments.models import Accord, ApiToken, KeptAnswer, Scope, Suspension
from commitments.refusals import NotAllowed, Refused
from tracker.kit.asking import Asked
from tracker.kit.problems import Told

VERB = "pause"


@dataclass(frozen=True, slots=True)
class Given:
    """One order as it came in: whose, under which key (SHA-256), with which content (SHA-256)."""

    token: ApiToken
    key: str
    content: str
    accord: Accord
    body: Mapping[str, Any]
    actor: Actor
    now: datetime


@dataclass(frozen=True, slots=True)
class AccordOrder:
    """An order: POST to `accords/CODE/` + `path`."""

    name: str
    path: str
    summary: str
    give: Callable[[Given], Suspension]
    example: Mapping[str, Any]
    fields: Sequence[Field]
    status: int = 200
    scope: Scope = Scope.DEADLINES
    verb: str = VERB


def _suspend(given: Given) -> Suspension:
    body = given.body
    order = operations.NewSuspension(
        given.accord.code, body["from_on"], body["reason"], body["until_on"], body["source"] or None
    )
    (row,) = operations.suspend_accords([order], actor=given.actor, now=given.now)
    return row


def _resume(given: Given) -> Suspension:
    body = given.body
    (row,) = operations.resume_accords(
        {given.accord.code: body["until_on"]},
        actor=given.actor,
        why=body["why"],
        shifts_dates=body["shifts_dates"],
        source=body["source"] or None,
        now=given.now,
    )
    return row


ORDERS = (
    AccordOrder(
        "suspend_accord", "suspend/", "Stop the clocks of all open commitments of an accord", _suspend,
        {"from_on": "2025-01-01", "reason": "Both sides agreed to it."},
        (
            day("from_on", "From this day on.", required=True),
            day("until_on", "The day on which they run again; without it: not known."),
            text("reason", meaning="Public; it stays in the log of each.", required=True), SOURCE,
        ),
        201,
    ),
    AccordOrder(
        "resume_accord", "resume/", "Let an accord go on: the pauses that its suspension made end", _resume,
        {"until_on": "2025-02-01", "why": "Both sides agreed to it."},
        (
            day("until_on", "The day on which they run again.", required=True),
            flag("shifts_dates", "The parties' open dates move by the length of their pauses."), SOURCE, WHY,
        ),
    ),
)  # fmt: skip


class AccordDoor(WriteDoor):
    """One order about an accord by one address."""

    accord_order: ClassVar[AccordOrder]

    def take_accord(self, request: Request, code: str) -> Response:
        """What a write has to show, but for a version, before it is given to the verb; and what came of it."""
        now = timezone.now()
        token = self.known(request)
        is_trial = Asked(request.query_params, ("dry_run",)).is_true("dry_run")
        body, content = self.read(request)
        key = "" if is_trial else key_of(request)
        accord = Accord.objects.filter(code=a_code("code", code)).first()
        if accord is None:
            raise Http404
        actor = tokens.actor_of(token, timezone.localdate(now))
        if token.accord_id not in (None, accord.pk):
            raise Told(
                403, "Not allowed", _("This token is for %(accord)s alone.") % {"accord": token.accord}
            )
        try:
            # Before the content of the request, which is nobody's business without the role.
            actor.require(VERB, accord)
            members = read_members(self.accord_order.fields, body)
            asked = hashlib.sha256(f"{request.path}\n{content}".encode()).hexdigest()
            given = Given(token, digest(key), asked, accord, members, actor, now)
            if is_trial:
                return Response(_rehearsed(self.accord_order, given))
            told, is_again = _turn(self.accord_order, given)
        except BadBody as error:
            raise bad_body(error) from None
        except NotAllowed as refusal:
            raise Told(403, "Not allowed", str(refusal), code="role") from None
        except Refused as refusal:
            raise refused(refusal) from None
        except (InFlight, OtherRequest, OperationalError) as error:
            problem = not_now(error, accord.code)
            if problem is None:
                raise
            raise problem from None
        headers = {"Idempotency-Replayed": "true"} if is_again else {}
        return Response(told, status=self.accord_order.status, headers=headers)


@operation
def _turn(order: AccordOrder, given: Given) -> tuple[dict[str, Any], bool]:
    """Gives the order, or finds that it was given; whether it was."""
    known = known_answer(given.token, given.key, given.content, given.now)
    if known is not None:
        return known.result, True
    told = _told(order.give(given))
    KeptAnswer.objects.create(
        token=given.token,
        key=given.key,
        asked=given.content,
        status=order.status,
        result=told,
        version=0,
        after_seq=0,
        written=0,
        kept_at=given.now,
    )
    return told, False


class _Undo(Exception):
    """Carries the result out of the turn that must leave no trace."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__()
        self.told = told


def _rehearsed(order: AccordOrder, given: Given) -> dict[str, Any]:
    """What giving the order would do now: the verb itself runs, and is undone."""
    try:
        _perform(order, given)
    except _Undo as done:
        return {**done.told, "dry_run": True}
    raise AssertionError("a rehearsal always ends in its undoing")


@operation
def _perform(order: AccordOrder, given: Given) -> None:
    raise _Undo(_told(order.give(given)))


def _told(row: Suspension) -> dict[str, Any]:
    """A suspension as the answer shows it."""
    pauses = row.pauses.select_related("commitment").order_by("commitment__code", "number")
    return {
        "accord": row.accord.code,
        "state": "running" if row.resumed_at is None else "ended",
        "from_on": row.from_on.isoformat(),
        "until_on": row.until_on.isoformat() if row.until_on else None,
        "pauses": [pause.code for pause in pauses],
        "dry_run": False,
    }


def _view_of(order: AccordOrder) -> Any:
    """The view of one order."""

    @extend_schema(**contract.described_accord(order))
    def post(self: AccordDoor, request: Request, code: str) -> Response:
        return self.take_accord(request, code)

    name = "".join(part.title() for part in order.name.split("_"))
    members = {"accord_order": order, "order": order, "post": post, "__doc__": order.summary}
    kind: Any = type(name, (AccordDoor,), members)
    return kind.as_view()


def addresses() -> list[URLPattern]:
    """One address for each order; they stand before that of an accord, which takes whatever remains."""
    return [path(f"accords/<path:code>/{order.path}", _view_of(order), name=order.name) for order in ORDERS]
