"""Charts drawn on the server: plain numbers for the lines of an SVG; every one has a table twin on its page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from commitments.counting import Point, points
from commitments.spoken_dates import day_in_words

# The drawing in its own units; the labels at the right end stand in the margin.
WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 36, 496, 16, 208
LABEL_STEP = 18


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its class, its path, and the label at its end."""

    name: str
    label: str
    value: str
    path: str
    end: float
    label_y: float


@dataclass(frozen=True, slots=True)
class Course:
    """The burn-up: lines from the signature to the day asked for, marks of the years, and marks of the height."""

    title: str
    description: str
    lines: tuple[Line, ...]
    years: tuple[tuple[float, str], ...]
    heights: tuple[tuple[float, str], ...]
    first_day: str
    last_day: str
    rows: tuple[tuple[str, int, int, int, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = RIGHT
    top: int = TOP
    bottom: int = BOTTOM


def figure(quarters: int) -> str:
    """Quarters as a number in the reader's way of writing: 3.25, 3,25."""
    return number_format(points(quarters))


def burn_up(series: Sequence[Point]) -> Course | None:
    """The chart of a course; None for fewer than two days, or when nothing counts."""
    most = max((point.counted for point in series), default=0)
    if len(series) < 2 or not most:
        return None
    step = (RIGHT - LEFT) / (len(series) - 1)

    def x(place: int) -> float:
        return round(LEFT + step * place, 1)

    def y(value: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * value / most, 1)

    kinds: tuple[tuple[str, str, Callable[[Point], float], Callable[[Point], str]], ...] = (
        ("counted", _("count"), lambda point: point.counted, lambda point: f"{point.counted}"),
        ("assessed", _("judged"), lambda point: point.assessed, lambda point: f"{point.assessed}"),
        ("progress", _("progress"), lambda point: point.quarters / 4, lambda point: figure(point.quarters)),
        (
            "fulfilled",
            _("fully fulfilled"),
            lambda point: point.fulfilled,
            lambda point: f"{point.fulfilled}",
        ),
    )
    ends = {name: y(value(series[-1])) for name, _label, value, _said in kinds}
    places = _apart(ends)
    lines = tuple(
        Line(
            name=name,
            label=label,
            value=said(series[-1]),
            path="M" + " L".join(f"{x(place)},{y(value(point))}" for place, point in enumerate(series)),
            end=ends[name],
            label_y=places[name],
        )
        for name, label, value, said in kinds
    )
    first, last = series[0], series[-1]
    words: dict[str, Any] = {
        "first": day_in_words(first.on),
        "last": day_in_words(last.on),
        "counted": last.counted,
        "assessed": last.assessed,
        "progress": figure(last.quarters),
        "fulfilled": last.fulfilled,
    }
    return Course(
        title=_("How far it has come, month by month"),
        description=_(
            "From %(first)s to %(last)s. On the last day %(counted)s commitments count; %(assessed)s of them are "
            "judged, progress stands at %(progress)s, and %(fulfilled)s are fully fulfilled. The table has every month."
        )
        % words,
        lines=lines,
        years=tuple(
            (x(place), f"{point.on.year + 1}")
            for place, point in enumerate(series[:-1])
            # The days at both ends of the axis need their room.
            if point.on.month == 12 and x(place) - LEFT > 120 and RIGHT - x(place) > 160
        ),
        heights=tuple((y(value), f"{value}") for value in sorted({0, most})),
        first_day=words["first"],
        last_day=words["last"],
        rows=tuple(
            (day_in_words(point.on), point.counted, point.assessed, point.fulfilled, figure(point.quarters))
            for point in reversed(series)
        ),
    )


def _apart(ends: dict[str, float]) -> dict[str, float]:
    """Places for the labels near the ends of their lines, from the bottom up, none upon another."""
    places: dict[str, float] = {}
    free = float(BOTTOM + 4)
    for name, end in sorted(ends.items(), key=lambda item: -item[1]):
        places[name] = min(end + 4, free)
        free = places[name] - LABEL_STEP
    lift = min(places.values()) - TOP
    # Four labels always fit: should the highest leave the drawing, all of them move down together.
    return {name: place - lift if lift < 0 else place for name, place in places.items()}
