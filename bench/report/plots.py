"""Charts drawn by matplotlib as SVG that is part of a page: matplotlib places, the page's style sheet paints.

So nothing runs in the browser, text stays text, and colours follow the reader's theme.
"""

import dataclasses
import io
import math
import warnings
from typing import Any
from xml.etree import ElementTree

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from bench.report.charts import Chart, Shape
from bench.report.lines import one_line

INCHES = (5.2, 2.9)  # of 72 units; on a page a plot is as wide as its column, up to what the style sheet allows
TICKS = 6  # an axis has about as many
ROUND = (1, 2, 5, 10)  # what lies between two ticks, times a power of ten
MOST_LETTERS = 18  # of a tick's label: 2.22.0-dev20261101
MOST = 1e100  # on a logarithmic axis: matplotlib's margins overflow for larger numbers
FRAME = Shape("frame", ())  # matplotlib's axes and grid
SVG = "{http://www.w3.org/2000/svg}"
SETTINGS: dict[Any, Any] = {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "svg.fonttype": "none",  # text stays text
    "text.parse_math": False,  # a dollar in a name is a dollar
}
NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def svg(chart: Chart) -> Markup:
    """Returns the plot as an SVG element: the same for the same chart, whatever the user's matplotlibrc says."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        # Only the room for a missing glyph is guessed: the browser draws it.
        warnings.filterwarnings("ignore", r"Glyph .* missing from")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        figure = Figure(INCHES, frameon=False)
        axes = figure.add_subplot()
        drawn = _draw(axes, chart)
        _set_axes(axes, chart)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata=NO_METADATA)
    return Markup(
        ElementTree.tostring(_bare(ElementTree.fromstring(buffer.getvalue()), chart, drawn), encoding="unicode")
    )


def _draw(axes: Axes, chart: Chart) -> dict[str, Shape]:
    """Draws the shapes that have a place; each by the id under which its path is found."""
    axes.set_yscale("log" if chart.logarithmic else "linear")
    drawn = {}
    for number, shape in enumerate(chart.shapes):
        points = [
            (x, y)
            for x, y in shape.points
            if math.isfinite(x) and math.isfinite(y) and (1 / MOST < y < MOST or not chart.logarithmic)
        ]
        if len(points) == 1:  # a dot: a line of no length, whose wide ends are seen
            points, shape = points * 2, dataclasses.replace(shape, style=f"{shape.style} lone")
        if points:
            name = f"shape-{number}"
            if shape.closed:
                axes.add_patch(Polygon(points, gid=name, clip_on=False, in_layout=False))
            else:  # not by plot(), which takes three times as long, and a history has a dot a run
                axes.add_line(Line2D(*zip(*points, strict=True), gid=name, clip_on=False, in_layout=False))
            drawn[name] = shape
    axes.autoscale_view()
    return drawn


def _set_axes(axes: Axes, chart: Chart) -> None:
    """Sets limits, ticks and grid."""
    axes.patch.set_visible(False)
    axes.grid(axis="y")
    axes.tick_params(bottom=False, left=False)
    axes.set_xlabel(chart.x_label)
    axes.margins(x=0.0, y=0.05)
    if chart.x_axis:
        axes.set_xlim(chart.x_axis.low, chart.x_axis.high)
        axes.set_xticks([place for place, _ in chart.x_axis.ticks], [_short(label) for _, label in chart.x_axis.ticks])
    else:
        axes.xaxis.set_major_locator(MaxNLocator(TICKS, steps=ROUND, integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if chart.logarithmic:  # from one power of ten to another
        low, high = (math.log10(end) for end in axes.dataLim.intervaly) if axes.has_data() else (0.0, 1.0)
        axes.set_ylim(10.0 ** math.floor(low), 10.0 ** max(math.ceil(high), math.floor(low) + 1))
    axes.yaxis.set_major_locator(LogLocator(numticks=TICKS) if chart.logarithmic else MaxNLocator(TICKS, steps=ROUND))
    form = ".0e" if chart.logarithmic else "g"
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:{form}}{chart.unit}"))
    axes.minorticks_off()


def _short(label: str) -> str:
    shown = one_line(label)
    end = MOST_LETTERS // 2
    # Two nightlies differ at their ends.
    return shown if len(shown) <= MOST_LETTERS else f"{shown[: end - 1]}…{shown[-end:]}"


def _bare(root: Any, chart: Chart, drawn: dict[str, Shape]) -> ElementTree.Element:
    """Returns the drawing's paths and texts without ids, colours and styles; shapes with their classes and titles."""
    label = one_line(f"{chart.title}: {chart.y_label} by {chart.x_label}")
    bare = ElementTree.Element("svg", {"viewBox": root.get("viewBox"), "role": "img", "aria-label": label})
    for group in root.iter(f"{SVG}g"):
        shape = drawn.get(group.get("id"), FRAME)
        for path in group.findall(f"{SVG}path"):
            placed = ElementTree.SubElement(bare, "path", {"class": shape.style, "d": " ".join(path.get("d").split())})
            if shape.title:
                ElementTree.SubElement(placed, "title").text = one_line(shape.title)
        for text in group.findall(f"{SVG}text"):
            anchor = "end" if "text-anchor: end" in text.get("style") else "middle"
            place = {"x": text.get("x"), "y": text.get("y"), "text-anchor": anchor}
            ElementTree.SubElement(bare, "text", place).text = text.text
    return bare
