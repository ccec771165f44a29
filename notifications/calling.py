"""call: one round of the webhooks. Hold endpoints, claim their calls, send in threads, settle each as it comes back.

Threads only speak to endpoints; the round's own thread speaks to the database. A round is time-boxed: what hangs when
it ends is left to a tail, a thread that waits for those answers and settles them, so that an endpoint that is silent
for 15 seconds holds up neither the mails nor the other endpoints.
"""

from __future__ import annotations

import contextlib
import queue
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from django.db import InterfaceError, OperationalError, connection
from django.db.models import Q
from django.utils import timezone

from commitments import jobs
from commitments.log import head
from commitments.models import Event
from notifications import call_box, call_hands, call_owing, home, sealing, truth
from notifications.call_bodies import Bodies, apart
from notifications.call_box import Conduct, Held, Taken
from notifications.call_hands import Trust
from notifications.channels import webhook
from notifications.channels.webhook import Told
from notifications.models import CallState, Endpoint, Format, Secret, TryOutcome
from tracker.kit.outbound import SECONDS, Outbound

CALL = "call"
ENDPOINTS, EACH = 100, 50
# New endpoints are looked for so often (seconds) while there is work for those at hand.
LOOK = 0.2
# Answers that come within so many seconds of each other are written down in one statement, up to so many.
LINGER, TOGETHER = 0.005, 24
# Seconds between the tries to settle while the database is away or breaks a deadlock.
SETTLE_PAUSES = (0.1, 0.5, 1.0, 2.0, 4.0)
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Tally:
    """What one round did."""

    sent: int = 0
    failed: int = 0
    put_off: int = 0
    dropped: int = 0
    left_to_tail: int = 0


def finish(seconds: float = SECONDS + 5) -> None:
    """Waits for the answers that are still out, at most so long: before a process ends."""
    until = time.monotonic() + seconds
    for tail in call_hands.tails():
        tail.join(max(until - time.monotonic(), 0.0))


def fan_out(seconds: float = 2.0) -> int:
    """Writes down the calls that are owed for new events; returns how many. Twice: none the second time."""
    until = time.monotonic() + seconds
    if not Endpoint.objects.listening().exists():
        return 0
    made = 0
    while True:
        done, more = call_owing.tell(head().seq)
        made += done
        if not more or time.monotonic() >= until:
            return made


def deliver(seconds: float = 2.0) -> Tally:
    """Sends what is due for at most about `seconds`, then notes that we looked. Any number may run at once."""
    tally = Tally()
    call_box.recover()
    call_box.end_idle()
    if home.is_home():
        _Round(seconds, tally).run()
    jobs.looked(CALL, timezone.now(), sent=tally.sent, failed=tally.failed, put_off=tally.put_off)
    return tally


@dataclass
class _Desk:
    """One held endpoint: what waits here for it, how many are out, how it behaves."""

    held: Held
    failures: int
    secrets: list[str]
    waiting: deque[tuple[Taken, bytes | Exception]] = field(default_factory=deque)
    out: int = 0
    is_awake: bool = False
    has_answered: bool = False
    may_go_on: bool = True
    is_dry: bool = False

    @property
    def trust(self) -> Trust:
        """Whether it may hang, as far as we know."""
        if self.failures:
            return Trust.FAILING
        return Trust.PROVEN if self.held.is_proven or self.has_answered else Trust.NEW

    @property
    def room(self) -> int:
        """How many more may go out now: one at a time while it fails, or has not answered lately."""
        if not self.may_go_on:
            return 0
        return (self.held.at_once if self.is_awake and not self.failures else 1) - self.out


class _Round:
    """One round, with its token, its desks and the answers that come back."""

    def __init__(self, seconds: float, tally: Tally) -> None:
        self.seconds, self.tally = seconds, tally
        self.token = uuid.uuid4()
        self.hands = call_hands.ours()
        self.answers: queue.SimpleQueue[tuple[Taken, Told]] = queue.SimpleQueue()
        self.desks: dict[int, _Desk] = {}
        self.bodies = Bodies()
        self.out = 0
        self.looked = 0.0

    def run(self) -> None:
        """Until nothing is due, nothing more may go out, or the time is over."""
        until = time.monotonic() + self.seconds
        try:
            while time.monotonic() < until:
                self._take()
                self._hand_out()
                if not self.out:
                    break
                self._settle(min(until - time.monotonic(), 0.5))
        finally:
            # Whatever broke: the answers that are still out are waited for, and written down.
            try:
                self._give_back()
            finally:
                if self.out:
                    self.tally.left_to_tail = self.out
                    self.hands.begin_tail(self._tail)

    def _give_back(self) -> None:
        """What was not started, and the endpoints that have nothing out."""
        left = [call.id for desk in self.desks.values() for call, _body in desk.waiting]
        call_box.release(self.token, left)
        for desk in self.desks.values():
            desk.waiting.clear()
        self._let_go_of(desk for desk in list(self.desks.values()) if not desk.out)

    def _tail(self) -> None:
        """Waits for what hangs, settles it and gives each endpoint back that has nothing out any more. After a round's
        leases nothing is ours."""
        try:
            until = time.monotonic() + call_box.GRACE
            while self.out and (left := until - time.monotonic()) > 0:
                try:
                    self._settle(left)
                    # Who has answered goes on with the next round, however long the others are silent.
                    self._give_back()
                except (OperationalError, InterfaceError):
                    log.warning("call_tail_again", out=self.out)
                    connection.close()
            self._give_back()
        except Exception:
            # The leases free what is ours; a thread has nobody else to tell.
            log.exception("call_tail_broken")
        finally:
            connection.close()

    def _take(self) -> None:
        """Fills the desks: new endpoints, and more calls for those that have sent what they had."""
        self._let_go_of(
            desk
            for desk in list(self.desks.values())
            if not desk.out and not desk.waiting and (desk.is_dry or not desk.may_go_on)
        )
        if len(self.desks) < ENDPOINTS and (not self.out or time.monotonic() - self.looked > LOOK):
            self.looked = time.monotonic()
            held = call_box.hold(self.token, ENDPOINTS - len(self.desks), self.seconds)
            if held:
                secrets = _secrets_of([it.id for it in held])
                for it in held:
                    self.desks[it.id] = _Desk(
                        it, it.failures, secrets.get(it.id, []), is_awake=self.hands.is_awake(it.url)
                    )
        hungry = [
            desk.held
            for desk in self.desks.values()
            if desk.may_go_on and not desk.is_dry and len(desk.waiting) < desk.held.at_once
        ]
        if not hungry:
            return
        taken = call_box.claim(self.token, hungry, EACH, self.seconds)
        found: dict[int, int] = defaultdict(int)
        for call in taken:
            found[call.endpoint] += 1
        for it in hungry:
            self.desks[it.id].is_dry = found[it.id] < EACH
        self._write(taken)

    def _write(self, taken: list[Taken]) -> None:
        """Puts claimed calls on their desks with their bodies; drops what a chat room shall not be told."""
        held = {call.id: self.desks[call.endpoint].held for call in taken}
        chatty = [call for call in taken if call.number is not None and held[call.id].format == Format.CHAT]
        idle = apart(lambda some: _pointless(some, chatty), chatty)
        dropped = {call.id for call, is_so in idle.items() if is_so is True}
        self.tally.dropped += call_box.drop(self.token, list(dropped))
        left = [call for call in taken if call.id not in dropped]
        self.bodies.write((call, held[call.id]) for call in left)
        for call in left:
            broken = idle.get(call)
            body = broken if isinstance(broken, Exception) else self.bodies.of(call, held[call.id])
            self.desks[call.endpoint].waiting.append((call, body))

    def _hand_out(self) -> None:
        """Gives free threads as many calls as each endpoint takes at once: what has no thread is not begun."""
        going: list[tuple[_Desk, Trust, Taken, bytes | Exception]] = []
        for desk in self.desks.values():
            while desk.waiting and desk.room > 0 and self.hands.take(desk.trust, not desk.out):
                desk.out += 1
                going.append((desk, desk.trust, *desk.waiting.popleft()))
        try:
            begun = call_box.start(self.token, [call for _desk, _trust, call, _body in going])
        except BaseException:
            for desk, trust, call, body in reversed(going):
                desk.out -= 1
                desk.waiting.appendleft((call, body))
                self.hands.give_back(trust)
            raise
        for desk, trust, call, body in going:
            if call.id in begun:
                self.out += 1
                self.hands.do(trust, self._sender(desk, call, body))
            else:
                desk.out -= 1
                self.hands.give_back(trust)

    def _sender(self, desk: _Desk, call: Taken, body: bytes | Exception) -> Callable[[], None]:
        """What a thread does: one call, and its answer into the queue, whatever happens."""

        def send() -> None:
            try:
                if isinstance(body, Exception):
                    raise body
                told = _one(self.hands.client, desk, call, body)
            except Exception as error:
                log.error("call_not_made", call=str(call.id), error=type(error).__name__, exc_info=True)
                told = Told(TryOutcome.ERROR, None, type(error).__name__[:40])
            self.answers.put((call, told))

        return send

    def _settle(self, seconds: float) -> None:
        """Waits for an answer, then writes down all that are there. Raises what the database does, and keeps them."""
        try:
            came = [self.answers.get(timeout=max(seconds, 0.0))]
        except queue.Empty:
            return
        until = time.monotonic() + LINGER
        with contextlib.suppress(queue.Empty):
            while len(came) < min(TOGETHER, self.out):
                came.append(self.answers.get(timeout=max(until - time.monotonic(), 0.0)))
        states = self._written_down(came)
        by_desk: dict[int, list[tuple[Taken, Told]]] = defaultdict(list)
        for call, told in came:
            self.out -= 1
            self.desks[call.endpoint].out -= 1
            state = states.get(call.id)
            if state is None:
                log.warning("lease_lost", call=str(call.id))
                continue
            by_desk[call.endpoint].append((call, told))
            self.tally.sent += state == CallState.SENT
            self.tally.failed += state in {CallState.FAILED, CallState.QUARANTINED}
            self.tally.put_off += state == CallState.WAITING
        for endpoint, answers in by_desk.items():
            self._remember(self.desks[endpoint], answers)

    def _written_down(self, came: list[tuple[Taken, Told]]) -> dict[uuid.UUID, str]:
        """Settles even when the database goes away for a moment: what was taken must not be sent again for that."""
        ended = [(call.id, told) for call, told in came]
        try:
            for pause in SETTLE_PAUSES:
                try:
                    return call_box.settle(self.token, ended)
                except (OperationalError, InterfaceError) as error:
                    if connection.in_atomic_block:
                        raise
                    log.warning("calls_settled_again", count=len(ended), error=type(error).__name__)
                    connection.close()
                    time.sleep(pause)
            return call_box.settle(self.token, ended)
        except BaseException:
            for one in came:
                self.answers.put(one)
            raise

    def _remember(self, desk: _Desk, answers: list[tuple[Taken, Told]]) -> None:
        """How the endpoint behaved. A test that fails counts for nothing but a 410; one that is taken forgives."""
        if any(told.outcome == TryOutcome.SENT for _call, told in answers):
            desk.is_awake = desk.has_answered = True
            self.hands.answered(desk.held.url)
        if not desk.failures and all(told.outcome == TryOutcome.SENT for _call, told in answers):
            return
        theirs = [
            told for call, told in answers if told.outcome != TryOutcome.ERROR and call.number is not None
        ]
        tests = [told for call, told in answers if call.number is None]
        well = [place for place, told in enumerate(theirs) if told.outcome == TryOutcome.SENT]
        is_test = not well and any(told.outcome == TryOutcome.SENT for told in tests)
        after = theirs[well[-1] + 1 :] if well else theirs
        how = Conduct(
            desk.held.id,
            is_well=bool(well) or is_test,
            has_failed=bool(after),
            # What was on its way already when the endpoint was left in peace says nothing new.
            is_step=desk.may_go_on,
            is_silent=any(told.is_silent for told in after),
            patience=max((told.patience for told in after if told.patience is not None), default=None),
            is_gone=any(told.is_gone for told in [*after, *tests]),
            is_test=is_test,
        )
        is_news = how.is_gone or how.patience is not None or (how.has_failed and how.is_step)
        if not is_news and not (how.is_well and desk.failures):
            return
        said = call_box.conduct(self.token, how)
        desk.failures, desk.may_go_on = said if said is not None else (desk.failures, False)
        if not desk.may_go_on:
            call_box.release(self.token, [call.id for call, _body in desk.waiting])
            desk.waiting.clear()

    def _let_go_of(self, desks: Iterable[_Desk]) -> None:
        gone = list(desks)
        answered = [desk.held.id for desk in gone if desk.has_answered]
        call_box.let_go(self.token, [desk.held.id for desk in gone], answered)
        for desk in gone:
            del self.desks[desk.held.id]


def _pointless(calls: Sequence[Taken], batch: Sequence[Taken]) -> dict[Taken, bool]:
    """Whether each of these messages has become untrue, or takes back what that room has not been told. `batch` is all
    that was claimed with them."""
    events = Event.objects.in_bulk({call.number for call in calls})
    gone = truth.untrue(events.values())
    owed = {(call.endpoint, call.number) for call in calls if call.number is not None}
    silent, _elsewhere = truth.never_told(owed, events, [call.id for call in batch], truth.UNTOLD_ROOMS)
    return {call: call.number in gone or (call.endpoint, call.number) in silent for call in calls}


def _one(client: Outbound, desk: _Desk, call: Taken, body: bytes) -> Told:
    if desk.held.format == Format.CHAT:
        request = webhook.Request({"Content-Type": "application/json; charset=utf-8"}, body)
    else:
        request = webhook.signed(call.id, body, desk.secrets, datetime.now(UTC))
    return webhook.send(client, desk.held.url, request)


def _secrets_of(endpoints: list[int]) -> dict[int, list[str]]:
    """The live secrets of endpoints, the newest first; one that cannot be unsealed signs nothing."""
    live = Secret.objects.filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=timezone.now()), endpoint__in=endpoints
    )
    found: dict[int, list[str]] = defaultdict(list)
    for row in live.order_by("-id"):
        try:
            found[row.endpoint_id].append(sealing.unseal(row.sealed))
        except sealing.Unreadable:
            log.error("secret_unreadable", endpoint=row.endpoint_id)
    return found
