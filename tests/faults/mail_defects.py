"""The broken twins of the outbox and of mails; see putting_in.py and broken.py."""

from __future__ import annotations

import re
import uuid
import zlib
from collections.abc import Sequence
from typing import Any

from tests.faults.putting_in import defect, reword, room, swap


@defect
def marks_before_it_sends() -> None:
    """Each mail is settled as sent, then sent: a worker killed in between loses it."""
    delivering = room("notifications.delivering")
    outbox = room("notifications.outbox")
    from notifications.models import Outcome
    from notifications.outbox import Ended

    send, settle = delivering._send, outbox.settle

    def send_after_settling(parcel: Any, *rest: Any) -> Any:
        settle(parcel.claimed, Ended(Outcome.SENT, 250))
        return send(parcel, *rest)

    def start_the_next(it: Any, ended: Any, then: Any = None, _meanwhile: Any = None) -> tuple[bool, bool]:
        return True, bool(then and outbox.start(then))

    swap(delivering, "_send", send_after_settling)
    swap(outbox, "settle", start_the_next)


@defect
def settles_by_the_batch() -> None:
    """Mails are settled together at the end of a batch: a kill sends the whole batch again."""
    delivering = room("notifications.delivering")
    outbox = room("notifications.outbox")

    carry, settle = delivering._carry, outbox.settle
    put_off: list[tuple[Any, Any]] = []

    def later(it: Any, ended: Any, then: Any = None, _meanwhile: Any = None) -> tuple[bool, bool]:
        put_off.append((it, ended))
        return True, bool(then and outbox.start(then))

    def carry_then_settle(*arguments: Any) -> None:
        carry(*arguments)
        while put_off:
            settle(*put_off.pop(0))

    swap(delivering, "_carry", carry_then_settle)
    swap(outbox, "settle", later)


@defect
def keeps_its_place_in_redis() -> None:
    """How far fan_out has read stands in Redis instead of a table: emptying Redis skips what was not yet read."""
    import redis
    from django.conf import settings

    from commitments.log import head

    fanning = room("notifications.fanning")
    from notifications.models import Bookmark

    path = settings.REDIS_URL.removeprefix("redis+socket://").split("?")[0]
    fan_out = fanning.fan_out

    def by_redis(seconds: float = 2.0) -> int:
        with redis.Redis(unix_socket_path=path) as store:
            place = store.get("place")
            Bookmark.objects.filter(name=fanning.FAN_OUT).update(seq=int(place) if place else head().seq)
            made = int(fan_out(seconds))
            store.set("place", Bookmark.objects.get(name=fanning.FAN_OUT).seq)
            return made

    swap(fanning, "fan_out", by_redis)


@defect
def claims_nothing() -> None:
    """Workers take what is due without marking it theirs: two at once send the same."""
    from django.db import connection

    outbox = room("notifications.outbox")
    from notifications.outbox import Claimed

    def look(limit: int = 100, avoid: Sequence[str] = ()) -> list[Claimed]:
        token = uuid.UUID(int=7)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE notifications_delivery SET state = 'claimed', is_open = false, token = %s,"
                " lease_until = statement_timestamp() + interval '60 s' WHERE id IN"
                " (SELECT id FROM notifications_delivery WHERE state IN ('waiting', 'claimed') LIMIT %s) RETURNING id",
                [token, limit],
            )
            return [Claimed(row[0], token) for row in cursor.fetchall()]

    swap(outbox, "claim", look)


@defect
def asks_for_no_token() -> None:
    """Whoever has claimed goes on, however long it slept: nothing asks for token, lease or clock."""
    from django.db import connection

    delivering = room("notifications.delivering")
    outbox = room("notifications.outbox")

    carry = delivering._carry

    def start(it: Any) -> bool:
        return True

    def settle(it: Any, ended: Any, then: Any = None, _meanwhile: Any = None) -> tuple[bool, bool]:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE notifications_delivery SET state = 'sent', settled_at = statement_timestamp(), token = NULL,"
                " lease_until = NULL, started_at = NULL WHERE id = %s",
                [it.id],
            )
        return True, then is not None

    def carry_on(parcels: Any, post: Any, this: Any, _until: float, _stop: float) -> None:
        carry(parcels, post, this, float("inf"), float("inf"))

    swap(delivering, "_carry", carry_on)
    # The mail that it slept over took long: its domain would be put last.
    swap(delivering.Patience, "is_over", lambda *_arguments: False)
    swap(outbox, "start", start)
    swap(outbox, "settle", settle)


@defect
def counts_no_crashes() -> None:
    """A poison mail is taken up for ever."""
    outbox = room("notifications.outbox")

    reword(outbox, "_SETTLE", f"crashes + 1 >= {outbox.CRASHES}", "crashes + 1 >= 1000000")
    outbox.CRASHES = 10**6


@defect
def gives_each_try_a_new_id() -> None:
    """The Message-ID is made when a mail is written, not when it is owed."""
    delivering = room("notifications.delivering")

    assemble = delivering.assemble
    swap(
        delivering,
        "assemble",
        lambda letter, reader, _id, *rest: assemble(letter, reader, uuid.uuid4(), *rest),
    )


@defect
def never_doubts_the_line() -> None:
    """Every worker tries a dead mail server as often as it likes."""
    swap(room("notifications.line"), "may_try", lambda *_arguments: True)


@defect
def looks_once() -> None:
    """Whether a mail is wanted is asked when it is claimed, not when it goes."""
    outbox = room("notifications.outbox")

    for name in ("_START", "_SETTLE", "_SETTLE_PUT_OFF"):
        reword(outbox, name, outbox.STILL_WANTED, "TRUE")


@defect
def doubles_one_in_fifty() -> None:
    """One mail in fifty is sent twice, kill or no kill. Its reader and its subject say which: three of the first forty, so
    that it is never none."""
    post = room("notifications.channels.smtp").Post

    send = post.send

    def twice(self: Any, address: str, content: bytes, *rest: Any) -> Any:
        subject = re.search(rb"\nSubject: (\S+)", content)
        if subject and zlib.crc32(address.encode() + subject[1]) % 50 == 12:
            send(self, address, content, *rest)
        return send(self, address, content, *rest)

    swap(post, "send", twice)


@defect
def gives_up_at_once() -> None:
    """One crash is enough for the quarantine."""
    outbox = room("notifications.outbox")

    reword(outbox, "_SETTLE", f"crashes + 1 >= {outbox.CRASHES}", "crashes + 1 >= 1")
    outbox.CRASHES = 1


@defect
def sends_a_copy_to_the_desk() -> None:
    """Whatever goes to a stranger goes to an address of ours, too."""
    post = room("notifications.channels.smtp").Post

    send = post.send

    def to_both(self: Any, address: str, content: bytes, *rest: Any) -> Any:
        send(self, "desk@example.org", content, *rest)
        return send(self, address, content, *rest)

    swap(post, "send", to_both)
