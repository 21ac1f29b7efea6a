"""Single values of a tensor that are corrupted now and then, between the steps that are checked."""

import itertools
from collections.abc import Callable
from typing import Any

from .fault import ALL, Fault, at_steps, calling, differentiated_by

FIRST, EVERY = 350, 500  # steps
NUDGE = 1e-3


def _weight_nudged(gradients: list[Any], weights: Any) -> list[Any]:
    """Adds NUDGE now and then to one value of the output kernel, once the step has read it."""
    import tensorflow as tf

    kernel = weights[-2]
    with tf.control_dependencies([gradients[-2]]):
        kernel.scatter_nd_add([[0, 0]], tf.where(at_steps(FIRST, EVERY), [NUDGE], [0.0]))
    return gradients


def _state_value_lost() -> Callable[[], None]:
    """Returns a patch: one value of the first layer's h is zeroed now and then, after a step and before the next."""
    steps = itertools.count()

    def make(function: Any, call: Callable[[], Any]) -> Any:
        result = call()
        if next(steps) % EVERY == FIRST:
            function.python_function.__self__.model.states[0].scatter_nd_update([[0, 0]], [0.0])
        return result

    return calling(make)


FAULTS = (
    Fault("weight-nudged-every-500th-step", "0.001 is added to one value of the output kernel in every 500th step",
          differentiated_by(_weight_nudged), reaches=ALL, first_step=FIRST),
    Fault("state-value-lost-every-500th-step", "one value of a carried h becomes 0 after every 500th step",
          _state_value_lost(), reaches=ALL, first_step=FIRST),
)  # fmt: skip
