"""deliver: one round of the sender. Claim, look again, send with empty hands, settle each mail at once."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from commitments import jobs
from notifications import bouncing, home, line, outbox, owing, parcels
from notifications.channels.email import assemble
from notifications.channels.smtp import LineDown, Post, Trouble
from notifications.domains import Patience
from notifications.letters import Letter
from notifications.models import Kind, Outcome, Why
from notifications.outbox import Claimed, Ended
from notifications.parcels import Packed, Parcel, write
from tracker.kit.breaking_off import Limit, TookTooLong, a_limit, unlimited

R = TypeVar("R")
DELIVER = "deliver"
# So many broken conversations in a row mean that the server is down, not that a mail is bad.
PATIENCE = 3
LETTERS_KEPT = 300
# Seconds until we look again whether news is to be told that takes back what another worker is about to tell, or to drop.
UNDECIDED = 5.0
# Seconds until we look again whether the reader of a digest that was tried has ended their pause.
RESTING = 3600.0
# Seconds between the tries to settle while the database is away or breaks a deadlock.
SETTLE_PAUSES = (0.1, 0.5, 1.0, 2.0, 4.0)

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Round:
    """What one round did."""

    sent: int = 0
    failed: int = 0
    put_off: int = 0
    dropped: int = 0
    is_down: bool = False
    was_answered: bool = False
    # Whether others know already that the server answers.
    is_up: bool = False
    limit: Limit = field(default=unlimited, repr=False)
    patience: Patience = field(default_factory=Patience, repr=False)
    written: dict[tuple[object, ...], Letter] = field(default_factory=dict, repr=False)
    # The next mail, written while the last one was settled, or why it could not be.
    ready: tuple[uuid.UUID, bytes | Exception] | None = field(default=None, repr=False)

    def letter(self, parcel: Parcel) -> Letter:
        """The letter of a parcel, written once for all who get the same."""
        if parcel.key not in self.written:
            self._keep(parcel.key, write(parcel))
        return self.written[parcel.key]

    def _keep(self, key: tuple[object, ...], letter: Letter) -> None:
        if len(self.written) >= LETTERS_KEPT:
            self.written.clear()
        self.written[key] = letter


def deliver(seconds: float = 20.0) -> Round:
    """Sends what is due for at most about `seconds`, then notes that we looked. Any number may run at once."""
    until = time.monotonic() + seconds
    this = Round()
    outbox.recover()
    if outbox.is_due() and home.is_home() and line.may_try():
        try:
            with Post() as post, a_limit() as this.limit:
                while time.monotonic() < until and not this.is_down:
                    stop = time.monotonic() + outbox.room()
                    batch = outbox.claim(avoid=this.patience.closed())
                    if not batch and this.patience.go_on_with_the_slow():
                        continue
                    if not batch:
                        break
                    packed = _looked_through(batch, this)
                    if time.monotonic() >= stop:
                        # What is unwanted could not be dropped, all else would be given back, and as late the next time.
                        stop = time.monotonic() + outbox.room()
                        outbox.renew(batch)
                    _put_away(packed, batch[0].token, this)
                    _carry(packed.parcels, post, this, until, stop)
        except LineDown as error:
            line.down(str(error))
            this.is_down = True
            log.warning("mail_server_down", said=str(error))
    jobs.looked(
        DELIVER,
        timezone.now(),
        sent=this.sent,
        failed=this.failed,
        put_off=this.put_off,
        dropped=this.dropped,
        is_down=this.is_down,
    )
    return this


def _looked_through(batch: Sequence[Claimed], this: Round) -> Packed:
    """A claim, looked through; what failed us before apart, so that the others need no second look when it does again."""
    ids = [it.id for it in batch]
    found = Packed()
    _look_through([it for it in batch if not it.is_suspect], ids, this, found)
    _look_through([it for it in batch if it.is_suspect], ids, this, found)
    return found


def _look_through(part: Sequence[Claimed], claim: Sequence[uuid.UUID], this: Round, found: Packed) -> None:
    """Looks through a part of a claim. Where that fails each half is tried: what nobody can read counts alone."""
    if not part:
        return
    try:
        found.add(parcels.pack(part, claim))
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        middle = len(part) // 2
        if middle:
            _look_through(part[:middle], claim, this, found)
            _look_through(part[middle:], claim, this, found)
            return
        log.error("mail_not_read", delivery=str(part[0].id), error=type(error).__name__, exc_info=True)
        ended = Ended(Outcome.ERROR, None, type(error).__name__)
        mine, _started = _settle(part[0], ended)
        _count(this, ended, mine)


def _carry(load: Sequence[Parcel], post: Post, this: Round, until: float, stop: float) -> None:
    """Sends parcels one by one until `until` (monotonic seconds), one at least, but none from `stop` on, when too little
    is left of our lease; gives back what it did not start."""
    on_the_wire = False
    broken = 0
    for place, parcel in enumerate(load):
        if not on_the_wire:
            if time.monotonic() >= (min(until, stop) if place else stop):
                outbox.release([rest.claimed for rest in load[place:]])
                return
            if this.patience.is_over(parcel.reader.domain):
                outbox.release([parcel.claimed])
                continue
            if not outbox.start(parcel.claimed):
                _not_started(parcel, this)
                continue
        down = ""
        try:
            ended = _send(parcel, post, this)
            broken = 0
            this.patience.note(parcel.reader.domain, ended, post.seconds)
        except Trouble as error:
            ended = Ended(Outcome.RETRY, None, str(error))
            broken += 1
            down = _mend(post, str(error), broken)
        following = load[place + 1] if place + 1 < len(load) else None
        if (
            down
            or time.monotonic() >= min(until, stop)
            or (following and this.patience.is_over(following.reader.domain))
        ):
            following = None
        if ended.outcome == Outcome.FAILED:
            _refused(parcel.claimed, ended)
        mine, on_the_wire = _settle(parcel.claimed, ended, following, _ahead(following, post, this))
        if not on_the_wire:
            down = down or _take_back(post)
        _count(this, ended, mine)
        _keep(this)
        if down:
            outbox.release([rest.claimed for rest in load[place + 1 :]])
            raise LineDown(down)
        if not mine:
            # Our lease was over and somebody else has taken these: nothing here is ours any more.
            log.warning("lease_lost", delivery=str(parcel.claimed.id))
            outbox.release([rest.claimed for rest in load[place + 1 :]])
            return


def _put_away(packed: Packed, token: uuid.UUID, this: Round) -> None:
    """Does with what does not go what is to be done: kept for after a pause, dropped, or given back for a while."""
    owing.keep(packed.paused, token)
    owing.leave_out(packed.left_out, token)
    this.dropped += outbox.drop(packed.untrue, Why.UNTRUE)
    this.dropped += outbox.drop(packed.unwanted, Why.UNWANTED)
    this.dropped += outbox.drop(packed.merged, Why.MERGED)
    outbox.release(packed.undecided, UNDECIDED)
    outbox.release(packed.resting, RESTING)


def _not_started(parcel: Parcel, this: Round) -> None:
    """Puts away a mail that might not go: it is no longer wanted, or was paused just now. One that is wanted all the same
    goes with another claim."""
    again = Packed(unwanted=[parcel.claimed])
    if parcel.kind == Kind.DIGEST:
        again = _looked_through([parcel.claimed], this)
    _put_away(again, parcel.claimed.token, this)
    outbox.release([it.claimed for it in again.parcels])


def _refused(it: Claimed, ended: Ended) -> None:
    """A permanent refusal is the one answer that is written down before its mail is settled: a worker that does not get
    further asks again and hears the same, and a mail that is refused twice has reached nobody."""
    _surely(lambda: bouncing.refused(it.id, ended.code, ended.reply, ended.is_of_reader), "bounce_again")


def _keep(this: Round) -> None:
    """Writes down what was learnt of the line and of domains. Not before the mail that taught it is settled: a database
    that goes away in between would have it sent twice. What cannot be written now is written after the next mail."""
    try:
        if this.was_answered and not this.is_up:
            line.up()
            this.is_up = True
        this.patience.keep()
    except (OperationalError, InterfaceError) as error:
        if connection.in_atomic_block:
            raise
        log.warning("not_kept_yet", error=type(error).__name__)
        connection.close()


def _ahead(following: Parcel | None, post: Post, this: Round) -> Callable[[], None] | None:
    """What is done of the next mail while the last one is settled: all but its end, which says that it may go.
    Only where its letter is there already: to write one the database is needed."""
    if following is None or following.key not in this.written:
        return None

    def prepare() -> None:
        try:
            content = _written(following, this)
        except Exception as error:  # noqa: BLE001  (counted in its turn)
            this.ready = (following.claimed.id, error)
            return
        this.ready = (following.claimed.id, content)
        post.begin(following.reader.email, content, bouncing.return_path(following.claimed.id))

    return prepare


def _take_back(post: Post) -> str:
    """Forgets the mail that was begun and does not go; what to say of the line when that breaks it."""
    try:
        post.take_back()
    except LineDown as error:
        return str(error)
    return ""


def _written(parcel: Parcel, this: Round) -> bytes:
    """The bytes of a mail. One that takes longer to write than a step of the conversation may is given up: it would
    hold up the others for as long as our lease. Raises TookTooLong, or whatever our own code does."""
    with this.limit(settings.EMAIL_TIMEOUT):
        return assemble(this.letter(parcel), parcel.reader, parcel.claimed.id)


def _send(parcel: Parcel, post: Post, this: Round) -> Ended:
    """One mail. What our own code cannot write counts against that mail alone."""
    began = time.monotonic()
    try:
        ready, this.ready = this.ready, None
        content = ready[1] if ready and ready[0] == parcel.claimed.id else _written(parcel, this)
        if isinstance(content, Exception):
            raise content
    except Exception as error:  # noqa: BLE001  (one poison mail must not condemn its neighbours)
        if isinstance(error, TookTooLong) and not connection.in_atomic_block:
            connection.close()  # a question to the database may have been broken off in the middle
        log.error(
            "mail_not_written", delivery=str(parcel.claimed.id), error=type(error).__name__, exc_info=True
        )
        return Ended(Outcome.ERROR, None, type(error).__name__)
    ended = post.send(
        parcel.reader.email,
        content,
        bouncing.return_path(parcel.claimed.id),
        began + outbox.ON_THE_WIRE * settings.EMAIL_TIMEOUT,
    )
    this.was_answered = True
    return ended


def _settle(
    it: Claimed, ended: Ended, then: Parcel | None = None, meanwhile: Callable[[], None] | None = None
) -> tuple[bool, bool]:
    """Settles even when the database goes away for a moment: what is on the wire must not be sent again for that.

    Where the answer to a settling is lost that was done, the next one finds this mail settled and the next mail started:
    then it was ours."""
    once = [meanwhile]

    def settle() -> tuple[bool, bool]:
        return outbox.settle(it, ended, then.claimed if then else None, once.pop() if once else None)

    mine, started = _surely(settle, "settle_again")
    return mine or started, started


def _surely(verb: Callable[[], R], name: str) -> R:
    """Does something until the database has done it, for some seconds; `name` is what the log says of each failure."""
    for pause in SETTLE_PAUSES:
        try:
            return verb()
        except (OperationalError, InterfaceError) as error:
            if connection.in_atomic_block:
                raise
            log.warning(name, error=type(error).__name__)
            connection.close()
            time.sleep(pause)
    return verb()


def _mend(post: Post, said: str, broken: int) -> str:
    """Connects again after a broken conversation; what to say of the line when that fails, too, or breaks often."""
    post.close()
    if broken >= PATIENCE:
        return said
    try:
        post.open()
    except LineDown as error:
        return str(error)
    return ""


def _count(this: Round, ended: Ended, mine: bool) -> None:
    if not mine:
        return
    if ended.outcome == Outcome.SENT:
        this.sent += 1
    elif ended.outcome == Outcome.FAILED:
        this.failed += 1
    else:
        this.put_off += 1
