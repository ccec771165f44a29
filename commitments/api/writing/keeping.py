"""Carries an order out once: the same key and the same request are answered again and change nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from commitments.actors import Actor
from commitments.api.writing.orders import Given, Made, Order
from commitments.log import Pending, collected, operation
from commitments.models import ApiToken, Commitment, Event, KeptAnswer
from commitments.operations.keeping import locked
from commitments.tokens import KEPT_FOR
from commitments.words import EventKind


class InFlight(Exception):
    """The same key is being answered at this moment."""


class OtherRequest(Exception):
    """The key was given before, with another request."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to write: whose, under which key (SHA-256), with which content (SHA-256), as it was read."""

    token: ApiToken
    key: str
    content: str
    order: Order
    commitment: str
    target: str
    body: dict[str, Any]
    version: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it: the row, the version of the commitment, the events by their numbers; told again or new."""

    made: Made
    version: int
    seqs: tuple[int, ...]
    status: int
    is_again: bool = False


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What would come of it."""

    made: Made
    version: int
    facts: Sequence[Pending]


class _Undo(Exception):
    """Carries the result out of the turn that must leave no trace."""

    def __init__(self, rehearsed: Rehearsed) -> None:
        super().__init__()
        self.rehearsed = rehearsed


def carry_out(asked: Asked, actor: Actor) -> Done:
    """Does it, or finds that it was done. Raises InFlight, OtherRequest, and what the verb raises; then nothing stays."""
    answer, is_again = _turn(asked, actor)
    return Done(Made(**answer.result), answer.version, _events_of(answer), answer.status, is_again)


@operation
def _turn(asked: Asked, actor: Actor) -> tuple[KeptAnswer, bool]:
    known = known_answer(asked.token, asked.key, asked.content, asked.now)
    if known is not None:
        return known, True
    commitment, made = _give(asked, actor)
    last = Event.objects.filter(commitment=commitment).order_by("-seq").values_list("seq", flat=True).first()
    answer = KeptAnswer.objects.create(
        token=asked.token,
        key=asked.key,
        asked=asked.content,
        commitment=commitment,
        status=asked.order.status,
        result=asdict(made),
        version=commitment.version,
        after_seq=last or 0,
        written=sum(fact.commitment_id == commitment.pk for fact in collected()),
        kept_at=asked.now,
    )
    return answer, False


def known_answer(token: ApiToken, key: str, content: str, now: datetime) -> KeptAnswer | None:
    """What the same request under the same key was answered within a day; within a turn, which then holds the key.

    Raises InFlight and OtherRequest.
    """
    _hold(token, key)
    known = KeptAnswer.objects.filter(token=token, key=key).first()
    if known is None:
        return None
    if known.kept_at <= now - KEPT_FOR:
        known.delete()
        return None
    if known.asked != content:
        raise OtherRequest
    return known


def _hold(token: ApiToken, key: str) -> None:
    """Only one turn at a time goes on with a key; the lock goes with the turn, however it ends."""
    name = int.from_bytes(hashlib.sha256(f"{token.pk}:{key}".encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [name])
        (is_ours,) = cursor.fetchone()
    if not is_ours:
        raise InFlight


def _give(asked: Asked, actor: Actor) -> tuple[Commitment, Made]:
    """Gives the order with the commitment locked from here on; returns it as it stands then."""
    commitment = locked([asked.commitment], actor)[asked.commitment]
    given = Given(commitment, asked.target, asked.body, actor, asked.version, asked.now)
    made = asked.order.give(given)
    commitment.refresh_from_db(fields=["version"])
    return commitment, made


def _events_of(answer: KeptAnswer) -> tuple[int, ...]:
    """The numbers of the events it wrote: of those that an office writes, the first ones after the last there was.

    While the commitment is locked no other verb on it is told; only the clock's marks and redactions may be.
    """
    rows = (
        Event.objects.filter(commitment=answer.commitment_id, seq__gt=answer.after_seq)
        .exclude(by="")
        .exclude(kind__in=(EventKind.NOTE_REDACTED, EventKind.WORDING_REDACTED))
        .order_by("seq")
    )
    return tuple(rows.values_list("seq", flat=True)[: answer.written])


def rehearse(asked: Asked, actor: Actor) -> Rehearsed:
    """What carrying it out would do now: the verb itself runs, and is undone."""
    try:
        _perform(asked, actor)
    except _Undo as done:
        return done.rehearsed
    raise AssertionError("a rehearsal always ends in its undoing")


@operation
def _perform(asked: Asked, actor: Actor) -> None:
    commitment, made = _give(asked, actor)
    raise _Undo(Rehearsed(made, commitment.version, collected()))
