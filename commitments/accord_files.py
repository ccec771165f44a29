"""Reading an accord file: YAML with the line of every value, relative dates resolved, checked against the schema."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

SCHEMA = Path(settings.BASE_DIR) / "fixtures" / "accord.schema.json"
MAX_BYTES = 20_000_000
Path_ = tuple[str | int, ...]
_RELATIVE = re.compile(r"today(?:([+-])(\d{1,5})d)?", re.ASCII)
_RELATIVE_INSTANT = re.compile(r"now(?:([+-])(\d{1,5})([dhm]))?", re.ASCII)
_UNITS = {"d": "days", "h": "hours", "m": "minutes"}
# Keys whose values are prose: "today" is a word there, not a date.
_PROSE = {
    "title",
    "summary",
    "reason",
    "note",
    "label",
    "words",
    "about",
    "condition",
    "cautions",
    "quote",
    "text",
}


@dataclass(frozen=True, slots=True)
class FileError:
    """Something wrong in a file: the line (from 1; 0: the whole file), the field, the rule."""

    line: int
    field: str
    message: str

    def __str__(self) -> str:
        said = self.message if self.field == "file" else f"{self.field}: {self.message}"
        return f"line {self.line}: {said}" if self.line else said


class BadFile(Exception):
    """A file that cannot be loaded, with every error that was found; nothing was changed."""

    def __init__(self, *errors: FileError) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = errors


class AccordFile:
    """A parsed file: `data`, and the line of every path in it."""

    def __init__(self, data: dict[str, Any], lines: dict[Path_, int]) -> None:
        self.data = data
        self.lines = lines

    def line(self, path: Path_) -> int:
        """The line of a path, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 0)

    def error(self, path: Path_, message: str) -> FileError:
        """An error at a path, named the way a reader of the file finds it."""
        return FileError(self.line(path), self.name(path), message)

    def name(self, path: Path_) -> str:
        """A path in words: list items by their code or key where they have one."""
        parts: list[str] = []
        here: Any = self.data
        for step in path:
            try:
                here = here[step]
            except (KeyError, IndexError, TypeError):
                here = None
            if isinstance(step, int):
                label = here.get("code") or here.get("key") if isinstance(here, dict) else None
                parts[-1:] = [f"{parts[-1] if parts else ''}[{label or step + 1}]"]
            else:
                parts.append(step)
        return ".".join(parts) or "file"


def read(path: Path) -> AccordFile:
    """Parses a file; raises BadFile naming line and rule. Dates stay as written until `resolve`."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadFile(FileError(0, "file", f"{path}: {error.strerror or error}")) from None
    if len(raw) > MAX_BYTES:
        raise BadFile(FileError(0, "file", f"{path} is larger than {MAX_BYTES:,} bytes."))
    try:
        text = raw.decode("utf-8")
        loader = yaml.CSafeLoader(text) if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader(text)
        node = loader.get_single_node()
    except UnicodeDecodeError as error:
        raise BadFile(FileError(0, "file", f"{path} is not UTF-8 (byte {error.start}).")) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise BadFile(FileError(line, "YAML", error.problem or "cannot be read")) from None
    except yaml.YAMLError as error:
        raise BadFile(FileError(0, "YAML", str(error))) from None
    lines: dict[Path_, int] = {}
    data = _build(node, (), lines, set())
    if not isinstance(data, dict):
        raise BadFile(
            FileError(1, "file", "An accord file is a mapping with format, accord, commitments and so on.")
        )
    return AccordFile(data, lines)


def _build(node: yaml.Node | None, path: Path_, lines: dict[Path_, int], seen: set[int]) -> Any:
    if node is None:
        return None
    line = node.start_mark.line + 1
    lines[path] = line
    if len(path) > 20:
        raise BadFile(FileError(line, "YAML", "nested more than 20 levels deep"))
    if not isinstance(node, yaml.ScalarNode):
        if id(node) in seen:
            raise BadFile(FileError(line, "YAML", "anchors and aliases are not used in accord files"))
        seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            key_line = key_node.start_mark.line + 1
            if key in found:
                raise BadFile(FileError(key_line, key, "stands twice in the same mapping"))
            found[key] = _build(value_node, (*path, key), lines, seen)
            lines[(*path, key)] = key_line
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, (*path, index), lines, seen) for index, item in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode)
    if "\x00" in node.value:
        raise BadFile(FileError(line, "YAML", "a text with a NUL character cannot be kept"))
    if node.tag.endswith(":null"):
        return None
    if node.tag.endswith(":bool"):
        return node.value.lower() in {"true", "yes", "on"}
    if node.tag.endswith(":int"):
        try:
            return int(node.value)
        except ValueError:
            return node.value
    # Dates and decimals stay the text they are written as.
    return node.value


def resolve(value: Any, today: date, now: datetime, key: str = "") -> Any:
    """The value with `today`, `today-40d`, `now-3h` replaced by ISO dates and instants, everywhere but in prose."""
    if isinstance(value, dict):
        return {name: resolve(item, today, now, name) for name, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, today, now, key) for item in value]
    if not isinstance(value, str) or key in _PROSE:
        return value
    if value.startswith("now"):
        return _relative_instant(value, now)
    if "today" in value:
        parts = value.split("/")
        if all(_RELATIVE.fullmatch(part) or not part.startswith("today") for part in parts):
            return "/".join(_relative(part, today) for part in parts)
    return value


def _relative(text: str, today: date) -> str:
    found = _RELATIVE.fullmatch(text)
    if found is None:
        return text
    days = int(found[2] or 0) * (-1 if found[1] == "-" else 1)
    return (today + timedelta(days=days)).isoformat()


def _relative_instant(text: str, now: datetime) -> str:
    found = _RELATIVE_INSTANT.fullmatch(text)
    if found is None:
        return text
    length = timedelta(**{_UNITS[found[3] or "d"]: int(found[2] or 0)})
    instant = now - length if found[1] == "-" else now + length
    return instant.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("day", raises=ValueError)
def _is_day(value: object) -> bool:
    return not isinstance(value, str) or bool(date.fromisoformat(value))


@_FORMATS.checks("instant", raises=ValueError)
def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def _schema() -> Any:
    """The schema as it holds once relative dates are resolved: what is left of them is an error."""
    text = SCHEMA.read_text(encoding="utf-8")
    return json.loads(text.replace("|today([+-][0-9]{1,5}d)?", "").replace("|now([+-][0-9]{1,5}[dhm])?", ""))


def check(file: AccordFile) -> None:
    """Raises BadFile with every place that breaks the schema, line and field first."""
    found = sorted(
        Draft202012Validator(_schema(), format_checker=_FORMATS).iter_errors(file.data),
        key=lambda error: (file.line(tuple(error.absolute_path)), str(error.message)),
    )
    errors = []
    for error in found[:50]:
        best = error
        while best.context:
            # In a choice of forms, the form that got furthest is the one that was meant.
            best = max(best.context, key=lambda inner: len(inner.absolute_path))
        errors.append(file.error(tuple(best.absolute_path), _rule(best)))
    if errors:
        raise BadFile(*errors)


def _rule(error: ValidationError) -> str:
    """What is wrong, in words: a form is told by its description, not by its pattern."""
    said = error.schema.get("description") if isinstance(error.schema, dict) else None
    if error.validator in {"pattern", "format"} and said:
        return f"{str(error.instance)[:80]!r} is not of this form: {said}"
    return error.message[:300]
