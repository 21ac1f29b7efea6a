"""How long a paired launch's blocks should be: the table of docs/upgrade.md.

python -m tests.figures.blocks --python INTERPRETER [--launches N]: one environment on both sides, equal steps for every design, one launch
of each design after another; eleven minutes for five launches.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence

from bench.drive.launch import Plan
from bench.drive.lock import host_lock
from bench.drive.pair import Blocks, PairPlan, measure_pair
from bench.judge.quads import launch_summary, quad_log_ratio, spread
from bench.record.paired import CANDIDATE, REFERENCE, Pair, Side

DESIGNS = {  # (configuration, steps of a block): quads
    ("notebook", 2): 28,
    ("notebook", 4): 14,
    ("notebook", 8): 7,
    ("tiny", 20): 40,
    ("tiny", 40): 20,
    ("tiny", 80): 10,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, and prints the table's rows."""
    parser = argparse.ArgumentParser(prog="python -m tests.figures.blocks", description=__doc__)
    parser.add_argument("--python", default=sys.executable, metavar="INTERPRETER")
    parser.add_argument("--launches", type=int, default=5, metavar="N")
    options = parser.parse_args(arguments)
    side = Side(options.python, options.python, {})
    measured: dict[tuple[str, int], list[Pair]] = {design: [] for design in DESIGNS}
    with host_lock():
        for launch in range(options.launches):
            for (config, steps), quads in DESIGNS.items():
                plan = PairPlan.of(Plan(config, 1), Blocks(quads, steps, 0, 1, steps))
                measured[config, steps].append(measure_pair(plan, launch, launch, {REFERENCE: side, CANDIDATE: side}))
    for (config, steps), pairs in measured.items():
        launches = [[quad_log_ratio(quad) for quad in pair.steps] for pair in pairs]
        parts = spread(launches)
        assert parts is not None
        first = [value if pair.first == CANDIDATE else -value for pair, value in zip(pairs, map(launch_summary, launches), strict=True)]
        cells = (config, steps, f"{parts.summary_deviation:.2%}", f"{parts.quad_deviation:.1%}", f"{statistics.fmean(first):+.2%}")
        print("| " + " | ".join(map(str, cells)) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
