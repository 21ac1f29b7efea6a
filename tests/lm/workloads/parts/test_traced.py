"""Work of one traced function counts its traces."""

import pytest

from lm.workloads.parts.traced import Traced

pytestmark = [pytest.mark.tensorflow, pytest.mark.any_version]


def test_each_trace_but_the_first_is_one_too_many() -> None:
    import tensorflow as tf

    work = Traced()
    work._function = tf.function(lambda values: 2 * values, autograph=False)
    found = [work.retraces]
    for length in (1, 1, 2, 3):
        work._function(tf.zeros(length))
        found.append(work.retraces)
    assert found == [0, 0, 0, 1, 2]
