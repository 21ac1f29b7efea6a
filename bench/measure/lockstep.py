"""One side of a lockstep comparison, inside a measured environment.

The reference trains on; the candidate takes every step from the reference's weights and state. Neither compares
anything: that is the referee's job, in a process of its own.
"""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bench.measure.exchange import Exchange
from bench.record.lockstep import Stepped
from lm.arrays import Floats
from lm.data.batches import Batch
from lm.oracle.sgd import densified

if TYPE_CHECKING:
    from lm.training.trainer import Trainer


class LockstepSide:
    """The reference or the candidate: takes training steps and publishes what they compute."""

    def __init__(self, trainer: "Trainer", exchange: Exchange, role: str) -> None:
        self._trainer = trainer
        self._exchange = exchange
        self._role = role
        if role == "reference":
            _copy(trainer.weights, exchange.weights(0))

    def take(self, step: int, batch: Batch) -> Stepped:
        """Trains on the step's batch. Steps come one by one, from 0; the reference takes each of them first."""
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
        published: dict[str, Mapping[str, Any]] = {
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


def _copy(values: Mapping[str, Any], targets: Mapping[str, Floats]) -> None:
    for tensor, target in targets.items():
        publish(values[tensor], target)


def publish(value: Any, target: Floats) -> None:
    """Copies a TensorFlow tensor to an array of its shape; duplicate rows of IndexedSlices are added up.

    A missing gradient (None) is zeros. Raises ValueError for another shape than the target's.
    """
    if value is None:
        target[...] = 0
        return
    array = densified(value, len(target) if target.ndim else 0)
    if array.shape != target.shape:
        raise ValueError(f"the step returned an array of shape {array.shape} where {target.shape} is due")
    target[...] = array
