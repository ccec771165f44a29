"""What a write may say: the fields of a body with their rules, read strictly, described for the contract by themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import orjson
from django.utils.translation import gettext as _

from tracker.kit.localized import LANGUAGES

LARGEST = 64 * 1024
DEEPEST = 6
MOST_ITEMS = 50
PROSE = 20_000
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
# RFC 3339: the zone is part of an instant.
INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})", re.ASCII)
SHOWN = 80


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a body: the path of the field, the rule, and what is allowed."""

    name: str
    reason: str
    allowed: Sequence[str] | None = None


class BadBody(Exception):
    """A body breaks rules of its form; carries every fault that was found."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(" ".join(fault.reason for fault in faults))
        self.faults = faults


Reader = Callable[[str, Any], Any]
Shape = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One member of a body: how its value is read (raises BadBody), how it is described, and what stands without it."""

    name: str
    read: Reader
    shape: Shape
    is_required: bool = False
    without: Any = None


def _fault(name: str, reason: str, allowed: Sequence[str] | None = None) -> BadBody:
    return BadBody(Fault(name, reason, allowed))


def text(name: str, longest: int = PROSE, meaning: str = "", *, required: bool = False) -> Field:
    """A text of so many characters at most; empty without it."""

    def read(path: str, value: Any) -> str:
        if not isinstance(value, str):
            raise _fault(path, _("Give a text."))
        if len(value) > longest:
            raise _fault(path, _("At most %(most)s characters are possible.") % {"most": longest})
        if required and not value.strip():
            raise _fault(path, _("This field is required."))
        return value

    least = {"minLength": 1} if required else {}
    return Field(name, read, _shape("string", meaning, **least, maxLength=longest), required, "")


def word(name: str, words: Sequence[str], meaning: str = "", *, required: bool = False) -> Field:
    """One coded word; None without it."""

    def read(path: str, value: Any) -> str:
        if not isinstance(value, str) or value not in words:
            shown = value[:SHOWN] if isinstance(value, str) else json.dumps(value)[:SHOWN]
            raise _fault(path, _("“%(value)s” is not known.") % {"value": shown}, list(words))
        return value

    return Field(name, read, _shape("string", meaning, enum=list(words)), required)


def day(name: str, meaning: str = "", *, required: bool = False) -> Field:
    """A calendar date."""

    def read(path: str, value: Any) -> date:
        try:
            if isinstance(value, str) and DAY.fullmatch(value):
                return date.fromisoformat(value)
        except ValueError:
            pass
        raise _fault(path, _("Give a day of the calendar."), ["YYYY-MM-DD"])

    return Field(name, read, _shape("string", meaning, format="date"), required)


def instant(name: str, meaning: str = "", *, required: bool = False) -> Field:
    """An instant with its time zone; read in UTC."""

    def read(path: str, value: Any) -> datetime:
        try:
            if isinstance(value, str) and INSTANT.fullmatch(value):
                return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise _fault(path, _("Give an instant with its time zone."), ["YYYY-MM-DDThh:mm:ssZ"])

    return Field(name, read, _shape("string", meaning, format="date-time"), required)


def flag(name: str, meaning: str = "") -> Field:
    """Yes or no; no without it."""

    def read(path: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise _fault(path, _("Give true or false."), ["true", "false"])
        return value

    return Field(name, read, _shape("boolean", meaning), without=False)


def many(name: str, of: Field, meaning: str = "") -> Field:
    """A list of at most fifty; empty without it."""

    def read(path: str, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise _fault(path, _("Give a list."))
        if len(value) > MOST_ITEMS:
            raise _fault(path, _("At most %(most)s values are possible.") % {"most": MOST_ITEMS})
        found: list[Any] = []
        faults: list[Fault] = []
        for place, item in enumerate(value):
            try:
                found.append(of.read(f"{path}[{place}]", item))
            except BadBody as error:
                faults += error.faults
        if faults:
            raise BadBody(*faults)
        return found

    return Field(name, read, _shape("array", meaning, items=of.shape, maxItems=MOST_ITEMS), without=())


def number(name: str = "") -> Field:
    """The number of a row of a commitment: 1 to 9999."""

    def read(path: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 9999:
            raise _fault(path, _("Give a whole number."), ["1..9999"])
        return value

    return Field(name, read, _shape("integer", "", minimum=1, maximum=9999))


def texts(name: str, longest: int, meaning: str = "", *, required: bool = False) -> Field:
    """A text in several languages, by language."""
    members = [text(code, longest) for code in LANGUAGES]
    return group(name, members, meaning, required=required)


def group(name: str, members: Sequence[Field], meaning: str = "", *, required: bool = False) -> Field:
    """An object with members of its own."""

    def within(path: str, value: Any) -> Mapping[str, Any]:
        return read_members(members, value, f"{path}.")

    return Field(name, within, shape_of(members, meaning), required)


def _shape(kind: str, meaning: str, **more: Any) -> Shape:
    return {"type": kind, **({"description": meaning} if meaning else {}), **more}


def shape_of(members: Sequence[Field], meaning: str = "") -> Shape:
    """The JSON Schema of an object with these members and no others."""
    wanted = [member.name for member in members if member.is_required]
    return {
        **_shape("object", meaning),
        "properties": {member.name: member.shape for member in members},
        **({"required": wanted} if wanted else {}),
        "additionalProperties": False,
    }


def read_members(members: Sequence[Field], value: Any, above: str = "") -> dict[str, Any]:
    """Every member with its value, or with what stands without it; raises BadBody with all that is wrong."""
    if not isinstance(value, dict):
        raise _fault(above.rstrip(".") or "body", _("Give an object."))
    known = {member.name: member for member in members}
    faults = [
        Fault(f"{above}{name[:SHOWN]}", _("There is no such field here."), sorted(known))
        for name in value
        if name not in known
    ]
    found: dict[str, Any] = {}
    for member in members:
        if member.name not in value:
            found[member.name] = member.without
            if member.is_required:
                faults.append(Fault(f"{above}{member.name}", _("This field is required.")))
            continue
        try:
            found[member.name] = member.read(f"{above}{member.name}", value[member.name])
        except BadBody as error:
            faults += error.faults
    if faults:
        raise BadBody(*faults)
    return found


def parse(body: bytes) -> Any:
    """The JSON of a body; an empty body is an empty object.

    Raises BadBody for what RFC 8259 does not know (NaN, broken UTF-8, half a surrogate pair), for a name that is
    given twice, for U+0000, which no column can hold, and for what is nested too deeply.
    """
    if not body.strip():
        return {}
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _fault(
            "body", _("This is no JSON (line %(line)s, column %(column)s).")
            % {"line": error.lineno, "column": error.colno},
        ) from None  # fmt: skip
    _look_through(found, "", 1)
    twice: list[str] = []

    def pairs(members: list[tuple[str, Any]]) -> None:
        names = [name for name, _value in members]
        twice.extend(name for name in names if names.count(name) > 1)

    # What the first parser has accepted and measured, read again for its names; numbers stay texts.
    json.loads(body, object_pairs_hook=pairs, parse_int=str, parse_float=str)
    if twice:
        raise BadBody(*(Fault(name[:SHOWN], _("Give it once.")) for name in dict.fromkeys(twice)))
    return found


def _look_through(value: Any, path: str, depth: int) -> None:
    if depth > DEEPEST:
        raise _fault(path or "body", _("It is nested more deeply than %(most)s levels.") % {"most": DEEPEST})
    if isinstance(value, str) and "\0" in value:
        raise _fault(path or "body", _("A text cannot hold U+0000."))
    if isinstance(value, dict):
        for name, item in value.items():
            if "\0" in name:
                raise _fault(path or "body", _("A text cannot hold U+0000."))
            _look_through(item, f"{path}.{name[:SHOWN]}" if path else name[:SHOWN], depth + 1)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            _look_through(item, f"{path}[{place}]", depth + 1)
