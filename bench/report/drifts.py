"""Plots of a survey: each metric against the fixed reference, release by release, with its confidence band."""

import itertools
from collections.abc import Callable, Iterator, Sequence

from bench.judge.survey import Chapter, Point, Series, series_of
from bench.judge.types import Direction, Metric, Scale, Unit
from bench.report import values
from bench.report.charts import Axis, Chart, Shape, as_percent, ticks
from bench.stats.series import Change

BAND = "95% CI"
UNITS = {Unit.BYTES_PER_STEP: (1 / values.KIBIBYTE, " KiB")}  # of a metric that isn't compared as a ratio


def drift_charts(chapter: Chapter, reference: str) -> list[Chart]:
    """Returns a plot for each metric that was compared with the fixed reference in two releases or more."""
    labels = [row.release for row in chapter.rows]
    return [_chart(series, chapter, reference, labels) for series in series_of(chapter, reference)]


def change_lines(chapter: Chapter, reference: str) -> list[str]:
    """Returns each change of a metric's level, a line each."""
    return [
        _changed(series.metric, chapter.rows[place].release, change)
        for series in series_of(chapter, reference)
        for place, change in series.changes
    ]


def _changed(metric: Metric, release: str, change: Change) -> str:
    difference = values.difference(change.difference, metric)
    return f"{metric.name} {difference} from {release} on, to the next change"


def _chart(series: Series, chapter: Chapter, reference: str, labels: Sequence[str]) -> Chart:
    metric, scaled = series.metric, _scaled(series.metric)
    ends = (0.5, len(labels) + 0.5)
    shapes = [Shape("reference thin", tuple((x, 0.0) for x in ends), reference)]
    keys = [("reference thin", reference)]
    if any(point.interval for point in series.points):
        shapes, keys = [*_bands(series.points, scaled), *shapes], [("envelope", BAND), *keys]
    if metric.margin:
        sides = (1, -1) if metric.direction is Direction.EQUAL else (1,)
        margins = (tuple((x, scaled(side * metric.margin)) for x in ends) for side in sides)
        shapes += [Shape("margin", line, f"margin {values.margin(metric)}") for line in margins]
        keys.append(("margin", f"margin {values.margin(metric)}"))
    shapes.append(
        Shape("candidate thin", tuple((point.place + 1, scaled(point.difference)) for point in series.points))
    )
    shapes += [_dot(point, metric, labels, scaled) for point in series.points]
    heights = [y for shape in shapes for _, y in shape.points]
    for place, change in series.changes:
        line = ((place + 0.5, min(heights)), (place + 0.5, max(heights)))
        shapes.append(Shape("change", line, _changed(metric, labels[place], change)))
    return Chart(
        title=metric.name,
        caption=chapter.name,
        x_label="release",
        y_label=f"difference from {reference}",
        shapes=tuple(shapes),
        keys=(*keys, *([("change", "change of level")] if series.changes else [])),
        unit="%" if metric.scale is Scale.LOG else UNITS.get(metric.unit, (1, ""))[1],
        x_axis=Axis(*ends, ticks(labels)),
    )


def _bands(points: Sequence[Point], scaled: Callable[[float], float]) -> Iterator[Shape]:
    """Yields the area between the bounds of each run of neighbouring releases: one that has no point ends it. It has no
    width at the reference itself and at what is equal to it.
    """
    for _, run in itertools.groupby(enumerate(points), lambda one: one[1].place - one[0]):
        yield _band([point for _, point in run], scaled)


def _band(points: Sequence[Point], scaled: Callable[[float], float]) -> Shape:
    edges = [
        (point.place + 1, *((point.interval.low, point.interval.high) if point.interval else (0.0, 0.0)))
        for point in points
    ]
    low = tuple((x, scaled(bound)) for x, bound, _ in edges)
    high = tuple((x, scaled(bound)) for x, _, bound in reversed(edges))
    return Shape("envelope", (*low, *high), BAND, closed=True)


def _dot(point: Point, metric: Metric, labels: Sequence[str], scaled: Callable[[float], float]) -> Shape:
    found = point.interval
    bounds = (
        f" ({BAND} {values.difference(found.low, metric)} to {values.difference(found.high, metric)})" if found else ""
    )
    title = f"{labels[point.place]}: {values.difference(point.difference, metric)}{bounds}"
    return Shape("candidate dot small", ((point.place + 1, scaled(point.difference)),), title)


def _scaled(metric: Metric) -> Callable[[float], float]:
    if metric.scale is Scale.LOG:
        return as_percent
    factor = UNITS.get(metric.unit, (1, ""))[0]
    return lambda value: factor * value
