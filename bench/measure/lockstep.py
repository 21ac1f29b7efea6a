"""One side of a lockstep comparison, inside a measured environment.

The reference trains on; the candidate takes every step from the reference's weights and state. Neither compares anything: that
is the referee's job, in a process of its own.
"""

import time
from typing import Any

import numpy as np

from bench.measure.exchange import Array, Exchange
from bench.record.lockstep import Stepped


class Side:
    """The reference or the candidate: takes steps of lm.training.trainer.Trainer and publishes what they compute."""

    def __init__(self, trainer: Any, exchange: Exchange, role: str) -> None:
        self._trainer = trainer
        self._exchange = exchange
        self._role = role
        if role == "reference":
            _copy(trainer.weights, exchange.weights(0))

    def take(self, step: int, batch: tuple[Any, Any, Any]) -> Stepped:
        """Trains on the step's inputs, targets and masks. Steps come one by one, from 0; the reference takes each of them first."""
        trainer, exchange = self._trainer, self._exchange
        if self._role == "reference":
            _copy(trainer.state, exchange.start)
        else:
            trainer.weights = exchange.weights(step)
            trainer.state = exchange.start
        started = time.perf_counter()
        result = trainer.train_step(*batch)
        loss = float(result.loss)
        seconds = time.perf_counter() - started
        published = {
            "state": trainer.state,
            "loss": {"": loss},
            "gradient": dict(zip(trainer.config.weight_shapes(), result.gradients, strict=True)),
            "norm": {"": result.global_norm},
            "clipped": dict(zip(trainer.config.weight_shapes(), result.clipped, strict=True)),
        }
        for quantity, values in published.items():
            _copy(values, exchange.results(self._role, quantity))
        _copy(trainer.weights, exchange.updated(self._role, step))
        return Stepped(seconds)


def _copy(values: dict[str, Any], targets: dict[str, Array]) -> None:
    for tensor, target in targets.items():
        publish(values[tensor], target)


def publish(value: Any, target: Array) -> None:
    """Copies a TensorFlow tensor, IndexedSlices with their duplicate ids added up, or a missing gradient, as zeros.

    Raises ValueError for another shape than the target's.
    """
    if value is None:  # what has no gradient is not moved
        target[...] = 0
    elif hasattr(value, "indices"):
        rows, sums = _summed(np.asarray(value.indices), np.asarray(value.values))
        target[...] = 0
        target[rows] = sums
    else:
        array = np.asarray(value)
        if array.shape != target.shape:
            raise ValueError(f"the step returned an array of shape {array.shape} where {target.shape} is due")
        target[...] = array


def _summed(indices: Any, values: Any) -> tuple[Any, Any]:
    """Distinct row ids, and the sum of each one's rows. (np.add.at, which would do, is slow in NumPy 1.)"""
    if not indices.size:
        return indices, values
    order = np.argsort(indices, kind="stable")
    ordered = indices[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    return ordered[starts], np.add.reduceat(values[order], starts, axis=0)
