"""The oracle's optimizers: Adam, gradient descent with momentum, and RMSprop, by their authors' formulas.

Adam: Kingma & Ba 2015 (arXiv 1412.6980), end of section 2, whose epsilon stands beside the uncorrected root; RMSprop:
Tieleman & Hinton 2012. All are what Keras documents, as are the clip norms and the weight decay that its optimizers
take. A sparse gradient counts as the dense one: rows that it doesn't name have gradient 0, and their slots decay.

They compute in the dtype of the variable.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping

import numpy as np

from lm.arrays import Array
from lm.oracle.sgd import clip_by_global_norm

Slots = dict[str, Array]  # by name: m, v; {} before the first update, where each is 0
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
# Of those that all of Keras' optimizers take. In `tiny`, `optimizers` has dense gradients of norm 31 to 33, which
# `clipnorm` shortens, and sparse ones of norm 25 to 26, which it leaves; together they have 40 to 42.
ARGUMENTS = {"clipnorm": 28.0, "global_clipnorm": 20.0, "weight_decay": 0.1}
SCHEDULE = "schedule"  # Adam's rate times DECAY ** (updates before / DECAY_STEPS), as Keras' ExponentialDecay
DECAY, DECAY_STEPS = 0.5, 20


def adam(variable: Array, slots: Slots, gradient: Array, step: int, given: Adam = ADAM) -> tuple[Array, Slots]:
    """Returns the new variable and slots `m` and `v`, of a gradient of the variable's shape."""
    kind, zeros = variable.dtype.type, np.zeros_like(variable)
    first, second = kind(given.beta_1), kind(given.beta_2)
    old_m, old_v = slots.get("m", zeros), slots.get("v", zeros)
    m = old_m + (gradient - old_m) * kind(1 - given.beta_1)
    v = old_v + (np.square(gradient) - old_v) * kind(1 - given.beta_2)
    rate = kind(given.rate) * np.sqrt(1 - second ** kind(step)) / (1 - first ** kind(step))
    return variable - m * rate / (np.sqrt(v) + kind(given.epsilon)), {"m": m, "v": v}


def momentum(variable: Array, slots: Slots, gradient: Array, step: int) -> tuple[Array, Slots]:
    """Returns the new variable and slot `m`, the step that is taken."""
    kind = variable.dtype.type
    m = kind(MOMENTUM) * slots.get("m", np.zeros_like(variable)) - kind(MOMENTUM_RATE) * gradient
    return variable + m, {"m": m}


def rmsprop(variable: Array, slots: Slots, gradient: Array, step: int) -> tuple[Array, Slots]:
    """Returns the new variable and slot `v`."""
    kind = variable.dtype.type
    v = kind(RHO) * slots.get("v", np.zeros_like(variable)) + kind(1 - RHO) * np.square(gradient)
    return variable - kind(RMSPROP_RATE) * gradient / np.sqrt(v + kind(RMSPROP_EPSILON)), {"v": v}


OPTIMIZERS: dict[str, Update] = {"adam": adam, "momentum": momentum, "rmsprop": rmsprop}
# One of OPTIMIZERS, then one of ARGUMENTS or SCHEDULE.
WITH_ARGUMENT = ("adam clipnorm", "momentum global_clipnorm", "adam weight_decay", f"adam {SCHEDULE}")


def updated(
    update: Update,
    variables: Mapping[str, Array],
    slots: Mapping[str, Slots],
    gradients: Mapping[str, Array],
    step: int,
) -> tuple[dict[str, Array], dict[str, Slots]]:
    """Returns (new values, new slots) of several variables, by name. `slots` is {} before the first update."""
    done = {name: update(value, slots.get(name, {}), gradients[name], step) for name, value in variables.items()}
    return {name: value for name, (value, _) in done.items()}, {name: kept for name, (_, kept) in done.items()}


def updated_by(
    name: str,
    variables: Mapping[str, Array],
    slots: Mapping[str, Slots],
    gradients: Mapping[str, Array],
    step: int,
) -> tuple[dict[str, Array], dict[str, Slots]]:
    """Returns new values and slots, as `updated` does, by one of OPTIMIZERS or WITH_ARGUMENT.

    `clipnorm` shortens each gradient to that norm, `global_clipnorm` all together; `weight_decay`, times Adam's rate,
    is first taken off the variables (Loshchilov & Hutter 2019, arXiv 1711.05101). `schedule` lowers Adam's rate.
    """
    name, _, argument = name.partition(" ")
    if argument == "clipnorm":
        gradients = {of: _clipped({of: gradient}, argument)[of] for of, gradient in gradients.items()}
    elif argument == "global_clipnorm":
        gradients = _clipped(gradients, argument)
    elif argument == "weight_decay":
        share = ADAM.rate * ARGUMENTS[argument]
        variables = {of: value - value * value.dtype.type(share) for of, value in variables.items()}
    elif argument == SCHEDULE:
        now = dataclasses.replace(ADAM, rate=ADAM.rate * DECAY ** ((step - 1) / DECAY_STEPS))
        return updated(functools.partial(adam, given=now), variables, slots, gradients, step)
    return updated(OPTIMIZERS[name], variables, slots, gradients, step)


def _clipped(gradients: Mapping[str, Array], argument: str) -> dict[str, Array]:
    clipped, _ = clip_by_global_norm(gradients, ARGUMENTS[argument])
    return {name: np.asarray(gradient) for name, gradient in clipped.items()}


def by_slot(slots: Mapping[str, Slots]) -> dict[str, dict[str, Array]]:
    """Returns slots as answers have them: by quantity, "slot m", then by variable."""
    names = next(iter(slots.values()))
    return {f"slot {slot}": {name: kept[slot] for name, kept in slots.items()} for slot in names}
