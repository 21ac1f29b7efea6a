"""The oracle: one training step in NumPy, the definition that every TensorFlow implementation is checked against.

For each time step t, and the layers from the lowest up (x is a row vector, * an elementwise product, sigma the logistic
function):

    x   = embedding[inputs[t]], or the output of the layer below                      through dropout
    z   = x @ kernel + h[t-1] @ recurrent + bias, cut into i, f, g, o                  Keras' gate order
    c   = sigma(f) * c[t-1] + sigma(i) * tanh(g)
    h   = sigma(o) * tanh(c)                                                           handed up through dropout
    logits = x @ output/kernel + output/bias
    cost   = sum over time of the batch mean of -log softmax(logits)[target]

The gradients are those of truncated backpropagation through time: the state a batch starts from is a constant. They are
clipped by their global norm with TensorFlow's semantics, then w' = w - learning_rate * clipped. Dropout masks (0 or 1)
are given; what they keep is divided by the keep probability. Masks act on what a layer hands up, never on the state it
carries through time.

Sources: Gers, Schmidhuber and Cummins 2000 (the LSTM with forget gates); Zaremba, Sutskever and Vinyals 2014, arXiv
1409.2329 (dropout, cost); `clip_by_global_norm` in TensorFlow's clip_ops.py.

Every function computes in the dtype of the weights: float64 is the oracle, float32 shows what rounding costs. `forward`
and `cross_entropy` also take complex128, for derivatives by complex steps. Inf and NaN pass through silently, as in
TensorFlow: they are results.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from lm.arrays import Array
from lm.config import Config
from lm.oracle.lstm import LayerTape, lstm_backward, lstm_forward
from lm.oracle.sgd import Gradients, SparseRows, apply_sgd, clip_by_global_norm


@dataclasses.dataclass(frozen=True)
class Tape:
    """The values of the forward pass that the backward pass needs. Arrays inside are time-major."""

    inputs: Array  # ids [batch, steps]
    # Dropout factors [steps, batch, width] of the embedding, then of each layer's output.
    scales: Sequence[Array | float]
    layers: Sequence[LayerTape]
    hidden: Array  # inputs of the output layer, [batch * steps, size of the last layer]


@dataclasses.dataclass(frozen=True)
class Step:
    """The results of one training step, named and shaped as in Config.weight_shapes and Config.state_shapes."""

    loss: np.inexact  # sum over time of the batch mean of the cross-entropy, in nats
    logits: Array  # [batch, steps, vocabulary]
    gradients: Gradients  # before clipping; the embedding's as SparseRows
    global_norm: np.inexact  # of `gradients`
    clipped: Gradients
    weights: dict[str, Array]  # after the update
    state: dict[str, Array]  # after the last time step


def step(
    config: Config,
    weights: Mapping[str, Array],
    state: Mapping[str, Array],
    inputs: Array,
    targets: Array,
    masks: Sequence[Array] = (),
    *,
    learning_rate: float,
) -> Step:
    """Takes one training step on `inputs` and `targets`, ids [batch, steps]; no argument is changed.

    `batch` and `steps` are the ids' own, whatever the configuration says. `masks` are [batch, steps, width], one for
    the embedding and one for each layer; () drops nothing. Raises ValueError for ids outside the vocabulary (as
    TensorFlow does on a CPU).
    """
    logits, new_state, tape = forward(config, weights, state, inputs, masks)
    loss, logits_gradient = cross_entropy(logits, targets)
    gradients = backward(config, weights, tape, logits_gradient)
    clipped, norm = clip_by_global_norm(gradients, config.clip_norm)
    return Step(loss, logits, gradients, norm, clipped, apply_sgd(weights, clipped, learning_rate), new_state)


def evaluate(
    config: Config, weights: Mapping[str, Array], state: Mapping[str, Array], inputs: Array, targets: Array
) -> tuple[np.inexact, dict[str, Array]]:
    """Returns (loss, new state) of one batch, without dropout and training. Shapes and errors as in `step`."""
    logits, new_state, _ = forward(config, weights, state, inputs)
    loss, _ = cross_entropy(logits, targets)
    return loss, new_state


def predict(config: Config, weights: Mapping[str, Array], inputs: Array) -> Array:
    """Returns logits [batch, steps, vocabulary] of ids [batch, steps], from a zero state. Errors as in `step`."""
    return forward(config, weights, zero_state(config, weights, len(inputs)), inputs)[0]


def mean_loss(
    config: Config, weights: Mapping[str, Array], inputs: Array, targets: Array
) -> tuple[np.inexact, Gradients]:
    """Returns (loss, gradients) of a batch from a zero state, where the cost is Keras' loss: the mean over all tokens.

    Shapes and errors as in `step`.
    """
    logits, _, tape = forward(config, weights, zero_state(config, weights, len(inputs)), inputs)
    loss, logits_gradient = cross_entropy(logits, targets)
    steps = logits.dtype.type(inputs.shape[1])
    return loss / steps, backward(config, weights, tape, logits_gradient / steps)


def zero_state(config: Config, weights: Mapping[str, Array], batch: int) -> dict[str, Array]:
    """Returns a state of zeros, each [batch, size], in the weights' dtype."""
    dtype = weights["embedding"].dtype
    return {name: np.zeros((batch, size), dtype) for name, (_, size) in config.state_shapes().items()}


@np.errstate(over="ignore", invalid="ignore")
def forward(
    config: Config, weights: Mapping[str, Array], state: Mapping[str, Array], inputs: Array, masks: Sequence[Array] = ()
) -> tuple[Array, dict[str, Array], Tape]:
    """Returns (logits [batch, steps, vocabulary], new state, tape for `backward`). Shapes and errors as in `step`."""
    _require_ids("inputs", inputs, config.vocabulary_size)
    batch, steps = inputs.shape
    scales = _dropout_scales(config, masks, weights["embedding"].dtype)
    x = weights["embedding"][inputs.T] * scales[0]  # time-major from here on: [steps, batch, width]
    layers, new_state = [], {}
    for layer, scale in zip(range(len(config.layer_sizes)), scales[1:], strict=True):
        name = f"lstm{layer}"
        kernel, recurrent, bias = (weights[f"{name}/{part}"] for part in ("kernel", "recurrent", "bias"))
        tape = lstm_forward(x, kernel, recurrent, bias, state[f"{name}/h"], state[f"{name}/c"])
        new_state[f"{name}/h"], new_state[f"{name}/c"] = tape.outputs[-1].copy(), tape.cells[-1].copy()
        layers.append(tape)
        x = tape.outputs[1:] * scale

    hidden = x.transpose(1, 0, 2).reshape(batch * steps, -1)
    logits = hidden @ weights["output/kernel"]
    logits += weights["output/bias"]
    return logits.reshape(batch, steps, -1), new_state, Tape(inputs, scales, layers, hidden)


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def cross_entropy(logits: Array, targets: Array) -> tuple[np.inexact, Array]:
    """Returns (cost, its gradient by the logits) of logits [batch, steps, vocabulary] and target ids [batch, steps].

    The cost is the sum over time of the batch mean, which is the sum over all tokens divided by the batch size. The
    gradient is (softmax - one-hot) / batch. Raises ValueError for targets outside the vocabulary.
    """
    _require_ids("targets", targets, logits.shape[-1])
    batch = logits.dtype.type(len(logits))  # a Python int would make a float32 sum float64 in NumPy 1
    tokens = np.arange(targets.size), targets.ravel()  # where each token's target lies in the rows below
    rows = logits.reshape(targets.size, -1)
    # Without the maximum subtracted, exp overflows for logits over 88 (float32) or 709 (float64).
    gradient = rows - rows.max(axis=1, keepdims=True)
    target_logits = gradient[tokens]
    np.exp(gradient, out=gradient)
    totals = gradient.sum(axis=1, keepdims=True)
    loss = (np.log(totals[:, 0]) - target_logits).sum() / batch
    gradient /= totals * batch
    gradient[tokens] -= 1 / batch
    return loss, gradient.reshape(logits.shape)


@np.errstate(over="ignore", invalid="ignore")
def backward(config: Config, weights: Mapping[str, Array], tape: Tape, logits_gradient: Array) -> Gradients:
    """Returns every weight's gradient, in the order of Config.weight_shapes.

    `logits_gradient` [batch, steps, vocabulary] is the cost's gradient by the logits. The embedding's gradient is
    SparseRows, one row for each token (batch by batch, as in Keras' gradients).
    """
    batch, steps = tape.inputs.shape
    rows = logits_gradient.reshape(batch * steps, -1)
    gradients: Gradients = {"output/kernel": tape.hidden.T @ rows, "output/bias": rows.sum(axis=0)}
    x_gradient = (rows @ weights["output/kernel"].T).reshape(batch, steps, -1).transpose(1, 0, 2)  # time-major again
    for layer in reversed(range(len(tape.layers))):
        kernel, recurrent = weights[f"lstm{layer}/kernel"], weights[f"lstm{layer}/recurrent"]
        found = lstm_backward(tape.layers[layer], kernel, recurrent, x_gradient * tape.scales[layer + 1])
        gradients |= {f"lstm{layer}/{part}": getattr(found, part) for part in ("kernel", "recurrent", "bias")}
        x_gradient = found.inputs
    values = (x_gradient * tape.scales[0]).transpose(1, 0, 2).reshape(batch * steps, -1)
    gradients["embedding"] = SparseRows(tape.inputs.ravel(), values)
    return {name: gradients[name] for name in config.weight_shapes()}


def _require_ids(name: str, ids: Array, vocabulary_size: int) -> None:
    """Raises ValueError unless all `ids` [batch, steps] are below the vocabulary's size and none is negative."""
    outside = np.argwhere((ids < 0) | (ids >= vocabulary_size))
    if len(outside):
        row, column = outside[0].tolist()
        raise ValueError(
            f"{name}[{row}, {column}] is {ids[row, column]}, outside the vocabulary of {vocabulary_size} words; "
            "read the corpus with this configuration's vocabulary"
        )


def _dropout_scales(config: Config, masks: Sequence[Array], dtype: np.dtype) -> list[Array | float]:
    """Returns factors [steps, batch, width] of the embedding and of each layer's output: 1 where there are no masks."""
    if not masks:
        return [1.0] * (1 + len(config.layer_sizes))
    return [mask.transpose(1, 0, 2).astype(dtype) / config.keep_probability for mask in masks]
