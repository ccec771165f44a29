"""Writing an accord file: YAML for people and for differences between versions, the same bytes for the same data.

UTF-8, 110 columns where a blank allows a break, a text in quotes only where YAML would read it as something else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

COLUMNS = 110
# Begins like a word of any script, and has nothing in it that YAML gives a meaning.
_PLAIN = re.compile(
    r"[^\W\d_](?:[^:#\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|:(?=[^\s,])|(?<=\S)#)*"
)
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
_UNSAFE = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_FLOW = set(",[]{}&*!|>'\"%@`?")


def is_plain(text: str) -> bool:
    """Whether YAML reads the bare text back as this very text."""
    return (
        _PLAIN.fullmatch(text) is not None
        and text.lower() not in _WORDS
        and not text.endswith((" ", "\u00a0"))
        and "  " not in text
    )


def quoted(text: str) -> str:
    """The text in double quotes: JSON's escapes are YAML's, too."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def scalar(value: Any, *, in_row: bool = False) -> str:
    """One value on one line, as an item of a [row] where said; raises TypeError for what a file cannot hold."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        raise TypeError(f"an accord file cannot hold a {type(value).__name__}")
    if is_plain(value) and not (in_row and _FLOW & set(value)):
        return value
    return quoted(value)


def _folded(value: Any, depth: int, used: int) -> str:
    """A scalar, broken at single blanks where it is too long; YAML reads each break as a blank."""
    whole = scalar(value)
    if used + len(whole) <= COLUMNS or "  " in whole:
        return whole
    pad = "  " * depth
    lines: list[str] = []
    line, start = "", used
    for word in whole.split(" "):
        if line and start + len(line) + 1 + len(word) > COLUMNS:
            lines.append(line)
            line, start = word, len(pad)
        else:
            line = f"{line} {word}" if line else word
    return f"\n{pad}".join([*lines, line])


def _of_mapping(value: Mapping[str, Any], depth: int) -> Iterator[str]:
    for key, item in value.items():
        label = f"{'  ' * depth}{scalar(key)}:"
        if isinstance(item, list) and not any(isinstance(one, dict | list) for one in item):
            row = f"{label} [{', '.join(scalar(one, in_row=True) for one in item)}]"
            if len(row) <= COLUMNS:
                yield row
                continue
        if isinstance(item, dict | list) and item:
            yield label
            yield from _of_mapping(item, depth + 1) if isinstance(item, dict) else _of_list(item, depth + 1)
        elif isinstance(item, dict | list):
            yield f"{label} {'{}' if isinstance(item, dict) else '[]'}"
        else:
            yield f"{label} {_folded(item, depth + 1, len(label) + 1)}"


def _of_list(value: Sequence[Any], depth: int) -> Iterator[str]:
    mark = f"{'  ' * depth}- "
    for item in value:
        if isinstance(item, dict | list) and item:
            inner = _of_mapping(item, depth + 1) if isinstance(item, dict) else _of_list(item, depth + 1)
            yield mark + next(inner)[len(mark) :]
            yield from inner
        elif isinstance(item, dict | list):
            yield mark + ("{}" if isinstance(item, dict) else "[]")
        else:
            yield mark + _folded(item, depth + 1, len(mark))


def text_of(data: Mapping[str, Any], *, heading: Sequence[str] = ()) -> Iterator[str]:
    """The file in pieces, each ending with a line break: comment lines first, then the parts of the mapping.

    An empty line stands between the parts, and between the entries of a list whose entries are long.
    """
    for line in heading:
        yield f"# {line}\n"
    for key, item in data.items():
        is_long = isinstance(item, list) and bool(item) and isinstance(item[0], dict) and len(item[0]) > 4
        if not is_long:
            lead = "" if key == "format" else "\n"
            yield lead + "".join(f"{line}\n" for line in _of_mapping({key: item}, 0))
            continue
        yield f"\n{scalar(key)}:\n"
        for index, entry in enumerate(item):
            yield ("\n" if index else "") + "".join(f"{line}\n" for line in _of_list([entry], 1))
