"""Stress steps: single steps from constructed weights and batches, which show what training never visits.

Each is an ordinary training step checked against the oracle. Most are taken by a second, small trainer whose batch and
widths fill no vector of 4 or 8 values and which drops out half; those whose point is the size, by the run's own.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from bench.measure.numerics import Before, check_evaluation, check_step
from bench.record.types import NumericError
from lm.arrays import Floats, Masks, Tokens
from lm.config import Config
from lm.data.batches import Batch
from lm.data.masks import dropout_masks
from lm.training.initial import initial_weights

if TYPE_CHECKING:
    from lm.training.trainer import Trainer

SMALL = Config(
    "stress", vocabulary_size=53, embedding_size=11, layer_sizes=(13, 9), batch_size=7, num_steps=5,
    initializer="uniform", init_scale=0.5, forget_bias=1.0, clip_norm=1.0, keep_probability=0.5, learning_rate=1.0,
    decay=1.0, decay_after_epoch=0, epochs=1,
)  # fmt: skip
LEARNING_RATE = 0.25  # not SMALL's, with which its optimizer is made: one that ignores assignments shows
LARGE_LOGIT = GATE_BIAS = 150.0  # exp of it overflows float32, above 88
HUGE_WEIGHT = 1e21  # gradients in proportion to it are finite in float32, their squares are not


@dataclasses.dataclass(frozen=True)
class Start:
    """Everything that a step starts from."""

    weights: Mapping[str, Floats]
    state: Mapping[str, Floats]
    inputs: Tokens  # [batch, steps]
    targets: Tokens  # [batch, steps]
    masks: Masks = ()

    @property
    def before(self) -> Before:
        """Weights and state."""
        return self.weights, self.state

    @property
    def batch(self) -> Batch:
        """Returns inputs, targets and masks."""
        return Batch(self.inputs, self.targets, self.masks)


Change = Callable[[Start], Start]


def stress_errors(trainer: "Trainer", start: Start, first_step: int, implementation: str) -> Iterator[NumericError]:
    """Yields the errors of all stress steps, counted from `first_step`; each names its case: "stress NaN: norm".

    `start` is what the run's own trainer would train on next. The trainer is left with other weights, state and
    learning rate.
    """
    from lm.training.trainer import Trainer

    yield from _evaluated("evaluation", trainer, start, first_step)
    yield from _trained("large logits", trainer, large_logits(start), first_step + 1)
    small = Trainer(SMALL, implementation, trainer.device)
    plain = small_start()
    yield from _evaluated("evaluation, small", small, dataclasses.replace(plain, masks=()), first_step + 2)
    for step, (name, change) in enumerate(CASES.items(), first_step + 3):
        yield from _trained(name, small, change(plain), step)


def small_start() -> Start:
    """Returns the start of SMALL's cases: its initial weights, a state that isn't zero, random ids."""
    stream = np.random.RandomState(SMALL.seed)
    ids = stream.randint(0, SMALL.vocabulary_size, (2, SMALL.batch_size, SMALL.num_steps)).astype(np.int32)
    state = {name: stream.uniform(-1, 1, shape).astype(np.float32) for name, shape in SMALL.state_shapes().items()}
    return Start(initial_weights(SMALL), state, ids[0], ids[1], dropout_masks(SMALL, step=0))


def unchanged(start: Start) -> Start:
    """Changes nothing: only the shapes are odd."""
    return start


def short_gradients(start: Start) -> Start:
    """Makes the weights so small that the norm is below the clip norm, which it exceeds otherwise."""
    return _with_weights(start, {name: value / np.float32(16) for name, value in start.weights.items()})


def one_id(start: Start) -> Start:
    """Makes all inputs one word and all targets another: all rows of the sparse gradient are duplicates."""
    return dataclasses.replace(start, inputs=np.full_like(start.inputs, 3), targets=np.full_like(start.targets, 5))


def large_logits(start: Start) -> Start:
    """Makes the output bias spread the logits over ±LARGE_LOGIT and more."""
    bias = start.weights["output/bias"]
    return _with_weights(start, {"output/bias": np.linspace(-LARGE_LOGIT, LARGE_LOGIT, bias.size, dtype=np.float32)})


def saturated_gates(start: Start) -> Start:
    """Makes the biases open and shut the gates wide: exp of what enters the outermost overflows float32."""
    biases = {name: value for name, value in start.weights.items() if name.startswith("lstm") and name.endswith("bias")}
    spread = {
        name: np.linspace(-GATE_BIAS, GATE_BIAS, value.size // 4, dtype=np.float32) for name, value in biases.items()
    }
    return _with_weights(start, {name: np.tile(value, 4) for name, value in spread.items()})


def word_ruled_out(start: Start) -> Start:
    """Makes the logit of a word that is no target −Inf: loss and gradients stay finite."""
    return _with_weights(start, {"output/bias": _with(start.weights["output/bias"], _absent(start.targets), -np.inf)})


def nan_word(start: Start) -> Start:
    """Makes the first word's embedding NaN.

    So are loss, norm and all gradients, but only those rows of the state that read it.
    """
    return _with_weights(start, {"embedding": _with(start.weights["embedding"], start.inputs[0, 0], np.nan)})


def inf_word(start: Start) -> Start:
    """Makes one value of the first word's embedding Inf, and drops nothing.

    Gates saturate, the loss is finite, its gradient NaN.
    """
    embedding = _with(start.weights["embedding"], (start.inputs[0, 0], 0), np.inf)
    return dataclasses.replace(
        _with_weights(start, {"embedding": embedding}), masks=tuple(map(np.ones_like, start.masks))
    )


def norm_overflow(start: Start) -> Start:
    """Makes gradients finite and their norm overflow float32: it is Inf, and clipping makes every gradient NaN."""
    return _with_weights(start, {"output/kernel": HUGE_WEIGHT * start.weights["output/kernel"]})


CASES: dict[str, Change] = {
    "odd shapes": unchanged,
    "short gradients": short_gradients,
    "one id": one_id,
    "large logits, small": large_logits,
    "saturated gates": saturated_gates,
    "word ruled out": word_ruled_out,
    "NaN": nan_word,
    "Inf": inf_word,
    "norm overflow": norm_overflow,
}


def _trained(case: str, trainer: "Trainer", start: Start, step: int) -> Iterator[NumericError]:
    trainer.weights, trainer.state, trainer.learning_rate = start.weights, start.state, LEARNING_RATE
    result = trainer.train_step(*start.batch, with_logits=True)
    yield from _named(case, check_step(trainer, start.before, step, start.batch, LEARNING_RATE, result))


def _evaluated(case: str, trainer: "Trainer", start: Start, step: int) -> Iterator[NumericError]:
    trainer.weights, trainer.state = start.weights, start.state
    ids = (start.inputs, start.targets)
    loss = trainer.evaluation_step(*ids)
    yield from _named(case, check_evaluation(trainer, start.before, step, ids, loss))


def _named(case: str, errors: tuple[NumericError, ...]) -> Iterator[NumericError]:
    return (dataclasses.replace(error, quantity=f"stress {case}: {error.quantity}") for error in errors)


def _with_weights(start: Start, weights: Mapping[str, Floats]) -> Start:
    return dataclasses.replace(start, weights={**start.weights, **weights})


def _with(weight: Floats, place: int | tuple[int, int], value: float) -> Floats:
    """Returns the weight with another value at a place, a row or a value of it."""
    changed = weight.copy()
    changed[place] = value
    return changed


def _absent(ids: Tokens) -> int:
    """Returns the smallest id that is not among `ids`."""
    return int(np.setdiff1d(np.arange(ids.size + 1), ids)[0])
