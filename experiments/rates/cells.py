"""The runs that are asked for: tfgate's commands, and what is changed in the candidate."""

import dataclasses
import math
from collections.abc import Mapping

from bench.judge.metrics import MEMORY_GROWTH, ONE_CORE_STEP_TIME, PEAK_MEMORY, STEP_TIME
from bench.record.types import DEFAULT_WORKLOAD
from bench.stats.outcome import Outcome
from lm.workloads.registry import names, workload

TRACE = "trace"
BUDGETS = {"rebuild": 15}  # minutes of a workload whose launches take longer than those of others
# Of injected/sized.py, by the metric that shows it.
FAULTS = {
    ONE_CORE_STEP_TIME: "slower-by",
    STEP_TIME: "slower-by",
    PEAK_MEMORY: "larger-by",
    MEMORY_GROWTH: "growing-by",
    TRACE: "tracing-by",
}
# At most this share of runs has a wrong verdict (docs/error-rates.md), by the margins by which the candidate is worse.
PROMISED = {
    0: {Outcome.REGRESSION: 0.01},
    1: {Outcome.PASS: 0.05, Outcome.REGRESSION: 0.025},
    2: {Outcome.PASS: 0.001},
}


@dataclasses.dataclass(frozen=True)
class Cell:
    """Runs of one command."""

    command: str
    runs: int
    metric: str = ""  # that is changed, and judged alone; "": nothing is
    config: str = "tiny"
    margins: int = 0  # by which it is changed
    releases: tuple[str, str] | None = None  # that are compared; None: two copies of one environment

    @property
    def key(self) -> str:
        """Returns what tells it from the others."""
        return " ".join([self.command, *(self.releases or ()), *([f"+{self.margins}"] if self.margins else [])])

    def change(self, margin: float) -> float:
        """Returns the change that is injected, in the unit of the margin. That of a ratio is so many margins of its
        logarithm, as it is judged; a step time's is a multiple of the fraction, since runs of it were measured so.
        """
        if self.metric in (PEAK_MEMORY, TRACE):
            return math.expm1(self.margins * math.log1p(margin))
        return self.margins * margin

    def fault(self, margin: float) -> str:
        """Returns the name of what is injected (tests/faults/hook/injected/sized.py).

        Busy work slows tiny's step by more than its own time, and not always by as much (experiments/notes.md). At one
        margin either verdict is wrong, so the change must be the margin: there its clock runs fast instead.
        """
        return f"{'clock-by' if self.by_clock else FAULTS[self.metric]}-{self.change(margin):.3f}"

    @property
    def by_clock(self) -> bool:
        """Tells whether the candidate's clock runs fast: at one margin, but for notebook's step time, whose runs are
        older.
        """
        return self.margins == 1 and (self.metric, self.config) != (STEP_TIME, "notebook")

    @property
    def is_exact(self) -> bool:
        """Tells whether all runs have the same change: none, or a clock's."""
        return not self.releases and (not self.margins or self.by_clock)

    @property
    def right(self) -> Outcome | None:
        """Returns the right outcome; None where nobody knows, and at one margin, where two are wrong."""
        if self.releases or self.margins == 1:
            return None
        return Outcome.REGRESSION if self.margins else Outcome.PASS

    @property
    def wrong(self) -> Mapping[Outcome, float]:
        """Returns the outcomes that must be rare, each with the share that is promised; none where nobody knows."""
        return {} if self.releases else PROMISED[self.margins]


def _changed(metric: str, config: str, runs: Mapping[int, int]) -> list[Cell]:
    """Returns the cells of one metric, with the runs of each number of margins."""
    return [Cell(f"--config {config} --metric {metric!r}", count, metric, config, by) for by, count in runs.items()]


def _workloads(runs: int, releases: tuple[str, str] | None = None) -> list[Cell]:
    """Returns a cell of each workload but the default one."""
    found = [name for name in names() if name != DEFAULT_WORKLOAD and "tiny" in workload(name).plans]
    return [
        Cell(f"--workload {name} --config tiny --budget {BUDGETS.get(name, 4)}", runs, releases=releases)
        for name in found
    ]


STEPS = [
    *_changed(ONE_CORE_STEP_TIME, "tiny", {0: 30, 1: 10, 2: 30}),
    *_changed(ONE_CORE_STEP_TIME, "notebook", {0: 20, 1: 4, 2: 20}),
    *_changed(STEP_TIME, "tiny", {1: 10, 2: 10}),
    *_changed(STEP_TIME, "notebook", {0: 20, 1: 4, 2: 20}),
]
OTHERS = [cell for metric in (PEAK_MEMORY, MEMORY_GROWTH, TRACE) for cell in _changed(metric, "tiny", {2: 5})]
# So many runs without a false alarm bound its rate at 1%: 0.99^299 is 5%. The nightly measures some each night, from
# the 41st on.
BOUNDED = Cell("--config tiny", 299)
WHOLE = [
    BOUNDED,
    Cell("--config notebook", 12),
    Cell("--config small", 3),
    *(Cell(f"--config tiny --implementation {name}", 5) for name in ("layers", "fused")),
    Cell("--config tiny --corpus ptb", 3),
]
PAIRS = [("2.15.1", "2.16.2"), ("2.20.0", "2.21.0")]
# In the order in which the first run of each is measured.
CELLS = [*STEPS, *_workloads(5), *(cell for pair in PAIRS for cell in _workloads(1, pair)), *OTHERS, *WHOLE]


def copies(margins: int) -> list[Cell]:
    """Returns the cells that compare two copies of one environment, of which the candidate is so many margins worse."""
    return [cell for cell in CELLS if cell.margins == margins and not cell.releases]
