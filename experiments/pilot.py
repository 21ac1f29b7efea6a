"""Measures launches with nothing changed, by the product's own code, to set the margins (docs/protocol.md).

python -m experiments.pilot --python COPY --python COPY… [--launches N] measures what experiments/data/pilot.json lacks
of this kind of host, a launch of each configuration (or of those of `--config`) and kind in turn, and adds each when it
is over: it can be stopped and started again. The interpreters are those of copies of one environment (copied, not
linked); each launch draws two. `--table` prints the table, with the launches of experiments/placement.py that are like
those of a run, and what it costs a side to be first.

A margin is at least twice the deviation of launches plus what they are off by, on the worst host, rounded up to a
multiple of 0.5%: then an A/A run passes and twice the margin is a REGRESSION in few launches (docs/statistics.md). For
a finer margin, and more launches, it is applied to means of several.
"""

import argparse
import dataclasses
import itertools
import math
import random
import statistics
from collections.abc import Sequence
from pathlib import Path

from bench.commands.plans import pair_plans
from bench.commands.stored import baselines_folder
from bench.drive.lock import host_lock
from bench.drive.plan import Plan
from bench.judge.margins import read_margins
from bench.judge.metrics import EVALUATION_STEP, MEAN_STEP, NAMES, ONE_CORE_STEP_TIME, PEAK_MEMORY, STEP_TIME
from bench.judge.samples import samples_of
from bench.machine import this_machine
from bench.record.files import read_record, write_record
from bench.record.paired import ALL_CORES, CANDIDATE, ONE_CORE, REFERENCE
from bench.record.types import SCHEMA, Machine
from experiments import markdown
from experiments.placement import CONFIG as PLACED
from experiments.placement import EACH, Batch, launched
from experiments.placement import read_store as read_placement

STORE = Path(__file__).parent / "data" / "pilot.json"
CONFIGS = ("tiny", "notebook", "small")
JITTER = 40_000  # of the first launch: no other launch has these initial weights
STEP = 0.005  # margins are multiples of it
LEAST_COPIES = 6  # of the environment: what an installation does to speed is part of what launches deviate by
# Launches in the means to which the rule is applied, by metric and configuration: notebook's on one core are short.
MEANS_OF = {(ONE_CORE_STEP_TIME, "notebook"): 3}
STEP_TIMES = {ALL_CORES: STEP_TIME, ONE_CORE: ONE_CORE_STEP_TIME}
METRICS = (
    *(ONE_CORE_STEP_TIME, STEP_TIME, MEAN_STEP, EVALUATION_STEP, PEAK_MEMORY),
    *("cpu time", "import", "build", "trace", "first step"),
)


@dataclasses.dataclass(frozen=True)
class Launched:
    """A launch of two copies of one environment."""

    config: str
    cores: str  # kind of launch
    number: int
    machine: Machine
    copies: tuple[int, ...]  # of the reference and the candidate
    first: str  # the side that was first
    seconds: float
    values: dict[str, float]  # candidate − reference by metric, on the metric's scale
    reads_anew: bool = False  # as runs do (PairPlan): the first launches of one core had libraries as they were found


@dataclasses.dataclass(frozen=True)
class Store:
    """Every launch so far."""

    schema: int
    launches: tuple[Launched, ...]


@dataclasses.dataclass(frozen=True)
class Spread:
    """The launches of one metric, configuration and host."""

    config: str
    metric: str
    host: str
    launches: int
    deviation: float  # as the mean, of logarithms of ratios
    mean: float

    @property
    def means_of(self) -> int:
        """Returns the launches in the means to which the rule is applied."""
        return MEANS_OF.get((self.metric, self.config), 1)

    @property
    def least_margin(self) -> float:
        """Returns twice the deviation of means plus what the mean is off by, as a ratio, rounded up to a multiple of
        STEP.
        """
        deviation = self.deviation / math.sqrt(self.means_of)
        return STEP * math.ceil(math.expm1(2 * deviation + abs(self.mean)) / STEP)


def spreads(store: Store, metrics: Sequence[str], batches: Sequence[Batch] = ()) -> list[Spread]:
    """Returns the spread of each metric that launches tell, and batches of placement, by configuration and host."""
    groups: dict[tuple[str, str, str], list[float]] = {}
    for one in store.launches:
        for metric in metrics:
            if metric in one.values:
                key = one.config, metric, _found_host(one)
                groups.setdefault(key, []).append(one.values[metric])
    for batch in batches:
        if batch.kind == EACH:
            groups.setdefault((PLACED, ONE_CORE_STEP_TIME, _host(batch.machine)), []).extend(batch.values)
    return [
        Spread(*key, len(values), statistics.stdev(values), statistics.fmean(values))
        for key, values in groups.items()
        if len(values) > 1
    ]


def first_sides(store: Store) -> list[str]:
    """Returns a line for each step time, configuration and host: how much longer the side takes that is first.

    That is half of what launches with the candidate first differ by from those with the reference first. Groups with
    fewer than two launches of either are left out.
    """
    groups: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    for one in store.launches:
        metric = STEP_TIMES[one.cores]
        if metric in one.values:
            group = groups.setdefault((metric, one.config, _found_host(one)), {REFERENCE: [], CANDIDATE: []})
            group[one.first].append(one.values[metric])
    lines = []
    for key, group in groups.items():
        reference, candidate = group[REFERENCE], group[CANDIDATE]
        if min(len(reference), len(candidate)) > 1:
            effect = (statistics.fmean(candidate) - statistics.fmean(reference)) / 2
            error = math.sqrt(sum(statistics.variance(side) / len(side) for side in (reference, candidate))) / 2
            counts = f"{len(reference)} and {len(candidate)} launches"
            lines.append(f"- {', '.join(key)}: {effect:+.2%} ± {error:.2%} ({counts})")
    return lines


def _found_host(one: Launched) -> str:
    """Returns the host, and whether a launch on one core had libraries as they were found."""
    return _host(one.machine) + (", libraries as found" if one.cores == ONE_CORE and not one.reads_anew else "")


def _host(machine: Machine) -> str:
    return f"{machine.cpu_model}, {machine.cores} cores"


def measure(pythons: Sequence[str], configs: Sequence[str], launches: int) -> None:
    """Measures the launches of this kind of host that the store lacks; the first of all cells first."""
    plans = {config: pair_plans(Plan(config, 1), NAMES)[0] for config in configs}
    for number, config, kind in itertools.product(range(launches), configs, (ALL_CORES, ONE_CORE)):
        store = read_store()
        if (config, kind, number) in _measured_here(store):
            continue
        plan = plans[config][kind]
        draw = random.Random(f"{config} {kind} {number}")
        copies = draw.sample(range(len(pythons)), 2)
        with host_lock():
            pair = launched(plan, [pythons[copy] for copy in copies], number, JITTER + number, f"{config}, ")
        samples = samples_of([pair], read_margins(baselines_folder(None) / "margins.toml"))
        values = {one.metric.name: round(value, 7) for one in samples if (value := one.difference[0]) is not None}
        found = Launched(
            config=config,
            cores=kind,
            number=number,
            machine=pair.reference.machine,
            copies=tuple(copies),
            first=pair.first,
            seconds=round(pair.seconds, 1),
            values=values,
            reads_anew=plan.pinned is not None and plan.reads_anew,
        )
        write_record(STORE, dataclasses.replace(store, launches=(*store.launches, found)), replace=True)
        print(
            f"{config}, {kind}, launch {number + 1}: {100 * values.get(STEP_TIMES[kind], math.nan):+.2f}%", flush=True
        )


def read_store() -> Store:
    """Returns the launches so far; none where there is no file."""
    return read_record(Store, STORE) if STORE.exists() else Store(SCHEMA, ())


def table(store: Store, batches: Sequence[Batch] = ()) -> str:
    """Returns the table of docs/protocol.md."""
    rows = [
        [
            *(one.metric, one.config, one.host, one.launches, f"{one.deviation:.2%}", _mean(one)),
            *(one.means_of, f"{one.least_margin:.1%}"),
        ]
        for one in spreads(store, METRICS, batches)
    ]
    headers = ["metric", "configuration", "host", "launches", "deviation", "mean ± its error", "of", "least margin"]
    return markdown.table(rows, headers)


def _mean(one: Spread) -> str:
    return f"{one.mean:+.2%} ± {one.deviation / math.sqrt(one.launches):.2%}"


def _measured_here(store: Store) -> set[tuple[str, str, int]]:
    """Returns (configuration, kind, number) of the launches of this kind of host."""
    here = this_machine()
    return {(one.config, one.cores, one.number) for one in store.launches if one.machine == here}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, or prints the table."""
    parser = argparse.ArgumentParser(prog="python -m experiments.pilot", description=__doc__)
    parser.add_argument("--python", action="append", default=[], metavar="INTERPRETER")
    parser.add_argument("--config", action="append", choices=CONFIGS, help="one or more; default: all")
    parser.add_argument("--launches", type=int, default=30, metavar="N")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args(arguments)
    if options.table:
        print(table(read_store(), read_placement().batches), "", *first_sides(read_store()), sep="\n")
    elif len(options.python) < LEAST_COPIES:
        parser.error(f"{len(options.python)} copies are too few: name at least {LEAST_COPIES} interpreters")
    else:
        measure(options.python, options.config or CONFIGS, options.launches)


if __name__ == "__main__":
    main()
