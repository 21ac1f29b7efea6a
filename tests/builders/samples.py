"""Samples made of numbers, for the tests of what the judge makes of launches."""

import dataclasses
import math
from collections.abc import Sequence

from bench.judge.metrics import REPLICATES
from bench.judge.types import Direction, Estimator, Metric, Sample, Scale, Unit

MARGIN = math.log1p(0.05)
SECONDS = Metric("time", Unit.SECONDS, Direction.LOWER, Estimator.VALUE, margin=MARGIN)
SHOWN = dataclasses.replace(SECONDS, gates=False)
BYTES = Metric("growth", Unit.BYTES_PER_STEP, Direction.LOWER, Estimator.VALUE, Scale.LINEAR, 5.0)
EITHER_WAY = dataclasses.replace(REPLICATES, margin=MARGIN)
NOISE = (0.002, -0.002, -0.001, 0.001)  # mean 0, deviation 0.18%: bounds 0.18%/√4 × 1.23 × 6.16 = 0.69% and 0.52% away


def sample(values: Sequence[float | None], metric: Metric = SECONDS, *, accepted: float = 0.0) -> Sample:
    """Launches whose reference's value is 0 on the metric's scale: 1 second, or 0 bytes."""
    candidate = tuple(None if value is None else value + accepted for value in values)
    return Sample("it", metric, candidate, (0.0,) * len(values), tuple(values), accepted)


def around(shift: float, count: int = 4, scale: float = 1.0) -> list[float]:
    return [shift + scale * NOISE[launch % 4] for launch in range(count)]
