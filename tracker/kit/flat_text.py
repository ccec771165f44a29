"""Texts of other people made fit for one line, or for a letter: nothing in them that moves or hides what stands beside."""

from __future__ import annotations

import re

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_CONTROL_BUT_BREAKS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
# Embeddings, overrides and isolates: one that is not closed turns round all that follows.
_TURNS = re.compile(r"[\u202a-\u202e\u2066-\u2069]")


def one_line(text: str, limit: int = 180) -> str:
    """A text that can stand in a header: no control characters, no line breaks, cut to `limit` characters."""
    flat = " ".join(CONTROL.sub(" ", _TURNS.sub("", text)).split())
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def harmless(text: str) -> str:
    """The text with its line breaks, without the other control characters and what turns its direction round."""
    return _CONTROL_BUT_BREAKS.sub(" ", _TURNS.sub("", text))


def tidy(text: str) -> str:
    """A harmless text without what templates leave behind: blank ends of lines, more than one empty line."""
    lines = "\n".join(harmless(line).rstrip() for line in text.strip().splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines) + "\n"
