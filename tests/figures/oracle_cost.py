"""What the oracle costs: one float64 step beside TensorFlow's, and what the whole check adds to a gate.

python -m tests.figures.oracle_cost [CONFIG] [TURNS], in an environment with TensorFlow, times both in turn (set OPENBLAS_NUM_THREADS=1, as
workers have it). python -m tests.figures.oracle_cost RUN.json, anywhere, reads what a stored run spent: launch 0 of each configuration
is held against the oracle, the others are not.
"""

import datetime
import json
import statistics
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np


def step_cost(name: str, turns: int) -> dict[str, Any]:
    """Median seconds of an oracle step and of a TensorFlow step, taken in turn; the first TensorFlow step of a turn is dropped."""
    from lm.config import CONFIGS
    from lm.data.batches import batch
    from lm.data.load import load_corpus
    from lm.data.masks import dropout_masks
    from lm.oracle.step import step as oracle_step
    from lm.training.initial import initial_weights
    from lm.training.trainer import Trainer

    config = CONFIGS[name]
    tokens = load_corpus("synthetic", config).train
    trainer = Trainer(config)
    trainer.weights = initial_weights(config)
    oracle_seconds, step_seconds = [], []
    for turn in range(turns):
        data = (*batch(tokens, config, turn), dropout_masks(config, turn))
        weights = {key: value.astype(np.float64) for key, value in trainer.weights.items()}
        state = {key: value.astype(np.float64) for key, value in trainer.state.items()}
        started = time.perf_counter()
        oracle_step(config, weights, state, *data, learning_rate=config.learning_rate)
        oracle_seconds.append(time.perf_counter() - started)
        for _ in range(5):
            started = time.perf_counter()
            float(trainer.train_step(*data).loss)
            step_seconds.append(time.perf_counter() - started)
        del step_seconds[-5]
    oracle, step = statistics.median(oracle_seconds), statistics.median(step_seconds)
    return {
        "config": name,
        "oracle_seconds": round(oracle, 4),
        "step_seconds": round(step, 4),
        "oracle_in_steps": round(oracle / step, 2),
    }


def gate_share(path: Path) -> dict[str, Any]:
    """Seconds of the checked launches beyond the mean of the unchecked ones, as a part of the time that the run takes without them.

    From the records' start times (whole seconds); the last launch, whose end isn't stored, is taken to last as long as the one before.
    """
    records = json.loads(path.read_text(encoding="utf-8"))["records"]
    starts = [datetime.datetime.fromisoformat(record["started"]).timestamp() for record in records]
    seconds = [after - before for before, after in pairwise(starts)]
    seconds.append(seconds[-1])
    added = 0.0
    for config in {record["subject"]["config"] for record in records}:
        mine = [
            (record["launch"], spent)
            for record, spent in zip(records, seconds, strict=True)
            if record["subject"]["config"] == config
        ]
        unchecked = statistics.fmean(spent for launch, spent in mine if launch)
        added += sum(spent - unchecked for launch, spent in mine if not launch)
    return {"run_seconds": sum(seconds), "added_by_the_check": f"{added / (sum(seconds) - added):.1%}"}


def main(first: str = "notebook", turns: str = "10") -> None:
    """Measures or reads, and prints a line of JSON."""
    print(json.dumps(gate_share(Path(first)) if first.endswith(".json") else step_cost(first, int(turns))))


if __name__ == "__main__":
    main(*sys.argv[1:])
