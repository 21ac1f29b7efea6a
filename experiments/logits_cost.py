"""Measures the cost of a step that can hand out its logits: step by step in turn with a step that can't.

python -m experiments.logits_cost [CONFIG] [QUADS], in an environment with TensorFlow: quads of steps, ABBA and BAAB.
Prints a line of JSON: the ratio of the times when nobody asks for the logits (what training pays) and when they are
asked for (what a checked step pays).
"""

import argparse
import functools
import json
import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lm.config import CONFIGS
from lm.data.batches import training_batch
from lm.data.load import load_corpus
from lm.runtime import versions
from lm.training.initial import initial_weights
from lm.training.trainer import StepResult, Trainer

PARTS = 10  # of a run: each one's median ratio is a value of which the standard error is taken
WARM_UP = 3  # steps of each kind


def plain_step(trainer: Trainer, inputs: Any, targets: Any, masks: Any) -> StepResult:
    """Takes the trainer's step as it would be if nobody ever asked for logits."""
    loss, gradients = trainer.loss_and_gradients(inputs, targets, masks)
    clipped, norm = trainer.clip(gradients)
    trainer.update(clipped)
    return StepResult(loss, None, gradients, norm, clipped)


def seconds(step: Any, data: Any) -> float:
    """Returns the seconds of one step, until its loss is there."""
    started = time.perf_counter()
    float(step(*data).loss)
    return time.perf_counter() - started


def ratio(one: Any, other: Any, data: Any, quads: int) -> dict[str, float]:
    """Returns the ratio of two kinds' seconds a step, and the standard error over parts of the run."""
    steps = {"A": one, "B": other}
    ratios = []
    for quad in range(quads):
        times = [(side, seconds(steps[side], data)) for side in ("BAAB" if quad % 2 else "ABBA")]
        a, b = (sum(spent for side, spent in times if side == wanted) for wanted in "AB")
        ratios.append(a / b)
    parts = [statistics.median(ratios[part::PARTS]) for part in range(PARTS)]
    return {
        "ratio": round(statistics.fmean(parts), 4),
        "standard_error": round(statistics.stdev(parts) / PARTS**0.5, 4),
    }


def same_bits(trainer: Trainer, steps: Any, data: Any) -> bool:
    """Returns whether steps of all kinds, from equal weights and a zero state, leave the same loss, norm, weights and
    state.
    """
    found, weights = [], trainer.weights
    for step in steps:
        trainer.weights = weights
        trainer.zero_state()
        result = step(*data)
        found.append(
            [result.loss.numpy(), result.global_norm.numpy(), *trainer.weights.values(), *trainer.state.values()]
        )
    return all(np.array_equal(first, value) for first, *others in zip(*found, strict=True) for value in others)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m experiments.logits_cost", description=__doc__)
    parser.add_argument("config", nargs="?", choices=tuple(CONFIGS), default="notebook")
    parser.add_argument("quads", nargs="?", type=int, default=100)
    options = parser.parse_args(arguments)
    config, quads = CONFIGS[options.config], options.quads
    data = training_batch(load_corpus("synthetic", config).train, config, 0)
    trainer = Trainer(config)
    trainer.weights = initial_weights(config)
    trainer.learning_rate = 1e-3  # the batch is always the same
    plain = tf.function(functools.partial(plain_step, trainer), autograph=False)
    asked = functools.partial(trainer.train_step, with_logits=True)
    for step in (plain, trainer.train_step, asked):
        for _ in range(WARM_UP):
            seconds(step, data)
    result = {
        "config": config.name,
        "tensorflow": versions()["tensorflow"],
        "step_seconds": round(statistics.median(seconds(plain, data) for _ in range(2 * WARM_UP)), 4),
        "not_asked": ratio(trainer.train_step, plain, data, quads),
        "asked": ratio(asked, plain, data, max(quads // 4, PARTS)),
        "same_bits": same_bits(trainer, (plain, trainer.train_step, asked), data),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
