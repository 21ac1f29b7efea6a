"""Measures how far rounding spreads the perplexity statistic, and how far real faults move it, to choose the statistic.

python -m experiments.spread CONFIG CORPUS STEPS, in an environment with TensorFlow. Prints a Markdown table; minutes of
training. Curves are of one TensorFlow and one thread; a baseline's replicas add the spread between environments.
"""

import argparse
import dataclasses
import statistics
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf

from lm.config import CONFIGS, Config
from lm.data.corpus import CORPORA
from lm.data.load import load_corpus
from lm.runtime import set_threads
from lm.training.initial import initial_weights
from lm.training.passes import train_steps
from lm.training.trainer import Trainer

CLEAN = ("jitter 1", "jitter 2", "jitter 3")
FAULTS = ("learning rate × 0.9", "state not carried", "no clipping", "forget bias 1 ↔ 0", "embedding gradient lost")
STARTS = (0.2, 0.5, 0.67)


class LostEmbeddingTrainer(Trainer):
    """A trainer whose embedding never learns."""

    def clip(self, gradients: Any) -> tuple[Any, Any]:
        """Returns the gradients clipped, and their norm, as if the embedding's were zero."""
        embedding, *others = gradients
        lost = tf.IndexedSlices(embedding.values * 0, embedding.indices, embedding.dense_shape)
        return super().clip([lost, *others])


def log_losses(config: Config, corpus: str, steps: int, variant: str) -> list[float]:
    """Returns the loss a token of each step, in nats."""
    jitter = int(variant[-1]) if variant in CLEAN else len(CLEAN) + 1
    if variant == "no clipping":
        config = dataclasses.replace(config, clip_norm=1e9)
    if variant == "forget bias 1 ↔ 0":
        config = dataclasses.replace(config, forget_bias=1.0 - config.forget_bias)
    trainer = (LostEmbeddingTrainer if variant == "embedding gradient lost" else Trainer)(config)
    trainer.weights = initial_weights(config, jitter)
    trainer.learning_rate = config.learning_rate * (0.9 if variant == "learning rate × 0.9" else 1)
    losses = []
    for _, result in train_steps(trainer, load_corpus(corpus, config).train, 0, steps):
        losses.append(float(result.loss) / config.num_steps)
        if variant == "state not carried":
            trainer.zero_state()
    return losses


def rows(curves: dict[str, list[float]], steps: int) -> Iterator[list[str]]:
    """Returns the cells of the table: steps, window, deviation of the clean runs, then each fault's distance from their
    mean.
    """
    for count in (steps // 2, 3 * steps // 4, steps):
        for start in STARTS:
            clean, *faults = (
                [statistics.fmean(curves[variant][int(start * count) : count]) for variant in group]
                for group in (CLEAN, *((fault,) for fault in FAULTS))
            )
            mean = statistics.fmean(clean)
            moved = [f"{fault[0] - mean:+.3f}" for fault in faults]
            yield [str(count), f"from {start:.0%}", f"{statistics.stdev(clean):.4f}", *moved]


def main(arguments: Sequence[str] | None = None) -> None:
    """Trains and prints."""
    parser = argparse.ArgumentParser(prog="python -m experiments.spread", description=__doc__)
    parser.add_argument("config", choices=tuple(CONFIGS))
    parser.add_argument("corpus", choices=CORPORA)
    parser.add_argument("steps", type=int)
    options = parser.parse_args(arguments)
    config, corpus, steps = CONFIGS[options.config], options.corpus, options.steps
    set_threads(1)
    curves = {variant: log_losses(config, corpus, steps, variant) for variant in (*CLEAN, *FAULTS)}
    print("| steps | window | deviation | " + " | ".join(FAULTS) + " |")
    print("|" + " --- |" * (3 + len(FAULTS)))
    for row in rows(curves, steps):
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
