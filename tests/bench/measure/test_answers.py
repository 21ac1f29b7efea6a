"""A launch that answers cases, both parts in this process: a wrong answer, and a file that is refused."""

import math
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from bench.measure.answers import Session
from bench.measure.checked import CheckedAnswers
from bench.record.types import NumericError
from lm.workloads.protocol import Refused


def answered(folder: Path, *, promised: bool = True, refused: str = "") -> list[NumericError]:
    """Returns the errors of right answers but for one value, which is off by a thousandth of its tensor's norm; or of a
    file that is refused. The tensor is neither the first nor the last.
    """
    session = Session()
    session.prepare("tiny", "cpu:0", 0, "predict-call")
    session.share(str(folder))
    (case,) = session._expected
    found = {name: value.copy() for name, value in session._expected[case].values["logits"].items()}
    _, spoilt, _ = found.values()
    spoilt.flat[0] += 1e-3 * np.linalg.norm(spoilt)
    work = Mock(spec=["promised", "answers"])
    work.promised.return_value, work.answers.return_value = promised, {"logits": found}
    work.answers.side_effect = Refused(refused) if refused else None
    said = CheckedAnswers(work, folder, session._shapes).answer(case)
    session.check_answer(case, said.refused, said.promised)
    return session.errors()


def test_each_launch_expects_answers_of_its_own() -> None:
    one, other = Session(), Session()
    for session, jitter in ((one, 1), (other, 2)):
        session.prepare("tiny", "cpu:0", jitter, "predict-call")
    for case, expected in one._expected.items():
        for tensor, value in expected.values["logits"].items():
            assert not np.array_equal(value, other._expected[case].values["logits"][tensor])


def test_an_answer_over_its_limit_has_a_sketch_of_its_departure(tmp_path: Path) -> None:
    found = answered(tmp_path)
    (wrong,) = (error for error in found if not error.within)
    assert math.hypot(*wrong.departure) == pytest.approx(1e-3, rel=1e-3)
    assert all(error.departure == () for error in found if error.within)


def test_of_an_answer_that_no_version_promises_the_largest_error_is_kept_without_a_limit(tmp_path: Path) -> None:
    (error,) = answered(tmp_path, promised=False)
    assert error.error == pytest.approx(1e-3, rel=1e-2)
    assert error.limit == math.inf


@pytest.mark.parametrize(("promised", "limit"), [(True, 0.0), (False, math.inf)])
def test_a_file_that_is_refused_is_infinitely_far_off_and_over_the_limit_if_it_was_promised(
    tmp_path: Path, promised: bool, limit: float
) -> None:
    (error,) = answered(tmp_path, refused="TypeError: no LSTM", promised=promised)
    assert (error.quantity, error.error, error.limit) == ("file", math.inf, limit)
    assert (error.refused, error.within) == ("TypeError: no LSTM", not promised)
