"""Putting a defect into a process of the product: each names what it changes, and says so loudly when that is gone."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import Any

DEFECTS: dict[str, Callable[[], None]] = {}


def defect(function: Callable[[], None]) -> Callable[[], None]:
    """Enters a defect under its function's name."""
    DEFECTS[function.__name__] = function
    return function


def room(name: str) -> Any:
    """A module of the product, to be changed."""
    return importlib.import_module(name)


def swap(place: Any, name: str, new: Any) -> None:
    """Puts something else where `place` has `name`. Raises AttributeError when nothing of this name is there, TypeError
    when it is called in another way by now: a defect that breaks the product in every respect would prove nothing."""
    old = getattr(place, name)
    if inspect.isroutine(old):
        given = inspect.signature(old).parameters.values()
        places = [it.name for it in given if it.kind in (it.POSITIONAL_ONLY, it.POSITIONAL_OR_KEYWORD)]
        words = {it.name: None for it in given if it.kind is it.KEYWORD_ONLY}
        inspect.signature(new).bind(*places, **words)
        if inspect.isfunction(new):
            new.__signature__ = inspect.signature(old)  # type: ignore[attr-defined]  # for whoever swaps it again
    setattr(place, name, new)


def reword(place: Any, name: str, old: str, new: str) -> None:
    """Puts other words into a statement; raises ValueError when it does not say the old ones."""
    said = getattr(place, name)
    if old not in said:
        raise ValueError(f"{place.__name__}.{name} does not say {old!r}")
    setattr(place, name, said.replace(old, new))
