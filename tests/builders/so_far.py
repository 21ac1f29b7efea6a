"""Made-up launches of a run that is still measured, for the tests of progress."""

from collections.abc import Callable, Sequence

from bench.judge.planning import SoFar
from bench.judge.types import Comparison
from bench.record.paired import PairedRun


def so_far(
    comparisons: Sequence[Comparison] = (), seconds: tuple[float, float] | None = None
) -> Callable[[PairedRun], SoFar]:
    class Made(SoFar):
        def comparisons(self) -> list[Comparison]:
            return list(comparisons)

        def seconds_left(self) -> tuple[float, float] | None:
            return seconds

    return lambda run: Made(run, (), ())
