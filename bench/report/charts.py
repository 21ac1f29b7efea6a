"""Numbers to plots that a template draws: scales, ticks and SVG paths, in percent of the plot's width and height. Pure.

Why not a plotting library: plotly's script alone is 4.5 MB, and static images scale their text down with the page. Here only the
paths are SVG (stretched, with strokes that keep their width), ticks and labels are HTML: text stays readable at any width, colours
follow the page's theme, and nothing runs in the browser.
"""

import dataclasses
import math
from collections.abc import Iterable, Sequence

Points = Sequence[tuple[float, float]]

TICKS = 5  # about as many as a plot has
MOST_POINTS = 240  # a line has no more: as many as a phone's screen shows
FLOOR = 1e-12  # what a logarithmic axis shows for 0
MOST_LOG = 20.0  # a difference of logarithms beyond it is drawn at it


@dataclasses.dataclass(frozen=True)
class Shape:
    """Something to draw, in data's units."""

    style: str  # a class of the style sheet
    points: tuple[tuple[float, float], ...]
    title: str = ""  # what a pointer at it, or a screen reader, is told
    closed: bool = False  # an area


@dataclasses.dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    percent: float
    label: str


@dataclasses.dataclass(frozen=True)
class Mark:
    """An SVG path of a plot that is 100 × 100."""

    style: str
    path: str
    title: str


@dataclasses.dataclass(frozen=True)
class Chart:
    """A plot, ready to be drawn. `keys` are (style, label)."""

    title: str
    caption: str
    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    keys: tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class Scale:
    """An axis from `low` to `high`."""

    low: float
    high: float
    logarithmic: bool = False

    def percent(self, value: float) -> float:
        """Where a value lies, from 0 at `low` to 100 at `high`; what lies outside is moved to the edge."""
        if self.logarithmic:
            part = math.log(max(value, FLOOR) / self.low) / math.log(self.high / self.low)
        else:
            part = (value - self.low) / (self.high - self.low)
        return 100 * min(max(part, 0.0), 1.0)

    def ticks(self, unit: str = "") -> tuple[Tick, ...]:
        """Round values within the axis, with their labels."""
        return tuple(Tick(self.percent(value), f"{value:g}{unit}") for value in self._round_values())

    def _round_values(self) -> list[float]:
        if self.logarithmic:
            exponents = range(math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9) + 1)
            return [float(f"1e{exponent}") for exponent in exponents[:: max(1, math.ceil(len(exponents) / TICKS))]]
        step = round_step((self.high - self.low) / TICKS)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [float(f"{count * step:.10g}") for count in range(first, last + 1)]


def round_step(rough: float) -> float:
    """The smallest of 1, 2, 5 × a power of ten that is at least `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))


def linear(values: Iterable[float], room: float = 0.05) -> Scale:
    """A scale that holds all finite values, with some room at either end; from 0 to 1 without any."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    margin = room * (high - low) or abs(low) * room or 0.5
    return Scale(low - margin, high + margin)


def logarithmic(values: Iterable[float]) -> Scale:
    """A scale from one power of ten to another that holds all finite values above 0."""
    finite = [max(value, FLOOR) for value in values if math.isfinite(value)]
    low = math.floor(math.log10(min(finite, default=FLOOR)))
    high = math.ceil(math.log10(max(finite, default=1.0)))
    return Scale(10.0**low, 10.0 ** max(high, low + 1), logarithmic=True)


def chart(
    title: str,
    caption: str,
    axes: tuple[str, str],
    shapes: Sequence[Shape],
    keys: Sequence[tuple[str, str]] = (),
    *,
    unit: str = "",
    log: bool = False,
    x_scale: Scale | None = None,
    x_ticks: tuple[Tick, ...] | None = None,
) -> Chart:
    """A plot of shapes; `axes` are the labels of x and y, `unit` follows every number at y."""
    points = [point for shape in shapes for point in shape.points]
    x = x_scale or linear((x for x, _ in points), room=0.0)
    y = (logarithmic if log else linear)(y for _, y in points)
    marks = tuple(Mark(shape.style, _path(shape, x, y), shape.title) for shape in shapes)
    return Chart(title, caption, *axes, x.ticks() if x_ticks is None else x_ticks, y.ticks(unit), marks, tuple(keys))


def as_percent(log_difference: float) -> float:
    """A difference of logarithms in percent; one too large to hold is shown as the largest that can be drawn."""
    return 100 * math.expm1(min(log_difference, MOST_LOG)) if math.isfinite(log_difference) else math.nan


def thinned(values: Sequence[float], start: int = 0) -> tuple[tuple[float, float], ...]:
    """(step, mean) of at most MOST_POINTS stretches of equal length; the last may be shorter."""
    length = max(1, math.ceil(len(values) / MOST_POINTS))
    stretches = (values[index : index + length] for index in range(0, len(values), length))
    return tuple((start + index * length, math.fsum(part) / len(part)) for index, part in enumerate(stretches))


def _path(shape: Shape, x: Scale, y: Scale) -> str:
    finite = [point for point in shape.points if all(map(math.isfinite, point))]
    placed = [f"{x.percent(across):.2f} {100 - y.percent(up):.2f}" for across, up in finite]
    if len(placed) == 1:
        return f"M{placed[0]}h0"  # a dot: a line of no length, with round or square ends
    return f"M{'L'.join(placed)}{'Z' if shape.closed else ''}" if placed else ""
