"""Plots as data, which bench/report/plots.py draws. Pure."""

import dataclasses
import math
from collections.abc import Sequence

from bench.report.values import MOST_LOG

LEAST_LABELS, ROOM = 2, 36  # labels, and their letters, below a plot: as many versions as have room on a phone
MOST_POINTS = 240  # a line has no more: as many as a phone's screen shows


@dataclasses.dataclass(frozen=True)
class Shape:
    """Something to draw, in data's units: a dot for one point, a line for several."""

    style: str  # classes of the style sheet
    points: tuple[tuple[float, float], ...]
    title: str = ""  # its tooltip
    closed: bool = False  # an area


@dataclasses.dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high`; `ticks` are (place, label)."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]


@dataclasses.dataclass(frozen=True)
class Chart:
    """A plot. `keys` are (style, label), for its legend."""

    title: str
    caption: str
    x_label: str
    y_label: str
    shapes: tuple[Shape, ...]
    keys: tuple[tuple[str, str], ...] = ()
    unit: str = ""  # follows every number at y
    logarithmic: bool = False  # y
    x_axis: Axis | None = None  # as far as the shapes go, at round numbers, without one


def as_percent(log_difference: float) -> float:
    """Returns a difference of logarithms in percent; one too large to hold becomes the largest that can be drawn."""
    return 100 * math.expm1(min(log_difference, MOST_LOG)) if math.isfinite(log_difference) else math.nan


def thinned(values: Sequence[float], start: int = 0) -> tuple[tuple[float, float], ...]:
    """Returns (step, mean) of at most MOST_POINTS stretches of equal length; the last may be shorter."""
    length = max(1, math.ceil(len(values) / MOST_POINTS))
    stretches = (values[index : index + length] for index in range(0, len(values), length))
    return tuple((start + index * length, math.fsum(part) / len(part)) for index, part in enumerate(stretches))


def ticks(labels: Sequence[str]) -> tuple[tuple[float, str], ...]:
    """Returns the labels below a plot of points from 1, as many as have room."""
    every = math.ceil(len(labels) / max(ROOM // max(map(len, labels)), LEAST_LABELS))
    return tuple((float(number), label) for number, label in enumerate(labels, 1))[::every]
