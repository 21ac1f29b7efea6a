"""A training step that takes longer by a known part, with the right result: busy work in TensorFlow's own call of the
step's function.

Not in the catalogue: it is what speed is judged by (experiments/upgrades.py).
"""

import re
import time
from typing import Any

from .fault import STEP, Fault, wrap

NAME = re.compile(r"slower-by-(0\.\d+)")


def slowdown_by_name(name: str) -> Fault | None:
    """Returns the slowdown called slower-by-0.10 (10% of the step's own time); None for a name of another form."""
    found = NAME.fullmatch(name)
    return slowdown(float(found[1])) if found else None


def slowdown(part: float) -> Fault:
    """Returns a step that takes 1 + `part` times as long.

    On a CPU the call returns when the step is done, so its time is known.
    """

    def patch() -> None:
        from tensorflow.python.eager.polymorphic_function.polymorphic_function import Function

        def make(original: Any) -> Any:
            def call(self: Any, *args: Any, **kwargs: Any) -> Any:
                started = time.perf_counter()
                result = original(self, *args, **kwargs)
                if self.python_function.__name__ == STEP:
                    _work_until(started + (1 + part) * (time.perf_counter() - started))
                return result

            return call

        wrap(Function, "__call__", make)

    return Fault(f"slower-by-{part:.2f}", f"the training step takes {part:.0%} longer", patch)


def _work_until(end: float) -> None:
    while time.perf_counter() < end:
        pass
