"""What the gate says of step time when the machine itself may have changed: prints the table of docs/statistics.md, "The yardstick".

python -m tests.figures.hosts [RUNS]. Each run is four launches against three sessions of four, on margins of 50%. Sessions deviate by 6%,
TensorFlow's step and the yardstick's apart, and launches within them by 2%.
"""

import math
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.judge.margins import read_margins
from bench.judge.speed import judge_speed
from bench.judge.types import Outcome
from tests.bench.samples import baseline, record, session

MARGINS = Path(__file__).resolve().parents[2] / "baselines" / "margins.toml"
BETWEEN, WITHIN = 0.06, 0.02
SESSIONS, LAUNCHES = 3, 4
# What happens: how much longer the candidate's TensorFlow takes, and how much longer the host's yardstick and step.
CASES = [
    ("nothing", 1.0, 1.0, 1.0),
    ("another host, as measured: NumPy 1.35, TensorFlow 1.88 times as long", 1.0, 1.35, 1.88),
    ("a host on which all takes 0.7 times as long", 1.0, 0.7, 0.7),
    ("TensorFlow 2 times as slow", 2.0, 1.0, 1.0),
    ("TensorFlow 3 times as slow", 3.0, 1.0, 1.0),
    ("TensorFlow 2 times as slow, on a host that takes 0.6 times as long", 2.0, 0.6, 0.6),
    ("TensorFlow 2 times as slow, on a host as the measured one the other way round (NumPy 0.74, TensorFlow 0.53)", 2.0, 0.74, 0.53),
    ("TensorFlow 10 times as slow, on a host that takes 1.35 times as long", 10.0, 1.35, 1.35),
]
SHOWN = (Outcome.PASS, Outcome.REGRESSION, Outcome.CANNOT_JUDGE)


def outcomes(slower: float, yardstick: float, step: float, runs: int, *, told: bool) -> Counter[Outcome]:
    """Of runs whose records hold the yardstick (`told`), or don't."""
    random, margins = np.random.default_rng(0), read_margins(MARGINS)
    found: Counter[Outcome] = Counter()
    for _ in range(runs):
        draws = [[_seconds(random, scale) for scale in (0.04, 0.08)] for _ in range(SESSIONS)]
        sessions = [session(steps, day, yardsticks=beside if told else None) for day, (steps, beside) in enumerate(draws, start=1)]
        steps, beside = _seconds(random, 0.04 * slower * step), _seconds(random, 0.08 * yardstick)
        launches = [
            record(step_seconds=seconds, launch=number, yardstick_seconds=beside[number] if told else 0.08)
            for number, seconds in enumerate(steps)
        ]
        found[judge_speed(launches, baseline(sessions=sessions), margins).outcome] += 1
    return found


def _seconds(random: np.random.Generator, typical: float) -> list[float]:
    """A session's launches."""
    level = math.log(typical) + random.normal(0.0, BETWEEN)
    return [math.exp(level + deviation) for deviation in random.normal(0.0, WITHIN, LAUNCHES)]


def main(arguments: Sequence[str]) -> None:
    runs = int(arguments[0]) if arguments else 10_000
    print("| what happens | PASS / REGRESSION / CANNOT JUDGE | without the yardstick |\n| --- | --- | --- |")
    for name, slower, yardstick, step in CASES:
        sides = (outcomes(slower, yardstick, step, runs, told=told) for told in (True, False))
        print(f"| {name} | " + " | ".join(" / ".join(f"{found[outcome] / runs:.1%}" for outcome in SHOWN) for found in sides) + " |")


if __name__ == "__main__":
    main(sys.argv[1:])
