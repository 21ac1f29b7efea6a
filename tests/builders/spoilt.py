"""A plugin of pytest by which the micro-benchmarks check each answer twice: spoilt, so that the check must refuse it,
and as it is. What was said of the spoilt one is kept in extra_info.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from bench.micro import answers
from lm.arrays import Array

if TYPE_CHECKING:
    from bench.micro.case import Case

FACTOR = 1 + 10 * answers.TOLERANCE  # of a spoilt answer, which is ten times as far off as is tolerated

require_close = answers.require_close
spoiling = False


def require_spoilt(name: str, found: ArrayLike, wanted: Array | np.inexact) -> None:
    """Checks an answer that is 1% larger while answers are spoilt."""
    require_close(name, np.asarray(found, np.float64) * (FACTOR if spoiling else 1), wanted)


answers.require_close = require_spoilt  # the cases import it by name, afterwards


def pytest_collection_finish() -> None:
    """Makes cases check twice; not earlier, since TensorFlow's import may set variables that records don't hold."""
    from bench.micro.case import Case

    right = Case.measure

    def measure(self: "Case", *given: Any, check: Callable[[Any], None], **named: Any) -> None:
        def twice(found: Any) -> None:
            global spoiling
            spoiling = True
            try:
                with pytest.raises(answers.WrongAnswerError) as refused:
                    check(found[::-1] if self._about["target"] == "input" else found)  # batches in another order
            finally:
                spoiling = False
            self._benchmark.extra_info["refused"] = str(refused.value)
            check(found)

        right(self, *given, check=twice, **named)

    Case.measure = measure  # type: ignore[method-assign]
