"""call: one round of the webhooks. Hold endpoints, claim their calls, send in threads, settle each as it comes back.

Threads only speak to endpoints; the round's own thread speaks to the database. A round is time-boxed: what hangs when
it ends is left to a tail, a thread that waits for those answers and settles them, so that an endpoint that is silent
for 15 seconds holds up neither the mails nor the other endpoints.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from django.db import connection
from django.db.models import Q
from django.utils import timezone, translation

from commitments import jobs, wire
from commitments.log import head
from commitments.models import Event
from notifications import call_box, home, sealing, truth
from notifications.call_box import Conduct, Held, Taken
from notifications.channels import chat, webhook
from notifications.channels.webhook import Told
from notifications.models import CallKind, CallState, Endpoint, Format, Secret, TryOutcome
from tracker.kit.outbound import SECONDS, Outbound

CALL = "call"
THREADS = 64
# Endpoints that failed last time share half of the threads, so that they never take them all.
ENDPOINTS, EACH = 100, 50
# New endpoints are looked for so often (seconds) while there is work for those at hand.
LOOK = 0.2
# Answers that come within so many seconds of each other are written down in one statement, up to so many.
LINGER, TOGETHER = 0.005, 24
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Tally:
    """What one round did."""

    sent: int = 0
    failed: int = 0
    put_off: int = 0
    dropped: int = 0
    left_to_tail: int = 0


class _Hands:
    """The threads and the client of this process. A child of a fork makes its own."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.pool = ThreadPoolExecutor(THREADS, thread_name_prefix="call")
        self.client = Outbound(THREADS * 2)
        self.tails: list[threading.Thread] = []


_hands: _Hands | None = None
_making = threading.Lock()


def _our_hands() -> _Hands:
    global _hands
    with _making:
        if _hands is None or _hands.process != os.getpid():
            _hands = _Hands()
        return _hands


def finish(seconds: float = SECONDS + 5) -> None:
    """Waits for the answers that are still out, at most so long: before a process ends."""
    hands = _hands
    if hands is None or hands.process != os.getpid():
        return
    until = time.monotonic() + seconds
    for tail in hands.tails:
        tail.join(max(until - time.monotonic(), 0.0))


def fan_out(seconds: float = 2.0) -> int:
    """Writes down the calls that are owed for new events; returns how many. Twice: none the second time."""
    until = time.monotonic() + seconds
    if not Endpoint.objects.listening().exists():
        return 0
    made = 0
    while True:
        done, more = call_box.tell(head().seq)
        made += done
        if not more or time.monotonic() >= until:
            return made


def deliver(seconds: float = 2.0) -> Tally:
    """Sends what is due for at most about `seconds`, then notes that we looked. Any number may run at once."""
    tally = Tally()
    call_box.recover()
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
    waiting: deque[tuple[Taken, Callable[[], bytes]]] = field(default_factory=deque)
    out: int = 0
    may_go_on: bool = True
    is_dry: bool = False

    @property
    def room(self) -> int:
        """How many more may go out now: one at a time while it fails."""
        if not self.may_go_on:
            return 0
        return (1 if self.failures else self.held.at_once) - self.out


class _Round:
    """One round, with its token, its desks and the answers that come back."""

    def __init__(self, seconds: float, tally: Tally) -> None:
        self.seconds, self.tally = seconds, tally
        self.token = uuid.uuid4()
        self.hands = _our_hands()
        self.answers: queue.SimpleQueue[tuple[Taken, Told]] = queue.SimpleQueue()
        self.desks: dict[int, _Desk] = {}
        self.bodies: dict[tuple[int, str, str], bytes] = {}
        self.out = 0
        self.looked = 0.0

    def run(self) -> None:
        """Until nothing is due or the time is over."""
        until = time.monotonic() + self.seconds
        try:
            while time.monotonic() < until:
                self._take()
                self._hand_out()
                if not self.out:
                    break
                self._settle(min(until - time.monotonic(), 0.5))
        finally:
            left = [call.id for desk in self.desks.values() for call, _body in desk.waiting]
            call_box.release(self.token, left)
            for desk in self.desks.values():
                desk.waiting.clear()
            self._let_go_of(desk for desk in list(self.desks.values()) if not desk.out)
        if self.out:
            self.tally.left_to_tail = self.out
            tail = threading.Thread(target=self._tail, name="call-tail", daemon=True)
            self.hands.tails = [other for other in self.hands.tails if other.is_alive()] + [tail]
            tail.start()

    def _tail(self) -> None:
        """Waits for what hangs, settles it and gives its endpoints back."""
        try:
            until = time.monotonic() + SECONDS + 5
            while self.out and time.monotonic() < until:
                self._settle(until - time.monotonic())
            self._let_go_of(list(self.desks.values()))
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
                    self.desks[it.id] = _Desk(it, it.failures, secrets.get(it.id, []))
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
        """Puts claimed calls on their desks with their bodies; drops chat messages about what is no longer true.

        What many endpoints get in the same words is read and written once a round.
        """
        wanted: dict[str, set[int]] = defaultdict(set)
        chatty: set[int] = set()
        for call in taken:
            held = self.desks[call.endpoint].held
            if call.number is None:
                continue
            if held.format == Format.CHAT:
                chatty.add(call.number)
            elif (call.number, held.language, Format.STANDARD) not in self.bodies:
                wanted[held.language].add(call.number)
        for language, numbers in wanted.items():
            for number, body in _standard_bodies(numbers, language).items():
                self.bodies[(number, language, Format.STANDARD)] = body
        events: dict[int, Event] = {}
        if chatty:
            rows = Event.objects.filter(pk__in=chatty).select_related("accord", "commitment")
            events = {event.seq: event for event in rows}
        gone = truth.untrue(events.values()) if events else set()
        dropped = []
        for call in taken:
            desk = self.desks[call.endpoint]
            if call.number in gone and desk.held.format == Format.CHAT:
                dropped.append(call.id)
            else:
                desk.waiting.append((call, self._body(call, desk.held, events)))
        self.tally.dropped += call_box.drop(self.token, dropped)

    def _body(self, call: Taken, held: Held, events: dict[int, Event]) -> Callable[[], bytes]:
        """Writes the body when it is sent: what cannot be written counts against that call alone."""

        def write() -> bytes:
            if call.kind == CallKind.PING:
                return ping_body(held.format, held.language)
            assert call.number is not None
            key = (call.number, held.language, held.format)
            if key not in self.bodies:
                self.bodies[key] = chat.message(events[call.number], held.language)
            return self.bodies[key]

        return write

    def _hand_out(self) -> None:
        """Gives the threads as many calls as each endpoint takes at once."""
        going: list[tuple[_Desk, Taken, Callable[[], bytes]]] = []
        in_doubt = sum(desk.out for desk in self.desks.values() if desk.failures)
        for desk in self.desks.values():
            while desk.waiting and desk.room > 0 and self.out + len(going) < THREADS:
                if desk.failures and in_doubt >= THREADS // 2:
                    break
                in_doubt += bool(desk.failures)
                call, body = desk.waiting.popleft()
                desk.out += 1
                going.append((desk, call, body))
        ours = call_box.start(self.token, [call for _desk, call, _body in going])
        for desk, call, body in going:
            if call.id not in ours:
                desk.out -= 1
                continue
            self.out += 1
            self.hands.pool.submit(self._send, desk, call, body)

    def _send(self, desk: _Desk, call: Taken, body: Callable[[], bytes]) -> None:
        """In a thread: one call, and its answer into the queue, whatever happens."""
        try:
            told = _one(self.hands.client, desk, call, body())
        except Exception as error:
            log.error("call_not_made", call=str(call.id), error=type(error).__name__, exc_info=True)
            told = Told(TryOutcome.ERROR, None, type(error).__name__[:40])
        self.answers.put((call, told))

    def _settle(self, seconds: float) -> None:
        """Waits for an answer, then writes down all that are there."""
        try:
            came = [self.answers.get(timeout=max(seconds, 0.0))]
        except queue.Empty:
            return
        until = time.monotonic() + LINGER
        with contextlib.suppress(queue.Empty):
            while len(came) < min(TOGETHER, self.out):
                came.append(self.answers.get(timeout=max(until - time.monotonic(), 0.0)))
        states = call_box.settle(self.token, [(call.id, told) for call, told in came])
        by_desk: dict[int, list[Told]] = defaultdict(list)
        for call, told in came:
            self.out -= 1
            self.desks[call.endpoint].out -= 1
            state = states.get(call.id)
            if state is None:
                log.warning("lease_lost", call=str(call.id))
                continue
            by_desk[call.endpoint].append(told)
            self.tally.sent += state == CallState.SENT
            self.tally.failed += state in {CallState.FAILED, CallState.QUARANTINED}
            self.tally.put_off += state == CallState.WAITING
        for endpoint, tolds in by_desk.items():
            self._remember(self.desks[endpoint], tolds)

    def _remember(self, desk: _Desk, tolds: list[Told]) -> None:
        """How the endpoint behaved: since its last success, so many calls failed."""
        theirs = [told for told in tolds if told.outcome != TryOutcome.ERROR]
        well = [place for place, told in enumerate(theirs) if told.outcome == TryOutcome.SENT]
        after = theirs[well[-1] + 1 :] if well else theirs
        if not theirs or (not after and not desk.failures):
            return
        how = Conduct(
            desk.held.id,
            bool(well),
            len(after),
            any(told.is_silent for told in after),
            max((told.patience for told in after if told.patience is not None), default=None),
            any(told.is_gone for told in after),
        )
        said = call_box.conduct(self.token, how)
        desk.failures, desk.may_go_on = said if said is not None else (desk.failures, False)
        if not desk.may_go_on:
            call_box.release(self.token, [call.id for call, _body in desk.waiting])
            desk.waiting.clear()

    def _let_go_of(self, desks: Iterable[_Desk]) -> None:
        gone = [desk.held.id for desk in desks]
        call_box.let_go(self.token, gone)
        for endpoint in gone:
            del self.desks[endpoint]


def _one(client: Outbound, desk: _Desk, call: Taken, body: bytes) -> Told:
    if desk.held.format == Format.CHAT:
        request = webhook.Request({"Content-Type": "application/json; charset=utf-8"}, body)
    else:
        request = webhook.signed(call.id, body, desk.secrets, datetime.now(UTC))
    return webhook.send(client, desk.held.url, request)


def _standard_bodies(numbers: Iterable[int], language: str) -> dict[int, bytes]:
    """The wire form of events in the standard's envelope, by their numbers."""
    found = {}
    with translation.override(language):
        for row in wire.events(Event.objects.filter(pk__in=list(numbers))):
            at = row["at"].astimezone(UTC).isoformat().replace("+00:00", "Z")
            found[row["seq"]] = webhook.envelope(row["kind"], at, row)
    return found


def body_of(event: Event, kind: str, language: str) -> bytes:
    """What a call about an event says now, in a format and language."""
    if kind == Format.CHAT:
        return chat.message(event, language)
    return _standard_bodies([event.seq], language)[event.seq]


def ping_body(kind: str, language: str) -> bytes:
    """What a test ping says."""
    if kind == Format.CHAT:
        return chat.ping(language)
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return webhook.envelope("ping", at, {})


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
