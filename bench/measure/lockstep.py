"""One side of a lockstep comparison, inside a measured environment.

The reference trains on; the candidate takes every step from the reference's weights and state. Neither compares
anything: that is the referee's job, in a process of its own.
"""

from typing import TYPE_CHECKING

from bench.measure.exchange import Exchange
from bench.measure.publish import publish, publish_training
from bench.record.paired import REFERENCE
from bench.record.replies import Published
from lm.data.batches import Batch

if TYPE_CHECKING:
    from lm.training.trainer import Trainer


class LockstepSide:
    """The reference or the candidate: takes training steps and publishes what they compute."""

    def __init__(self, trainer: "Trainer", exchange: Exchange, role: str) -> None:
        self._trainer = trainer
        self._exchange = exchange
        self._role = role
        if role == REFERENCE:
            publish(trainer.weights, exchange.weights(0))

    def take(self, step: int, batch: Batch) -> Published:
        """Trains on the step's batch. Steps come one by one, from 0; the reference takes each of them first."""
        trainer, exchange = self._trainer, self._exchange
        if self._role == REFERENCE:
            publish(trainer.state, exchange.start)
        else:
            trainer.weights = exchange.weights(step)
            trainer.state = exchange.start
        return publish_training(trainer, batch, exchange, step, role=self._role)
