"""Measures what the harness adds to a step's time: the step times of a session, next to those of a bare loop.

PYTHONPATH=. python -m experiments.harness [CONFIG [QUADS]], in an environment with TensorFlow. Batches are made, and
times kept, outside both; what is left inside is the reading of two clocks.
"""

import argparse
import math
import statistics
import sys
import time
from collections.abc import Sequence

from bench.drive.plan import Plan
from bench.measure.session import Session
from bench.measure.worker import drain

BLOCK_STEPS = {"tiny": 40, "notebook": 4}


def reported(session: Session, count: int) -> float:
    """Returns the mean seconds of the next steps, as a session tells them."""
    return statistics.fmean(drain(session.steps(count)).seconds)


def bare(session: Session, count: int) -> float:
    """Returns the mean seconds of as many steps in a loop that does nothing else, by one clock read twice."""
    batches = [session.work.prepare(session._next_step + step) for step in range(count)]
    started = time.perf_counter()
    for batch in batches:
        float(session.trainer.train_step(*batch).loss)
    session._next_step += count
    return (time.perf_counter() - started) / count


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the ratio with its standard error."""
    parser = argparse.ArgumentParser(prog="python -m experiments.harness", description=__doc__)
    parser.add_argument("config", nargs="?", choices=tuple(BLOCK_STEPS), default="tiny")
    parser.add_argument("quads", nargs="?", type=int, default=60)
    options = parser.parse_args(arguments)
    config, quads = options.config, options.quads
    count = BLOCK_STEPS[config]
    session = Session()
    session.open(**Plan(config, 0).opening(jitter=0))
    drain(session.steps(10))
    ratios, own = [], []
    for number in range(quads):
        order = (reported, bare, bare, reported) if number % 2 == 0 else (bare, reported, reported, bare)
        seconds: dict[object, list[float]] = {reported: [], bare: []}
        for way in order:
            seconds[way].append(way(session, count))
        ratios.append(
            statistics.fmean(map(math.log, seconds[reported])) - statistics.fmean(map(math.log, seconds[bare]))
        )
        own += seconds[bare]
    error = statistics.stdev(ratios) / math.sqrt(quads)
    print(
        f"{config}: a step of {1000 * statistics.median(own):.2f} ms; "
        f"as reported {statistics.fmean(ratios):+.2%} ± {error:.2%} of it"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
