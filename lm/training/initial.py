"""Initial weights from frozen NumPy streams, so that every TensorFlow trains from the same numbers.

`RandomState` streams never change (NEP 19); draws are uniform only, since other laws pass through the platform's libm.
Those of training are rounded to multiples of 2⁻²⁰ before they become float32: a QR factorisation's last bits depend on
the BLAS behind it.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lm.arrays import Array, Floats, Weights
from lm.config import Config

QUANTUM = 2.0**-20
# With wide weights three times as large, a fifth of the first layer's gates are beyond ±5. With them four times as
# large, gradients of correct TensorFlows came to 0.6 of their limit.
CURVED = 3.0
# Bounds of biases that count. With LSTMs' up to 0.5, as with wide_weights, the loss in bfloat16 came to its limit in
# some draws; with output biases up to 0.1, logits that are rounded to bfloat16 stayed within theirs.
LSTM_BIAS, OUTPUT_BIAS = 0.05, 0.5
JITTER_STREAM = 7_919  # any number that keeps the jitter's stream apart from the weights'


def initial_weights(config: Config, jitter: int = 0) -> Weights:
    """Returns the weights that training starts from, named and shaped as in Config.weight_shapes.

    A `jitter` above 0 moves every value that isn't 0 by one unit in the last place (1 ulp), up or down, by a stream of
    that number: runs that differ in it differ by rounding alone.
    """
    stream = np.random.RandomState(config.seed)
    weights = {name: _draw(config, name, shape, stream) for name, shape in config.weight_shapes().items()}
    return _jittered(weights, config, jitter)


def wide_weights(config: Config, jitter: int = 0, kind: type[np.floating[Any]] = np.float32) -> dict[str, Array]:
    """Returns weights of which each counts, named and shaped as in Config.weight_shapes, in a kind of float.

    Those that training starts from hide faults: biases are 0, and gates that are nearly half open hardly move. Kernels
    are He's (He and others 2015: a variance of 2 / rows), all others up to ±0.5. `jitter`: see initial_weights.
    """
    weights = curved_weights(config, config.weight_shapes(), jitter, 1.0)
    return {name: value.astype(kind, copy=False) for name, value in weights.items()}


def curved_weights(
    config: Config, shapes: Mapping[str, tuple[int, ...]], jitter: int = 0, times: float = CURVED
) -> Weights:
    """Returns weights of those names and shapes, drawn in their order as wide_weights draws its own, `times` as large.

    Gates and logits reach where their functions curve. `jitter`: see initial_weights.
    """
    stream, weights = np.random.RandomState(config.seed), {}
    for name, shape in shapes.items():
        bound = float(np.sqrt(6 / shape[0])) if name.endswith(("kernel", "recurrent")) else 0.5
        weights[name] = _uniform(bound * times, shape, stream).astype(np.float32)
    return _jittered(weights, config, jitter)


def biased_weights(config: Config, shapes: Mapping[str, tuple[int, ...]], jitter: int = 0) -> Weights:
    """Returns weights of those names and shapes, drawn in their order as initial_weights draws its own, but for biases.

    A bias of 0 that is lost changes nothing: they are up to ±LSTM_BIAS and ±OUTPUT_BIAS. `jitter`: see initial_weights.
    """
    stream, weights = np.random.RandomState(config.seed), {}
    for name, shape in shapes.items():
        if name.endswith("bias"):
            bound = LSTM_BIAS if name.startswith("lstm") else OUTPUT_BIAS
            weights[name] = _uniform(bound, shape, stream).astype(np.float32)
        else:
            weights[name] = _draw(config, name, shape, stream)
    return _jittered(weights, config, jitter)


def weights_sha256(weights: Weights) -> str:
    """Returns the sha256 of all weights in order: each one's name, then its bytes (little-endian float32)."""
    digest = hashlib.sha256()
    for name, value in weights.items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(value, dtype="<f4").tobytes())
    return digest.hexdigest()


def _draw(config: Config, name: str, shape: tuple[int, ...], stream: np.random.RandomState) -> Floats:
    """Draws one weight, quantised."""
    tensor = name.rpartition("/")[2]
    if tensor == "bias" and name.startswith("lstm"):
        size = shape[0] // 4
        value = np.zeros(shape)
        value[size : 2 * size] = config.forget_bias
    elif config.initializer == "uniform" or tensor == "embedding":
        value = _uniform(config.init_scale, shape, stream)
    elif tensor == "bias":
        value = np.zeros(shape)
    elif tensor == "recurrent":
        value = _orthogonal(shape, stream)
    else:
        value = _uniform(float(np.sqrt(6 / sum(shape))), shape, stream)  # Glorot & Bengio 2010, equation 16
    quantised: Floats = (np.rint(value / QUANTUM) * QUANTUM).astype(np.float32)
    return quantised


def _uniform(bound: float, shape: tuple[int, ...], stream: np.random.RandomState) -> NDArray[np.float64]:
    return (2 * stream.random_sample(shape) - 1) * bound


def _orthogonal(shape: tuple[int, ...], stream: np.random.RandomState) -> NDArray[np.float64]:
    """Draws orthonormal rows (the shape is wider than tall), made unique by a positive diagonal of R."""
    q, r = np.linalg.qr(_uniform(1.0, shape[::-1], stream))
    return np.asarray((q * np.sign(np.diag(r))).T)


def _jittered(weights: Weights, config: Config, jitter: int) -> Weights:
    """Returns the weights moved as `initial_weights` says, or as they are for a jitter of 0."""
    if not jitter:
        return weights
    stream = np.random.RandomState([config.seed, JITTER_STREAM, jitter])
    moved = {}
    for name, value in weights.items():
        direction = np.where(stream.randint(0, 2, value.shape), np.float32(np.inf), np.float32(-np.inf))
        moved[name] = np.where(value == 0, value, np.nextafter(value, direction, dtype=np.float32))
    return moved
