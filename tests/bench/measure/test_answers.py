"""The oracle's process where cases are compared: what it says of a wrong answer, and of a file that is refused."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.measure.answers import Session
from bench.measure.publish import publish
from bench.record.types import NumericError


def answered(folder: Path, **said: Any) -> list[NumericError]:
    """Returns the errors of right answers but for one value, which is off by a thousandth of its tensor's norm."""
    session = Session()
    session.prepare("tiny", "cpu:0", 0, "predict-call")
    session.share(str(folder))
    (case,) = session._expected
    right = session._expected[case].values["logits"]
    publish(right, session._published[case]["logits"])
    first = next(iter(right))
    session._published[case]["logits"][first].flat[0] += 1e-3 * np.linalg.norm(right[first])
    session.check_answer(case, **said)
    return session.errors()


def test_an_answer_over_its_limit_has_a_sketch_of_its_departure(tmp_path: Path) -> None:
    found = answered(tmp_path)
    (wrong,) = (error for error in found if not error.within)
    assert math.hypot(*wrong.departure) == pytest.approx(1e-3, rel=1e-3)
    assert all(error.departure == () for error in found if error.within)


@pytest.mark.parametrize(("promised", "limit"), [(True, 0.0), (False, math.inf)])
def test_a_file_that_is_refused_is_infinitely_far_off_and_over_the_limit_if_it_was_promised(
    tmp_path: Path, promised: bool, limit: float
) -> None:
    (error,) = answered(tmp_path, refused="TypeError: no LSTM", promised=promised)
    assert (error.quantity.endswith(": file"), error.error, error.limit) == (True, math.inf, limit)
    assert (error.refused, error.within) == ("TypeError: no LSTM", not promised)
