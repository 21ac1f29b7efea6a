"""Reports over time as a page: a trend plot for each metric, with its changes, its anchor and its margin; and as lines for a terminal."""

import dataclasses
import math
from collections.abc import Sequence

from bench.judge.history import PROVEN, Change, Drift, Point, Series, outcome
from bench.judge.types import percent
from bench.report.charts import MOST_POINTS, Axis, Chart, Shape, as_percent, thinned
from bench.report.formats.html import rendered
from bench.report.tables import NOTHING, Cell, Table
from bench.stats.outcome import Outcome

LEAST_LABELS, ROOM = 2, 36  # labels, and their letters, below a plot: as many versions as have room on a phone


@dataclasses.dataclass(frozen=True)
class Trend:
    """A series and its plot."""

    series: Series
    chart: Chart


def history_page(series: Sequence[Series], reports: int, warnings: Sequence[str]) -> str:
    """The page; series whose newest report is worse than the anchor stand first."""
    ordered = sorted(series, key=lambda each: not each.worse)
    trends = [Trend(each, _chart(each)) for each in ordered]
    values = {
        "word": outcome(series).value,
        "trends": trends,
        "table": _table(ordered),
        "reports": reports,
        "warnings": warnings,
    }
    values["proven"] = [metric for metric in PROVEN if any(each.key.metric == metric for each in series)]
    return rendered("history.html", **values, findings=[line for each in ordered for line in findings(each)])


def findings(series: Series) -> list[str]:
    """What is to be said of a series, a line each; nothing of one that stands where it stood."""
    name = f"{series.key.metric} of {series.key.subject} against {series.key.reference}"
    lines = []
    if series.drift and series.drift.beyond:
        lines.append(f"{name}: {_drifted(series, series.drift)}")
    lines += [f"{name}: {_changed(series, change)}" for change in series.changes if change.worse]
    if series.drift and series.outcome is Outcome.CANNOT_JUDGE and series.key.metric in PROVEN:
        lines.append(f"{name}: {_unproven(series, series.drift)}")
    if series.noise is None:
        lines.append(f"{name}: not judged: {len(series.points)} reports can't tell how reports differ")
    elif series.anchor is None:
        lines.append(f"{name}: not judged: the anchor has no such value")
    return lines


def _drifted(series: Series, drift: Drift) -> str:
    bad = f", ever since {_named(series.points[drift.first])}" if drift.first is not None else ""
    return f"{percent(drift.difference)} since the anchor, certainly more than {percent(series.margin)}{bad}"


def _unproven(series: Series, drift: Drift) -> str:
    noise = percent(series.noise or 0.0).lstrip("+")
    return f"{percent(drift.difference)} since the anchor, with a noise of {noise} a report: {percent(series.margin)} can't be excluded"


def _changed(series: Series, change: Change) -> str:
    return f"{percent(change.difference)} with {_named(series.points[change.first])}, and every report of that level"


def _named(point: Point) -> str:
    return f"{point.report} (TensorFlow {point.tensorflow}, {point.created})"


def _chart(series: Series) -> Chart:
    """Percent off the anchor, by report; off the oldest without one."""
    points, machines = series.points, _machines(series)
    anchor, origin = (points[0].value, "oldest report") if series.anchor is None else (series.anchor, "anchor")
    values = [as_percent(point.value - anchor) for point in points]
    ends = (1.0, float(len(points)))
    shapes = [
        Shape("reference thin", tuple((x, 0.0) for x in ends), origin),
        Shape("margin", tuple((x, as_percent(series.margin)) for x in ends), f"margin {percent(series.margin)}"),
        Shape("candidate thin", thinned(values, start=1)),
    ]
    if len(points) <= MOST_POINTS:
        shapes += [
            Shape("candidate dot small", ((number, value),), f"{_named(point)}: {percent(point.value - anchor)}")
            for number, (point, value) in enumerate(zip(points, values, strict=True), 1)
        ]
    low, high = min(0.0, *values), max(as_percent(series.margin), *values)
    shapes += [
        Shape("change", ((change.first + 0.5, low), (change.first + 0.5, high)), _changed(series, change))
        for change in series.changes
    ]
    keys = (("reference thin", origin), ("margin", f"margin {percent(series.margin)}"), ("change", "change of level"))
    labels = [point.tensorflow or str(number) for number, point in enumerate(points, 1)]
    every = math.ceil(len(points) / max(ROOM // max(map(len, labels)), LEAST_LABELS))
    ticks = tuple(enumerate(labels, 1))[::every]
    return Chart(
        title=f"{series.key.metric} of {series.key.subject}",
        caption=f"against {series.key.reference}, {len(points)} reports, {machines} machine{'' if machines == 1 else 's'}",
        x_label="report, by its TensorFlow",
        y_label=f"off the {origin}",
        shapes=tuple(shapes),
        keys=keys,
        unit="%",
        x_axis=Axis(0.5, len(points) + 0.5, ticks),
    )


def _table(series: Sequence[Series]) -> Table:
    measured = ("reports", "machines", "since the anchor", "margin", "noise of a report", "outcome", "changes of level")
    headers = ("subject", "reference", "metric", *measured)
    return Table("Series", headers, tuple(_row(each) for each in series))


def _row(series: Series) -> tuple[Cell, ...]:
    difference = None if series.anchor is None else series.points[-1].value - series.anchor
    word = series.outcome.value if series.outcome else "not judged"
    return (
        Cell(series.key.subject),
        Cell(series.key.reference),
        Cell(series.key.metric),
        Cell(str(len(series.points)), len(series.points)),
        Cell(str(_machines(series)), _machines(series)),
        Cell(percent(difference), difference) if difference is not None else Cell(NOTHING),
        Cell(percent(series.margin), series.margin),
        Cell(percent(series.noise).lstrip("+"), series.noise) if series.noise is not None else Cell(NOTHING),
        Cell(word),
        Cell(
            "; ".join(
                f"{percent(change.difference)} with {series.points[change.first].report}" for change in series.changes
            )
            or NOTHING
        ),
    )


def _machines(series: Series) -> int:
    return len({point.machine for point in series.points})
