"""Results that depend on the run, the process or on who reads when, each within rounding of the right one."""

import functools
import itertools
import os
from collections.abc import Callable
from typing import Any

from .fault import ALL, MATH, Fault, calling, is_step, replaced, wrap


def _summed_in_order(order: Callable[[Any], Any]) -> Callable[[], None]:
    """Returns a patch: gradients of kernels are summed over the rows of a batch in the order that order(rows) gives."""

    def mat_mul(
        original: Any, a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, **named: Any
    ) -> Any:
        import tensorflow as tf

        if transpose_a and not transpose_b:
            rows = order(tf.range(tf.shape(a)[0]))
            a, b = tf.gather(a, rows), tf.gather(b, rows)
        return original(a, b, transpose_a, transpose_b, **named)

    return replaced(MATH, "mat_mul", mat_mul)


def _random_order(rows: Any) -> Any:
    import tensorflow as tf

    return tf.random.shuffle(rows)


def _order_of_the_process(rows: Any) -> Any:
    import tensorflow as tf

    return tf.random.experimental.stateless_shuffle(rows, seed=(os.getpid(), 0))


def _update_late(every: int = 1) -> None:
    """Keeps the output kernel's update back until anything is read, or another step has read the weights before it.

    It does so at each step, or at one of `every`: the last of so many reads the old weights.
    """
    from tensorflow.python.framework.ops import _EagerTensorBase
    from tensorflow.python.ops.resource_variable_ops import ResourceVariable

    late: list[tuple[Any, Any]] = []  # at most one: a variable and its value to be
    steps = itertools.count()

    def settle() -> None:
        if late:
            variable, value = late.pop()
            variable.assign(value)

    def step(function: Any, call: Callable[[], Any]) -> Any:
        if not is_step(function) or next(steps) % every < every - 2:
            settle()
            return call()
        kernel = function.python_function.__self__.model.variables[-2]
        stale = kernel.read_value()
        result = call()
        updated = kernel.read_value()
        if late:
            stale, updated = late[0][1], late[0][1] + (updated - stale)
        kernel.assign(stale)
        late[:] = [(kernel, updated)]
        return result

    def read(original: Any, tensor: Any) -> Any:
        settle()
        return original(tensor)

    calling(step, of=lambda _: True)()
    wrap(ResourceVariable, "numpy", read)
    wrap(_EagerTensorBase, "_numpy", read)


FAULTS = (
    Fault("kernel-gradients-in-random-order", "kernels' gradients are summed in an order drawn anew each time",
          _summed_in_order(_random_order), reaches=ALL),
    Fault("kernel-gradients-in-process-order", "kernels' gradients are summed in an order that depends on the process",
          _summed_in_order(_order_of_the_process), reaches=ALL),
    Fault("update-late-unless-read", "the output kernel's update is a step late unless something is read in between",
          _update_late, reaches=ALL),
    Fault("update-late-every-997th-step-unless-read",
          "every 997th step reads the output kernel as it was a step before unless something is read in between",
          functools.partial(_update_late, every=997), reaches=ALL, first_step=996),
)  # fmt: skip
