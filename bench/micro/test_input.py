"""The input pipeline: a rotation of batches copied to the device, by our own reader (eager) or by tf.data (graph)."""

from typing import Any

import numpy as np

from bench.micro.answers import WrongAnswerError
from bench.micro.case import Case
from bench.micro.material import BATCHES, Material
from lm.data.batches import training_batch
from lm.hot_paths import costs, tensors


def test_input(case: Case) -> None:
    """Times ids and dropout masks as tensors, one batch after the other."""
    made = case.material
    prepared = tensors.dataset([tuple(one) for one in made.batches])

    def read() -> list[Any]:
        return [
            tensors.put(tuple(training_batch(made.tokens, made.config, step)), case.device) for step in range(BATCHES)
        ]

    def iterate() -> list[Any]:
        return [tensors.moved(one, case.device) for one in prepared]

    case.measure(
        iterate if case.mode == "graph" else read,
        [()],
        check=lambda found: require_batches(found, made),
        cost=costs.inputs(case.config).times(BATCHES),
        words=BATCHES * case.config.tokens_per_step,
    )


def require_batches(found: list[Any], made: Material) -> None:
    """Raises WrongAnswerError unless row r of batch b begins b·steps tokens into the corpus' r-th equal part."""
    config, part = made.config, made.tokens.size // made.config.batch_size
    for index, (inputs, targets, masks) in enumerate(found):
        starts = (
            part * np.arange(config.batch_size)[:, np.newaxis] + index * config.num_steps + np.arange(config.num_steps)
        )
        wanted = [made.tokens[starts], made.tokens[starts + 1], *made.batches[index].masks]
        if not all(np.array_equal(one, other) for one, other in zip((inputs, targets, *masks), wanted, strict=True)):
            raise WrongAnswerError(f"batch {index} of the input pipeline is not the corpus': it isn't timed")
