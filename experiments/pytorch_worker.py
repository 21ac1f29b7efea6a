"""One process of experiments.pytorch: a subject that takes steps when it is told how many.

python -m experiments.pytorch_worker SUBJECT CONFIG. Each line on standard input is a number of steps, each line on
standard output the answer in JSON: the seconds of each, and of CPU time, the first step's loss, the peak of the
resident memory in bytes.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.measure.memory import peak_rss_bytes
from lm.config import CONFIGS, Config
from lm.data.batches import training_batch
from lm.data.load import load_corpus
from lm.training.initial import initial_weights

THREADS = 2
PRODUCT_SIZE = 2048

Step = Callable[[Any, Any, Any], float]


def tensorflow_step(implementation: str, config: Config) -> Step:
    """Returns a step of lm's trainer."""
    from lm.runtime import set_threads

    set_threads(THREADS)
    from lm.training.trainer import Trainer

    trainer = Trainer(config, implementation)
    trainer.weights = initial_weights(config)
    return lambda *data: float(trainer.train_step(*data).loss)


def pytorch_step(config: Config) -> Step:
    """Returns a step of PyTorch's."""
    import torch

    from experiments.torch_step import TorchStep

    torch.set_num_threads(THREADS)
    return TorchStep(config, initial_weights(config)).train_step


def product_step(library: str) -> Step:
    """Returns a product of two square float32 matrices, by numpy or tensorflow."""
    a = np.random.RandomState(0).uniform(-1, 1, (PRODUCT_SIZE, PRODUCT_SIZE)).astype(np.float32)
    if library == "numpy":
        return lambda *_: float((a @ a)[0, 0])
    import tensorflow as tf

    from lm.runtime import set_threads

    set_threads(THREADS)
    multiply = tf.function(lambda x: tf.matmul(x, x), autograph=False)
    tensor = tf.constant(a)
    return lambda *_: float(multiply(tensor)[0, 0])


def step_of(subject: str, config: Config) -> Step:
    """Returns the step that a subject's name stands for: "product NAME" a library's product, "pytorch", or an
    implementation.
    """
    if subject.startswith("product "):
        return product_step(subject.removeprefix("product "))
    return pytorch_step(config) if subject == "pytorch" else tensorflow_step(subject, config)


def main(subject: str, name: str) -> None:
    """Answers until standard input ends."""
    config = CONFIGS[name]
    trains = not subject.startswith("product ")
    tokens = load_corpus("synthetic", config).train
    take, taken, first_loss = step_of(subject, config), 0, 0.0
    for line in sys.stdin:
        seconds, cpu_seconds = [], []
        for _ in range(int(line)):
            data = training_batch(tokens, config, taken) if trains else ((),) * 3
            started, cpu_started = time.perf_counter(), time.process_time()
            loss = take(*data)
            seconds.append(time.perf_counter() - started)
            cpu_seconds.append(time.process_time() - cpu_started)
            first_loss = first_loss if taken else loss
            taken += 1
        answer = {
            "seconds": seconds,
            "cpu_seconds": cpu_seconds,
            "first_loss": first_loss,
            "peak_bytes": peak_rss_bytes(),
        }
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
