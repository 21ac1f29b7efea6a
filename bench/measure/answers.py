"""The oracle's process in a launch that answers the cases of a workload: compares the answers that it published.

It runs in the orchestrator's interpreter, with its NumPy. Of a user's own model it runs in the reference's, whose
TensorFlow says in float64 what is right (bench.measure.defined).
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from bench.measure.checked import ANSWERS, START
from bench.measure.defined import defined
from bench.measure.exchange import Arrays, file_bytes, mapped, reserve
from bench.measure.numerics import Expected, Quantities, errors_of, expected_of, sketched
from bench.measure.tally import Best, Tally
from bench.record.replies import Cases
from bench.record.types import CAP, CASE, OWN, NumericError
from lm.arrays import Array
from lm.config import config_by_name
from lm.workloads.protocol import Defining, Opening, Workload
from lm.workloads.registry import workload as workload_by_name

START_BYTES = 1 << 20  # np.savez's headers and directory, at most


class Session:
    """Compares a case's answers when asked, and sums up what it found."""

    _expected: dict[str, Expected]  # by case; none where nothing of a user's own model can be compared
    _start: Mapping[str, Array]  # what the answers of a user's own model start from
    _shapes: dict[str, dict[str, dict[str, tuple[int, ...]]]]  # of the answers
    _published: Arrays
    _found: Tally | Best

    def prepare(self, config: str, device: str, jitter: int, workload: str) -> Cases:
        """Computes what is expected. Raises ConfigError."""
        found, opening = workload_by_name(workload), Opening(config_by_name(config), device, jitter)
        if isinstance(found, Defining):
            self._found = Best()
            self._expected, self._start, unchecked = defined(found, opening)
        else:
            self._found = Tally()
            self._expected = {case: expected_answer(found, opening, case) for case in found.answered(device)}
            self._start = {}
            unchecked = ()
        self._shapes = {
            case: {
                quantity: {tensor: value.shape for tensor, value in tensors.items()}
                for quantity, tensors in expected.values.items()
                if tensors  # of a user's own model, all may be left open
            }
            for case, expected in self._expected.items()
        }
        files = found.file_bytes(opening.config)
        size = file_bytes(self._shapes) + files
        if self._start:
            size += sum(array.nbytes for array in self._start.values()) + START_BYTES
        return Cases(size, self._shapes, files > 0, unchecked)

    def share(self, folder: str) -> None:
        """Creates the files through which the launch publishes, and those that it starts from."""
        if not self._expected:
            return
        reserve(Path(folder) / ANSWERS, self._shapes)
        self._published = mapped(Path(folder) / ANSWERS, self._shapes)
        if self._start:
            np.savez(Path(folder) / START, **cast("dict[str, Any]", self._start))

    def check_answer(self, case: str, refused: str, promised: bool) -> None:
        """Compares the answers that were just published. A case's number stands in the place of a step.

        A `refused` file counts as an infinite error. If no version promised to read the file, its limit is infinite,
        too.
        """
        number, expected = list(self._expected).index(case), self._expected[case]
        if refused:
            errors = [NumericError(number, "file", "", math.inf, 0.0, refused=refused)]
        else:
            found = self._published[case]
            errors = [_with_departure(error, found, expected) for error in errors_of(number, found, expected)]
        if not promised:
            errors = [dataclasses.replace(error, limit=math.inf) for error in _worst(errors)]
        source, named = (OWN, "") if isinstance(self._found, Best) else (CASE, case)
        self._found.add(dataclasses.replace(error, source=source, case=named) for error in errors)

    def errors(self) -> list[NumericError]:
        """Returns what was found so far."""
        return self._found.errors()


def expected_answer(workload: Workload, opening: Opening, case: str) -> Expected:
    """Returns a case's answers by their definition in float64, and how far off a float32 implementation may be."""
    wide, narrow = (workload.expected(opening, case, kind) for kind in (np.float64, np.float32))
    return expected_of(wide, narrow, cap=CAP if workload.cap is None else workload.cap)


def _with_departure(error: NumericError, found: Quantities, expected: Expected) -> NumericError:
    """Returns an error with a sketch of its answer where that is over its limit."""
    if error.within:
        return error
    answer, wanted = (tensors[error.quantity][error.tensor] for tensors in (found, expected.values))
    return dataclasses.replace(error, departure=sketched(answer, wanted))


def _worst(errors: Iterable[NumericError]) -> list[NumericError]:
    """Returns the largest error of each quantity."""
    worst: dict[str, NumericError] = {}
    for error in errors:
        if error.quantity not in worst or not error.error <= worst[error.quantity].error:
            worst[error.quantity] = error
    return list(worst.values())
