"""Stress steps: single steps from constructed weights and batches, which show what training never visits.

Each is an ordinary training step compared with the oracle. Most are taken by a second, small trainer whose batch and
widths fill no vector of 4 or 8 values and which drops out half; those whose point is the size, by the run's own.
A launch's jitter draws weights and ids.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from bench.measure.numerics import Cut, by_unit, by_word, state_by_unit, whole
from lm.arrays import Floats, Masks, Tokens
from lm.config import Config
from lm.data.batches import Batch
from lm.data.masks import dropout_masks
from lm.training.initial import initial_weights

SMALL = Config(
    "stress", vocabulary_size=53, embedding_size=11, layer_sizes=(13, 9), batch_size=7, num_steps=5,
    initializer="uniform", init_scale=0.5, forget_bias=1.0, clip_norm=1.0, keep_probability=0.5, learning_rate=1.0,
    decay=1.0, decay_after_epoch=0, epochs=1,
)  # fmt: skip
LEARNING_RATE = 0.25  # not SMALL's, with which its optimizer is made: one that ignores assignments shows
LARGE_LOGIT = GATE_BIAS = 150.0  # exp of it overflows float32, above 88
UNLIKELY_LOGIT = -20.0  # exp of it is 2e-9: such a word's gradients hide behind those of targets
TINIEST = 1e-24  # gradients in its proportion are far above 1.2e-38: what is smaller, TensorFlow takes for 0
INPUT, FORGET, CANDIDATE, OUTPUT = range(4)  # Keras' order of the gates
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
    def batch(self) -> Batch:
        """Returns inputs, targets and masks."""
        return Batch(self.inputs, self.targets, self.masks)


Change = Callable[[Start], Start]


@dataclasses.dataclass(frozen=True)
class Case:
    """A stress step, made of a start: the run's own, what its trainer would train on next, or small_start."""

    name: str
    change: Change
    small: bool = True
    evaluation: bool = False
    cut: Cut = whole  # its tensors are compared as a whole, or part by part
    either: bool = False  # what overflows float32 may overflow or not: all of a step has the one outcome, or the other


def small_start(jitter: int = 0) -> Start:
    """Returns the start of SMALL's cases: initial weights, a state that isn't zero, random ids; others by `jitter`."""
    config = dataclasses.replace(SMALL, seed=SMALL.seed + jitter)
    stream = np.random.RandomState(config.seed)
    ids = stream.randint(0, SMALL.vocabulary_size, (2, SMALL.batch_size, SMALL.num_steps)).astype(np.int32)
    state = {name: stream.uniform(-1, 1, shape).astype(np.float32) for name, shape in SMALL.state_shapes().items()}
    return Start(initial_weights(config), state, ids[0], ids[1], dropout_masks(config, step=0))


def unchanged(start: Start) -> Start:
    """Changes nothing: only the shapes are odd."""
    return start


def short_gradients(start: Start) -> Start:
    """Makes the weights so small that the norm is below the clip norm, which it exceeds otherwise."""
    return _with_weights(start, {name: value / np.float32(16) for name, value in start.weights.items()})


def other_weights(start: Start) -> Start:
    """Doubles all weights: trained ones become too sure, so that the loss moves with each part of the logits."""
    return _with_weights(start, {name: 2 * value for name, value in start.weights.items()})


def one_id(start: Start) -> Start:
    """Makes all inputs one word and all targets another: all rows of the sparse gradient are duplicates."""
    return dataclasses.replace(start, inputs=np.full_like(start.inputs, 3), targets=np.full_like(start.targets, 5))


def large_logits(start: Start) -> Start:
    """Makes the output bias spread the logits over ±LARGE_LOGIT and more."""
    bias = start.weights["output/bias"]
    return _with_weights(start, {"output/bias": np.linspace(-LARGE_LOGIT, LARGE_LOGIT, bias.size, dtype=np.float32)})


def unlikely_words(start: Start) -> Start:
    """Makes the output bias fall from word to word, down to UNLIKELY_LOGIT, and drops nothing.

    A word's column may else be little more than the one unit that dropout left of one token, and that may cancel.
    """
    bias = start.weights["output/bias"]
    falling = np.linspace(0, UNLIKELY_LOGIT, bias.size, dtype=np.float32)
    return _without_dropout(_with_weights(start, {"output/bias": falling}))


def saturated_gates(start: Start) -> Start:
    """Makes the biases open and shut the gates wide: exp of what enters the outermost overflows float32."""
    units = {name: start.weights[name].size // 4 for name in _lstm(start, "bias")}
    spread = {name: np.linspace(-GATE_BIAS, GATE_BIAS, count, dtype=np.float32) for name, count in units.items()}
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
    return _without_dropout(_with_weights(start, {"embedding": embedding}))


def norm_overflow(start: Start) -> Start:
    """Makes gradients finite, and the squares in their norm overflow float32.

    The norm is Inf, and clipping makes every gradient NaN, unless squares are added up in another way.
    """
    return _with_weights(start, {"output/kernel": HUGE_WEIGHT * start.weights["output/kernel"]})


def nearly_saturated_gates(start: Start) -> Start:
    """Makes the biases open and shut the gates of every other unit almost, but not wholly: to exp(−8) … exp(−20)."""
    return _nearly(start, [INPUT, FORGET, OUTPUT], 8.0, 20.0)


def nearly_saturated_candidates(start: Start) -> Start:
    """Makes the biases drive every unit's candidate almost, but not wholly, to ±1: 2 exp(−8) … 2 exp(−20) are left."""
    return _nearly(start, [CANDIDATE], 4.0, 10.0)


def _nearly(start: Start, gates: Sequence[int], low: float, high: float) -> Start:
    """Spreads the biases of some gates from `low` to `high`, unit by unit, and makes those of even units negative."""
    weights = dict(start.weights)
    for name in _lstm(start, "bias"):
        bias = weights[name].reshape(4, -1).copy()
        units = bias.shape[1]
        bias[gates] = np.linspace(low, high, units) * np.where(np.arange(units) % 2, 1, -1)
        weights[name] = bias.ravel()
    return _with_weights(start, weights)


def tiny_units(start: Start) -> Start:
    """Makes every other unit's values smaller and smaller, down to TINIEST, which float32 holds as well as others.

    What a unit hands on, and the weights that take it up, have its scale; so have their gradients and updates.
    """
    weights, state = dict(start.weights), dict(start.state)
    scale = _falling(weights["embedding"].shape[1])
    weights["embedding"] = weights["embedding"] * scale
    for name in _lstm(start, "kernel"):
        layer = name.split("/")[0]
        below, scale = scale, _falling(weights[f"{layer}/recurrent"].shape[0])
        candidate = np.ones((4, scale.size), np.float32)
        candidate[CANDIDATE] = scale  # then c is as small as the unit, and so is h
        for part, rows in (("kernel", below[:, np.newaxis]), ("recurrent", scale[:, np.newaxis]), ("bias", 1)):
            weights[f"{layer}/{part}"] = weights[f"{layer}/{part}"] * rows * np.ravel(candidate)
        for part in ("h", "c"):
            state[f"{layer}/{part}"] = state[f"{layer}/{part}"] * scale
    weights["output/kernel"] = weights["output/kernel"] * scale[:, np.newaxis]
    return dataclasses.replace(start, weights=weights, state=state)


CASES = (
    Case("evaluation", other_weights, small=False, evaluation=True),  # other weights than those evaluated before
    Case("large logits", large_logits, small=False),
    Case("evaluation, small", unchanged, evaluation=True),
    Case("evaluation, large logits", large_logits, evaluation=True),
    Case("evaluation, nearly saturated gates", nearly_saturated_gates, evaluation=True, cut=state_by_unit),
    Case("evaluation, nearly saturated candidates", nearly_saturated_candidates, evaluation=True, cut=state_by_unit),
    Case("evaluation, NaN", nan_word, evaluation=True),
    Case("odd shapes", unchanged),
    Case("short gradients", short_gradients),
    Case("one id", one_id),
    Case("large logits, small", large_logits),
    Case("unlikely words", unlikely_words, cut=by_word),
    Case("saturated gates", saturated_gates),
    Case("nearly saturated gates", nearly_saturated_gates, cut=state_by_unit),
    Case("nearly saturated candidates", nearly_saturated_candidates, cut=state_by_unit),
    Case("tiny units", tiny_units, cut=by_unit),
    Case("word ruled out", word_ruled_out),
    Case("NaN", nan_word),
    Case("Inf", inf_word),
    Case("norm overflow", norm_overflow, either=True),
)


def _lstm(start: Start, part: str) -> list[str]:
    """Returns the names of the layers' weights of that kind, from the lowest layer up."""
    return [name for name in start.weights if name.startswith("lstm") and name.endswith(f"/{part}")]


def _falling(units: int) -> Floats:
    """Returns each unit's scale: of odd ones from 1 to TINIEST; 1 of even ones, so that no sum over units cancels."""
    scale = np.ones(units, np.float32)
    scale[1::2] = np.geomspace(1, TINIEST, 1 + units // 2)[1:]
    return scale


def _with_weights(start: Start, weights: Mapping[str, Floats]) -> Start:
    return dataclasses.replace(start, weights={**start.weights, **weights})


def _without_dropout(start: Start) -> Start:
    return dataclasses.replace(start, masks=tuple(map(np.ones_like, start.masks)))


def _with(weight: Floats, place: int | tuple[int, int], value: float) -> Floats:
    """Returns the weight with another value at a place, a row or a value of it."""
    changed = weight.copy()
    changed[place] = value
    return changed


def _absent(ids: Tokens) -> int:
    """Returns the smallest id that is not among `ids`."""
    return int(np.setdiff1d(np.arange(ids.size + 1), ids)[0])
