"""What calls say: an event in the standard's envelope, a message for a chat room, a test ping."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import structlog
from django.db import InterfaceError, OperationalError
from django.utils import translation

from commitments import wire
from commitments.models import Event
from notifications.call_box import Held, Taken
from notifications.channels import chat, webhook
from notifications.models import CallKind, Format

Item = TypeVar("Item")
Made = TypeVar("Made")
log = structlog.get_logger(__name__)


def apart(
    make: Callable[[Sequence[Item]], Mapping[Item, Made]], items: Sequence[Item]
) -> dict[Item, Made | Exception]:
    """What is made of many at once. Where that fails it is done by halves: what fails alone gets its own error, and
    takes nobody with it. The database being away is nobody's fault, and is raised."""
    try:
        return {**make(items)}
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        if len(items) > 1:
            half = len(items) // 2
            return {**apart(make, items[:half]), **apart(make, items[half:])}
        log.error("call_not_written", about=str(items[0]), error=type(error).__name__, exc_info=True)
        return {items[0]: error}


class Bodies:
    """The bodies of one round: what many endpoints get in the same words is read and written once."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, str, str], bytes | Exception] = {}

    def write(self, calls: Iterable[tuple[Taken, Held]]) -> None:
        """Writes what these calls say, as far as it is not written yet."""
        wanted: dict[tuple[str, str], set[int]] = defaultdict(set)
        for call, held in calls:
            if call.number is not None and (call.number, held.language, held.format) not in self._made:
                wanted[(held.language, held.format)].add(call.number)
        for (language, form), numbers in wanted.items():
            writer = _messages(language) if form == Format.CHAT else _envelopes(language)
            for number, body in apart(writer, sorted(numbers)).items():
                self._made[(number, language, form)] = body

    def of(self, call: Taken, held: Held) -> bytes | Exception:
        """The body of a call that was written, or why it could not be."""
        if call.kind == CallKind.PING or call.number is None:
            return ping(held.format, held.language)
        return self._made.get((call.number, held.language, held.format), LookupError(call.number))


def _envelopes(language: str) -> Callable[[Sequence[int]], dict[int, bytes]]:
    def write(numbers: Sequence[int]) -> dict[int, bytes]:
        found = {}
        with translation.override(language):
            for row in wire.events(Event.objects.filter(pk__in=numbers)):
                at = row["at"].astimezone(UTC).isoformat().replace("+00:00", "Z")
                found[row["seq"]] = webhook.envelope(row["kind"], at, row)
        return found

    return write


def _messages(language: str) -> Callable[[Sequence[int]], dict[int, bytes]]:
    def write(numbers: Sequence[int]) -> dict[int, bytes]:
        events = Event.objects.filter(pk__in=numbers).select_related("accord", "commitment")
        return {event.seq: chat.message(event, language) for event in events}

    return write


def of_event(event: Event, form: str, language: str) -> bytes:
    """What a call about an event says now, in a format and language. Raises whatever writing it does."""
    return (_messages(language) if form == Format.CHAT else _envelopes(language))([event.seq])[event.seq]


def ping(form: str, language: str) -> bytes:
    """What a test ping says."""
    if form == Format.CHAT:
        return chat.ping(language)
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return webhook.envelope("ping", at, {})
