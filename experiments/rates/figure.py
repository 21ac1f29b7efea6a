"""The figure of the page: verdicts by the true size of a change, predicted and measured."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.stats.outcome import Outcome
from experiments.rates.cells import CELLS
from experiments.rates.document import bounds
from experiments.rates.predictions import Curve, Point, Predictions
from experiments.rates.store import Ran, Store

OUTPUT = Path(__file__).resolve().parents[2] / "docs" / "images" / "detection.svg"
# Colour, hatch of the band and marker: Okabe and Ito's blue and orange, which differ for every reader, and on paper.
STYLES = {Outcome.REGRESSION: ("#0072b2", "///", "o"), Outcome.PASS: ("#e69f00", "...", "s")}
SETTINGS: dict[Any, Any] = {"svg.hashsalt": "tfgate", "svg.fonttype": "none", "hatch.linewidth": 0.4, "font.size": 9}


def drawn(predictions: Predictions, store: Store) -> str:
    """Returns an SVG with a panel for each curve, two in a row."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        rows = -(-len(predictions.curves) // 2)
        figure = Figure((8, 2.6 * rows), layout="constrained")
        panels = list(figure.subplots(rows, 2, squeeze=False, sharex=True, sharey=True).flat)
        for axes, curve in zip(panels, predictions.curves, strict=False):
            _panel(axes, curve, store)
        for axes in panels[len(predictions.curves) :]:
            axes.set_axis_off()
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, frameon=False)
        figure.supxlabel("size of the change, in margins")
        figure.supylabel("share of runs")
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _panel(axes: Axes, curve: Curve, store: Store) -> None:
    axes.set_title(f"{curve.metric}, {curve.config}", fontsize="medium")
    for outcome, (colour, hatch, marker) in STYLES.items():
        shares = np.array([list(point.shares[outcome.value].values()) for point in curve.points])
        sizes = [point.size for point in curve.points]
        label = f"{outcome.value}, predicted"
        axes.fill_between(sizes, shares.min(1), shares.max(1), color=colour, alpha=0.35, hatch=hatch, label=label)
        for cell in CELLS:
            if cell.key in curve.cells:
                shown = f"{outcome.value}, measured" if cell.key == next(iter(curve.cells)) else None
                _measured(axes, curve.cells[cell.key], store.of(cell), outcome, colour, marker, shown)


def _measured(
    axes: Axes, point: Point, runs: Sequence[Ran], outcome: Outcome, colour: str, marker: str, label: str | None
) -> None:
    count = sum(run.outcome == outcome.value for run in runs)
    share, (low, high) = count / len(runs), bounds(count, len(runs))
    errors = [[share - low], [high - share]]
    axes.errorbar([point.size], [share], errors, fmt=marker, color=colour, capsize=3, markersize=4, label=label)
