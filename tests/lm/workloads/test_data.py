"""The ids of `data`: right ones agree, and no other id does, be it one among thousands."""

import numpy as np
import pytest

from bench.measure.answers import expected_answer
from bench.measure.numerics import errors_of
from lm.config import CONFIGS
from lm.workloads.data import EPOCHS
from lm.workloads.protocol import Opening
from lm.workloads.registry import workload


@pytest.mark.parametrize("config", ["tiny", "notebook"])
def test_one_wrong_id_is_over_the_limit(config: str) -> None:
    """In `notebook` it is 3.6e-6 of the norm of all, less than float32's limit would be."""
    expected = expected_answer(workload("data"), Opening(CONFIGS[config]), EPOCHS)
    found = {
        quantity: {tensor: ids.astype(np.float32) for tensor, ids in tensors.items()}
        for quantity, tensors in expected.values.items()
    }
    assert all(error.within for error in errors_of(0, found, expected))
    found["inputs"]["epoch 1"][7, 3] += 1
    over = [error for error in errors_of(0, found, expected) if not error.within]
    assert [(error.quantity, error.tensor) for error in over] == [("inputs", "epoch 1")]
