"""The rows that don't fill the last batch tell a mean over them from one over batches, and rounding moves no argmax."""

import numpy as np
import pytest

from lm.config import CONFIGS
from lm.oracle.step import cross_entropy, predict
from lm.training.initial import wide_weights
from lm.workloads.fit import FIT, SHORT, Workload, rows
from lm.workloads.protocol import Opening


@pytest.mark.parametrize("name", Workload.plans)
def test_the_likeliest_word_of_each_token_leads(name: str) -> None:
    """By far more than float32 and a launch's own start move logits."""
    config = CONFIGS[name]
    exact, rounded = wide_weights(config, kind=np.float64), wide_weights(config, jitter=1)
    leads, errors = [], []
    for part in np.array_split(rows(config)[0], 5):  # all logits at once are much memory, which takes longer
        wide = predict(config, exact, part)
        leads.append(np.diff(np.partition(wide, -2, axis=-1)[..., -2:]).min())
        errors.append(np.abs(predict(config, rounded, part) - wide).max())
    assert min(leads) > 50 * max(errors)


def test_a_mean_over_batches_is_another() -> None:
    """Batches of 8, 8 and 4 rows; the last two are right: 12 of 20 rows, where the mean of 0, 1 and 1 is 2/3."""
    config = CONFIGS["tiny"]
    expected = Workload().expected(Opening(config), SHORT, np.float64)
    assert expected["accuracy"][FIT] == 0.6
    inputs, targets = rows(config)
    logits = predict(config, wide_weights(config, kind=np.float64), inputs)
    losses = [
        cross_entropy(logits[batch], targets[batch])[0] / config.num_steps
        for batch in (slice(8), slice(8, 16), slice(16, 20))
    ]
    assert expected["loss"][FIT] == pytest.approx(np.average(losses, weights=[8, 8, 4]))
    assert abs(np.mean(losses) / expected["loss"][FIT] - 1) > 0.01
