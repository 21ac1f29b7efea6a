"""Plots of a survey: each metric against the fixed reference, release by release, with its confidence band."""

import itertools
from collections.abc import Iterator

from bench.judge.survey import Chapter, Point, Series, series_of
from bench.judge.types import Direction, Metric, Scale, Unit
from bench.report import values
from bench.report.charts import Axis, Chart, Shape, as_percent, ticks
from bench.stats.series import Change

BAND = "95% CI"
UNITS = {Unit.BYTES_PER_STEP: (1 / values.KIBIBYTE, " KiB")}  # of a metric that isn't compared as a ratio


def drift_charts(chapter: Chapter, reference: str) -> list[Chart]:
    """Returns a plot for each metric that was compared with the fixed reference in two releases or more."""
    return [_chart(series, chapter, reference) for series in series_of(chapter, reference)]


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


def _chart(series: Series, chapter: Chapter, reference: str) -> Chart:
    metric, labels = series.metric, [row.release for row in chapter.rows]
    ends = (0.5, len(labels) + 0.5)
    shapes = [Shape("reference thin", tuple((x, 0.0) for x in ends), reference)]
    keys = [("reference thin", reference)]
    if any(point.interval for point in series.points):
        shapes, keys = [*_bands(series), *shapes], [("envelope", BAND), *keys]
    if metric.margin:
        sides = (1, -1) if metric.direction is Direction.EQUAL else (1,)
        margins = (tuple((x, _height(side * metric.margin, metric)) for x in ends) for side in sides)
        shapes += [Shape("margin", line, f"margin {values.margin(metric)}") for line in margins]
        keys.append(("margin", f"margin {values.margin(metric)}"))
    line = tuple((point.place + 1, _height(point.difference, metric)) for point in series.points)
    shapes.append(Shape("candidate thin", line))
    shapes += [
        Shape("candidate dot small", (place,), f"{labels[point.place]}: {_told(point, metric)}")
        for place, point in zip(line, series.points, strict=True)
    ]
    heights = [y for shape in shapes for _, y in shape.points]
    for place, change in series.changes:
        step = ((place + 0.5, min(heights)), (place + 0.5, max(heights)))
        shapes.append(Shape("change", step, _changed(metric, labels[place], change)))
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


def _bands(series: Series) -> Iterator[Shape]:
    """Yields the area between the bounds of each run of neighbouring releases: one that has no point ends it. It has no
    width at the reference itself and at what is equal to it.
    """
    for _, run in itertools.groupby(enumerate(series.points), lambda one: one[1].place - one[0]):
        points = [point for _, point in run]
        bounds = [(one.interval.low, one.interval.high) if one.interval else (0.0, 0.0) for one in points]
        low, high = (
            [(one.place + 1, _height(end, series.metric)) for one, end in zip(points, ends, strict=True)]
            for ends in zip(*bounds, strict=True)
        )
        yield Shape("envelope", (*low, *reversed(high)), BAND, closed=True)


def _told(point: Point, metric: Metric) -> str:
    """Returns a difference with its bounds, where it has some."""
    found, told = point.interval, values.difference(point.difference, metric)
    if not found:
        return told
    return f"{told} ({BAND} {values.difference(found.low, metric)} to {values.difference(found.high, metric)})"


def _height(value: float, metric: Metric) -> float:
    """Returns where a difference on the metric's scale is drawn."""
    return as_percent(value) if metric.scale is Scale.LOG else value * UNITS.get(metric.unit, (1, ""))[0]
