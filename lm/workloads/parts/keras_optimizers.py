"""Keras' optimizers with the oracle's arguments, and the values of their variables and slots."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from lm.arrays import Floats
from lm.oracle import optimizers as oracle

Optimizer = Any  # one of tf.keras, which has no types
SLOTS = {  # attributes, each a list in the order of the variables
    "adam": {"m": "_momentums", "v": "_velocities"},
    "momentum": {"m": "momentums"},
    "rmsprop": {"v": "_velocities"},
}


def made(name: str) -> Optimizer:
    """Returns an optimizer, by its name in the oracle ("adam", "adam clipnorm"), that holds no variables yet."""
    keras, adam = tf.keras.optimizers, oracle.ADAM
    name, _, argument = name.partition(" ")
    more = {argument: oracle.ARGUMENTS[argument]} if argument not in ("", oracle.SCHEDULE) else {}
    if name == "adam":
        rate = adam.rate
        if argument == oracle.SCHEDULE:
            rate = keras.schedules.ExponentialDecay(rate, oracle.DECAY_STEPS, oracle.DECAY)
        return keras.Adam(rate, beta_1=adam.beta_1, beta_2=adam.beta_2, epsilon=adam.epsilon, **more)
    if name == "momentum":
        return keras.SGD(oracle.MOMENTUM_RATE, momentum=oracle.MOMENTUM, **more)
    return keras.RMSprop(oracle.RMSPROP_RATE, rho=oracle.RHO, epsilon=oracle.RMSPROP_EPSILON, **more)


def values_of(variables: Iterable[Any]) -> list[Floats]:
    """Returns copies of variables' values."""
    return [np.array(variable.numpy()) for variable in variables]


def slots_of(optimizer: Optimizer, name: str) -> dict[str, list[Floats]]:
    """Returns the slots' values as answers name them, "slot m", each in the order of the variables."""
    slots = SLOTS[name.partition(" ")[0]]
    return {f"slot {slot}": values_of(getattr(optimizer, attribute)) for slot, attribute in slots.items()}
