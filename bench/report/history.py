"""Reports over time as a page, as lines and as plain data: each metric's trend, changes, fixed reference and margin."""

from collections.abc import Iterator, Sequence
from typing import Any

from bench.judge.history import PROVEN, Point, Series, outcome
from bench.record.codec import to_plain
from bench.report.charts import MOST_POINTS, Axis, Chart, Shape, as_percent, thinned, ticks
from bench.report.pages import rendered
from bench.report.tables import Cell, Table
from bench.report.values import NOTHING, Count, percent
from bench.stats.outcome import EXIT_CODES, Outcome
from bench.stats.series import LEAST_REPORTS, Change

NOT_JUDGED = "not judged"


def history_page(series: Sequence[Series], reports: int, warnings: Sequence[str]) -> str:
    """Returns the page; series whose newest report is worse than the fixed reference stand first."""
    ordered = sorted(series, key=lambda each: each.outcome is not Outcome.REGRESSION)
    return rendered(
        "history.html",
        outcome=outcome(series),
        charts=[_chart(each) for each in ordered],
        table=_table(ordered),
        reports=reports,
        warnings=warnings,
        proven=[metric for metric in PROVEN if any(each.key.metric == metric for each in series)],
        findings=[line for each in ordered for line in findings(each)],
    )


def history_json(series: Sequence[Series], reports: int, warnings: Sequence[str]) -> dict[str, Any]:
    """Returns every series with its numbers; values, margins, noise and differences are logarithms of ratios."""
    return {
        "exit_code": EXIT_CODES[outcome(series)],
        "outcome": outcome(series).value,
        "reports": reports,
        "warnings": list(warnings),
        "series": [_plain(each) for each in series],
    }


def _plain(series: Series) -> dict[str, Any]:
    found = series.key._asdict() | vars(series) | {"outcome": series.outcome.value if series.outcome else None}
    del found["key"]  # whose parts stand first
    return {name: to_plain(value) for name, value in found.items()}


def findings(series: Series) -> list[str]:
    """Returns a line for each finding about a series: its drift, its changes for the worse, or why it isn't judged."""
    name = f"{series.key.metric} of {series.key.subject} against {series.key.reference}"
    return [f"{name}: {said}" for said in _said(series)]


def _said(series: Series) -> Iterator[str]:
    drift, margin = series.drift, _margin(series)
    if drift and drift.first is not None:
        since = f"exceeds the {margin} margin, ever since {_named(series.points[drift.first])}"
        ended = "; it has ended, and what was measured since is judged in its place" if series.ended else ""
        yield f"{percent(drift.difference)} from the fixed reference: {since}{ended}"
    yield from (_changed(series, change) for change in series.changes if change.worse)
    if drift and series.outcome is Outcome.INCONCLUSIVE and series.key.metric in PROVEN:
        noise = percent(series.noise or 0.0).removeprefix("+")
        found = f"{percent(drift.difference)} from the fixed reference, with a noise of {noise} a report"
        yield f"{found}: does not exclude the {margin} margin"
    if series.noise is None:
        few = f"{Count(len(series.points)):report} can't tell the noise between reports"
        yield f"{NOT_JUDGED}: {few}, which takes {LEAST_REPORTS}"
    elif series.fixed_reference is None:
        yield f"{NOT_JUDGED}: the fixed reference has no such value"


def _changed(series: Series, change: Change) -> str:
    return f"{percent(change.difference)} from {_named(series.points[change.first])} on, to the next change"


def _margin(series: Series) -> str:
    return ("±" if series.two_sided else "") + percent(series.margin).removeprefix("+")


def _named(point: Point) -> str:
    return f"{point.report} (TensorFlow {point.tensorflow}, {point.created})"


def _chart(series: Series) -> Chart:
    """Returns percent from the fixed reference, by report; from the oldest report without one."""
    points, machines = series.points, _machines(series)
    labels = [point.tensorflow or str(number) for number, point in enumerate(points, 1)]
    origin, label = (
        (points[0].value, "oldest report")
        if series.fixed_reference is None
        else (series.fixed_reference, "fixed reference")
    )
    margin = f"margin {_margin(series)}"
    of_report = [as_percent(point.value - origin) for point in points]
    ends = (1.0, float(len(points)))
    margins = [as_percent(sign * series.margin) for sign in ((1, -1) if series.two_sided else (1,))]
    shapes = [
        Shape("reference thin", tuple((x, 0.0) for x in ends), label),
        *(Shape("margin", tuple((x, y) for x in ends), margin) for y in margins),
        Shape("candidate thin", thinned(of_report, start=1)),
    ]
    if len(points) <= MOST_POINTS:
        shapes += [
            Shape("candidate dot small", ((number, value),), f"{_named(point)}: {percent(point.value - origin)}")
            for number, (point, value) in enumerate(zip(points, of_report, strict=True), 1)
        ]
    low, high = min(0.0, *margins, *of_report), max(*margins, *of_report)
    shapes += [
        Shape("change", ((change.first + 0.5, low), (change.first + 0.5, high)), _changed(series, change))
        for change in series.changes
    ]
    return Chart(
        title=f"{series.key.metric} of {series.key.subject}",
        caption=f"against {series.key.reference}, {Count(len(points)):report}, {Count(machines):machine}",
        x_label="report, by its TensorFlow",
        y_label=f"difference from the {label}",
        shapes=tuple(shapes),
        keys=(("reference thin", label), ("margin", margin), ("change", "change of level")),
        unit="%",
        x_axis=Axis(0.5, len(points) + 0.5, ticks(labels)),
    )


def _table(series: Sequence[Series]) -> Table:
    headers = (
        *("subject", "reference", "metric", "reports", "machines", "from the fixed reference", "margin"),
        *("noise of a report", "outcome", "changes of level"),
    )
    return Table("Series", headers, tuple(map(_row, series)))


def _row(series: Series) -> tuple[Cell, ...]:
    key, points = series.key, series.points
    difference = None if series.fixed_reference is None else points[-1].value - series.fixed_reference
    changes = (f"{percent(change.difference)} with {points[change.first].report}" for change in series.changes)
    return (
        Cell(key.subject),
        Cell(key.reference),
        Cell(key.metric),
        *(Cell(str(count), count) for count in (len(points), _machines(series))),
        Cell(NOTHING if difference is None else percent(difference), difference),
        Cell(_margin(series), series.margin),
        Cell(NOTHING if series.noise is None else percent(series.noise).removeprefix("+"), series.noise),
        Cell(series.outcome.value if series.outcome else NOT_JUDGED),
        Cell("; ".join(changes) or NOTHING),
    )


def _machines(series: Series) -> int:
    return len({point.machine for point in series.points})
