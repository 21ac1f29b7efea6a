"""Steps whose results are published in an exchange, for another process to compare."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bench.measure.exchange import Exchange
from bench.record.replies import Published
from lm.arrays import Floats, Tokens
from lm.data.batches import Batch
from lm.oracle.sgd import densified

if TYPE_CHECKING:
    from lm.training.trainer import Trainer


def publish_training(
    trainer: "Trainer", batch: Batch, exchange: Exchange, step: int, *, role: str = "", with_logits: bool = False
) -> Published:
    """Trains on a batch and publishes what the step computed, the new weights and the new state.

    In lockstep, `role` is the trainer's.
    """
    started = time.perf_counter()
    result = trainer.train_step(*batch, with_logits=with_logits)
    loss = float(result.loss)
    seconds = time.perf_counter() - started
    names = trainer.config.weight_shapes()
    published: dict[str, Mapping[str, Any]] = {
        "state": trainer.state,
        "loss": {"": loss},
        "gradient": dict(zip(names, result.gradients, strict=True)),
        "norm": {"": result.global_norm},
        "clipped": dict(zip(names, result.clipped, strict=True)),
    }
    if result.logits is not None:
        published["logits"] = {"": result.logits}
    for quantity, values in published.items():
        publish(values, exchange.results(quantity, step, role))
    publish(trainer.weights, exchange.updated(step, role))
    return Published(loss, seconds, result.logits is not None)


def publish_evaluation(trainer: "Trainer", ids: tuple[Tokens, Tokens], exchange: Exchange) -> Published:
    """Evaluates inputs and targets, each [batch, steps], and publishes the loss and the new state."""
    started = time.perf_counter()
    loss = float(trainer.evaluation_step(*ids))
    seconds = time.perf_counter() - started
    publish({"": loss}, exchange.results("loss"))
    publish(trainer.state, exchange.results("state"))
    return Published(loss, seconds)


def publish(values: Mapping[str, Any], targets: Mapping[str, Floats]) -> None:
    """Copies TensorFlow's tensors to the arrays of their names; duplicate rows of IndexedSlices are added up.

    A missing gradient (None) is zeros. Raises ValueError for another shape than the target's.
    """
    for name, target in targets.items():
        value = values[name]
        array = densified(0 if value is None else value, len(target) if target.ndim else 0)
        if value is not None and array.shape != target.shape:
            raise ValueError(f"the step returned an array of shape {array.shape} where {target.shape} is due")
        target[...] = array
