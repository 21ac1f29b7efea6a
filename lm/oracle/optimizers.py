"""The oracle's optimizers: Adam, gradient descent with momentum, and RMSprop, by their authors' formulas.

Adam: Kingma & Ba 2015 (arXiv 1412.6980), end of section 2, whose epsilon stands beside the uncorrected root; RMSprop:
Tieleman & Hinton 2012. All are what Keras documents. A sparse gradient is the dense one: values of rows that it doesn't
name are 0, and their slots decay all the same.

They compute in the dtype of the variable.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from lm.arrays import Array

Slots = dict[str, Array]
Update = Callable[[Array, Slots, Array, int], tuple[Array, Slots]]  # variable, slots, gradient, step from 1


@dataclasses.dataclass(frozen=True)
class Adam:
    """The arguments of an Adam."""

    rate: float
    beta_1: float
    beta_2: float
    epsilon: float


DOCUMENTED = Adam(0.001, 0.9, 0.999, 1e-7)  # Keras' defaults
# All others differ from Keras' defaults, so that an argument that is ignored shows.
ADAM = Adam(0.002, 0.8, 0.99, 1e-6)
MOMENTUM_RATE, MOMENTUM = 0.1, 0.9
RMSPROP_RATE, RHO, RMSPROP_EPSILON = 0.002, 0.8, 1e-6


def adam(variable: Array, slots: Slots, gradient: Array, step: int, given: Adam = ADAM) -> tuple[Array, Slots]:
    """Returns the new variable and slots `m` and `v`, of a gradient of the variable's shape."""
    kind = variable.dtype.type
    first, second = kind(given.beta_1), kind(given.beta_2)
    m = slots["m"] + (gradient - slots["m"]) * kind(1 - given.beta_1)
    v = slots["v"] + (np.square(gradient) - slots["v"]) * kind(1 - given.beta_2)
    rate = kind(given.rate) * np.sqrt(1 - second ** kind(step)) / (1 - first ** kind(step))
    return variable - m * rate / (np.sqrt(v) + kind(given.epsilon)), {"m": m, "v": v}


def momentum(variable: Array, slots: Slots, gradient: Array, step: int) -> tuple[Array, Slots]:
    """Returns the new variable and slot `m`, the step that is taken."""
    kind = variable.dtype.type
    m = kind(MOMENTUM) * slots["m"] - kind(MOMENTUM_RATE) * gradient
    return variable + m, {"m": m}


def rmsprop(variable: Array, slots: Slots, gradient: Array, step: int) -> tuple[Array, Slots]:
    """Returns the new variable and slot `v`."""
    kind = variable.dtype.type
    v = kind(RHO) * slots["v"] + kind(1 - RHO) * np.square(gradient)
    return variable - kind(RMSPROP_RATE) * gradient / np.sqrt(v + kind(RMSPROP_EPSILON)), {"v": v}


# Each with its slots, which start from 0.
OPTIMIZERS: dict[str, tuple[Update, tuple[str, ...]]] = {
    "adam": (adam, ("m", "v")),
    "momentum": (momentum, ("m",)),
    "rmsprop": (rmsprop, ("v",)),
}
