"""How much faster `cells` is under tf.function than in the notebook's eager loop, in one process, block by block in turn.

python -m tests.figures.eager [BLOCKS], in an environment with TensorFlow. Prints one line of JSON.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from lm.batches import batch
from lm.config import CONFIGS
from lm.corpus import load_corpus
from lm.initial import initial_weights
from lm.runtime import versions
from lm.trainer import Trainer

EAGER_STEPS, GRAPH_STEPS = 4, 12  # of a block; the first of each is dropped


def block_seconds(step: Callable[..., Any], batches: list[Any]) -> float:
    """Median seconds of a step over the batches, the first left out."""
    seconds = []
    for inputs, targets in batches:
        started = time.perf_counter()
        float(step(inputs, targets).loss)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[1:])


def main(blocks: int = 6) -> None:
    """Measures and prints."""
    config = CONFIGS["notebook"]
    tokens = load_corpus("synthetic", config).train
    trainer = Trainer(config)
    trainer.weights = initial_weights(config)
    batches = [batch(tokens, config, index) for index in range(GRAPH_STEPS)]
    for step in (trainer.train_step, trainer.train_step_eagerly):
        block_seconds(step, batches[:3])  # warm-up
    eager, graph = [], []
    for _ in range(blocks):
        eager.append(block_seconds(trainer.train_step_eagerly, batches[:EAGER_STEPS]))
        graph.append(block_seconds(trainer.train_step, batches))
    ratios = [slow / fast for slow, fast in zip(eager, graph, strict=True)]
    print(
        json.dumps(
            {
                "config": config.name,
                "tensorflow": versions()["tensorflow"],
                "eager_words_per_second": round(config.tokens_per_step / statistics.median(eager)),
                "graph_words_per_second": round(config.tokens_per_step / statistics.median(graph)),
                "speed_up_median": round(statistics.median(ratios), 2),
                "speed_up_by_block": [round(ratio, 2) for ratio in ratios],
            }
        )
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
