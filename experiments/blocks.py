"""Measures how long a paired launch's blocks should be: the table of docs/upgrade.md.

python -m experiments.blocks --python INTERPRETER [--launches N]: one environment on both sides, equal steps for every
design, one launch of each design after another; two minutes a launch.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence

from bench.drive.lock import host_lock
from bench.drive.pair import Blocks, PairPlan, measure_pair
from bench.drive.plan import Plan
from bench.judge.quads import quad_log_ratio
from bench.record.paired import CANDIDATE, REFERENCE, Pair, Side
from bench.stats.spread import spread
from bench.stats.trimmed import launch_summary

DESIGNS = [  # configuration, quads, steps of a block
    ("notebook", 20, 2),
    ("notebook", 10, 4),
    ("notebook", 5, 8),
    ("tiny", 12, 20),
    ("tiny", 6, 40),
    ("tiny", 3, 80),
]
Design = tuple[str, int, int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, and prints the table's rows."""
    parser = argparse.ArgumentParser(prog="python -m experiments.blocks", description=__doc__)
    parser.add_argument("--python", default=sys.executable, metavar="INTERPRETER")
    parser.add_argument("--launches", type=int, default=5, metavar="N")
    options = parser.parse_args(arguments)
    side = Side(options.python, options.python, {})
    measured: dict[Design, list[Pair]] = {design: [] for design in DESIGNS}
    with host_lock():
        for launch in range(options.launches):
            for design in DESIGNS:
                config, quads, steps = design
                dropped = steps // 4 if steps < 20 else steps // 10
                plan = PairPlan.of(Plan(config, 1), Blocks(quads, steps, dropped, 1, steps))
                measured[design].append(measure_pair(plan, launch, launch, launch, {REFERENCE: side, CANDIDATE: side}))
    for (config, _, steps), pairs in measured.items():
        launches = [[quad_log_ratio(quad) for quad in pair.steps] for pair in pairs]
        parts = spread(launches)
        assert parts is not None
        first = [
            value if pair.first == CANDIDATE else -value
            for pair, value in zip(pairs, map(launch_summary, launches), strict=True)
        ]
        cells = (
            config,
            steps,
            f"{parts.summary_deviation:.2%}",
            f"{parts.quad_deviation:.1%}",
            f"{statistics.fmean(first):+.2%}",
        )
        print("| " + " | ".join(map(str, cells)) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
