"""The oracle's optimizers: Adam, gradient descent with momentum, and RMSprop, by their authors' formulas.

Adam: Kingma & Ba 2015 (arXiv 1412.6980), end of section 2, whose epsilon stands beside the uncorrected root; RMSprop:
Tieleman & Hinton 2012. All are what Keras documents. A sparse gradient is the dense one: values of rows that it doesn't
name are 0, and their slots decay all the same.

They compute in the dtype of the variable.
"""

from collections.abc import Callable

import numpy as np

from lm.arrays import Array

Slots = dict[str, Array]
Update = Callable[[Array, Slots, Array, int], tuple[Array, Slots]]  # variable, slots, gradient, step from 1

ADAM_RATE, BETA_1, BETA_2, EPSILON = 0.001, 0.9, 0.999, 1e-7
MOMENTUM_RATE, MOMENTUM = 0.1, 0.9
RMSPROP_RATE, RHO = 0.001, 0.9


def adam(variable: Array, slots: Slots, gradient: Array, step: int) -> tuple[Array, Slots]:
    """Returns the new variable and slots `m` and `v`, of a gradient of the variable's shape."""
    kind = variable.dtype.type
    first, second = kind(BETA_1), kind(BETA_2)
    m = slots["m"] + (gradient - slots["m"]) * kind(1 - BETA_1)
    v = slots["v"] + (np.square(gradient) - slots["v"]) * kind(1 - BETA_2)
    rate = kind(ADAM_RATE) * np.sqrt(1 - second ** kind(step)) / (1 - first ** kind(step))
    return variable - m * rate / (np.sqrt(v) + kind(EPSILON)), {"m": m, "v": v}


def momentum(variable: Array, slots: Slots, gradient: Array, step: int) -> tuple[Array, Slots]:
    """Returns the new variable and slot `m`, the step that is taken."""
    kind = variable.dtype.type
    m = kind(MOMENTUM) * slots["m"] - kind(MOMENTUM_RATE) * gradient
    return variable + m, {"m": m}


def rmsprop(variable: Array, slots: Slots, gradient: Array, step: int) -> tuple[Array, Slots]:
    """Returns the new variable and slot `v`."""
    kind = variable.dtype.type
    v = kind(RHO) * slots["v"] + kind(1 - RHO) * np.square(gradient)
    return variable - kind(RMSPROP_RATE) * gradient / np.sqrt(v + kind(EPSILON)), {"v": v}


# Each with its slots, which start from 0.
OPTIMIZERS: dict[str, tuple[Update, tuple[str, ...]]] = {
    "adam": (adam, ("m", "v")),
    "momentum": (momentum, ("m",)),
    "rmsprop": (rmsprop, ("v",)),
}
