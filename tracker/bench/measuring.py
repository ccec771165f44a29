"""Figures and how they are taken: alternating runs, medians, one line each with its goal."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the answer. `is_met` None: a figure without a goal."""

    what: str
    value: str
    goal: str = ""
    is_met: bool | None = None

    def __str__(self) -> str:
        verdict = "" if self.is_met is None else ("met" if self.is_met else "SHORT")
        return f"{self.what:<58} {self.value:>18}   {self.goal:<14} {verdict}".rstrip()


def seconds(work: Callable[[], object]) -> float:
    """How long it takes, in seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def alternating(runs: int, pairs: Sequence[tuple[Callable[[], object], Callable[[], object]]]) -> list[float]:
    """The median seconds of each piece of work; `pairs` hold what prepares it (untimed) and the work itself."""
    taken: list[list[float]] = [[] for _pair in pairs]
    for _run in range(runs):
        for times, (prepare, work) in zip(taken, pairs, strict=True):
            prepare()
            times.append(seconds(work))
    return [statistics.median(times) for times in taken]


def ratio(what: str, value: float, goal: float, at_most: bool = True) -> Figure:
    """A ratio against its goal."""
    sign = "<=" if at_most else ">="
    return Figure(what, f"{value:.2f}x", f"{sign} {goal:g}x", value <= goal if at_most else value >= goal)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
