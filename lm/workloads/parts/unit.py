"""A workload's unit as a call, to be profiled and timed as the parts of a training step are."""

from collections.abc import Sequence
from typing import Any

from lm.workloads.protocol import Work


class Unit:
    """A unit of any workload, of which there is no one tf.function to look into."""

    def __init__(self, work: Work) -> None:
        self._work = work

    @property
    def traces(self) -> int:
        """Returns how often TensorFlow has traced it, the first time included."""
        return 1 + self._work.retraces

    def __call__(self, prepared: Any) -> float:
        """Does a unit and blocks until the device has done all of it; returns its number."""
        found = self._work.do(prepared)
        self._work.wait()
        return found

    def run(self, arguments: Sequence[Any]) -> None:
        """Does a unit of what was prepared for it, the only one of the arguments."""
        self(*arguments)
